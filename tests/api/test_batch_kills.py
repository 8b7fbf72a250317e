"""The API is killed in the middle of a batch, again and again: every line is submitted once and answered once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from cli import embedded
from storage import keys
from storage.apikeys import ApiKeys
from storage.job import Job
from storage.objects import Objects
from storage.store import Store
from tests.api import batches
from tests.api.batches import FAIL, line, render
from tests.api.gateway import LANE, Caller, storage_settings
from tests.api.granian import Server, served
from tests.waiting import until
from workers.lanes import Lane

LINES = 400
TAKEOVER_LIMIT_S = 15.0
"""From a kill, whatever it interrupts, to the next result."""


class Hand:
    """A lane that does as many jobs as it is allowed to."""

    def __init__(self) -> None:
        self._allowed = asyncio.Semaphore(0)

    def allow(self, count: int) -> None:
        for _ in range(count):
            self._allowed.release()

    @asynccontextmanager
    async def working(self, store: Store) -> AsyncIterator[None]:
        async def step(ctx: dict[str, Any], job: Job) -> dict[str, Any]:
            await self._allowed.acquire()
            return await render(ctx, job)

        step.__name__ = "render"
        lane = Lane(LANE, [step], worker="hand", slots=4, drain_s=1)
        await lane.start({"queue": store.queue, "signals": store.signals})
        try:
            yield
        finally:
            await lane.stop()


def kill(server: Server) -> None:
    """-9, the server and what it has started."""
    for process in [server.process, *server.process.children(recursive=True)]:
        process.send_signal(9)
        psutil.wait_procs([process], timeout=5)


@pytest.fixture
async def store(redis_url: str, s3: dict[str, Any]) -> AsyncIterator[Store]:
    opened = Store.open(storage_settings(redis_url, s3))
    await opened.start()
    yield opened
    await opened.close()


@asynccontextmanager
async def serving(store: Store, settings: Any, key: str) -> AsyncIterator[tuple[Server, Caller]]:
    """The API in a process of its own, and alice."""
    with served(settings, GATEWAY_BATCH_WINDOW="40") as server:
        headers = {"authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=server.url, headers=headers) as http:
            found = await ApiKeys(store.redis, settings.secret).find(key)
            assert found
            yield server, Caller(found, key, http)


async def test_a_killed_server_loses_no_line_and_submits_none_twice(
    store: Store, redis_url: str, s3: dict[str, Any]
) -> None:
    settings, hand = storage_settings(redis_url, s3), Hand()
    made, secret = await ApiKeys(store.redis, settings.secret).create("alice")
    key = secret.get_secret_value()
    lines = [line(f"c{n}", prompt=FAIL if n % 50 == 3 else "la") for n in range(LINES)]
    async with hand.working(store):
        async with serving(store, settings, key) as (server, alice):
            id = (await batches.create(alice, lines))["id"]
            kill(server)  # while the lines are being judged, or soon after

        seen = b""
        for allowed, enough in ((120, 60), (120, 170)):
            hand.allow(allowed)
            async with serving(store, settings, key) as (server, alice):
                batch = await batches.when(alice, id, "in_progress", limit_s=TAKEOVER_LIMIT_S, completed=enough)
                more = await batches.content(alice, batch["output_file_id"], len(seen))
                seen += more
                kill(server)

        hand.allow(LINES)
        async with serving(store, settings, key) as (_, alice):
            batch = await batches.when(alice, id, "completed", limit_s=60)
            good, bad = await batches.results(alice, batch)
            whole = await batches.content(alice, batch["output_file_id"])

    assert batch["request_counts"] == {"total": LINES, "completed": LINES - 8, "failed": 8}
    assert good.keys() | bad.keys() == {f"c{n}" for n in range(LINES)}
    assert len(bad) == 8
    assert whole.startswith(seen), "what was read once is never rewritten"
    assert await batches.submitted(store, made.id) == LINES
    told = Counter((fields[b"job"], fields[b"event"]) for _, fields in await store.redis.xrange(keys.feed(made.id)))
    assert sum(count for (_, word), count in told.items() if word == b"queued") == LINES
    assert max(told.values()) == 1
    await assert_no_orphans(store, settings, made.id, batch)


async def assert_no_orphans(store: Store, settings: Any, owner: str, batch: dict[str, Any]) -> None:
    """No segment lies in the store that belongs to no file."""
    listed = {
        segment.key
        for name in ("output_file_id", "error_file_id")
        for segment in await store.files.segments(await store.files.get(owner, batch[name]))
    }
    objects = await asyncio.to_thread(Objects.open, settings)
    try:
        assert {key async for key in objects.list_keys(f"files/{owner}/{batch['id']}/")} == listed
    finally:
        await objects.close()


async def test_while_the_store_is_away_a_batch_waits_and_goes_on_after_it(
    store: Store, redis_url: str, tmp_path: Path
) -> None:
    """Its own store, which is killed while results are to be stored."""
    hand = Hand()
    with embedded.Objects(tmp_path) as s3:
        own = {
            "s3_endpoint": s3.endpoint,
            "s3_bucket": s3.bucket,
            "s3_region": s3.region,
            "s3_access_key": s3.access_key,
            "s3_secret_key": s3.secret_key,
        }
        settings = storage_settings(redis_url, own)
        made, secret = await ApiKeys(store.redis, settings.secret).create("alice")
        key = secret.get_secret_value()
        async with hand.working(store), serving(store, settings, key) as (_, alice):
            id = (await batches.create(alice, [line(f"c{n}") for n in range(100)]))["id"]
            hand.allow(30)
            await batches.when(alice, id, completed=10)
            await asyncio.to_thread(s3.kill)
            hand.allow(70)

            async def ended() -> bool:
                jobs = await store.jobs.page(made.id, limit=100)
                return sum(job.ended for job in jobs.jobs) >= 40

            await until(ended, "jobs go on without the store")
            assert (await batches.read(alice, id))["status"] == "in_progress"
            await asyncio.to_thread(s3.start)
            batch = await batches.when(alice, id, "completed", limit_s=60)
            good, bad = await batches.results(alice, batch)
    assert (good.keys(), bad) == ({f"c{n}" for n in range(100)}, {})
    assert await batches.submitted(store, made.id) == 100
