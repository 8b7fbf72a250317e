"""Event streams: 5 000 open in one API process, half of them of one key and the rest with a key each.

What one costs in memory, and how long it takes from before a job is admitted until its first event has come whole to
all who listen: to the one, to the many, and to all of the ones at once. The clients are a process of their own.
"""

import asyncio
import resource
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
from pydantic import SecretStr

from bench.audience import HEARD
from bench.duel import SECRET, our_api
from bench.peers.base import URL
from bench.peers.lane import Ours, job
from bench.program import Program
from bench.report import Row, middle, number, percentile
from cli.embedded import Redis
from cli.embedded.ports import free_ports
from storage.apikeys import ApiKeys
from storage.connect import command

SHARED, SINGLE = 2500, 2500
ROUNDS, SAMPLES, WAVES = 20, 200, 5
LIMIT_S = 60.0


def run(folder: Path) -> list[Row]:
    allow_files(2 * (SHARED + SINGLE))
    (port,) = free_ports(1)
    with Redis(folder / "redis") as server, our_api(folder / "api", port, server.url) as api:
        return asyncio.run(measured(server.url, folder, port, api))


def allow_files(count: int) -> None:
    """Server and clients have one for each stream; both inherit our limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (count if hard == resource.RLIM_INFINITY else min(count, hard), hard)
        )


async def measured(url: str, folder: Path, port: int, api: Program) -> list[Row]:
    ours = await Ours.open(url)
    try:
        owners, streams = await callers(ours)
        listed = folder / "streams"
        listed.write_text("\n".join(streams))
        before, began = rss_bytes(api), time.monotonic()
        words = (str(port), str(listed))
        with Program(folder / "audience", "bench.audience", *words, environment={URL: url}):
            opened_s = time.monotonic() - began
            await asyncio.sleep(1)
            each = (rss_bytes(api) - before) / len(streams)
            many = [await told(ours, owners[:1]) for _ in range(ROUNDS)]
            one = [await told(ours, owners[n : n + 1]) for n in range(1, SAMPLES + 1)]
            ones = [await told(ours, owners[1:]) for _ in range(WAVES)]
            after = rss_bytes(api)
    finally:
        await ours.close()
    return rows(len(streams), opened_s, each, after, many, one, ones)


def rows(
    count: int, opened_s: float, each: float, after: int, many: list[float], one: list[float], ones: list[float]
) -> list[Row]:
    spread = f"{number(statistics.median(one))} / {number(percentile(one, 0.99))} ms (n {len(one)})"
    figure = f"{number(count)} open after {opened_s:.1f} s, {number(each / 1000)} kB each; RSS {number(after / 1e6)} MB"
    return [
        Row(
            f"event streams, one API process, {number(SHARED)} of one key",
            figure,
            "–",
            "–",
            "5 000 open",
            count >= 5000,
        ),
        Row("an event, to the one stream of its key, p50 / p99", spread, "–", "–", "–", None),
        Row(f"an event, to the last of {number(SHARED)} streams", middle(many, " ms"), "–", "–", "–", None),
        Row(f"{number(SINGLE)} events of {number(SINGLE)} keys, to the last", middle(ones, " ms"), "–", "–", "–", None),
    ]


async def callers(ours: Ours) -> tuple[list[str], list[str]]:
    """Who owns the jobs: first the one with many streams; and the key of each stream."""
    keys = ApiKeys(ours.redis, SecretStr(SECRET))
    made = []
    for _ in range((SINGLE + 1 + 99) // 100):
        made += await asyncio.gather(*(keys.create("bench") for _ in range(100)))
    made = made[: SINGLE + 1]
    secrets = [secret.get_secret_value() for _, secret in made]
    return [key.id for key, _ in made], [secrets[0]] * SHARED + secrets[1:]


async def told(ours: Ours, owners: Sequence[str]) -> float:
    """Milliseconds from before a job of each of these is admitted until all who listen have its first event."""
    began, last = time.monotonic(), 0.0
    await ours.admit(*map(job, owners))
    async with asyncio.timeout(LIMIT_S):
        for _ in owners:
            while not (said := await command(ours.redis, "BLPOP", HEARD, 1)):
                pass
            last = max(last, float(said[1]))
    return 1000 * (last - began)


def rss_bytes(api: Program) -> int:
    """Of the process that serves; its parent only watches over it."""
    assert api.process
    return sum(each.memory_info().rss for each in psutil.Process(api.process.pid).children(recursive=True))
