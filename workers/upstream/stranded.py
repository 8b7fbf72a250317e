"""Jobs that wait at an account which has been taken out of the file: nobody can be asked after them.

They say so, go on when the account comes back, and end when they are too old. An operator may end them before.
"""

import asyncio
import time

import msgspec

from storage.errors import UpstreamTimedOut
from storage.job import Job, Upstream
from storage.store import Store
from workers.adapters.base import Failed, Pending
from workers.upstream.items import kept
from workers.upstream.progress import Limits, standing

AGAIN_S = 30.0

GONE = UpstreamTimedOut("the account that has it is there no more, and has not come back in time")


async def look_after(store: Store, asker: str, jobs: list[Job], limits: Limits) -> None:
    """`asker`: who holds the account's lease. What an item has become before, it stays: one clip of two is kept."""
    now_ms = int(time.time() * 1000)
    await asyncio.gather(*(_look(store, asker, job, limits, now_ms) for job in jobs))


async def _look(store: Store, asker: str, job: Job, limits: Limits, now_ms: int) -> None:
    way = job.upstream or Upstream()
    over = now_ms - way.sent > 1000 * (job.run_s or limits.longest_s)
    job.upstream = msgspec.structs.replace(way, progressed=now_ms)  # it does not stall: nobody looks
    if over:
        stands = [Failed(GONE) if isinstance(item, Pending) else item for item in standing(job)]
        job.upstream.items = kept(stands)
    waits_for = "" if over else f"account {job.account} is there no more"
    await store.upstreams.seen(job, asker, again_s=None if over else AGAIN_S, waits_for=waits_for)
