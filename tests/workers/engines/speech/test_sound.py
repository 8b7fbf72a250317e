"""The samples of a sentence, without a network: tones stand for speech."""

import math
from typing import Any

import pytest

np: Any = pytest.importorskip("numpy")

from storage.errors import EngineMisproduced  # noqa: E402 - what needs numpy comes after it is known to be there
from workers.engines.speech import sound  # noqa: E402
from workers.engines.speech.kokoro import RATE  # noqa: E402


def tone(seconds: float, hz: float = 200.0) -> Any:
    at = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * math.pi * hz * at)).astype(np.float32)


def pitch(samples: Any) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * RATE / len(samples)


@pytest.mark.parametrize("factor", [0.4, 0.7, 1.5, 2.4])
def test_stretched_sound_keeps_its_pitch(factor: float) -> None:
    changed = sound.hastened(tone(2.0), factor)
    assert len(changed) / RATE == pytest.approx(2.0 / factor, abs=0.05)
    assert pitch(changed) == pytest.approx(200, abs=3)
    assert np.sqrt((changed**2).mean()) == pytest.approx(0.3 / math.sqrt(2), rel=0.1)


def test_silence_is_cut_from_both_ends() -> None:
    quiet = np.zeros(RATE, np.float32)
    assert len(sound.trimmed(np.concatenate([quiet, tone(1.0), quiet]))) / RATE == pytest.approx(1.06, abs=0.02)
    assert len(sound.trimmed(quiet)) == 0


@pytest.mark.parametrize(
    ("samples", "sounds"),
    [(np.zeros(RATE, np.float32), 10), (tone(0.1), 40), (tone(20.0), 10), (np.full(RATE, np.nan, np.float32), 10)],
    ids=["silent", "too short", "too long", "broken"],
)
def test_what_is_no_speech_is_not_handed_out(samples: Any, sounds: int) -> None:
    with pytest.raises(EngineMisproduced):
        sound.check(samples, sounds, 1.0)


def test_every_speed_is_shared_between_the_network_and_stretching() -> None:
    for speed in (0.25, 0.6, 1.0, 1.7, 4.0):
        own, stretch = sound.shared(speed)
        assert sound.NATURAL[0] <= own <= sound.NATURAL[1]
        assert own * stretch == pytest.approx(speed)
