"""Every format, from a tone that swells: written, and read back by a decoder that is not the engine's."""

import math
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

np: Any = pytest.importorskip("numpy")
pytest.importorskip("soundfile")
pytest.importorskip("lameenc")

from storage.errors import EngineFailed, EngineMisproduced  # noqa: E402 - after what it needs is known to be there
from workers.engines.speech import encoding  # noqa: E402
from workers.engines.speech.kokoro import RATE  # noqa: E402

FORMATS = [*encoding.CONTENT_TYPES]
HEADS = {"mp3": b"ID3", "opus": b"OggS", "flac": b"fLaC", "wav": b"RIFF"}


def swelling(seconds: float = 3.0) -> Any:
    at = np.arange(round(seconds * RATE)) / RATE
    return np.round(9000 * at / seconds * np.sin(2 * math.pi * 220 * at)).astype("<i2")


def spoken(folder: Path, format: str, sentences: list[Any]) -> tuple[list[bytes], bytes]:
    """What a file gained with each sentence and at its end, and the whole of it."""
    folder.mkdir()
    recording, gained = encoding.Recording(folder, format), []
    for samples in sentences:
        recording.add(samples)
        gained.append(recording.gained())
    artifact = recording.end()
    return [*gained, recording.gained()], Path(artifact.path).read_bytes()


def decoded(data: bytes) -> Any:
    """Samples by FFmpeg, at 24 kHz."""
    av = pytest.importorskip("av")
    resampler, frames = av.AudioResampler("s16", "mono", RATE), []
    with av.open(BytesIO(data)) as container:
        for frame in container.decode(audio=0):
            frames += resampler.resample(frame)
    frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)[0]


@pytest.mark.parametrize("format", FORMATS)
def test_what_a_file_gains_is_there_at_once_and_stays(format: str, tmp_path: Path) -> None:
    samples = swelling()
    sentences = np.split(samples, [30_001, 50_000])
    gained, whole = spoken(tmp_path / "one", format, sentences)
    assert all(gained[:3])
    if format not in ("wav", "pcm", "flac"):
        assert len(gained[1]) > 5_000
    streamed = b"".join(gained)
    assert len(streamed) == len(whole)
    assert streamed[400:] == whole[400:]  # all but a header
    assert spoken(tmp_path / "again", format, sentences) == (gained, whole)
    if format in ("opus", "aac", "pcm"):  # without a header that says how long it is
        assert streamed == whole
    if format == "pcm":
        assert whole == samples.tobytes()
    elif format in ("wav", "flac"):
        assert (decoded(streamed) == samples).all()
        assert (decoded(whole) == samples).all()
    else:
        assert abs(len(decoded(streamed)) - len(samples)) < 0.1 * RATE


def test_the_header_of_what_grows_says_that_its_length_is_not_known(tmp_path: Path) -> None:
    (first, *_), whole = spoken(tmp_path / "wav", "wav", [swelling(1.0)])
    assert first[4:8] == b"\xff" * 4
    assert first[first.index(b"data") + 4 :][:4] == b"\xff" * 4
    assert int.from_bytes(whole[whole.index(b"data") + 4 :][:4], "little") == 48_000
    (first, *_), whole = spoken(tmp_path / "mp3", "mp3", [swelling(1.0)])
    assert [data[data.index(b"Info") + 7] for data in (first, whole)] == [0, 0x0F]


def test_a_sentence_too_short_for_a_frame_waits_for_the_next(tmp_path: Path) -> None:
    (first, second, rest), whole = spoken(tmp_path / "mp3", "mp3", [swelling(0.01), swelling(1.0)])
    assert first == b""
    assert len(second + rest) == len(whole)


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_holds_what_was_spoken(format: str, tmp_path: Path) -> None:
    samples = swelling()
    artifact = encoding.write(samples, tmp_path, format)
    data = Path(artifact.path).read_bytes()
    assert artifact.content_type == encoding.CONTENT_TYPES[format]
    assert artifact.duration_s == 3.0
    assert data.startswith(HEADS.get(format, b""))
    if format == "pcm":
        assert data == samples.tobytes()
    if format in ("mp3", "opus"):
        assert len(data) < 60_000
    if format == "aac":
        assert (data[0], data[1] & 0xF6) == (0xFF, 0xF0)  # ADTS
    if format == "opus":
        assert data[28:36] == b"OpusHead"


def test_without_pyav_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(EngineFailed, match=r"ai-gateway\[speech\]"):
        encoding.write(swelling(), tmp_path, "aac")


def test_a_file_of_another_sound_is_not_handed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding._Pcm, "add", lambda writer, samples: writer._path.write_bytes(bytes(2 * len(samples))))
    with pytest.raises(EngineMisproduced):
        encoding.write(swelling(), tmp_path, "pcm")


def test_a_long_text_is_written(tmp_path: Path) -> None:
    assert encoding.write(swelling(40.0), tmp_path, "opus").duration_s == 40.0
