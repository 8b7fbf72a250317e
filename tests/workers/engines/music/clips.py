"""Tasks as callers send them, and the clips that come of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from tests.workers.engines.music.listening import Samples
from workers.engines.base import Made

LYRICS = """[Verse 1]
Walking down the empty street at night
All the windows glowing warm and bright

[Chorus]
Oh, we are alive, alive tonight
We can have it all, we can have it all

[Chorus]
Oh, we are alive, alive tonight
We can have it all, we can have it all
"""


class Clip(msgspec.Struct, frozen=True):
    """One made item, decoded."""

    made: Made
    samples: Samples
    plan: dict[str, Any]
    folder: Path
    progress: list[float]

    @property
    def bytes(self) -> bytes:
        return (self.folder / "audio.mp3").read_bytes()


Make = Callable[[dict[str, Any]], Clip]


def generate(seed: int, **request: object) -> dict[str, Any]:
    return {"kind": "music.generate", "request": request, "seed": seed}


def extend(source: Clip, at: float | None, seed: int, **request: object) -> dict[str, Any]:
    return {"kind": "music.extend", "request": {**request, "continue_at": at}, "seed": seed, "source": source.plan}
