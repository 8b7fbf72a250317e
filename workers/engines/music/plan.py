"""The plan of a song: everything its sound follows from, as plain JSON, and where a clip lies within it.

A song is a row of *movements*: the first clip is one, each extension adds one. Positions are samples from the start
of the song at 48 kHz, so a cut is exact however often a song is extended. A movement is stored whole, with how many
bars of it are played: cut short, its remaining bars come out as if nothing had been cut.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from storage.errors import EngineFailed

RATE = 48_000
VERSION = 1

Count = Annotated[int, Meta(ge=0, le=10_000)]
Key = Annotated[int, Meta(ge=0, le=11)]
Program = Annotated[int, Meta(ge=0, le=127)]


class Vocal(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who sings a line: a voice, a language and symbols of the speech engine. `spoken`: in rhythm, not on the notes."""

    voice: Annotated[str, Meta(max_length=40)]
    language: str
    symbols: Annotated[str, Meta(min_length=1, max_length=1000)]
    spoken: bool = False


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of lyrics laid over `bars` bars, one note for each of its syllables.

    Without `vocal` the lead instrument plays it, and `unsung` says why; plans older than singing say nothing.
    """

    text: str
    syllables: Annotated[int, Meta(ge=1, le=200)]
    bars: Annotated[int, Meta(ge=1, le=64)]
    vocal: Vocal | None = None
    unsung: str = ""


class Section(msgspec.Struct, frozen=True):
    """`nth` counts sections of the same kind from 0; `lift` moves the section by semitones."""

    kind: str
    label: str
    bars: Annotated[int, Meta(ge=1, le=256)]
    lines: list[Line]
    energy: Annotated[float, Meta(ge=0, le=1)]
    nth: Count = 0
    lift: Annotated[int, Meta(ge=-12, le=12)] = 0


class Movement(msgspec.Struct, frozen=True):
    """What one request added to the song. `play` is how many of its bars are heard.

    `theme` is the seed of the song's chorus, which an extension in the same genre keeps.
    """

    seed: int
    theme: int
    genre: str
    bpm: Annotated[float, Meta(ge=30, le=400)]
    bar_samples: Annotated[int, Meta(ge=RATE // 4, le=RATE * 12)]
    key: Key
    mode: str
    dark: bool
    programs: dict[str, Program]
    muted: list[str]
    vocal: bool
    sections: Annotated[list[Section], Meta(min_length=1, max_length=400)]
    play: Count
    lyrics: str = ""
    tags: str = ""

    @property
    def bars(self) -> int:
        return sum(section.bars for section in self.sections)

    @property
    def samples(self) -> int:
        return self.play * self.bar_samples


class Plan(msgspec.Struct, frozen=True):
    """`starts_at` is the sample of the song at which this clip begins; it ends where the song does."""

    version: int
    title: str
    tags: str
    negative_tags: str
    movements: Annotated[list[Movement], Meta(min_length=1, max_length=200)]
    starts_at: Annotated[int, Meta(ge=0)] = 0

    @property
    def samples(self) -> int:
        return sum(movement.samples for movement in self.movements)

    @property
    def duration_s(self) -> float:
        """Of this clip, not of the song."""
        return (self.samples - self.starts_at) / RATE


def to_json(plan: Plan) -> bytes:
    return msgspec.json.format(msgspec.json.encode(plan), indent=1)


def from_data(data: object) -> Plan:
    """A plan from its JSON data. Raises EngineFailed if it is not one that this version wrote."""
    try:
        plan = msgspec.convert(data, Plan)
    except msgspec.ValidationError as error:
        raise EngineFailed(f"The plan of the source clip cannot be read: {error}") from error
    if plan.version != VERSION:
        raise EngineFailed(f"The plan of the source clip is of version {plan.version}, this composer reads {VERSION}.")
    if any(movement.play > movement.bars for movement in plan.movements) or plan.starts_at >= plan.samples:
        raise EngineFailed("The plan of the source clip contradicts itself.")
    return plan


def cut(plan: Plan, at: int) -> list[Movement]:
    """The movements up to the first bar line at or after sample `at`; the bar in progress is played to its end."""
    kept: list[Movement] = []
    start = 0
    for movement in plan.movements:
        if start >= at:
            break
        bars = -(-(at - start) // movement.bar_samples)
        kept.append(msgspec.structs.replace(movement, play=min(movement.play, bars)))
        start += movement.samples
    return kept
