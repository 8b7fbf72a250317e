"""What a model that runs here looks like to the worker.

An engine lives in a subprocess of its own (`workers/engines/host.py`), makes one item per call, writes its files into
a folder that the caller gives and owns, and speaks plain data: everything that crosses the process border is JSON.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec


class Artifact(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file an engine made.

    `part` says what it is to the item: "main" (the song, the picture), "cover", "cover_large", "waveform", "plan".
    """

    part: str
    path: str
    content_type: str
    duration_s: float | None = None
    width_px: int | None = None
    height_px: int | None = None


class Made(msgspec.Struct, frozen=True):
    """What one call made: its files, and what is worth knowing about them (title, lyrics, seed, ...)."""

    artifacts: list[Artifact]
    metadata: dict[str, Any]


Report = Callable[[float], None]
"""Called by the engine with its progress, 0..1, never falling."""


class Engine(Protocol):
    """A model. Built without arguments in the subprocess; `load` does the slow part, once."""

    name: str

    def load(self) -> None: ...

    def generate(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        """Make one item from `task`, its files inside `folder`.

        Raises InvalidRequest if the task cannot be done as asked, EngineMisproduced if the result is not fit.
        """
        ...

    def unload(self) -> None: ...
