"""Ours: a lane inside a stock arq worker, as `workers/main.py` builds it, with steps for the benchmarks."""

import asyncio
import os
from typing import Any, Self, cast

from arq.connections import RedisSettings
from arq.typing import WorkerSettingsBase
from arq.worker import run_worker
from pydantic import SecretStr
from redis.asyncio import Redis

from bench.peers.base import SLOTS, URL, Ran, done, groups, request
from bench.program import say_ready
from storage import keys
from storage.connect import connect
from storage.garbage import collect_seldom
from storage.ids import new_job_id
from storage.job import Job, Kind
from storage.jobs import Jobs
from storage.queue import Queue
from storage.scripts import Scripts
from storage.signals import Signals
from workers.lanes import Lane

LANE, OWNER, RECORD_S = "bench", "bench", 3600
NAP_S = 0.05


def job(owner: str = OWNER, step: str = "noop", **fields: Any) -> Job:
    """A music job as the API admits it, but for its step."""
    return Job(
        id=new_job_id(),
        kind=Kind.MUSIC_GENERATE,
        owner=owner,
        dialect="suno",
        model="chirp-v3-0",
        engine="composer",
        lane=LANE,
        step=step,
        request=request(),
        priority=5,
        items=2,
        **fields,
    )


class Ours:
    name, module = "ours", "bench.peers.lane"

    def __init__(self, redis: Redis) -> None:
        scripts = Scripts(redis)
        self.redis = redis
        self.queue = Queue(redis, scripts, record_s=RECORD_S)
        self.jobs = Jobs(redis, scripts, self.queue)

    @classmethod
    async def open(cls, url: str) -> Self:
        return cls(connect(SecretStr(url)))

    async def send(self, count: int) -> None:
        for size in groups(count):
            await self.admit(*(job() for _ in range(size)))

    async def admit(self, *made: Job) -> None:
        await asyncio.gather(*(self.jobs.admit(one) for one in made))

    async def left(self) -> int:
        return int(await self.redis.zcard(f"wait:{LANE}:5:{OWNER}")) + int(await self.redis.zcard(f"asleep:{LANE}"))

    async def ran(self) -> list[Ran]:
        ids = [id.decode() for id in await self.redis.zrange(keys.jobs(OWNER), 0, -1)]
        found = [job for start in range(0, len(ids), 500) for job in await self.jobs.get(*ids[start : start + 500])]
        return [
            Ran(job.request["sent"], job.metadata["began"], job.finished / 1000)
            for job in found
            if job and job.metadata
        ]

    async def close(self) -> None:
        await self.redis.aclose()


async def noop(_ctx: dict[str, Any], _job: Job) -> dict[str, Any]:
    return {"metadata": done()}


async def nap(_ctx: dict[str, Any], _job: Job) -> dict[str, Any]:
    await asyncio.sleep(NAP_S)
    return {}


async def hold(_ctx: dict[str, Any], _job: Job) -> dict[str, Any]:
    await asyncio.sleep(3600)
    return {}


def main() -> None:
    url = SecretStr(os.environ[URL])
    redis = connect(url)
    signals = Signals(redis)
    lane = Lane(LANE, [noop, nap, hold], worker=f"w{os.getpid()}", slots=int(os.environ.get("BENCH_SLOTS", SLOTS)))

    async def start(ctx: dict[Any, Any]) -> None:
        await signals.start()
        await lane.start(ctx | {"queue": Queue(redis, Scripts(redis), record_s=RECORD_S), "signals": signals})
        collect_seldom()
        say_ready()

    async def stop(_ctx: dict[Any, Any]) -> None:
        await lane.stop()
        await signals.stop()
        await redis.aclose()

    async def upkeep(_ctx: dict[Any, Any]) -> None:
        """arq wants a function of its own."""

    class WorkerSettings:
        functions = (upkeep,)
        on_startup = start
        on_shutdown = stop
        redis_settings = RedisSettings.from_dsn(url.get_secret_value())
        queue_name = "arq:upkeep"

    run_worker(cast("type[WorkerSettingsBase]", WorkerSettings))


if __name__ == "__main__":
    main()
