from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from storage.errors import EngineMisproduced
from workers.engines.music import audio


def hum(n: int, rate: int, channels: int) -> NDArray[np.int16]:
    """A chirp under a little noise: no two places in it are alike."""
    t = np.arange(n) / rate
    wave = 0.4 * np.sin(2 * np.pi * (200 + 150 * t) * t) + 0.02 * np.random.default_rng(1).standard_normal(n)
    return np.repeat((wave * 32_000).astype(np.int16)[:, None], channels, axis=1)


@pytest.mark.parametrize(
    ("rate", "channels", "kbps"), [(48_000, 2, 192), (44_100, 2, 128), (24_000, 1, 64), (16_000, 1, 32)]
)
@pytest.mark.parametrize("n", [1, 5_333, 60_017])
def test_an_mp3_decodes_to_the_samples_that_went_in(
    tmp_path: Path, rate: int, channels: int, kbps: int, n: int
) -> None:
    path = tmp_path / "a.mp3"
    assert audio.encode_mp3(path, [hum(n, rate, channels)], rate, kbps=kbps) == n
    samples, decoded_rate = audio.decode(path)
    assert samples.shape == (n, channels)
    assert decoded_rate == rate


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 2), (24_000, 1)])
def test_an_mp3_is_not_shifted(tmp_path: Path, rate: int, channels: int) -> None:
    path, sound = tmp_path / "a.mp3", hum(rate * 2, rate, channels)
    audio.encode_mp3(path, [sound], rate, kbps=96 * channels)
    samples, _ = audio.decode(path)
    middle = sound[rate : rate + 5000, 0] / 32768
    errors = {lag: np.abs(samples[rate + lag : rate + lag + 5000, 0] - middle).mean() for lag in range(-3, 4)}
    assert min(errors, key=errors.__getitem__) == 0


def test_chunks_make_the_same_file_as_one_piece(tmp_path: Path) -> None:
    sound = hum(100_000, 48_000, 2)
    audio.encode_mp3(tmp_path / "one.mp3", [sound], 48_000)
    audio.encode_mp3(tmp_path / "many.mp3", np.array_split(sound, 7), 48_000)
    assert (tmp_path / "one.mp3").read_bytes() == (tmp_path / "many.mp3").read_bytes()


def test_title_and_comment_are_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    audio.encode_mp3(path, [hum(9_000, 48_000, 2)], 48_000, title="Über 月光", comment="engine=x; embedded")
    with soundfile.SoundFile(path) as file:
        assert file.title == "Über 月光"
        assert file.comment == "engine=x; embedded"


def test_nothing_cannot_be_encoded(tmp_path: Path) -> None:
    with pytest.raises(EngineMisproduced, match="no sound"):
        audio.encode_mp3(tmp_path / "a.mp3", [], 48_000)


def test_the_check_answers_the_peaks_of_what_is_fit(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    audio.encode_mp3(path, [hum(96_000, 48_000, 2)], 48_000)
    samples, rate = audio.decode(path)
    assert audio.check(path, 2.0) == audio.peaks(samples, rate)
    assert len(audio.peaks(samples, rate)) == 20


@pytest.mark.parametrize(
    ("sound", "seconds", "why"),
    [
        (hum(96_000, 48_000, 2), 2.2, "lasts"),
        (np.zeros((96_000, 2), np.int16), 2.0, "silent"),
        (np.concatenate([hum(40_000, 48_000, 2), np.zeros((56_000, 2), np.int16)]), 2.0, "silent"),
        (np.sign(hum(96_000, 48_000, 2)) * np.int16(32_767), 2.0, "clipped"),
    ],
    ids=["too short", "silent", "mostly silent", "flat"],
)
def test_what_is_unfit_is_refused(tmp_path: Path, sound: NDArray[np.int16], seconds: float, why: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, sound, 48_000)
    with pytest.raises(EngineMisproduced, match=why):
        audio.check(path, seconds)


def test_what_is_not_audio_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"this is not a song" * 100)
    for listen in (audio.decode, lambda path: audio.check(path, 1.0)):
        with pytest.raises(EngineMisproduced, match="cannot be decoded"):
            listen(path)
