"""10 000 songs at an upstream, asked after by one worker: when it notices that they have ended, and what asking costs.

The upstream is `ai-gateway fake-upstream`, a process of its own on the same cores, which takes as long for each song.
How long such songs take is known to the queue beforehand, as it is in a gateway that has run for a while. Nothing is
fetched: the songs end when the worker has their turn.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import ProxyHandler, build_opener

import psutil

from bench.asker import LOOKS
from bench.duel import answers
from bench.peers.base import URL
from bench.peers.lane import Ours
from bench.program import Program
from bench.report import Row, number, percentile
from cli.embedded import Redis
from cli.embedded.ports import free_ports
from storage import keys
from storage.connect import command
from storage.ids import new_job_id
from storage.job import Job, Kind
from storage.rules import UPSTREAM

TASKS = 10_000
TAKES_S = 150.0
PACE = 1.25  # of a fake's pace: its second clip
WITHIN_S, SHARE, MOST_BYTES = 5.0, 10, 400_000_000
LIMIT_S = 600.0


class Seen(NamedTuple):
    """`late_s`: from each song's end to its being noticed. `looks`, `calls`: jobs looked at, and calls for that."""

    opened_s: float
    late_s: list[float]
    looks: int
    calls: int
    rss_bytes: int
    duplicates: int


def run(folder: Path) -> list[Row]:
    (port,) = free_ports(1)
    words = ("fake-upstream", "--family", "suno", "--port", str(port), "--pace", str(TAKES_S / PACE))
    (folder / "worker").mkdir()
    (folder / "worker" / "gateway.toml").write_text(
        f'[accounts.studio]\nadapter = "suno"\nbase_url = "http://127.0.0.1:{port}"\n'
        'token_file = "token"\nmodels = { "chirp-v3-0" = "chirp-v3-0" }\n'
    )
    (folder / "worker" / "token").write_text("any")
    fake = Program(folder / "fake", "cli.main", *words, environment={}, answers=lambda: answers(port))
    with Redis(folder / "redis") as server, fake:
        asker = Program(folder / "asker", "bench.asker", str(folder / "worker"), environment={URL: server.url})
        with asker:
            seen = asyncio.run(measured(server.url, port, asker))
    return rows(seen)


def rows(seen: Seen) -> list[Row]:
    late = percentile(seen.late_s, 0.95)
    per_round = seen.looks / max(1, seen.calls)
    return [
        Row(
            f"{number(TASKS)} songs at an upstream, one worker: from their ends to being noticed, p50 / p95 / most",
            f"{number(percentile(seen.late_s, 0.5))} / {number(late)} / {number(max(seen.late_s))} s; "
            f"all submitted after {number(seen.opened_s)} s; {seen.duplicates} twice",
            "–",
            "–",
            f"p95 ≤ {WITHIN_S:g} s",
            late <= WITHIN_S and not seen.duplicates,
        ),
        Row(
            "songs that one call asks after",
            f"{number(per_round)}: {number(seen.calls)} calls",
            "–",
            "–",
            f"≥ {SHARE}",
            per_round >= SHARE,
        ),
        Row(
            "its memory",
            f"{number(seen.rss_bytes / 1e6)} MB",
            "–",
            "–",
            "≤ 400 MB",
            seen.rss_bytes <= MOST_BYTES,
        ),
    ]


async def measured(url: str, port: int, asker: Program) -> Seen:
    ours = await Ours.open(url)
    try:
        await command(ours.redis, "HSET", keys.mean(UPSTREAM), Kind.MUSIC_GENERATE, int(TAKES_S * 1000))
        began = time.monotonic()
        jobs = [song(number_) for number_ in range(TASKS)]
        for at in range(0, TASKS, 500):
            await asyncio.gather(*(ours.jobs.admit(job) for job in jobs[at : at + 500]))
        rss, opened_s = 0, 0.0
        async with asyncio.timeout(LIMIT_S):
            waiting = 0
            while not opened_s or waiting:
                rss = max(rss, _rss_bytes(asker))
                waiting = await command(ours.redis, "ZCARD", keys.polls("studio"))
                if not opened_s and waiting >= TASKS:
                    opened_s = time.monotonic() - began
                await asyncio.sleep(0.5)
            done = await _ended(ours, jobs)
        looks = int(await command(ours.redis, "GET", LOOKS))
        counts = _counts(port)
    finally:
        await ours.close()
    late = [(job.finished - job.upstream.sent) / 1000 - TAKES_S for job in done if job.upstream]
    return Seen(opened_s, late, looks, counts["asked"]["poll"], rss, counts["duplicates"])


def song(number_: int) -> Job:
    return Job(
        id=new_job_id(),
        kind=Kind.MUSIC_GENERATE,
        owner=f"owner-{number_ % 50}",
        dialect="suno",
        model="chirp-v3-0",
        engine="upstream",
        lane=UPSTREAM,
        step="submit",
        priority=5,
        items=2,
        request={"prompt": f"[Verse]\nThe sea is wide, the sea is old, {number_}", "tags": "calm folk", "title": "Sea"},
    )


def _rss_bytes(asker: Program) -> int:
    assert asker.process
    return int(psutil.Process(asker.process.pid).memory_info().rss)


async def _ended(ours: Ours, jobs: Sequence[Job]) -> list[Job]:
    """All of them, at their ends."""
    found: list[Job] = []
    for at in range(0, len(jobs), 500):
        ids = [job.id for job in jobs[at : at + 500]]
        while len(some := [job for job in await ours.jobs.get(*ids) if job and job.ended]) < len(ids):  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.5)
        found += some
    return found


def _counts(port: int) -> Any:
    """What the fake says of itself."""
    with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/_fake", timeout=30) as answer:
        return json.load(answer)
