"""One key has ten thousand jobs waiting; another key sends one: how long until it starts, in durations of a job.

Ten slots, 50 ms a job. The other key's jobs come at random moments.
"""

import asyncio
import random
from pathlib import Path

from bench.peers.base import URL
from bench.peers.lane import NAP_S, Ours, job
from bench.program import Program
from bench.report import Row, middle, number
from cli.embedded import Redis

WAITING, SAMPLES, SLOTS = 10_000, 30, 10
AT_MOST = 2
LIMIT_S = 20.0


def run(folder: Path) -> list[Row]:
    with Redis(folder / "redis") as server:
        waits = asyncio.run(sample(server.url, folder / "worker"))
    return [
        Row(
            f"start of a job behind {number(WAITING)} of another key",
            f"{middle(waits)} durations (n {len(waits)})",
            f"{number(WAITING / SLOTS)} in order of arrival",
            "–",
            f"max ≤ {AT_MOST}",
            max(waits) <= AT_MOST,
        )
    ]


async def sample(url: str, folder: Path) -> list[float]:
    """Waits, in durations of a job."""
    rng, waits = random.Random(3), list[float]()
    ours = await Ours.open(url)
    try:
        for _ in range(0, WAITING, 500):
            await ours.admit(*(job("greedy", "nap") for _ in range(500)))
        with Program(folder, Ours.module, environment={URL: url, "BENCH_SLOTS": str(SLOTS)}):
            for _ in range(SAMPLES):
                await asyncio.sleep(rng.uniform(0, 3 * NAP_S))
                modest = job("modest", "nap")
                await ours.admit(modest)
                waits.append(await wait_ms(ours, modest.id) / 1000 / NAP_S)
            assert await ours.redis.zcard("wait:bench:5:greedy") > WAITING / 4
    finally:
        await ours.close()
    return waits


async def wait_ms(ours: Ours, id: str) -> int:
    async with asyncio.timeout(LIMIT_S):
        while True:
            [found] = await ours.jobs.get(id)
            if found and found.started:
                return found.started - found.created
            await asyncio.sleep(0.02)
