"""Where a long recording is cut: near every so many seconds, in the middle of a pause, never inside a word.

The stream is read once and listened to as it passes; what is kept of it is no longer than the piece being cut.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers.engines.transcription.reading import RATE, Samples
from workers.engines.transcription.speech import FRAME, FRAMES_PER_S, SILENT, Listener

_LOOKS_BACK = 0.25
_GOES_ON = 1.25
_GOOD_PAUSE_S, _PAUSE_S = 0.3, 0.1
_BATCH = 64 * FRAME


class Piece(NamedTuple):
    """A stretch of a recording that begins `start_s` into it. `heard`: probabilities of speech, one a frame."""

    start_s: float
    samples: Samples
    heard: NDArray[np.float32]

    @property
    def end_s(self) -> float:
        return self.start_s + len(self.samples) / RATE


def pieces(blocks: Iterator[Samples], target_s: float) -> Iterator[Piece]:
    """The stream in pieces of `target_s` seconds or somewhat less or more (3/4 to 5/4 of it; the last may be short)."""
    listen, start = Listener(), 0
    samples: list[Samples] = []
    heard = np.empty(0, np.float32)
    for batch in _batches(blocks):
        samples.append(batch)
        heard = np.concatenate([heard, listen(_whole(batch))])
        while cut := cut_after(heard, target_s):
            joined = np.concatenate(samples)
            yield Piece(start / RATE, joined[: cut * FRAME], heard[:cut])
            samples, heard, start = [joined[cut * FRAME :].copy()], heard[cut:], start + cut * FRAME
    if samples and sum(map(len, samples)):
        yield Piece(start / RATE, np.concatenate(samples), heard)


def cut_after(heard: NDArray[np.float32], target_s: float) -> int:
    """The frame to cut at, once enough has been heard; 0 if not yet.

    From 3/4 of the target on, the longest pause is cut in its middle; if there is none by the target, the first that
    comes; if nobody has paused by 5/4 of it, the moment that is least like speech.
    """
    target = round(target_s * FRAMES_PER_S)
    if len(heard) < target:
        return 0
    first = round((1 - _LOOKS_BACK) * target)
    start, end = _longest_pause(heard[first:])
    long_enough = _GOOD_PAUSE_S if len(heard) <= target + _BATCH // FRAME else _PAUSE_S
    if end - start >= long_enough * FRAMES_PER_S:
        return first + (start + end) // 2
    if len(heard) < _GOES_ON * target:
        return 0
    around = np.convolve(heard[first:], np.ones(5) / 5, mode="same")
    return first + int(np.argmin(around))


def _longest_pause(heard: NDArray[np.float32]) -> tuple[int, int]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], heard < SILENT, [False]]).astype(np.int8)))
    pauses = edges.reshape(-1, 2)
    if not len(pauses):
        return 0, 0
    start, end = pauses[int(np.argmax(pauses[:, 1] - pauses[:, 0]))]
    return int(start), int(end)


def _batches(blocks: Iterator[Samples]) -> Iterator[Samples]:
    """The same stream in blocks of two seconds; only the last is of another length."""
    waiting: list[Samples] = []
    count = 0
    for block in blocks:
        waiting.append(block)
        count += len(block)
        if count >= _BATCH:
            joined = np.concatenate(waiting)
            whole = len(joined) // _BATCH * _BATCH
            yield from joined[:whole].reshape(-1, _BATCH)
            waiting, count = [joined[whole:]], len(joined) - whole
    if count:
        yield np.concatenate(waiting)


def _whole(batch: Samples) -> Samples:
    """Filled up with silence to whole frames."""
    return np.pad(batch, (0, -len(batch) % FRAME))
