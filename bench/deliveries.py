"""Webhooks: how many a second one worker process delivers to a receiver on this machine, with all of them ready.

Eight endpoints, 64 deliveries under way. Counted from the first one's beginning to the last one's end. Beside it a bare
aiohttp loop that posts the same bodies, signed beforehand, over as many connections, and keeps no account of anything;
both in turns.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from pydantic import SecretStr

from bench.duel import SECRET, answers
from bench.program import Program
from bench.report import Row, middle
from cli.embedded import Redis
from cli.embedded.ports import free_ports
from storage.ids import new_job_id
from storage.job import Job, Kind, Status
from storage.links import Links
from storage.outbox import Posted
from storage.public import PublicJobs
from storage.settings import StorageSettings
from storage.signing import Signer
from storage.store import Store
from storage.webhooks import Endpoint

ENDPOINTS, EACH, ROUNDS = 8, 200, 7
SLOTS = 64
SHARE = 0.2
LIMIT_S = 120.0
HOST = "https://gateway.example"

Letter = tuple[str, dict[str, str], bytes]
"""URL, headers, body."""


def run(folder: Path) -> list[Row]:
    (port,) = free_ports(1)
    with (
        Redis(folder / "redis") as server,
        Program(folder / "receiver", "bench.receiver", str(port), environment={}, answers=lambda: answers(port)),
    ):
        ours, bare = asyncio.run(rounds(settings(server.url), f"http://127.0.0.1:{port}", folder))
    share = statistics.median(one / other for one, other in zip(ours, bare, strict=True))
    return [
        Row(
            f"webhooks delivered/s, one worker process, {SLOTS} at once",
            f"{middle(ours)}/s",
            f"bare aiohttp loop, signed beforehand: {middle(bare)}/s",
            f"{share:.0%}",
            f"≥ {SHARE:.0%}",
            share >= SHARE,
        )
    ]


def settings(redis_url: str) -> StorageSettings:
    nowhere: dict[str, Any] = {"s3_endpoint": "http://127.0.0.1:1", "s3_access_key": "none", "s3_secret_key": "none"}
    return StorageSettings(redis_url=SecretStr(redis_url), secret=SecretStr(SECRET), **nowhere)


async def rounds(storage: StorageSettings, url: str, folder: Path) -> tuple[list[float], list[float]]:
    """Deliveries a second, ours and the bare loop's, in turns."""
    ours, bare = list[float](), list[float]()
    store = Store.open(storage)
    try:
        for turn in range(ROUNDS):
            await store.redis.flushall()
            endpoints = [await fill(store, f"key_{number}", f"{url}/{number}") for number in range(ENDPOINTS)]
            letters = await signed(store, endpoints)
            ours.append(await delivered(store, endpoints, storage, folder / f"{turn}"))
            bare.append(await posted(letters))
    finally:
        await store.close()
    return ours, bare


async def fill(store: Store, owner: str, url: str) -> Endpoint:
    """An endpoint, and events for it in the outbox."""
    fields = {"url": url, "events": ["job.canceled"], "base_url": HOST}
    endpoint, _ = await store.webhooks.register(owner, fields)
    made = [song(owner) for _ in range(EACH)]
    await asyncio.gather(*(store.jobs.admit(job) for job in made))
    await asyncio.gather(*(store.jobs.cancel(job) for job in made))
    return endpoint


def song(owner: str) -> Job:
    return Job(
        id=new_job_id(),
        kind=Kind.MUSIC_GENERATE,
        owner=owner,
        dialect="suno",
        model="chirp-v3-0",
        engine="composer",
        lane="engines",
        step="render",
        request={"prompt": "a song about the sea " * 12},
        priority=5,
        items=2,
    )


async def signed(store: Store, endpoints: Sequence[Endpoint]) -> list[Letter]:
    """What the worker is going to send, made ready."""
    public, signer = PublicJobs(Links(SecretStr(SECRET)), record_s=3600), Signer(SecretStr(SECRET))
    letters = []
    for endpoint in endpoints:
        for delivery in (await store.jobs.page(endpoint.id, limit=EACH)).jobs:
            told = Posted.of(delivery)
            body = told.body(public, HOST)
            headers = signer.headers(endpoint.whose, endpoint.signing, told.told.id, body.decode(), datetime.now(UTC))
            letters.append((endpoint.url, headers | {"content-type": "application/json"}, body))
    assert len(letters) == ENDPOINTS * EACH
    return letters


async def delivered(store: Store, endpoints: Sequence[Endpoint], storage: StorageSettings, folder: Path) -> float:
    """By a worker, which is started for it."""
    environment = {
        "GATEWAY_REDIS_URL": storage.redis_url.get_secret_value(),
        "GATEWAY_SECRET": SECRET,
        "GATEWAY_S3_ENDPOINT": storage.s3_endpoint,
        "GATEWAY_S3_ACCESS_KEY": "none",
        "GATEWAY_S3_SECRET_KEY": "none",
        "GATEWAY_DATA": str(folder),
        "GATEWAY_DELIVERY_SLOTS": str(SLOTS),
        "GATEWAY_OUTBOUND_ALLOW": "127.0.0.1",
        "GATEWAY_LOG_LEVEL": "WARNING",
    }
    program = Program(
        folder, "cli.main", "worker", "--lanes", "delivery", environment=environment, answers=lambda: True
    )
    with program:
        async with asyncio.timeout(LIMIT_S):
            while await under_way(store, endpoints):  # noqa: ASYNC110 - another process ends them
                await asyncio.sleep(0.05)
    pages = [await store.jobs.page(endpoint.id, limit=EACH) for endpoint in endpoints]
    done = [job for page in pages for job in page.jobs if job.status == Status.SUCCEEDED]
    assert len(done) == ENDPOINTS * EACH, f"{len(done)} were delivered"
    return len(done) / (max(job.finished for job in done) - min(job.started for job in done)) * 1000


async def under_way(store: Store, endpoints: Sequence[Endpoint]) -> int:
    waiting = [await store.redis.zcard(f"wait:delivery:5:{endpoint.id}") for endpoint in endpoints]
    return int(sum(waiting)) + int(await store.redis.zcard("asleep:delivery"))


async def posted(letters: Sequence[Letter]) -> float:
    """By a loop that does nothing else."""
    queue = list(letters)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=SLOTS)) as session:

        async def post() -> None:
            while queue:
                url, headers, body = queue.pop()
                async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                    await answer.read()
                    assert answer.status == 204

        began = time.perf_counter()
        await asyncio.gather(*(post() for _ in range(SLOTS)))
        return len(letters) / (time.perf_counter() - began)
