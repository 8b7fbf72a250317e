"""Filters and dynamics that look only backwards, from sums and products alone.

Every sample follows from earlier samples by elementwise arithmetic in a fixed order, so the same past gives the same
bits, however much follows it and on any machine. That is why there is no FFT and no recursion here: a one-pole filter
is its impulse response a^n, added up by doubling: (1 + a z^-1)(1 + a^2 z^-2)(1 + a^4 z^-4)...

Signals are float32, shape (n,) for one channel; 1.0 is full scale.
"""

import math

import numpy as np
from numpy.typing import NDArray

from workers.engines.music.plan import RATE

Signal = NDArray[np.float32]

CACHED = 1 << 14
"""Samples worked on at a time: they stay in the processor's cache, which is three times as fast."""

MEMORY = 1 << 12
"""Samples before a part that its filter hears; no impulse response here is longer (20 Hz: 3520 samples to 1e-4)."""

BLOCK = 480
"""Samples for which the compressor measures once: 10 ms."""


def low_pass(x: Signal, hz: float) -> Signal:
    """One pole, 6 dB an octave above `hz` (20 Hz or more)."""
    pole = math.exp(-2 * math.pi * hz / RATE)
    y = np.empty_like(x)
    for begin in range(0, len(x), CACHED):
        from_ = max(0, begin - MEMORY)
        part = x[from_ : begin + CACHED] * np.float32(1 - pole)
        delay = 1
        while pole**delay > 1e-4 and delay < len(part):
            part[delay:] += np.float32(pole**delay) * part[:-delay]
            delay *= 2
        y[begin : begin + CACHED] = part[begin - from_ :]
    return y


def high_pass(x: Signal, hz: float) -> Signal:
    return x - low_pass(x, hz)


def shelf(x: Signal, hz: float, gain_db: float) -> Signal:
    """All above `hz` louder by `gain_db`, or softer."""
    return x + np.float32(10 ** (gain_db / 20) - 1) * high_pass(x, hz)


def soft_clip(x: Signal) -> Signal:
    """Within -1..1: nearly straight below a half, bent above. The Padé form of tanh, exact at +-3."""
    y = np.empty_like(x)
    for begin in range(0, x.shape[-1], CACHED):
        bounded = np.clip(x[..., begin : begin + CACHED], np.float32(-3), np.float32(3))
        square = bounded * bounded
        bounded *= np.float32(27) + square
        square *= np.float32(9)
        square += np.float32(27)
        np.divide(bounded, square, out=y[..., begin : begin + CACHED])
    return y


def saturate(x: Signal, amount: float) -> Signal:
    """Warmth: the signal driven into the soft clip by up to 12 dB, at about the level it had."""
    drive = np.float32(1 + 3 * amount)
    return soft_clip(x * drive) / np.float32(1 + 2 * amount)


def echoes(x: Signal, taps: tuple[tuple[float, float], ...]) -> Signal:
    """Only the echoes of `x`: (delay in ms, gain) each."""
    y = np.zeros_like(x)
    for delay_ms, gain in taps:
        delay = round(delay_ms * RATE / 1000)
        if delay < len(x):
            y[delay:] += np.float32(gain) * x[:-delay]
    return y


def compressor(left: Signal, right: Signal, threshold_db: float, ratio: float) -> Signal:
    """The gain that evens out loudness, one value a sample; each block is set by the blocks before it.

    Reacts in about 15 ms, lets go in about 150 ms.
    """
    n = len(left)
    blocks = -(-n // BLOCK)
    padded = np.zeros(blocks * BLOCK, np.float32)
    padded[:n] = left * left + right * right
    power = padded.reshape(blocks, BLOCK).mean(axis=1, dtype=np.float64) / 2
    gains = np.ones(blocks + 1, np.float32)
    level = 0.0
    for index, value in enumerate(power.tolist()):
        level += (value - level) * (0.5 if value > level else 0.065)
        over_db = 10 * math.log10(level + 1e-10) - threshold_db
        gains[index + 1] = 10 ** (-max(0.0, over_db) * (1 - 1 / ratio) / 20)
    ramp = np.arange(BLOCK, dtype=np.float32) / np.float32(BLOCK)
    previous = np.concatenate([gains[:1], gains[:-1]])
    steps: Signal = previous[:-1, None] + (previous[1:] - previous[:-1])[:, None] * ramp
    return steps.reshape(-1)[:n]


def pump(n: int, hits: list[int], depth: float) -> Signal:
    """A gain that drops by `depth` (0..1) at each hit, in 4 ms, and comes back within 250 ms."""
    gain = np.ones(n, np.float32)
    down, up = round(0.004 * RATE), round(0.25 * RATE)
    fall = 1 - np.float32(depth) * np.linspace(0, 1, down, dtype=np.float32)
    rise = np.linspace(0, 1, up, dtype=np.float32)
    shape = np.concatenate([fall, 1 - np.float32(depth) * (1 - rise * rise * (3 - 2 * rise))])
    for hit in hits:
        size = min(len(shape), n - hit)
        np.minimum(gain[hit : hit + size], shape[:size], out=gain[hit : hit + size])
    return gain
