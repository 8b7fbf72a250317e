"""Jobs as the API sees them: accepted whole or not at all, read, listed, cancelled, deleted."""

import base64
import binascii
import time
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from storage import keys
from storage.connect import command, redis_errors
from storage.errors import Gone, InvalidRequest, KeyReused, NotDurable, NotFound
from storage.job import Job, Kind, PublicStatus
from storage.media import inputs_prefix
from storage.queue import Queue, pairs
from storage.scripts import Scripts

IDEMPOTENCY_WINDOW_S = 24 * 3600
"""How long an Idempotency-Key answers with its first job."""

_ERASE_AGAIN_MS = 120_000  # longer than a worker's lease and its last upload
_LONGEST_ADMISSION_S = 3600
_PREVIEW_S = 60
_MOST_SCANNED = 1000
_LEAST_READ = 50


class Idempotency(NamedTuple):
    """An Idempotency-Key and the request it came with, as digests."""

    key: str
    fingerprint: str

    @classmethod
    def of(cls, key: str, *request: bytes) -> "Idempotency":
        digest = sha256()
        for part in request:
            digest.update(len(part).to_bytes(8) + part)
        return cls(sha256(key.encode()).hexdigest()[:32], digest.hexdigest()[:32])


class Admission(NamedTuple):
    """The job that stands for a request: a new one, or the one made when the same request came before."""

    job: Job
    replayed: bool


class Place(NamedTuple):
    """Where a job stands: how many come first (None unless it waits), how long one takes, how many run at once."""

    ahead: int | None
    mean_s: float
    slots: int


class Page(NamedTuple):
    """Some of an owner's jobs, newest first, and where the next page starts (None: this was the last)."""

    jobs: list[Job]
    cursor: str | None


class Jobs:
    """`durable` is where admissions go: the same scripts, answered once the write is as safe as the settings ask."""

    def __init__(self, redis: Redis, scripts: Scripts, queue: Queue, *, durable: Scripts | None = None) -> None:
        self._redis, self._scripts, self._queue, self._durable = redis, scripts, queue, durable or scripts

    async def admit(
        self, job: Job, idempotency: Idempotency | None = None, *, start_within_s: float = 0.0
    ) -> Admission:
        """Accept a job; with `start_within_s` it must begin within that time, by Redis' clock.

        Raises KeyReused, Gone (its first job was deleted), RedisUnavailable, NotDurable: without a key nothing is left
        of it then; with one it is left for the repetition.
        """
        digest, fingerprint = idempotency or ("", "")
        try:
            answer = await self._durable.call(
                "admit",
                job.id,
                job.owner,
                job.lane,
                job.priority,
                digest,
                fingerprint,
                IDEMPOTENCY_WINDOW_S,
                job.start_by,
                int(start_within_s * 1000),
                *pairs(job.fields()),
            )
        except NotDurable:
            if not idempotency:  # with a key it is left for the repetition, which may be under way already
                await self._scripts.call("forget", job.id, job.owner, _ERASE_AGAIN_MS)
            raise
        match answer:
            case [b"accepted", int(created)]:
                job.created = created
                return Admission(job, replayed=False)
            case [b"replayed", bytes(id), row] if first := Job.from_row(id.decode(), row):
                return Admission(first, replayed=True)
            case [b"reused"]:
                raise _reused()
            case _:
                raise _gone()

    async def expect_inputs(self, id: str, longest_s: float = _LONGEST_ADMISSION_S) -> None:
        """Say that a job's inputs are about to be stored. Upkeep erases them after that, unless the job lives then."""
        due_ms = int((time.time() + longest_s) * 1000)
        with redis_errors():
            await command(self._redis, "ZADD", keys.ERASE, due_ms, inputs_prefix(id))

    async def replayed(self, owner: str, idempotency: Idempotency) -> Admission | None:
        """The job that the same request brought before; None if it has brought none.

        For requests that could not be admitted now; `admit` looks for itself. Raises KeyReused, Gone, RedisUnavailable.
        """
        with redis_errors():
            before = await command(self._redis, "GET", keys.idempotency(owner, idempotency.key))
        if before is None:
            return None
        id, _, fingerprint = before.decode().partition(" ")
        if fingerprint != idempotency.fingerprint:
            raise _reused()
        (first,) = await self.get(id)
        if first is None:
            raise _gone()
        return Admission(first, replayed=True)

    async def get(self, *ids: str) -> list[Job | None]:
        """Jobs by id, in one call; None where there is none."""
        rows = await self._scripts.call("read", *ids) if ids else []
        return [Job.from_row(id, row) for id, row in zip(ids, rows, strict=True)]

    async def keep_preview(self, id: str, jpeg: bytes) -> None:
        """What a job's item looks like so far; forgotten in a minute."""
        with redis_errors():
            await command(self._redis, "SET", keys.preview(id), jpeg, "EX", _PREVIEW_S)

    async def preview(self, id: str) -> bytes | None:
        """The last preview (JPEG), if one is that young."""
        with redis_errors():
            kept: bytes | None = await command(self._redis, "GET", keys.preview(id))
        return kept

    async def place(self, id: str) -> Place:
        """Where a job stands in its lane."""
        ahead, mean_ms, slots = await self._scripts.call("place", id)
        return Place(ahead if ahead >= 0 else None, mean_ms / 1000, slots)

    async def cancel(self, job: Job) -> bool:
        """Cancel a job that has not ended; False if it has. A worker that holds it is told at once. One that is being
        submitted goes on until it is known what became of it."""
        return await self._queue.cancel(job.id)

    async def forget(self, job: Job) -> None:
        """Delete a job's record. The caller erases its media; upkeep does so once more, later."""
        if not await self._scripts.call("forget", job.id, job.owner, _ERASE_AGAIN_MS):
            raise NotFound("no such job")

    async def prune(self, owner: str, *, most: int = 1000) -> int:
        """Drop those of an owner's jobs whose records have expired, `most` looked at in a call. Returns how many."""
        start, dropped = 0, 0
        while start >= 0:
            start, gone = await self._scripts.call("prune", owner, start, most)
            dropped += gone
        return dropped

    async def page(
        self,
        owner: str,
        *,
        cursor: str | None = None,
        limit: int = 20,
        kinds: Sequence[Kind] = (),
        statuses: Sequence[PublicStatus] = (),
    ) -> Page:
        """Some of an owner's jobs, newest first. Raises InvalidRequest for a cursor that is not one of ours.

        Looks at 1 000 jobs at the most: with narrow filters a page may be short, or empty, and still not be the last.
        """
        at = _Cursor.read(cursor) if cursor else None
        found: list[Job] = []
        scanned = 0
        while len(found) < limit and scanned < _MOST_SCANNED:
            batch = await self._older(owner, at, max(limit, _LEAST_READ))
            if not batch:
                return Page(found, None)
            jobs = await self.get(*(position.id for position in batch))
            if expired := [position.id for position, job in zip(batch, jobs, strict=True) if job is None]:
                with redis_errors():
                    await command(self._redis, "ZREM", keys.jobs(owner), *expired)
            for position, job in zip(batch, jobs, strict=True):
                at = position
                if job is None:
                    continue
                scanned += 1
                if _wanted(job, kinds, statuses):
                    found.append(job)
                    if len(found) == limit:
                        break
        return Page(found, at.text() if at else None)

    async def _older(self, owner: str, at: "_Cursor | None", limit: int) -> list["_Cursor"]:
        top = at.created if at else "+inf"
        skipped = 0
        while True:  # jobs of the cursor's own millisecond that come before it are passed over
            with redis_errors():
                rows = await command(
                    self._redis,
                    "ZREVRANGEBYSCORE",
                    keys.jobs(owner),
                    top,
                    "-inf",
                    "WITHSCORES",
                    "LIMIT",
                    skipped,
                    limit,
                )
            flat = [_Cursor(int(score), id.decode()) for id, score in _scored(rows)]
            older = [position for position in flat if at is None or position < at]
            if older or not flat:
                return older
            skipped += limit


def _reused() -> KeyReused:
    return KeyReused("this Idempotency-Key was used before with another body", field="Idempotency-Key")


def _gone() -> Gone:
    return Gone("the job of this Idempotency-Key has been deleted", field="Idempotency-Key")


class _Cursor(NamedTuple):
    created: int
    id: str

    def text(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> "_Cursor":
        try:
            return msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=cls)
        except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
            raise InvalidRequest("this is not a cursor that an earlier page gave", field="cursor") from error


def _scored(rows: Any) -> list[tuple[bytes, float]]:
    """Members with scores, whether redis-py has paired them already or not."""
    if rows and isinstance(rows[0], (tuple, list)):
        return [(member, float(score)) for member, score in rows]
    return [(member, float(score)) for member, score in zip(rows[::2], rows[1::2], strict=True)]


def _wanted(job: Job, kinds: Sequence[Kind], statuses: Sequence[PublicStatus]) -> bool:
    return (not kinds or job.kind in kinds) and (not statuses or job.public_status in statuses)
