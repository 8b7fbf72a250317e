"""Batches: many requests in one file, submitted line by line and answered in another.

A batch is worked on by one runner at a time, which holds it by a lease and a token, as a worker holds a job. Its
cursor, the lines that are open (submitted, their results not stored yet), the files it writes and its counts move
together, in one script each time, so that no kill leaves a line out or has it twice.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from storage import keys
from storage.connect import command, redis_errors
from storage.errors import Gone, InvalidRequest, KeyReused, NotFound
from storage.ids import bare, is_batch_id
from storage.job import Job, Webhook
from storage.jobs import IDEMPOTENCY_WINDOW_S, Idempotency
from storage.queue import pairs
from storage.records import drop_ids, flat, page_of_ids, read_hashes, record
from storage.scripts import Arg, Scripts

PER_OWNER = 8
"""How many of one owner's batches are worked on at a time; the others wait."""


class BatchStatus(StrEnum):
    """OpenAI's words, which batches are known by everywhere."""

    VALIDATING = "validating"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


NEXT: Mapping[BatchStatus, frozenset[BatchStatus]] = {
    status: frozenset(after)
    for status, after in {
        BatchStatus.VALIDATING: {
            BatchStatus.IN_PROGRESS,
            BatchStatus.FAILED,
            BatchStatus.EXPIRED,
            BatchStatus.CANCELLING,
        },
        BatchStatus.IN_PROGRESS: {
            BatchStatus.FINALIZING,
            BatchStatus.FAILED,
            BatchStatus.EXPIRED,
            BatchStatus.CANCELLING,
        },
        BatchStatus.FINALIZING: {BatchStatus.COMPLETED, BatchStatus.CANCELLING},
        BatchStatus.CANCELLING: {BatchStatus.CANCELLED},
        BatchStatus.COMPLETED: set[BatchStatus](),
        BatchStatus.FAILED: set[BatchStatus](),
        BatchStatus.EXPIRED: set[BatchStatus](),
        BatchStatus.CANCELLED: set[BatchStatus](),
    }.items()
}
ENDED = frozenset(status for status, after in NEXT.items() if not after)


class LineError(msgspec.Struct, frozen=True):
    """What is wrong with a line of the input (counted from 1), or with all of it (None)."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None


class Batch(msgspec.Struct, kw_only=True):
    """Times in Unix ms, 0 where they have not come. `form`: how lines are written (`api/batches/lines.py`). `webhook`:
    of lines that name none.

    `line` and `offset` are the cursor: all lines up to there have been submitted, or have their results without.
    """

    id: str
    owner: str = ""
    endpoint: str
    form: str = "openai"
    input_file: str = ""
    window: str = "24h"
    keep_s: int = 0
    metadata: dict[str, str] = {}
    base_url: str = ""
    webhook: Webhook | None = None
    status: BatchStatus = BatchStatus.VALIDATING
    created: int = 0
    expires: int = 0
    in_progress_at: int = 0
    finalizing_at: int = 0
    completed_at: int = 0
    failed_at: int = 0
    expired_at: int = 0
    cancelling_at: int = 0
    cancelled_at: int = 0
    total: int = 0
    completed: int = 0
    failed: int = 0
    errors: list[LineError] = []
    output_file: str = ""
    error_file: str = ""
    token: int = 0
    line: int = 0
    offset: int = 0

    @property
    def ended(self) -> bool:
        return self.status in ENDED


class Open(msgspec.Struct, array_like=True):
    """What is kept of an open line: its id, and its result if it was refused when it was to be submitted."""

    custom_id: str
    refused: dict[str, Any] | None = None


class Fed(NamedTuple):
    """A line that is submitted now: as this job, unless it is refused."""

    number: int
    open: Open
    job: Job | None
    start_within_s: float = 0.0


class Cursor(NamedTuple):
    """All up to the end of this line, which is at this byte, has been dealt with."""

    line: int
    offset: int


START = Cursor(0, 0)


class Segment(NamedTuple):
    """Results that are stored, to be appended to a file (which may be new)."""

    file: str
    file_name: str
    key: str
    size_bytes: int


NO_SEGMENT = Segment("", "", "", 0)


class NoLongerHeld(Exception):
    """Another runner has the batch, or it has gone on to a status that this was not meant for."""


class Page(NamedTuple):
    """Some of an owner's batches, newest first, and whether there are more."""

    batches: list[Batch]
    more: bool


class Batches:
    """`record_s`: how long records, and results, outlive their batches' ends. `durable`: where what is accepted is
    written before anybody is told."""

    def __init__(self, redis: Redis, scripts: Scripts, *, record_s: int, durable: Scripts | None = None) -> None:
        self._redis, self._scripts, self._durable, self._record_s = redis, scripts, durable or scripts, record_s

    async def create(self, batch: Batch, within_s: int, idempotency: Idempotency | None = None) -> tuple[Batch, bool]:
        """Accept a batch, to be done within that time; or find the one that the same request brought (then True).

        Raises NotFound (the input file), KeyReused, Gone, RedisUnavailable, NotDurable.
        """
        digest, fingerprint = idempotency or ("", "")
        plain = {"endpoint", "form", "window", "keep_s", "metadata", "base_url", "webhook"}
        fields = {name: value for name in plain if (value := getattr(batch, name))}
        head = (batch.id, bare(batch.id), batch.owner, batch.input_file, digest, fingerprint)
        answer = await self._durable.call("batch_create", *head, IDEMPOTENCY_WINDOW_S, within_s * 1000, *pairs(fields))
        match answer:
            case [b"accepted"]:
                return await self.get(batch.owner, batch.id), False
            case [b"replayed", bytes(first)]:
                return await self.get(batch.owner, first.decode()), True
            case [b"no file"]:
                raise NotFound(f"there is no file with the id {batch.input_file[:64]!r}", field="input_file_id")
            case [b"reused"]:
                raise KeyReused("this Idempotency-Key was used before with another request", field="Idempotency-Key")
            case _:
                raise Gone("the batch of this Idempotency-Key is kept no longer", field="Idempotency-Key")

    async def get(self, owner: str, id: str) -> Batch:
        """One of the owner's batches. Raises NotFound, for anyone else's too."""
        (row,) = await read_hashes(self._redis, [keys.batch(id)]) if is_batch_id(id) else [{}]
        batch = record(Batch, id, row)
        if batch is None or batch.owner != owner:
            raise NotFound(f"there is no batch with the id {id[:64]!r}")
        return batch

    async def page(self, owner: str, *, after: str | None, limit: int) -> Page:
        """Some of an owner's batches. Raises InvalidRequest if `after` is no batch's id."""
        if after is not None and not is_batch_id(after):
            raise InvalidRequest("this is not the id of a batch", field="after")
        found: list[Batch] = []
        while len(found) <= limit:
            ids = await page_of_ids(self._redis, keys.batches(owner), after, limit + 1)
            rows = await read_hashes(self._redis, [keys.batch(id) for id in ids])
            expired = [id for id, row in zip(ids, rows, strict=True) if not row]
            await drop_ids(self._redis, keys.batches(owner), expired)
            found += [batch for id, row in zip(ids, rows, strict=True) if (batch := record(Batch, id, row))]
            if len(ids) <= limit:
                break
            after = ids[-1]
        return Page(found[:limit], len(found) > limit)

    async def cancel(self, batch: Batch) -> bool:
        """Ask for a batch's end: nothing more of it is submitted. False if it has ended."""
        done, status = await self._move(batch.id, "", BatchStatus.CANCELLING)
        return done or status == BatchStatus.CANCELLING

    async def claim(self, most: int, *, lease_s: float) -> list[Batch]:
        """Up to `most` batches that nobody holds, now held."""
        rows = await self._scripts.call("batch_claim", int(lease_s * 1000), most, PER_OWNER)
        claimed = [record(Batch, id.decode(), flat(row)) for id, row in rows]
        return [batch for batch in claimed if batch is not None]

    async def renew(self, held: Sequence[Batch], *, lease_s: float) -> dict[str, BatchStatus]:
        """Renew the leases of held batches; 0 lets go of them. Returns the statuses of those that are still held."""
        words = [part for batch in held for part in (batch.id, batch.token)]
        found = await self._scripts.call("batch_renew", int(lease_s * 1000), *words)
        return {batch.id: BatchStatus(status.decode()) for batch, status in zip(held, found, strict=True) if status}

    async def move(self, batch: Batch, to: BatchStatus, **fields: Any) -> BatchStatus:
        """Move a held batch on. Returns its status, which is another if somebody asked for its end meanwhile.

        Raises NoLongerHeld.
        """
        done, status = await self._move(batch.id, batch.token, to, **fields)
        if not done and status != BatchStatus.CANCELLING:
            raise NoLongerHeld(batch.id)
        return BatchStatus(status)

    async def open_lines(self, batch: Batch) -> dict[int, Open]:
        """The open lines of a batch, by their numbers."""
        with redis_errors():
            row = await command(self._redis, "HGETALL", keys.open_lines(batch.id))
        return {int(line): msgspec.json.decode(kept, type=Open) for line, kept in row.items()}

    async def feed(self, batch: Batch, at: Cursor, to: Cursor, lines: Sequence[Fed]) -> BatchStatus:
        """Submit the lines between two places. Returns the batch's status: unless it is `in_progress`, none was.

        Raises NoLongerHeld, RedisUnavailable, NotDurable (then they may have been).
        """
        words: list[Arg] = [batch.id, batch.token, at.line, *to]
        for line in lines:
            words += (line.number, msgspec.json.encode(line.open), line.job.id if line.job else "")
            if line.job:
                fields = list(pairs(line.job.fields()))
                words += (line.job.lane, line.job.priority, int(line.start_within_s * 1000), len(fields), *fields)
        return self._status(batch, await self._durable.call("batch_feed", *words), {BatchStatus.CANCELLING})

    async def commit(
        self,
        batch: Batch,
        *,
        lines: Sequence[int] = (),
        moves: tuple[Cursor, Cursor] | None = None,
        counts: tuple[int, int],
        output: Segment = NO_SEGMENT,
        error: Segment = NO_SEGMENT,
    ) -> BatchStatus:
        """Results are stored: of open lines, or of those between two places, which were never submitted.

        `counts`: completed and failed. Returns the batch's status. Raises NoLongerHeld.
        """
        at, to = moves or (None, None)
        where: list[Arg] = [at.line, *to] if at and to else ["", "", ""]
        answer = await self._scripts.call(
            "batch_commit", batch.id, batch.token, *where, *counts, *output, *error, *lines
        )
        return self._status(batch, answer, set())

    def _status(self, batch: Batch, answer: tuple[int, bytes | None], others: set[BatchStatus]) -> BatchStatus:
        done, said = answer
        status = BatchStatus(said.decode()) if said else None
        if status is None or not (done or status in others):
            raise NoLongerHeld(batch.id)
        return status

    async def _move(self, id: str, token: int | str, to: BatchStatus, **fields: Any) -> tuple[bool, str]:
        sources = " ".join(status for status, after in NEXT.items() if to in after)
        done, status = await self._scripts.call(
            "batch_move", id, token, sources, to.value, int(to in ENDED), self._record_s, *pairs(fields)
        )
        return bool(done), status.decode()
