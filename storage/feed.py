"""What an owner was told, read back: from any place in the feed on, or about one job.

The feed (`feed:{owner}`) is a Redis stream of about the newest 10 000 entries, kept until nothing has been told for 30
days. Each entry's id is a place in it. Entries that are no events are passed over.
"""

import re
from typing import NamedTuple, Self

from storage.events import LAST_WORDS, Event, shown
from storage.job import Job
from storage.scripts import Scripts

_PLACE = re.compile(r"0-0|(\d{10,15})-(\d{1,20})")
_LAST_SEQ = (1 << 64) - 1
_LOOKED_AT = 512


class Place(NamedTuple):
    """After everything that was told up to then, in Redis' own terms: ms, and a count within the millisecond."""

    ms: int
    seq: int

    def __str__(self) -> str:
        return f"{self.ms}-{self.seq}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The place of an entry's id; None if it is none."""
        found = _PLACE.fullmatch(text)
        if found is None or int(found[2] or 0) > _LAST_SEQ:
            return None
        return cls(int(found[1] or 0), int(found[2] or 0))

    @classmethod
    def before(cls, ms: int) -> Self:
        """Before everything that was told at this time and later."""
        return cls(ms - 1, _LAST_SEQ) if ms > 0 else cls(0, 0)


class Told(NamedTuple):
    """An event, and its place in the feed."""

    place: Place
    event: Event


class Gap(NamedTuple):
    """Between these times (Unix ms) there may have been events that the feed has no more."""

    since: int
    until: int


class Stretch(NamedTuple):
    """A stretch of the feed: events, the place up to which that is all, and whether there may be more after it."""

    told: list[Told]
    reached: Place
    more: bool
    gap: Gap | None


class Feed:
    """The feeds of all owners."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def end(self, owner: str) -> Place:
        """The place after everything that an owner was told so far."""
        reached, *_ = await self._scripts.call("told", owner, "", 0, 0, "")
        return _place(reached)

    async def after(self, owner: str, place: Place, *, job: str = "", most: int = 64) -> Stretch:
        """What an owner was told after a place, `most` events of it, about one job if one is named.

        A place that lies after the end of the feed (a clock went back, or the feed is a new one) becomes its end.
        """
        reached, more, flat, first_ms = await self._scripts.call("told", owner, str(place), most, _LOOKED_AT, job)
        told = [_told(*flat[i : i + 3]) for i in range(0, len(flat), 3)]
        return Stretch(told, _place(reached), bool(more), Gap(place.ms, first_ms) if first_ms else None)

    async def course(self, job: Job) -> list[Event]:
        """What has happened to a job so far: each event once, oldest first.

        What the feed has no more is told from the record, as far as that still shows it. `job` must have been read
        before: so what it shows has been told.
        """
        found: dict[str, Event] = {}
        place, more = Place.before(job.created), True
        while more:
            stretch = await self.after(job.owner, place, job=job.id)
            for _, event in stretch.told:
                found.setdefault(event.words, event)
            place, more = stretch.reached, stretch.more and found.keys().isdisjoint(LAST_WORDS)
        if "queued" in found:
            return [*found.values()]
        return [*(event for event in shown(job) if event.words not in found), *found.values()]


def _told(id: bytes, job: bytes, words: bytes) -> Told:
    place = _place(id)
    return Told(place, Event(job.decode(), words.decode(), place.ms))


def _place(id: bytes) -> Place:
    ms, _, seq = id.partition(b"-")
    return Place(int(ms), int(seq))
