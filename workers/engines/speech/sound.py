"""What is done to a sentence's samples: its ends trimmed, its time stretched, a look at whether it is speech."""

from typing import Any

from storage.errors import EngineMisproduced
from workers.engines.speech.kokoro import RATE

NATURAL = (0.6, 1.7)
"""Speeds at which the network itself speaks clearly; beyond, its sound is stretched."""

_FRAME = RATE // 100
_QUIET = 0.012  # of the loudest, 38 dB below it: breath and the network's own hiss
_MARGIN = 3  # frames kept before and after what is heard
_GRAIN = RATE // 25
_SEEK = RATE // 100

_SILENT_RMS = 0.003
_SOUND_S = (0.022, 0.4)
"""Seconds a sound of speech lasts at normal speed on average.

Measured: 0.062 to 0.108 (16 texts in all eight languages)."""


def trimmed(samples: Any) -> Any:
    """Without the silence at its ends, which fade in and out over a frame."""
    import numpy as np

    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    loud = np.sqrt((frames**2).mean(axis=1)) if len(frames) else np.zeros(0)
    heard = np.flatnonzero(loud > _QUIET * max(1e-6, float(np.abs(samples).max(initial=0))))
    if not heard.size:
        return samples[:0]
    kept = samples[max(0, heard[0] - _MARGIN) * _FRAME : (heard[-1] + 1 + _MARGIN) * _FRAME].copy()
    fade = np.linspace(0, 1, min(_FRAME, len(kept)), dtype=np.float32)
    kept[: len(fade)] *= fade
    kept[-len(fade) :] *= fade[::-1]
    return kept


def shared(speed: float) -> tuple[float, float]:
    """A speed as what the network does of it, and what stretching does: their product."""
    own = min(max(speed, NATURAL[0]), NATURAL[1])
    return own, speed / own


def hastened(samples: Any, factor: float) -> Any:
    """`samples` played `factor` times as fast at the same pitch.

    Grains of 40 ms are laid over each other by half, each taken from where it best carries on the one before
    (Verhelst and Roelands, "WSOLA", ICASSP 1993).
    """
    import numpy as np

    if abs(factor - 1) < 0.01 or len(samples) < 2 * _GRAIN:
        return samples
    hop = _GRAIN // 2
    window = np.hanning(_GRAIN + 1)[:-1].astype(np.float32)
    padded = np.pad(samples, (_SEEK, 2 * _GRAIN + _SEEK))
    count = max(1, round(len(samples) / factor / hop))
    out = np.zeros(count * hop + _GRAIN, np.float32)
    at = _SEEK
    for step in range(count):
        if step:
            carries_on = padded[at + hop : at + hop + _GRAIN]
            middle = min(_SEEK + round(step * hop * factor), len(padded) - _GRAIN - _SEEK)
            area = padded[middle - _SEEK : middle + _SEEK + _GRAIN]
            if len(carries_on) < _GRAIN:
                carries_on = np.pad(carries_on, (0, _GRAIN - len(carries_on)))
            at = middle - _SEEK + int(np.argmax(np.correlate(area, carries_on, "valid")))
        out[step * hop : step * hop + _GRAIN] += padded[at : at + _GRAIN] * window
    return out[: round(len(samples) / factor)]


def pcm(samples: Any) -> Any:
    """As 16-bit whole numbers, shape (n,)."""
    import numpy as np

    return np.round(np.clip(samples, -1, 1) * 32767).astype("<i2")


def check(samples: Any, sounds: int, speed: float) -> None:
    """Raises EngineMisproduced unless `samples` may well be that many sounds of speech at that speed."""
    import numpy as np

    if not np.isfinite(samples).all():
        raise EngineMisproduced("the speech that was made is broken")
    rms = float(np.sqrt((samples.astype(np.float64) ** 2).mean())) if len(samples) else 0.0
    if rms < _SILENT_RMS:
        raise EngineMisproduced("the speech that was made is silent")
    seconds = len(samples) / RATE * speed
    if not _SOUND_S[0] * sounds <= seconds <= _SOUND_S[1] * sounds + 1.0:
        raise EngineMisproduced(f"{seconds / speed:.1f} s of speech were made for {sounds} sounds: implausible")
