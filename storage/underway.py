"""Which of an owner's jobs somebody is looking after by "what runs now": clients that know no job ids.

An index beside the jobs' records, and never the truth about them: what it names may have ended, or be gone, and is then
dropped by whoever reads it. The oldest come first, since they are served first. Names that callers give to their jobs
lead to the job itself.
"""

import time
from collections.abc import AsyncIterator
from hashlib import sha256

from redis.asyncio import Redis

from storage import keys
from storage.connect import command, redis_errors
from storage.job import Job
from storage.jobs import Jobs

MOST = 10_000
"""So many are kept of one owner, the newest."""
KEPT_S = 7 * 86_400
TASK_S = 86_400
_READ = 50


class Underway:
    """The jobs under way of all owners."""

    def __init__(self, redis: Redis, jobs: Jobs) -> None:
        self._redis, self._jobs = redis, jobs

    async def add(self, job: Job, task: str = "") -> None:
        """From now on this job is found; by its owner's own name for it too, for a day."""
        key = keys.underway(job.owner)
        with redis_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.zadd(key, {job.id: job.created or time.time() * 1000})
                pipe.zremrangebyrank(key, 0, -MOST - 1)
                pipe.expire(key, KEPT_S)
                if task:
                    pipe.set(keys.task(job.owner, _digest(task)), job.id, ex=TASK_S)
                await pipe.execute()

    async def remove(self, job: Job) -> None:
        with redis_errors():
            await command(self._redis, "ZREM", keys.underway(job.owner), job.id)

    async def each(self, owner: str, most: int = MOST) -> AsyncIterator[Job]:
        """The owner's jobs under way, oldest first, among the first `most`."""
        with redis_errors():
            ids = [id.decode() for id in await command(self._redis, "ZRANGE", keys.underway(owner), 0, most - 1)]
        for start in range(0, len(ids), _READ):
            some = ids[start : start + _READ]
            live = [job for job in await self._jobs.get(*some) if job is not None and not job.ended]
            if over := set(some) - {job.id for job in live}:
                with redis_errors():
                    await command(self._redis, "ZREM", keys.underway(owner), *over)
            for job in live:
                yield job

    async def now(self, owner: str) -> Job | None:
        """The one that runs, else the next; None if there is none. Those served first are not far from the oldest."""
        while True:
            found = [job async for job in self.each(owner, _READ)]
            if found:
                return next((job for job in found if job.started), found[0])
            with redis_errors():
                if not await command(self._redis, "EXISTS", keys.underway(owner)):
                    return None

    async def named(self, owner: str, task: str) -> Job | None:
        """The job that its owner calls this, in whatever state."""
        with redis_errors():
            id = await command(self._redis, "GET", keys.task(owner, _digest(task)))
        if id is None:
            return None
        (job,) = await self._jobs.get(id.decode())
        return job


def _digest(task: str) -> str:
    return sha256(task.encode(errors="replace")).hexdigest()[:32]
