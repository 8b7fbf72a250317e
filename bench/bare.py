"""What the API is measured against: a bare Litestar app, the same bodies, one EVALSHA a request, and nothing else.

Run as a program it serves itself on granian just as `ai-gateway api` is served.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
from granian import Granian
from granian.constants import Interfaces
from litestar import Litestar, Request, get, post
from litestar.datastructures import State
from redis.asyncio import Redis

from bench.peers.base import URL
from storage.ids import new_job_id

_SUBMIT = "redis.call('HSET', KEYS[1], 'request', ARGV[1]) return redis.call('ZADD', KEYS[2], ARGV[2], KEYS[1])"
_FEED = "local rows = {} for i, key in ipairs(KEYS) do rows[i] = redis.call('HGETALL', key) end return rows"


class Song(msgspec.Struct):
    """The body of a submission."""

    prompt: str | None = None
    tags: str | None = None
    negative_tags: str | None = None
    mv: str | None = None
    title: str | None = None
    continue_clip_id: str | None = None
    continue_at: float | None = None
    gpt_description_prompt: str | None = None
    make_instrumental: bool | None = None


@post("/submit")
async def submit(data: Song, state: State) -> dict[str, str]:
    id = new_job_id()
    await state["redis"].evalsha(state["submit"], 2, f"bare:{id}", "bare", msgspec.json.encode(data), 1)
    return {"id": id}


@get("/feed")
async def feed(request: Request[Any, Any, State], ids: str) -> list[dict[str, int]]:
    state = request.app.state
    keys = [f"job:{id[:-4]}0000" for id in ids.split(",")]
    rows = await state["redis"].evalsha(state["feed"], len(keys), *keys)
    return [{"fields": len(row) // 2} for row in rows]


@asynccontextmanager
async def connected(app: Litestar) -> AsyncIterator[None]:
    redis = cast(Redis, Redis.from_url(os.environ[URL]))
    app.state.update(redis=redis, submit=await redis.script_load(_SUBMIT), feed=await redis.script_load(_FEED))
    yield
    await redis.aclose()


def app() -> Litestar:
    return Litestar([submit, feed], lifespan=[connected], openapi_config=None, logging_config=None)


if __name__ == "__main__":
    Granian("bench.bare:app", port=int(sys.argv[1]), interface=Interfaces.ASGI, factory=True, log_access=False).serve()
