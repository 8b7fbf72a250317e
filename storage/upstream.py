"""Jobs at upstreams: what is written before and after a call that may cost something, and who asks after which.

The rule: before a job is sent, the intent is written; the upstream's ids and the new state are written in one step. So
a job that has an intent and no ids may have been taken, whoever died when: it is in doubt, looked for, and never sent
again but on an operator's word. One asker at a time asks after an account's jobs, many in a call.
"""

import time
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from storage import keys
from storage.connect import command, redis_errors
from storage.errors import UpstreamMalformed
from storage.job import Cost, Job, Kind, Status, Upstream
from storage.queue import pairs
from storage.rules import UPSTREAM
from storage.scripts import Scripts

SLOT_S = 3600.0
"""How long a slot is kept for a job that nobody has asked after: longer than workers are ever away."""

COLLECT = "collect"
"""The step that a job goes on with when its upstream has ended it."""

BOUND_S = 2 * 86_400
"""For how long it is remembered whose an upstream's id is: longer than a job is looked for."""

_PAGE = 1000
_ANOTHERS = 2


class Due(NamedTuple):
    """The jobs of an account to ask after now, and the seconds until the next is due (None: there is none).
    `ours`: whether we are the one who asks."""

    ours: bool
    ids: list[str]
    next_s: float | None


class Upstreams:
    """`durable`: where an intent is written before anything is sent (`Durability`)."""

    def __init__(self, redis: Redis, scripts: Scripts, durable: Scripts) -> None:
        self._redis, self._scripts, self._durable = redis, scripts, durable

    async def intend(self, job: Job, request: bytes | None, *, served_by: str = "", units: float | None = None) -> bool:
        """Write down that a held job is about to be sent; False if it is no longer held, and must not be. `request`:
        None where to send it twice costs nothing, so that it is never in doubt. `served_by`: the account's adapter.
        `units`: what it will cost there, if that is known.

        Raises RedisUnavailable, NotDurable: then it must not be sent either.
        """
        before = job.upstream or Upstream()
        intent = "" if request is None else sha256(request).hexdigest()[:32]
        way = Upstream(intent=intent, sent=int(time.time() * 1000), tried=before.tried, resent=before.resent)
        cost = Cost(units, certain=False) if request is not None or units is not None else None
        fields = pairs({"upstream": way, "served_by": served_by, "cost": cost})
        written = await self._durable.call("report", job.id, job.token, "changed", *fields)
        if written:
            job.upstream, job.served_by, job.cost = way, served_by, cost
        return bool(written)

    async def forget_intent(self, job: Job) -> bool:
        """What was sent to a held job's account is known not to have been taken there."""
        before = job.upstream or Upstream()
        tried = [*dict.fromkeys([*before.tried, job.account])]
        job.upstream, job.cost = Upstream(tried=tried, resent=before.resent), None
        fields = {"upstream": job.upstream, "cost": None}
        return bool(await self._scripts.call("report", job.id, job.token, "changed", *pairs(fields)))

    async def accepted(self, job: Job, **fields: Any) -> bool:
        """The upstream has done a held job, and answered with what it made: it has cost what it costs. `fields`: what
        of that is in the record itself, written in the same step. False if the job is no longer held."""
        job.cost = _certain(job.cost)
        if job.cost is None and not fields:
            return True
        units = (job.cost.units or 0) if job.cost else -1
        written = pairs({"cost": job.cost, **fields})
        return bool(await self._scripts.call("upstream_accepted", job.id, job.token, units, *written))

    async def bound(self, account: str, ids: Sequence[str]) -> dict[str, str]:
        """Those of an upstream's ids that jobs of that account have, and which."""
        if not ids:
            return {}
        with redis_errors():
            found = await command(self._redis, "MGET", *(keys.bound(account, id) for id in ids))
        return {id: job.decode() for id, job in zip(ids, found, strict=True) if job}

    async def taken(self, job: Job, ids: Sequence[str], *, ask_after_s: float, **fields: Any) -> bool:
        """The upstream has a held job, which is asked after from now on; these ids are no other job's after that.

        Raises UpstreamMalformed where another job has one of them already: nothing is written then.
        """
        now_ms = int(time.time() * 1000)
        way = msgspec.structs.replace(job.upstream or Upstream(), ids=[*ids], progressed=now_ms, looks=0)
        cost = _certain(job.cost)
        fields = {"upstream": way, "cost": cost, **fields}
        answer = await self._scripts.call(
            "upstream_taken",
            job.id,
            job.token,
            job.account,
            int(ask_after_s * 1000),
            int(SLOT_S * 1000),
            (cost.units or 0) if cost else -1,
            BOUND_S,
            len(ids),
            *ids,
            *pairs(fields),
        )
        if answer == _ANOTHERS:
            raise UpstreamMalformed("the upstream calls the job by an id that another job has", in_doubt=True)
        return bool(answer)

    async def doubt(self, job: Job, *, look_after_s: float | None, **fields: Any) -> bool:
        """Nobody knows whether the upstream has a held job: look again after a while, or (None) wait for a word."""
        after_ms = -1 if look_after_s is None else int(look_after_s * 1000)
        fields = {"upstream": job.upstream or Upstream(), **fields}
        return bool(await self._scripts.call("upstream_doubt", job.id, job.token, after_ms, *pairs(fields)))

    async def resubmit(self, job: str, *, only: Status = Status.IN_DOUBT, resent: int = 0) -> bool:
        """An operator says that a job is to be sent again: the upstream has not got one in doubt; of one that waits at
        an account that is gone, nothing will come. False if it is in another state. `resent`: how often the account's
        policy has said so by now."""
        way = msgspec.json.encode(Upstream(resent=resent)) if resent else b"null"
        return bool(await self._scripts.call("upstream_resubmit", job, way, only))

    async def doubts(self) -> list[tuple[str, int]]:
        """The jobs in doubt, and since when (Unix ms), the longest first."""
        with redis_errors():
            rows = await command(self._redis, "ZRANGE", keys.DOUBTS, 0, _PAGE - 1, "WITHSCORES")
        flat = [part for row in rows for part in (row if isinstance(row, (list, tuple)) else (row,))]
        return [(id.decode(), int(float(since))) for id, since in zip(flat[::2], flat[1::2], strict=True)]

    async def waited_at(self) -> list[str]:
        """The accounts at which jobs wait, or did of late: also those that are in the file no more."""
        return sorted(name.decode() for name in await self._scripts.call("upstream_waited_at"))

    async def waiting_at(self, *accounts: str) -> list[list[str]]:
        """The jobs that wait at each account, 1000 at the most."""
        with redis_errors():
            found = [await command(self._redis, "ZRANGE", keys.polls(name), 0, _PAGE - 1) for name in accounts]
        return [[id.decode() for id in ids] for ids in found]

    async def usual_s(self, *kinds: Kind) -> dict[Kind, float]:
        """How long jobs of these kinds have taken so far, in seconds; 0 if it is not known."""
        if not kinds:
            return {}
        with redis_errors():
            found = await command(self._redis, "HMGET", keys.mean(UPSTREAM), *kinds)
        return {kind: float(mean or 0) / 1000 for kind, mean in zip(kinds, found, strict=True)}

    async def due(self, account: str, asker: str, *, lease_s: float, most: int) -> Due:
        """What is to be asked after now, if nobody else asks; whoever is told so asks for `lease_s`."""
        ours, next_ms, *ids = await self._scripts.call("upstream_due", account, asker, int(lease_s * 1000), most)
        return Due(bool(ours), [id.decode() for id in ids], next_ms / 1000 if next_ms >= 0 else None)

    async def hurry(self, account: str, job: str) -> None:
        """Something is said to have happened to a job: it is asked after at once, if it waits there at all."""
        with redis_errors():
            await command(self._redis, "ZADD", keys.polls(account), "XX", "LT", int(time.time() * 1000), job)

    async def seen(
        self,
        job: Job,
        asker: str,
        *,
        again_s: float | None,
        tell: str = "changed",
        **fields: Any,
    ) -> bool:
        """What has been seen of a job: ask again after a while, or (None) collect what it made.

        False if somebody else asks by now, or the job waits no longer.
        """
        return bool(
            await self._scripts.call(
                "upstream_seen",
                job.account,
                asker,
                job.id,
                -1 if again_s is None else int(again_s * 1000),
                int(SLOT_S * 1000),
                COLLECT,
                tell,
                *pairs({"upstream": job.upstream or Upstream(), **fields}),
            )
        )


def _certain(cost: Cost | None) -> Cost | None:
    return Cost(cost.units, certain=True) if cost else None
