"""arq as it comes, with JSON in place of pickle and as many jobs at once as we run."""

import asyncio
import os
from typing import Any, Self, cast

import msgspec
from arq.connections import ArqRedis, RedisSettings, create_pool
from arq.typing import WorkerSettingsBase
from arq.worker import run_worker

from bench.peers.base import SLOTS, URL, Ran, done, groups, request
from bench.program import say_ready

QUEUE = "arq:queue"


class Arq:
    name, module = "arq", "bench.peers.stock_arq"

    def __init__(self, pool: ArqRedis) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, url: str) -> Self:
        pool = await create_pool(
            RedisSettings.from_dsn(url), job_serializer=msgspec.json.encode, job_deserializer=msgspec.json.decode
        )
        return cls(pool)

    async def send(self, count: int) -> None:
        for size in groups(count):
            await asyncio.gather(*(self._pool.enqueue_job("noop", request()) for _ in range(size)))

    async def left(self) -> int:
        return int(await self._pool.zcard(QUEUE))

    async def ran(self) -> list[Ran]:
        return [
            Ran(result.args[0]["sent"], result.result["began"], result.finish_time.timestamp())
            for result in await self._pool.all_job_results()
        ]

    async def close(self) -> None:
        await self._pool.aclose()


async def noop(_ctx: dict[Any, Any], _request: dict[str, Any]) -> dict[str, Any]:
    return done()


async def ready(_ctx: dict[Any, Any]) -> None:
    say_ready()


class WorkerSettings:
    functions = (noop,)
    on_startup = ready
    max_jobs = SLOTS
    job_serializer = msgspec.json.encode
    job_deserializer = msgspec.json.decode


if __name__ == "__main__":
    run_worker(cast("type[WorkerSettingsBase]", WorkerSettings), redis_settings=RedisSettings.from_dsn(os.environ[URL]))
