"""An idle worker is sent one job: the time from before it is sent to the moment it begins.

Jobs come at random moments, seeded, never two at once. Beside it stock arq and SAQ, in turns.
"""

import asyncio
import random
from pathlib import Path
from typing import NamedTuple

import redis

from bench.noop import until_idle
from bench.peers.base import URL, Peer
from bench.peers.lane import Ours
from bench.peers.stock_arq import Arq
from bench.peers.stock_saq import Saq
from bench.program import Program
from bench.report import Row, number, percentile
from cli.embedded import Redis


class Plan(NamedTuple):
    """How many jobs a round, and how far apart they are at the least and at the most."""

    jobs: int
    gap_s: tuple[float, float]


ROUNDS = 2
PLANS: dict[type[Peer], Plan] = {Ours: Plan(100, (0.02, 0.1)), Saq: Plan(50, (0.02, 0.1)), Arq: Plan(10, (0.4, 0.9))}
AT_MOST_MS = 20


def run(folder: Path) -> list[Row]:
    waits: dict[str, list[float]] = {kind.name: [] for kind in PLANS}
    rng = random.Random(9)
    with Redis(folder / "redis") as server, redis.Redis.from_url(server.url) as client:
        for turn in range(ROUNDS):
            for kind, plan in PLANS.items():
                client.flushall()
                waits[kind.name] += asyncio.run(sample(kind, plan, server.url, folder / f"{kind.name}-{turn}", rng))
    baseline = "; ".join(f"{name} {spread(waits[name])}" for name in ("arq", "SAQ"))
    p99 = percentile(waits["ours"], 0.99)
    ratio = f"{percentile(waits['SAQ'], 0.5) / percentile(waits['ours'], 0.5):.1f} × sooner than SAQ (p50)"
    return [
        Row(
            "idle pick-up, p50 / p99 / max",
            spread(waits["ours"]),
            baseline,
            ratio,
            f"p99 ≤ {AT_MOST_MS} ms",
            p99 <= AT_MOST_MS,
        )
    ]


def spread(waits_ms: list[float]) -> str:
    parts = (percentile(waits_ms, 0.5), percentile(waits_ms, 0.99), max(waits_ms))
    return f"{' / '.join(map(number, parts))} ms (n {len(waits_ms)})"


async def sample(kind: type[Peer], plan: Plan, url: str, folder: Path, rng: random.Random) -> list[float]:
    """Waits in ms."""
    peer = await kind.open(url)
    try:
        with Program(folder, kind.module, environment={URL: url}):
            await peer.send(1)
            await until_idle(peer)
            for _ in range(plan.jobs):
                await asyncio.sleep(rng.uniform(*plan.gap_s))
                await peer.send(1)
                await until_idle(peer)
        ran = sorted(await peer.ran())[1:]
    finally:
        await peer.close()
    return [1000 * (one.began - one.sent) for one in ran]
