"""Waiting for a job on behalf of a caller, as long as the caller is still there. Never by polling."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from litestar.types import Receive

from storage.job import Job
from storage.keys import job_channel
from storage.store import Store


@asynccontextmanager
async def while_connected(receive: Receive, timeout_s: float | None = None) -> AsyncIterator[None]:
    """Runs its body until that is done, `timeout_s` has passed or the client has left; then goes on after it.

    The request's own body must have been read, or be none.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s) as limit:
            watcher = asyncio.create_task(_end_when_left(receive, limit))
            try:
                yield
            finally:
                watcher.cancel()


async def _end_when_left(receive: Receive, limit: asyncio.Timeout) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    if not limit.expired():
        limit.reschedule(0)


async def job_when(
    enough: Callable[[Job], bool], id: str, store: Store, receive: Receive, timeout_s: float
) -> Job | None:
    """The job as soon as it is `enough`, or as it is when the time is up or the client gone; None if there is none."""
    (job,) = await store.jobs.get(id)
    if job is None or enough(job) or timeout_s <= 0:
        return job
    async with store.signals.watch(job_channel(id)) as changed, while_connected(receive, timeout_s):
        while True:
            (job,) = await store.jobs.get(id)
            if job is None or enough(job):
                break
            await changed.wait()
    return job
