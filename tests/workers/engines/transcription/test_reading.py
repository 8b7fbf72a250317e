import random
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.errors import InvalidRequest, TooLarge
from tests.workers.engines.transcription.conftest import SPEECH, Signal, write_wav
from workers.engines.transcription import reading
from workers.engines.transcription.reading import RATE, sound

SECONDS = 20
CODECS = {
    "sound.wav": "pcm_s16le",
    "sound.flac": "flac",
    "sound.mp3": "libmp3lame",
    "sound.m4a": "aac",
    "sound.aac": "aac",
    "sound.ogg": "vorbis",
    "sound.opus": "libopus",
    "sound.webm": "libopus",
}


def noise(seconds: float = SECONDS) -> Signal:
    """Bursts of noise of many lengths: any stretch of it is like no other."""
    made = np.random.default_rng(3).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)
    loud = np.repeat(np.random.default_rng(4).uniform(0, 1, len(made) // 1600 + 1), 1600)[: len(made)]
    return np.asarray(np.convolve(made * loud, np.ones(8) / 8, mode="same").clip(-1, 1), np.float32)


def encode(path: Path, codec: str, samples: Signal, *, video: bool = False) -> Path:
    if codec == "vorbis":  # what is read with one library should be written with another, where that is to be had
        soundfile: Any = pytest.importorskip("soundfile")
        soundfile.write(path, samples, RATE, format="OGG", subtype="VORBIS")
        return path
    av: Any = import_module("av")
    with av.open(str(path), "w") as container:
        if video:
            picture = container.add_stream("mpeg4", rate=5, width=64, height=64)
            picture.pix_fmt = "yuv420p"
        stream = container.add_stream(codec, rate=48_000, layout="stereo")
        stream.codec_context.open()
        size = stream.frame_size or 1024
        resampler = av.AudioResampler(format=stream.format.name, layout="stereo", rate=48_000, frame_size=size)
        frame = av.AudioFrame.from_ndarray(np.asarray(samples[None] * 32767, np.int16), format="s16", layout="mono")
        frame.sample_rate = RATE
        for block in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(block))
        container.mux(stream.encode(None))
        if video:
            for _ in range(5):
                container.mux(picture.encode(av.VideoFrame(64, 64, "yuv420p")))
            container.mux(picture.encode(None))
    return path


def read(path: Path, **how: Any) -> Signal:
    return np.concatenate(list(sound(path, **how)))


def shift(one: Signal, other: Signal) -> float:
    """By how many seconds `other` comes later."""
    size = 1 << (len(one) + len(other)).bit_length()
    spectrum = np.fft.rfft(other, size) * np.conj(np.fft.rfft(one, size))
    best = int(np.argmax(np.fft.irfft(spectrum, size)))
    return (best if best < size // 2 else best - size) / RATE


@pytest.mark.parametrize("name", CODECS)
def test_every_format_is_read_and_the_same_wherever_it_is_entered(reader: None, tmp_path: Path, name: str) -> None:
    given = noise()
    path = encode(tmp_path / name, CODECS[name], given)
    whole = read(path)
    assert whole.dtype == np.float32
    assert abs(len(whole) / RATE - SECONDS) < 0.15
    assert abs(shift(given, whole)) < 0.07
    part = read(path, start_s=12.0, end_s=15.0)
    assert abs(len(part) / RATE - 3) < 0.001
    assert abs(shift(whole[12 * RATE : 15 * RATE], part)) < 0.03


def test_a_videos_sound_track_is_read(reader: None, tmp_path: Path) -> None:
    path = encode(tmp_path / "film.mp4", "aac", noise(3), video=True)
    assert abs(len(read(path)) / RATE - 3) < 0.15


def test_headerless_pcm_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "audio_file"
    path.write_bytes(np.asarray([0, 16384, -32768, 8192], "<i2").tobytes() + b"\x01")
    assert read(path, encode=False).tolist() == [0, 0.5, -1, 0.25]
    assert read(path, encode=False, start_s=2 / RATE, end_s=3 / RATE).tolist() == [-1]


def test_a_header_that_promises_no_end_is_not_believed(reader: None, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "sound.wav", noise(2))
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert len(read(path)) == 2 * RATE


def test_a_file_that_breaks_off_is_read_up_to_there(reader: None, tmp_path: Path) -> None:
    path = encode(tmp_path / "sound.mp3", "libmp3lame", noise(4))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 1.5 < len(read(path)) / RATE < 2.5


def test_damage_in_the_middle_is_stepped_over(reader: None, tmp_path: Path) -> None:
    path = encode(tmp_path / "sound.mp3", "libmp3lame", noise(6))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = random.Random(5).randbytes(2000)
    path.write_bytes(data)
    assert 5 < len(read(path)) / RATE < 6.5


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        random.Random(1).randbytes(50_000),
        b"<html><body>not found</body></html>",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
        (SPEECH / "en.opus").read_bytes()[:100],
    ],
    ids=["empty", "head", "noise", "page", "playlist", "list", "stump"],
)
def test_what_is_no_recording_is_refused(reader: None, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "sound.mp3"
    path.write_bytes(data)
    with pytest.raises(InvalidRequest) as refused:
        read(path)
    assert refused.value.field == "file"
    assert str(tmp_path) not in str(refused.value)


def test_no_pcm_at_all_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "audio_file"
    path.write_bytes(b"\x00")
    with pytest.raises(InvalidRequest, match="no sound in it"):
        read(path, encode=False)


def test_a_film_without_sound_is_refused(reader: None, tmp_path: Path) -> None:
    av: Any = import_module("av")
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=5, width=64, height=64)
        stream.pix_fmt = "yuv420p"
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        container.mux(stream.encode(None))
    with pytest.raises(InvalidRequest, match="no sound track"):
        read(path)


def test_a_part_beyond_the_end_is_refused(reader: None, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "sound.wav", noise(2))
    with pytest.raises(InvalidRequest) as refused:
        read(path, start_s=7.0)
    assert refused.value.field == "start_s"


def test_a_recording_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST_S", 1.0)
    path = tmp_path / "audio_file"
    path.write_bytes(bytes(2 * 2 * RATE))
    with pytest.raises(TooLarge) as refused:
        read(path, encode=False)
    assert refused.value.field == "file"


def test_a_track_that_begins_late_has_silence_before_it(reader: None, tmp_path: Path) -> None:
    av: Any = import_module("av")
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=5, width=64, height=64)
        picture.pix_fmt = "yuv420p"
        stream = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.full((1, RATE), 9000, np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, 2 * RATE
        for _ in range(15):
            container.mux(picture.encode(av.VideoFrame(64, 64, "yuv420p")))
        container.mux(picture.encode(None))
        container.mux(stream.encode(frame))
    heard = read(path)
    assert abs(len(heard) / RATE - 3) < 0.01
    assert abs(int(np.argmax(heard > 0.1)) / RATE - 2) < 0.01


def test_memory_does_not_grow_with_the_recording(tmp_path: Path, spoken: Callable[[str], Signal]) -> None:
    assert max(len(block) for block in sound(SPEECH / "en.opus")) < 5 * RATE
