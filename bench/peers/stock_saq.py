"""SAQ as it comes, with as many jobs at once as we run."""

import asyncio
import os
from typing import Any, Self

import saq
from saq.queue.redis import RedisQueue

from bench.peers.base import SLOTS, URL, Ran, done, groups
from bench.peers.base import request as made_request
from bench.program import say_ready


class Saq:
    name, module = "SAQ", "bench.peers.stock_saq"

    def __init__(self, queue: RedisQueue) -> None:
        self._queue, self._sent = queue, list[str]()

    @classmethod
    async def open(cls, url: str) -> Self:
        queue = RedisQueue.from_url(url)
        await queue.connect()
        return cls(queue)

    async def send(self, count: int) -> None:
        for size in groups(count):
            jobs = await asyncio.gather(*(self._queue.enqueue("noop", request=made_request()) for _ in range(size)))
            self._sent += [job.key for job in jobs if job]

    async def left(self) -> int:
        return await self._queue.count("incomplete")

    async def ran(self) -> list[Ran]:
        found = await self._queue.jobs(self._sent)
        return [
            Ran(job.kwargs["request"]["sent"], job.result["began"], job.completed / 1000)
            for job in found
            if job and job.kwargs and job.result
        ]

    async def close(self) -> None:
        await self._queue.disconnect()


async def noop(_ctx: Any, *, request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - by its name it is found
    return done()


async def ready(_ctx: Any) -> None:
    say_ready()


async def main() -> None:
    queue = RedisQueue.from_url(os.environ[URL])
    await queue.connect()
    await saq.Worker(queue, [noop], concurrency=SLOTS, startup=ready).start()


if __name__ == "__main__":
    asyncio.run(main())
