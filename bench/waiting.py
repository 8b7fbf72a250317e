"""Requests that wait: 10 000 at once in one API process, each for a picture of its own.

What one costs in memory, and how long it takes from before its job is ended until its answer has come whole: for one
after the other while all the rest wait, and for all at once. No picture is drawn, and none fetched: the answers hold
links. The clients are a process of their own.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from bench.duel import new_key, our_api
from bench.patient import ANSWERED
from bench.peers.base import URL
from bench.peers.lane import Ours
from bench.program import Program
from bench.report import Row, number, percentile
from bench.streams import allow_files, rss_bytes
from cli.embedded import Redis
from cli.embedded.ports import free_ports
from storage import keys
from storage.connect import command
from storage.job import Job, OutputStatus, Status

COUNT, SAMPLES, WARM = 10_000, 200, 200
LANE = "engines"
LIMIT_S = 120.0


def run(folder: Path) -> list[Row]:
    allow_files(2 * COUNT)
    (port,) = free_ports(1)
    with Redis(folder / "redis") as server, our_api(folder / "api", port, server.url) as api:
        return asyncio.run(measured(server.url, folder, port, api))


async def measured(url: str, folder: Path, port: int, api: Program) -> list[Row]:
    ours = await Ours.open(url)
    key = await new_key(url)
    try:
        with Program(folder / "warm", "bench.patient", str(port), key, str(WARM), environment={URL: url}):
            await end(ours, await claimed(ours, WARM))
        before, began = rss_bytes(api), time.monotonic()
        with Program(folder / "clients", "bench.patient", str(port), key, str(COUNT), environment={URL: url}):
            jobs = await claimed(ours, COUNT)
            await all_watched(ours, jobs)
            opened_s = time.monotonic() - began
            each = (rss_bytes(api) - before) / COUNT
            one = [await end(ours, [job]) for job in jobs[:SAMPLES]]
            rest_s = await end(ours, jobs[SAMPLES:]) / 1000
            after = rss_bytes(api)
    finally:
        await ours.close()
    return rows(opened_s, each, after, one, rest_s)


def rows(opened_s: float, each: float, after: int, one: list[float], rest_s: float) -> list[Row]:
    waiting = f"{number(COUNT)} after {opened_s:.1f} s, {number(each / 1000)} kB each; RSS {number(after / 1e6)} MB"
    spread = f"{number(statistics.median(one))} / {number(percentile(one, 0.99))} ms (n {len(one)})"
    rate = f"{rest_s:.1f} s, {number((COUNT - SAMPLES) / rest_s)}/s"
    return [
        Row("requests that wait for their picture, one API process", waiting, "–", "–", "10 000", True),
        Row(f"from a job's end to its answer, {number(COUNT)} waiting, p50 / p99", spread, "–", "–", "–", None),
        Row(f"{number(COUNT - SAMPLES)} jobs ended and answered at once", rate, "–", "–", "–", None),
    ]


async def claimed(ours: Ours, count: int) -> list[Job]:
    """All the jobs that the requests have brought."""
    jobs: list[Job] = []
    async with asyncio.timeout(LIMIT_S):
        while len(jobs) < count:
            _, some = await ours.queue.claim(LANE, min(500, count - len(jobs)), lease_s=10 * LIMIT_S)
            jobs += some
            if not some:
                await asyncio.sleep(0.05)
    return jobs


async def all_watched(ours: Ours, jobs: Sequence[Job]) -> None:
    """Return once the API has asked to be told of each of these."""
    async with asyncio.timeout(LIMIT_S):
        while not await watched(ours, jobs[-1]) or not all([await watched(ours, job) for job in jobs]):  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.1)


async def watched(ours: Ours, job: Job) -> bool:
    ((_, count),) = await ours.redis.pubsub_numsub(keys.job_channel(job.id))
    return bool(count)


async def end(ours: Ours, jobs: Sequence[Job]) -> float:
    """Milliseconds from before these jobs are ended until the last of them is answered."""
    began, last = time.monotonic(), 0.0
    await asyncio.gather(*(finished(ours, job) for job in jobs))
    async with asyncio.timeout(LIMIT_S):
        for _ in jobs:
            while not (said := await command(ours.redis, "BLPOP", ANSWERED, 1)):
                pass
            last = max(last, float(said[1]))
    return 1000 * (last - began)


async def finished(ours: Ours, job: Job) -> None:
    """As a worker ends a job, but for the picture."""
    for output in job.outputs:
        output.status, output.content_type = OutputStatus.STORED, "image/png"
    await ours.queue.advance(job.id, Status.STORING, token=job.token)
    await ours.queue.advance(job.id, Status.SUCCEEDED, token=job.token, outputs=job.outputs)
