"""A canceled job is ended at its upstream as well, where the dialect can do that while the call for it is open.

Such a call ends what runs on a server, whosever it is: it is made only where the account has one job at a time, so
that it is ours, and only while the job still has the account's slot.
"""

import asyncio
from contextlib import suppress
from typing import Any

from storage.accounts import Account
from storage.errors import RedisUnavailable, UpstreamError
from storage.job import Job
from storage.jobs import Jobs
from workers.adapters.base import Adapter
from workers.upstream.sending import Sending

TIMES, EACH_S = 5, 2.0
"""How often an upstream is told, and how long its answer is waited for each time: what is told before the work has
begun is told to nobody."""


async def stop(
    job: Job, account: Account, adapter: Adapter, sending: Sending, jobs: Jobs, sent: asyncio.Future[Any]
) -> None:
    """Until the call that was `sent` is answered, with whatever there is by then; or we have tried for long enough.
    What goes wrong with that is of no account: the job ends here in any case."""
    call = adapter.cancel(())
    if call is None or account.concurrent != 1:
        return
    with suppress(UpstreamError, RedisUnavailable, TimeoutError):
        for _ in range(TIMES):
            if sent.done() or not await _is_called_off(job, jobs):
                return
            async with asyncio.timeout(EACH_S):
                await sending.call(account, adapter, call)
            await asyncio.wait([sent], timeout=EACH_S)


async def _is_called_off(job: Job, jobs: Jobs) -> bool:
    """A worker that drains, or has lost the job to another, stops nothing."""
    (now,) = await jobs.get(job.id)
    return now is not None and bool(now.canceling) and now.token == job.token
