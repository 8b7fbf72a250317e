"""A tone for a recording, sung: its pitch and its time are the melody's. What needs WORLD is skipped without it."""

from importlib.util import find_spec

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.workers.engines.music.vocals.conftest import hummed
from workers.engines.music.vocals.laying import Laid, Sung, lay
from workers.engines.music.vocals.syllables import FRAME_S, syllables
from workers.engines.music.vocals.voice import analysed, doubled, melody_hz, sonorant, sung

SYMBOLS = "sɑ sɑ sɑ sɑ."
FRAMES = [20, 4, 6, 2, 4, 6, 2, 4, 6, 2, 4, 6, 3, 5]
NOTES = [Sung(0.0, 0.5, 57), Sung(0.5, 0.5, 60), Sung(1.0, 0.7, 64), Sung(2.0, 1.0, 55)]
Values = NDArray[np.float64]


def pitch_hz(samples: Values, rate: int) -> float:
    """By autocorrelation: the first lag, from 600 Hz down to 60, that is nearly as good as the best."""
    part = samples - samples.mean()
    spectrum = np.fft.rfft(part, 2 * len(part))
    kept = np.fft.irfft(np.abs(spectrum) ** 2)[: len(part)]
    low, high = rate // 600, rate // 60
    alike = kept[low:high] / (len(part) - np.arange(low, high))
    peaks = 1 + np.flatnonzero((alike[1:-1] >= alike[:-2]) & (alike[1:-1] > alike[2:]))
    best = next(at for at in peaks if alike[at] > 0.85 * alike[peaks].max())
    return rate / float(low + best)


@pytest.fixture(scope="module")
def line() -> tuple[float, Values, Laid]:
    if find_spec("pyworld") is None:
        pytest.skip("no vocoder here: install ai-gateway[singing]")
    laid = lay(syllables(SYMBOLS, FRAMES), NOTES, -0.3)
    recording = np.frombuffer(hummed(FRAMES, SYMBOLS), "<i2")
    begins, sound = sung(analysed(recording, sonorant(SYMBOLS, FRAMES, FRAME_S)), laid, NOTES)
    return begins, sound.astype(np.float64), laid


def between(line: tuple[float, Values, Laid], start: float, stop: float) -> Values:
    begins, sound, _ = line
    return sound[round((start - begins) * 48_000) : round((stop - begins) * 48_000)]


def test_the_pitch_of_a_line_is_that_of_its_notes(line: tuple[float, Values, Laid]) -> None:
    for note, (start, stop) in zip(NOTES, line[2].vowels, strict=True):
        middle = (start + stop) / 2
        heard = pitch_hz(between(line, middle - 0.06, middle + 0.06), 48_000)
        assert 69 + 12 * np.log2(heard / 440) == pytest.approx(note.pitch, abs=0.4)


def test_vowels_sound_on_the_grid(line: tuple[float, Values, Laid]) -> None:
    for note in NOTES:
        before, after = between(line, note.at - 0.06, note.at - 0.02), between(line, note.at + 0.02, note.at + 0.06)
        assert np.sqrt((after**2).mean()) > 3 * np.sqrt((before**2).mean())


def test_a_rest_is_silent(line: tuple[float, Values, Laid]) -> None:
    assert np.abs(between(line, 1.76, 1.8)).max() < 0.01 * np.abs(line[1]).max()


def test_a_line_does_not_click(line: tuple[float, Values, Laid]) -> None:
    """Nothing starts or ends at once, and no two samples are further apart than the loudest harmonics let them be."""
    _, sound, _ = line
    assert abs(sound[0]) < 0.01
    assert abs(sound[-1]) < 0.01
    steps = np.abs(np.diff(sound))
    assert steps.max() < 12 * np.sqrt((steps**2).mean())


def test_what_is_spoken_keeps_its_own_pitch(line: tuple[float, Values, Laid]) -> None:
    recording = np.frombuffer(hummed(FRAMES, SYMBOLS), "<i2")
    laid = line[2]
    begins, sound = sung(analysed(recording, sonorant(SYMBOLS, FRAMES, FRAME_S)), laid, None)
    for start, stop in laid.vowels:
        middle = (start + stop) / 2
        heard = pitch_hz(between((begins, sound.astype(np.float64), laid), middle - 0.06, middle + 0.06), 48_000)
        assert heard == pytest.approx(180, rel=0.03)


def test_the_same_line_is_the_same_sound(line: tuple[float, Values, Laid]) -> None:
    recording = np.frombuffer(hummed(FRAMES, SYMBOLS), "<i2")
    _, again = sung(analysed(recording, sonorant(SYMBOLS, FRAMES, FRAME_S)), line[2], NOTES)
    assert np.array_equal(again, line[1].astype(np.float32))


def test_pitch_glides_and_long_notes_tremble() -> None:
    hz = melody_hz(NOTES, np.arange(0.0, 3.0, 0.005))
    semitones = 69 + 12 * np.log2(hz / 440)
    assert np.abs(np.diff(semitones)).max() < 1.5
    assert np.ptp(semitones[540:590]) > 0.2
    assert semitones[50] == pytest.approx(57, abs=0.05)


def test_doubling_the_rate_adds_nothing_above_the_old_one() -> None:
    seconds = np.arange(24_000) / 24_000
    out = doubled(np.sin(2 * np.pi * 5000 * seconds)).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(out[1000:-1000] * np.hanning(len(out) - 2000)))
    hz = np.fft.rfftfreq(len(out) - 2000, 1 / 48_000)
    assert hz[np.argmax(spectrum)] == pytest.approx(5000, abs=2)
    assert spectrum[hz > 13_000].max() < 0.002 * spectrum.max()
    assert np.abs(out[1000:-1000]).max() == pytest.approx(1.0, abs=0.02)
