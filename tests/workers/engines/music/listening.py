"""Ears for the tests: what a decoded clip sounds like, in numbers."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
RATE = 48_000
WINDOW = 4096


def rms_db(samples: Samples) -> float:
    return float(20 * np.log10(np.sqrt(np.square(samples, dtype=np.float64).mean()) + 1e-9))


def spectra(samples: Samples) -> NDArray[np.float64]:
    """Magnitudes, one row for each window of 85 ms."""
    mono = samples.mean(axis=1)
    frames = mono[: len(mono) // WINDOW * WINDOW].reshape(-1, WINDOW)
    magnitudes: NDArray[np.float64] = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1))
    return magnitudes


def centroid_hz(samples: Samples) -> float:
    found = spectra(samples)
    hz = np.fft.rfftfreq(WINDOW, 1 / RATE)
    return float(np.median((found * hz).sum(axis=1) / (found.sum(axis=1) + 1e-9)))


def chroma(samples: Samples) -> NDArray[np.float64]:
    """Shape (windows, 12): how much of each pitch class sounds, 60 Hz to 2 kHz; each row has length one."""
    found = spectra(samples)
    hz = np.fft.rfftfreq(WINDOW, 1 / RATE)
    rows = np.zeros((len(found), 12))
    for column in np.flatnonzero((hz > 60) & (hz < 2000)):
        rows[:, round(12 * np.log2(hz[column] / 440) + 69) % 12] += found[:, column]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9
    return rows


def likeness(a: Samples, b: Samples) -> float:
    """Mean agreement of two clips' chroma, window by window: 1 for the same music, lower for other notes."""
    first, second = chroma(a), chroma(b)
    size = min(len(first), len(second))
    return float((first[:size] * second[:size]).sum(axis=1).mean())


def onsets_per_s(samples: Samples) -> float:
    """How often the sound gets suddenly stronger."""
    mono = samples.mean(axis=1)
    step = RATE // 50
    frames = mono[: len(mono) // step * step].reshape(-1, step)
    levels = np.log10(np.sqrt(np.square(frames).mean(axis=1)) + 1e-4)
    rises = np.maximum(0, np.diff(levels))
    return float(np.count_nonzero(rises > 0.12) / (len(mono) / RATE))


def roughness(samples: Samples, at: int, reach: int) -> float:
    """The largest bend (second difference) within `reach` samples of `at`: a click is a bend unlike its neighbours."""
    part = samples[max(0, at - reach) : at + reach]
    return float(np.abs(np.diff(part, n=2, axis=0)).max())


def rises(values: list[float]) -> bool:
    return all(before <= after for before, after in pairwise(values))
