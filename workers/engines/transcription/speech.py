"""Where somebody speaks: a probability for each 32 ms of a stream, by the Silero network in faster-whisper's wheel."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers.engines.transcription.reading import RATE, Samples

FRAME = 512
FRAMES_PER_S = RATE / FRAME
SPEAKING, SILENT = 0.5, 0.35
"""Speech begins above the one and ends below the other. Source: Silero's own defaults."""

_CONTEXT = 64
_SHORTEST_S = 0.1
_MARGIN_S = 0.3


class Region(NamedTuple):
    """A stretch in which somebody speaks, in seconds of the piece it is in."""

    start_s: float
    end_s: float


class Listener:
    """Fed with a stream, block by block, in order. Source of the call: faster_whisper/vad.py, SileroVADModel."""

    def __init__(self) -> None:
        self._session: Any = import_module("faster_whisper.vad").get_vad_model().session
        self._state = [np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32)]
        self._context = np.zeros(_CONTEXT, np.float32)

    def __call__(self, samples: Samples) -> NDArray[np.float32]:
        """One probability for each whole frame: give a multiple of `FRAME` samples."""
        frames = samples.reshape(-1, FRAME)
        before = np.vstack([self._context, frames[:-1, -_CONTEXT:]])
        self._context = frames[-1, -_CONTEXT:].copy()
        heard, *self._state = self._session.run(
            None, {"input": np.hstack([before, frames]), "h": self._state[0], "c": self._state[1]}
        )
        return np.asarray(heard, np.float32).reshape(-1)


def regions(heard: NDArray[np.float32], bridge_s: float, longest_s: float) -> list[Region]:
    """The stretches of speech, with a margin. Pauses shorter than `bridge_s` are within one, as long as what they join
    is not longer than `longest_s`."""
    total_s = len(heard) / FRAMES_PER_S
    found: list[Region] = []
    for start, end in _runs(heard):
        if (end - start) / FRAMES_PER_S < _SHORTEST_S:
            continue
        begins = max(0.0, start / FRAMES_PER_S - _MARGIN_S)
        ends = min(total_s, end / FRAMES_PER_S + _MARGIN_S)
        pause = begins - found[-1].end_s if found else 0.0
        if found and (pause < 0.1 or (pause < bridge_s and ends - found[-1].start_s <= longest_s)):
            found[-1] = Region(found[-1].start_s, ends)
        else:
            found.append(Region(begins, ends))
    return found


def spoken(heard: NDArray[np.float32], from_s: float) -> list[Region]:
    """The stretches of speech as they are heard, without margins or bridges; `heard` begins at second `from_s`."""
    return [Region(from_s + start / FRAMES_PER_S, from_s + end / FRAMES_PER_S) for start, end in _runs(heard)]


def _runs(heard: NDArray[np.float32]) -> Sequence[tuple[int, int]]:
    """Frames from the first that is surely speech to the last before one that surely is not."""
    runs, start = [], None
    for index, probability in enumerate(heard):
        if start is None and probability >= SPEAKING:
            start = index
        elif start is not None and probability < SILENT:
            runs.append((start, index))
            start = None
    return runs if start is None else [*runs, (start, len(heard))]
