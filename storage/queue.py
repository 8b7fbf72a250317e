"""The queue: who works on which job, held by a short lease that is renewed and a token that fences.

Knows nothing of arq or HTTP. What each call does to Redis stands at the head of its script in `storage/lua/`.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from storage import keys
from storage.connect import command, redis_errors
from storage.job import Failure, Job, Status, encode_field, sources
from storage.scripts import Arg, Scripts

TRIES = 10
"""How often a job's worker may vanish before that is taken to be the job's own fault."""

_SET_BY_DETACH = {"status", "created", "started", "token", "attempt"}
_LONGEST_LISTEN_S = 4.0  # below a connection's own timeout (`storage/connect.py`), which would make silence an error


def pairs(fields: Mapping[str, Any]) -> Iterable[Arg]:
    """Fields as scripts take them: name, value, name, value, ..."""
    for name, value in fields.items():
        yield name
        yield encode_field(value)


class Queue:
    """`record_s`: how long a job's record outlives its end."""

    def __init__(self, redis: Redis, scripts: Scripts, *, record_s: int) -> None:
        self._redis, self._scripts, self._record_s = redis, scripts, record_s

    async def claim(
        self, lane: str, free: int, *, lease_s: float, taken: Status = Status.RUNNING
    ) -> tuple[float | None, list[Job]]:
        """Up to `free` jobs, now held; and the seconds until the next sleeper wakes (None: nobody sleeps)."""
        wake_ms, rows = await self._scripts.call(
            "claim", lane, free, int(lease_s * 1000), TRIES, self._record_s, taken.value
        )
        jobs = [Job.from_row(id.decode(), row) for id, row in zip(rows[::2], rows[1::2], strict=True)]
        return (wake_ms / 1000 if wake_ms >= 0 else None), [job for job in jobs if job is not None]

    async def detach(self, job: Job, *, lease_s: float) -> None:
        """Store a job that is under way already, and held. Its lane is one whose jobs nobody else can go on with."""
        fields = pairs({name: value for name, value in job.fields().items() if name not in _SET_BY_DETACH})
        await self._scripts.call("detach", job.id, job.owner, job.lane, int(lease_s * 1000), *fields)
        job.status, job.token, job.attempt = Status.RUNNING, 1, 1

    async def advance(
        self,
        id: str,
        target: Status,
        *,
        token: int | None = None,
        delay_s: float = 0.0,
        give_back: bool = False,
        only: Status | None = None,
        **fields: Any,
    ) -> bool:
        """Move a job to `target`; False if it was in no state to go there, or is no longer held by `token`.

        Without a token any state that `NEXT` allows will do. `delay_s` and `give_back` (the attempt is not spent) are
        for a return to QUEUED. `only`: the one state that it may come from.
        """
        done, _ = await self._scripts.call(
            "advance",
            id,
            "" if token is None else token,
            sources(target) if only is None else only.value,
            target.value,
            int(delay_s * 1000),
            int(give_back),
            self._record_s,
            *pairs(fields),
        )
        return bool(done)

    async def cancel(self, id: str) -> bool:
        """End a job, whoever holds it; one that is being submitted, as soon as it is known what became of it. False if
        it has ended."""
        target = Status.CANCELED
        done, word = await self._scripts.call("advance", id, "", sources(target), target.value, 0, 0, self._record_s)
        return bool(done) or word == b"canceling"

    async def fail(self, job: Job, failure: Failure, **fields: Any) -> bool:
        """End a held job as failed."""
        return await self.advance(job.id, Status.FAILED, token=job.token, error=failure, **fields)

    async def report(self, job: Job, *, tell: str = "changed", **fields: Any) -> bool:
        """Write fields of a held job; False if it is no longer held. `tell`: an event (`storage/events.py`), or a word
        for those who wait for this job."""
        return bool(await self._scripts.call("report", job.id, job.token, tell, *pairs(fields)))

    async def park(self, job: Job, *, delay_s: float, give_back: bool, **fields: Any) -> bool:
        """Let go of a held job in the state it is in, to be claimed again after `delay_s`."""
        return bool(
            await self._scripts.call("park", job.id, job.token, int(delay_s * 1000), int(give_back), *pairs(fields))
        )

    async def renew(
        self, lane: str, held: Sequence[Job], *, lease_s: float, worker: str, slots: int, health: bytes
    ) -> list[str]:
        """Renew the leases of `held` and say that `worker` serves the lane. Returns the ids that are no longer held."""
        lost = await self._scripts.call(
            "renew",
            lane,
            int(lease_s * 1000),
            worker,
            slots,
            health,
            max(5, int(lease_s * 1.5)),
            *(part for job in held for part in (job.id, job.token)),
        )
        return [id.decode() for id in lost]

    async def sweep(self, lane: str, *, most: int = 1000) -> int:
        """Upkeep of a lane: end what did not start in time, wake what is due. Returns how many jobs it ended."""
        return int(await self._scripts.call("sweep", lane, TRIES, self._record_s, most))

    async def listen(self, lane: str, timeout_s: float) -> None:
        """Return when the lane's bell rings, or after `timeout_s` (4 s at the most). Blocks a connection of its own."""
        timeout_s = min(max(timeout_s, 0.01), _LONGEST_LISTEN_S)
        with redis_errors():
            async with asyncio.timeout(timeout_s + 2):  # a half-open connection must not deafen the worker
                await command(self._redis, "BLPOP", keys.bell(lane), timeout_s)

    async def leave(self, lane: str, worker: str, slots: int) -> None:
        """This worker serves the lane no longer."""
        with redis_errors():
            await self._redis.delete(keys.health(lane, worker))
            await self._redis.zrem(keys.workers(lane), f"{worker} {slots}")
