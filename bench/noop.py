"""Jobs that do nothing: how many a second one worker process claims, runs and says to be done, at 100 slots.

All are queued before the worker starts; counted from the first one's beginning to the last one's end. Each has a
request of 300 bytes and a JSON result; ours write two feed events as well. Beside it stock arq and SAQ.
"""

import asyncio
import statistics
from pathlib import Path

import redis

from bench.peers.base import URL, Peer
from bench.peers.lane import Ours
from bench.peers.stock_arq import Arq
from bench.peers.stock_saq import Saq
from bench.program import Program
from bench.report import Row, middle
from cli.embedded import Redis

ROUNDS = 3
JOBS: dict[type[Peer], int] = {Ours: 12_000, Arq: 2000, Saq: 2000}  # one to four seconds each
ALL_BUT = {Ours: 1.0, Arq: 1.0, Saq: 0.99}
"""The share that must have run: SAQ's sweep now and then takes a job for stuck that has just begun, and ends it."""

LIMIT_S = 60.0
AT_LEAST, TIMES_ARQ, TIMES_SAQ = 3000, 8, 5


def run(folder: Path) -> list[Row]:
    rates: dict[str, list[float]] = {kind.name: [] for kind in JOBS}
    with Redis(folder / "redis") as server, redis.Redis.from_url(server.url) as client:
        for turn in range(ROUNDS):
            for kind in JOBS:
                client.flushall()
                rates[kind.name].append(asyncio.run(rate(kind, server.url, folder / f"{kind.name}-{turn}")))
    ours = statistics.median(rates["ours"])
    rows = [Row("no-op jobs/s", middle(rates["ours"]), "–", "–", f"≥ {AT_LEAST}/s", ours >= AT_LEAST)]
    for name, times in (("arq", TIMES_ARQ), ("SAQ", TIMES_SAQ)):
        ratio = ours / statistics.median(rates[name])
        baseline = f"{name}: {middle(rates[name])}"
        rows.append(
            Row(
                f"no-op jobs/s, beside {name}",
                middle(rates["ours"]),
                baseline,
                f"{ratio:.1f} ×",
                f"≥ {times} ×",
                ratio >= times,
            )
        )
    return rows


async def rate(kind: type[Peer], url: str, folder: Path) -> float:
    """Jobs a second."""
    peer = await kind.open(url)
    try:
        await peer.send(JOBS[kind])
        with Program(folder, kind.module, environment={URL: url}):
            await until_idle(peer)
        ran = await peer.ran()
    finally:
        await peer.close()
    assert len(ran) >= JOBS[kind] * ALL_BUT[kind], f"{kind.name} ran {len(ran)} of {JOBS[kind]}"
    return len(ran) / (max(one.ended for one in ran) - min(one.began for one in ran))


async def until_idle(peer: Peer) -> None:
    async with asyncio.timeout(LIMIT_S):
        while await peer.left():  # noqa: ASYNC110 - another process ends them
            await asyncio.sleep(0.02)
