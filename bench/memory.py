"""Redis memory per waiting job: a song of two clips with a request of 300 bytes, its feed event and its places in lists
included. Twenty thousand jobs of one owner, and of a thousand owners.
"""

import asyncio
from pathlib import Path

from bench.peers.lane import Ours, job
from bench.report import Row, number
from cli.embedded import Redis

JOBS = 20_000
AT_MOST_BYTES = 1500


def run(folder: Path) -> list[Row]:
    return [row(owners, folder / str(owners)) for owners in (1, 1000)]


def row(owners: int, folder: Path) -> Row:
    with Redis(folder) as server:
        size = asyncio.run(bytes_per_job(server.url, owners))
    what = f"Redis memory per waiting job: {number(JOBS)} jobs, {number(owners)} owner{'s' if owners > 1 else ''}"
    return Row(what, f"{number(size)} B", "–", "–", f"≤ {AT_MOST_BYTES} B", size <= AT_MOST_BYTES)


async def bytes_per_job(url: str, owners: int) -> float:
    ours = await Ours.open(url)
    try:
        await ours.admit(job())  # scripts are loaded, and lists begun
        before = await used(ours)
        for start in range(0, JOBS, 500):
            await ours.admit(*(job(f"key_{n % owners:016x}") for n in range(start, start + 500)))
        return (await used(ours) - before) / JOBS
    finally:
        await ours.close()


async def used(ours: Ours) -> int:
    """Bytes of data: without buffers of clients and of the append-only file."""
    stats = await ours.redis.memory_stats()
    return int(stats["dataset.bytes"]) + int(stats["overhead.total"]) - sum(int(stats[name]) for name in _BUFFERS)


_BUFFERS = ("clients.normal", "clients.slaves", "aof.buffer", "replication.backlog")
