"""What has to be done now and then, by whichever worker comes first: arq's cron runs these, on arq's own queue.

Each may run twice, late or not at all without harm: jobs do not wait for it, except those that nobody else looks after.
"""

import logging
from typing import Any

from redis.asyncio import Redis

from storage import keys
from storage.connect import command, redis_errors
from storage.errors import ObjectsUnavailable
from storage.jobs import Jobs
from storage.library import retire as retire_libraries
from storage.media import job_of_inputs, job_prefix
from storage.objects import Objects
from storage.queue import Queue
from storage.records import prune_ids
from storage.rules import DETACHED

log = logging.getLogger(__name__)

_MOST = 500


async def rescue(ctx: dict[str, Any]) -> int:
    """End what did not start in time, wake what no worker has a free slot to wake. Returns how many it ended."""
    queue: Queue = ctx["queue"]
    return sum([await queue.sweep(lane) for lane in (*ctx["lanes"], DETACHED)])


async def erase(ctx: dict[str, Any]) -> int:
    """Erase what belongs to jobs and files that are deleted, or kept no longer. Returns how many these were."""
    redis: Redis = ctx["store"].redis
    objects: Objects = ctx["objects"]
    with redis_errors():
        seconds, _ = await command(redis, "TIME")
        due = await command(redis, "ZRANGE", keys.ERASE, "-inf", int(seconds) * 1000, "BYSCORE", "LIMIT", 0, _MOST)
    for job in due:
        try:
            if not await _is_needed(ctx["store"].jobs, job.decode()):
                await objects.delete_prefix(_prefix(job.decode()))
        except ObjectsUnavailable as error:
            log.warning("erasing is put off: %s", error)
            return 0
        with redis_errors():
            await command(redis, "ZREM", keys.ERASE, job)
    return len(due)


async def _is_needed(jobs: Jobs, named: str) -> bool:
    """Whether this is what a job that lives was given: its end lists it once more."""
    id = job_of_inputs(named)
    (job,) = await jobs.get(id) if id else [None]
    return job is not None and not job.ended


def _prefix(named: str) -> str:
    """What the keys of the objects start with that go by this name: a job's id, or such a prefix itself."""
    return named if "/" in named else job_prefix(named)


async def prune(ctx: dict[str, Any]) -> int:
    """Drop expired records from their owners' lists. Returns how many it dropped."""
    redis: Redis = ctx["store"].redis
    jobs: Jobs = ctx["store"].jobs
    dropped = 0
    with redis_errors():
        async for key in redis.scan_iter(match=keys.jobs("*"), count=500):
            dropped += await jobs.prune(key.decode().removeprefix(keys.jobs("")))
        for listed, record in ((keys.files, keys.file), (keys.batches, keys.batch)):
            async for key in redis.scan_iter(match=listed("*"), count=500):
                dropped += await prune_ids(redis, key.decode(), record)
    return dropped


async def retire(ctx: dict[str, Any]) -> int:
    """Delete what earlier versions have left inside Redis. Returns how many libraries that were."""
    return await retire_libraries(ctx["store"].redis)
