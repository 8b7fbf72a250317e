"""Files that callers keep here, and those that batches write for them: a record in Redis, the bytes in the store.

A file that was uploaded is one object. What a batch writes grows by segments, each an object of its own, and is never
rewritten: whoever has read up to some byte goes on from there.
"""

import time
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from storage import keys
from storage.connect import command, redis_errors
from storage.errors import Gone, InUse, KeyReused, NotFound
from storage.ids import bare, is_file_id, minted_ms
from storage.jobs import IDEMPOTENCY_WINDOW_S, Idempotency
from storage.queue import pairs
from storage.records import drop_ids, page_of_ids, read_hashes, record
from storage.scripts import Scripts

BATCH, BATCH_OUTPUT = "batch", "batch_output"
"""The purposes that mean something to us; the others are kept for whoever reads them."""

_LONGEST_UPLOAD_S = 86_400
_ERASE_AGAIN_MS = 120_000
_MOST_SCANNED = 20_000
_PAGE = 500


class File(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Times in Unix ms, 0 for never. `where`: its object's key, or what the keys of its segments start with."""

    id: str
    owner: str = ""
    purpose: str
    filename: str
    type: str = "application/octet-stream"
    bytes: int = 0
    sha256: str = ""
    created: int = 0
    expires: int = 0
    where: str = ""
    growing: int = 0
    holds: int = 0


class Segment(NamedTuple):
    """A stretch of a file's bytes, and the object that holds them."""

    size_bytes: int
    key: str


class Page(NamedTuple):
    """Some of an owner's files, and whether there are more."""

    files: list[File]
    more: bool


class Files:
    """`record_s`: how long a batch's input is kept if nobody says. `durable`: where a file's record is written before
    anybody is told."""

    def __init__(self, redis: Redis, scripts: Scripts, *, record_s: int, durable: Scripts | None = None) -> None:
        self._redis, self._scripts, self._durable, self._record_s = redis, scripts, durable or scripts, record_s

    async def begin(self, owner: str, id: str) -> str:
        """Where a new file's bytes go. Upkeep erases them in a day, should `add` never come."""
        where = f"files/{owner}/{id}"
        with redis_errors():
            await command(self._redis, "ZADD", keys.ERASE, int((time.time() + _LONGEST_UPLOAD_S) * 1000), where)
        return where

    async def add(self, file: File, idempotency: Idempotency | None = None) -> tuple[File, bool]:
        """Make a stored file known; or find the one that the same request brought before (then True).

        Raises KeyReused, Gone, RedisUnavailable, NotDurable.
        """
        digest, fingerprint = idempotency or ("", "")
        file.created = minted_ms(file.id)
        if file.purpose == BATCH and not file.expires:
            file.expires = file.created + self._record_s * 1000
        fields = msgspec.structs.asdict(file)
        head = [str(fields.pop(name)) for name in ("id", "owner", "expires", "where")]
        id, owner, expires, where = head
        answer = await self._durable.call(
            "file_add",
            id,
            bare(id),
            owner,
            digest,
            fingerprint,
            IDEMPOTENCY_WINDOW_S,
            expires,
            where,
            *pairs(fields),
        )
        match answer:
            case [b"accepted"]:
                return file, False
            case [b"replayed", bytes(first)]:
                return await self.get(owner, first.decode()), True
            case [b"reused"]:
                raise KeyReused("this Idempotency-Key was used before with another request", field="Idempotency-Key")
            case _:
                raise Gone("the file of this Idempotency-Key has been deleted", field="Idempotency-Key")

    async def get(self, owner: str, id: str) -> File:
        """One of the owner's files. Raises NotFound, for anyone else's too."""
        (file,) = await self._read([id]) if is_file_id(id) else [None]
        if file is None or file.owner != owner:
            raise NotFound(f"there is no file with the id {id[:64]!r}")
        return file

    async def segments(self, file: File) -> list[Segment]:
        """What a file consists of, in order: at least as much as `file.bytes`."""
        if not file.growing:
            return [Segment(file.bytes, file.where)]
        with redis_errors():
            rows = await command(self._redis, "LRANGE", keys.segments(file.id), 0, -1)
        found = (row.decode().partition(" ") for row in rows)
        return [Segment(int(size), key) for size, _, key in found]

    async def page(
        self, owner: str, *, after: str | None, limit: int, newest_first: bool = True, purpose: str | None = None
    ) -> Page:
        """Some of an owner's files, by their ids and so by age; `after` may have been deleted since."""
        found: list[File] = []
        scanned, at = 0, after
        while scanned < _MOST_SCANNED:
            ids = await page_of_ids(self._redis, keys.files(owner), at, _PAGE, newest_first=newest_first)
            files = await self._read(ids)
            await drop_ids(
                self._redis, keys.files(owner), [id for id, file in zip(ids, files, strict=True) if not file]
            )
            for file in files:
                if file is not None and purpose in (None, file.purpose):
                    if len(found) == limit:
                        return Page(found, more=True)
                    found.append(file)
            if len(ids) < _PAGE:
                break
            scanned, at = scanned + len(ids), ids[-1]
        return Page(found, more=False)

    async def remove(self, owner: str, id: str) -> File:
        """Delete a file's record; its bytes are the caller's to erase, and upkeep does so once more.

        Raises NotFound, InUse.
        """
        file = await self.get(owner, id)
        match await self._scripts.call("file_remove", id, owner, _ERASE_AGAIN_MS):
            case 1:
                return file
            case -1:
                raise InUse("a batch that has not ended uses this file; cancel it, or wait for its end")
            case _:
                raise NotFound(f"there is no file with the id {id!r}")

    async def _read(self, ids: list[str]) -> list[File | None]:
        rows = await read_hashes(self._redis, [keys.file(id) for id in ids])
        return [record(File, id, row) for id, row in zip(ids, rows, strict=True)]
