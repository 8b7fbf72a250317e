"""A worker is killed with -9 while it runs jobs that may take an hour: how long until another runs them.

Leases are as they come (10 s). Each round kills the worker that holds the jobs, at a random moment of its lease.
"""

import asyncio
import random
from pathlib import Path

from bench.peers.base import URL
from bench.peers.lane import OWNER, Ours, job
from bench.program import Program
from bench.report import Row, middle
from cli.embedded import Redis

JOBS, ROUNDS, RUN_S = 4, 3, 3600
AT_MOST_S = 15
LIMIT_S = 60.0


def run(folder: Path) -> list[Row]:
    with Redis(folder / "redis") as server:
        waits = asyncio.run(rounds(server.url, folder))
    return [
        Row(
            f"kill -9 of a worker to its jobs running again ({RUN_S} s allowed to each)",
            f"{middle(waits)} s (n {len(waits)})",
            "arq: the longest timeout + 10 s, by its source",
            "–",
            f"max ≤ {AT_MOST_S} s",
            max(waits) <= AT_MOST_S,
        )
    ]


async def rounds(url: str, folder: Path) -> list[float]:
    """Seconds, of each job in each round."""
    rng, waits = random.Random(5), list[float]()
    ours = await Ours.open(url)
    holder = Program(folder / "0", Ours.module, environment={URL: url})
    heir = holder
    try:
        holder.start()
        await ours.admit(*(job(step="hold", run_s=RUN_S) for _ in range(JOBS)))
        await starts(ours, JOBS)
        for turn in range(1, ROUNDS + 1):
            heir = Program(folder / str(turn), Ours.module, environment={URL: url})
            heir.start()
            await asyncio.sleep(rng.uniform(0, 4))
            killed_s = (await ours.redis.time())[0] + (await ours.redis.time())[1] / 1e6
            holder.kill()
            seen = await starts(ours, (turn + 1) * JOBS)
            waits += [start_s - killed_s for start_s in seen[-JOBS:]]
            holder.stop()
            holder = heir
    finally:
        heir.stop()
        holder.stop()
        await ours.close()
    return waits


STARTS = (b"started", b"running again")


async def starts(ours: Ours, count: int) -> list[float]:
    """When jobs began to run, by the server's clock, once that has happened `count` times."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            told = await ours.redis.xrange(f"feed:{OWNER}")
            began = [int(id.partition(b"-")[0]) / 1000 for id, fields in told if fields[b"event"] in STARTS]
            if len(began) >= count:
                return began
            await asyncio.sleep(0.1)
