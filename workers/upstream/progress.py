"""How a job at an upstream gets on, from one look to the next. Pure: what was seen before and now in, the rest out."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from storage.errors import UpstreamError, UpstreamTimedOut
from storage.job import Job, Upstream
from workers.adapters.base import Done, Failed, Item, Pending, spread
from workers.upstream import items, spacing

ABSENT_FROM_S, ABSENT_POLLS = 60.0, 3
"""An id that polls leave out is looked for alone, but not before its grace period, and not at the first time.
Source: shared/protocols/suno.md D.9, D.10."""


class Limits(NamedTuple):
    """A job is given up that makes no progress for `stalled_s`, or is `longest_s` old."""

    stalled_s: float = 900.0
    longest_s: float = 7200.0


USUAL = Limits()


class Sight(NamedTuple):
    """How a job stands. `again_s`: when to look again; None if it has ended."""

    way: Upstream
    items: tuple[Item, ...]
    progress: float
    again_s: float | None


def sight(
    job: Job, told: Mapping[str, Sequence[Item]], now_ms: int, *, usual_s: float = 0.0, limits: Limits = USUAL
) -> Sight:
    """`told`: what a poll's reply says, by upstream id. `now_ms`: Unix. `usual_s`: what such jobs take, or 0."""
    way = job.upstream or Upstream()
    before = standing(job)
    each = way.each(job.items)
    now = list(before)
    absent: dict[str, int] = {}
    for place, id in enumerate(way.ids):
        span = slice(place * each, (place + 1) * each)
        if id in told:
            now[span] = spread(told[id], each)
        elif any(isinstance(item, Pending) for item in before[span]):
            absent[id] = way.absent.get(id, 0) + 1
    stands = items.forward(before, now)
    progressed = now_ms if items.kept(stands) != items.kept(before) else way.progressed
    age_s, still_s = (now_ms - way.sent) / 1000, (now_ms - (progressed or way.sent)) / 1000
    if is_old(job, now_ms, limits) or still_s > limits.stalled_s:
        stands = tuple(_given_up(item, min(age_s, still_s)) for item in stands)
    pending = [item for item in stands if isinstance(item, Pending)]
    asked = min((item.after_s for item in pending if item.after_s is not None), default=None)
    seen = Upstream(way.intent, way.sent, way.ids, items.kept(stands), progressed, absent)
    return Sight(seen, stands, _share(stands), spacing.again_s(age_s, usual_s, asked) if pending else None)


def is_old(job: Job, now_ms: int, limits: Limits) -> bool:
    """Whether a job has had all the time that it may take."""
    return now_ms - (job.upstream or Upstream()).sent > (job.run_s or limits.longest_s) * 1000


def given_up(job: Job, error: UpstreamError) -> Sight:
    """A job that its upstream has told nothing more of, which is why."""
    stands = tuple(Failed(error) if isinstance(item, Pending) else item for item in standing(job))
    way = msgspec.structs.replace(job.upstream or Upstream(), items=items.kept(stands))
    return Sight(way, stands, _share(stands), None)


def standing(job: Job) -> tuple[Item, ...]:
    """Each item of a job as it was seen last."""
    rows = job.upstream.items if job.upstream else []
    return items.again(rows) if len(rows) == job.items else (Pending(),) * job.items


def missing(way: Upstream, now_ms: int) -> list[str]:
    """The ids that are to be looked for alone."""
    old = now_ms - way.sent > ABSENT_FROM_S * 1000
    return [id for id, polls in way.absent.items() if old and polls >= ABSENT_POLLS]


def open_ids(job: Job) -> list[str]:
    """The ids to ask after: those of items that have not ended."""
    way = job.upstream or Upstream()
    stands, each = standing(job), way.each(job.items)
    return [
        id
        for place, id in enumerate(way.ids)
        if any(isinstance(item, Pending) for item in stands[place * each : (place + 1) * each])
    ]


def _given_up(item: Item, still_s: float) -> Item:
    if not isinstance(item, Pending):
        return item
    return Failed(UpstreamTimedOut(f"the upstream has made no progress for {still_s:.0f} s"))


def _share(stands: Sequence[Item]) -> float:
    """How much of the job is done, 0..1."""
    done = sum(1.0 if isinstance(item, (Done, Failed)) else item.progress or 0.0 for item in stands)
    return done / max(1, len(stands))
