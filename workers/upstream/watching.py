"""How far a job is, while the call that has it made is still open: asked of upstreams that can be asked meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from storage.accounts import Account
from storage.errors import RedisUnavailable, UpstreamError
from storage.events import progress_word
from storage.job import Job
from storage.queue import Queue
from storage.tasks import end
from workers.adapters.base import Adapter, Watched
from workers.upstream.sending import Sending

EVERY_S = 2.0
_SHARE = 0.9  # of a job's progress: bringing it home is the rest


@asynccontextmanager
async def watching(job: Job, account: Account, adapter: Adapter, sending: Sending, queue: Queue) -> AsyncIterator[None]:
    """Meanwhile a held job's progress is told. What goes wrong with that is of no account."""
    if not isinstance(adapter, Watched):
        yield
        return

    async def look() -> float:
        return adapter.watched(await sending.call(account, adapter, adapter.watch())).progress or 0.0

    watch = asyncio.create_task(_watch(job, look, queue))
    try:
        yield
    finally:
        await end(watch)


async def _watch(job: Job, look: Callable[[], Awaitable[float]], queue: Queue) -> None:
    while True:
        await asyncio.sleep(EVERY_S)
        with suppress(UpstreamError, RedisUnavailable):
            progress = round(_SHARE * await look(), 3)
            if progress > job.progress:
                word = progress_word(job.progress, progress)
                job.progress = progress
                await queue.report(job, tell=word, progress=progress)
