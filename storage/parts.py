"""A large job in parts: each is a job of its own in the lane `parts`, and the whole sleeps until they have ended.

A part that is lost with its worker is made again, alone. The first part that fails wakes the whole, which fails; the
whole's end, whichever way, ends its parts. What the parts read and leave lies among the whole's inputs.
"""

from collections.abc import Sequence
from typing import NamedTuple

from redis.asyncio import Redis

from storage import keys
from storage.ids import part_job_id
from storage.job import Job, Status
from storage.queue import pairs
from storage.records import read_hashes
from storage.scripts import Arg, Scripts

_LOOKS_AGAIN_MS = 600_000


class State(NamedTuple):
    """How it stands with a job's parts: their ids, in order, and those that did not succeed."""

    ids: list[str]
    failed: list[str]


class Parts:
    """What jobs are divided into."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis, self._scripts = redis, scripts

    async def state(self, job: str) -> State | None:
        """None if the job is not divided."""
        (found,) = await read_hashes(self._redis, [keys.parts(job)])
        ended = {id.decode(): outcome.decode() for id, outcome in found.items()}
        if "of" not in ended:
            return None
        ids = [part_job_id(job, number) for number in range(int(ended.pop("of")))]
        return State(ids, [id for id in ids if ended[id] not in ("", Status.SUCCEEDED)])

    async def wait(self, job: Job, parts: Sequence[Job] = ()) -> bool | None:
        """Let a held job sleep until its parts have ended; the first time it is given them (ids by `part_job_id`).

        False if there is nothing to wait for: they have ended, or one has failed. None if it is no longer held.
        """
        answer = await self._scripts.call(
            "divide", job.id, job.token, _LOOKS_AGAIN_MS, *(word for part in parts for word in _accepted(part))
        )
        return {1: True, 2: False}.get(int(answer))


def _accepted(part: Job) -> list[Arg]:
    fields = [*pairs(part.fields())]
    return [part.id, part.lane, part.priority, part.owner, len(fields), *fields]
