"""A note, and the place in a bar it is played from."""

import random
from typing import NamedTuple

import msgspec

from workers.engines.music.harmony import Changes
from workers.engines.music.styles import Style
from workers.engines.music.theory import Chord


class Note(NamedTuple):
    """`at` and `length` in beats from the start of the movement."""

    part: str
    at: float
    length: float
    pitch: int
    velocity: int


class Bar(msgspec.Struct, frozen=True):
    """One bar as its players see it. `chance` depends on the seed and on this bar's place alone."""

    number: int
    """From the start of the movement."""
    within: int
    of: int
    kind: str
    nth: int
    energy: float
    following: str | None
    rises: bool
    """The next section is a strong one, so this bar, its section's last, leads into it."""
    changes: Changes
    following_chord: Chord
    style: Style
    chance: random.Random

    @property
    def last(self) -> bool:
        return self.within == self.of - 1

    def chord_at(self, step: int) -> Chord:
        return [sounding for start, sounding in self.changes if start <= step][-1]

    def beat(self, step: float) -> float:
        """When a sixteenth of this bar falls, in beats from the start of the movement: swung, and on time."""
        beat, inside = divmod(step, 4)
        return self.number * 4 + beat + _swung(inside / 4, self.style)

    def note(self, part: str, step: float, length: float, pitch: int, velocity: float) -> Note:
        """A note at a sixteenth of this bar, swung and played by a hand: never before the bar line."""
        beat, inside = divmod(step, 4)
        late = self.chance.gauss(0.0, 0.007) + (0.006 if part in ("lead", "comp") else 0.0)
        at = max(0.0, beat + _swung(inside / 4, self.style) + late)
        loud = velocity * (0.72 + 0.38 * self.energy) + self.chance.gauss(0.0, 3.5)
        return Note(part, self.number * 4 + at, length / 4, min(127, max(0, pitch)), min(127, max(12, round(loud))))


def _swung(x: float, style: Style) -> float:
    """Where a place in a beat falls: the second eighth late, or in styles that count sixteenths, every second one."""
    if style.grid == 16:
        half, inside = divmod(x, 0.5)
        return half * 0.5 + _bent(inside / 0.5, style.swing) * 0.5
    return _bent(x, style.swing)


def _bent(x: float, swing: float) -> float:
    middle = 0.5 + swing / 2
    return 2 * x * middle if x < 0.5 else middle + (2 * x - 1) * (1 - middle)
