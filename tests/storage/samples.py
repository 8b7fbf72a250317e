"""Jobs made up for the occasion, and looks at what Redis holds of them."""

import time
from collections.abc import Iterator
from typing import Any

from redis.asyncio import Redis

from storage.connect import command
from storage.ids import new_job_id
from storage.job import Job, Kind

LANE = "engines"
RECORD_S = 3600
LEASE_S = 30.0


def _later_ms() -> Iterator[int]:
    at = 0
    while True:
        at = max(at + 1, int(time.time() * 1000))
        yield at


LATER_MS = _later_ms()
"""The time, later at each look: ids of one millisecond are in no order."""


def sample(owner: str = "alice", **fields: Any) -> Job:
    """A job as a dialect would make it; `fields` differ from the usual ones."""
    usual: dict[str, Any] = {
        "id": new_job_id(),
        "kind": Kind.MUSIC_GENERATE,
        "owner": owner,
        "dialect": "suno",
        "model": "chirp-v3-0",
        "engine": "composer",
        "lane": LANE,
        "step": "render",
        "request": {"prompt": "a song of the sea"},
        "priority": 5,
        "items": 2,
    }
    return Job(**usual | fields)


async def feed(redis: Redis, owner: str = "alice") -> list[tuple[str, str]]:
    """What the owner was told, oldest first: (job id, word)."""
    rows = await redis.xrange(f"feed:{owner}")
    return [(fields[b"job"].decode(), fields[b"event"].decode()) for _, fields in rows]


async def server_ms(redis: Redis) -> int:
    """Unix milliseconds by the clock that decides."""
    seconds, micros = await command(redis, "TIME")
    return int(seconds) * 1000 + int(micros) // 1000


async def where(redis: Redis, id: str) -> set[str]:
    """Every key that mentions a job but its owner's feed: the record, lists, sets and idempotency keys."""
    found = set()
    async for key in redis.scan_iter(count=1000):
        name = key.decode()
        match await redis.type(key):
            case b"zset":
                mentions = await redis.zscore(key, id) is not None
            case b"string":
                mentions = id.encode() in (await redis.get(key) or b"")
            case _:
                mentions = name == f"job:{id}"
        if mentions:
            found.add(name)
    return found
