import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cli.embedded import Objects as ObjectServer
from storage.objects import Objects
from tests.workers.jobs import stored_settings
from tests.workers.upstream.bench import Bench


@pytest.fixture
async def bench(hurried: None, redis_url: str, s3_server: ObjectServer, tmp_path: Path) -> AsyncIterator[Bench]:
    configured = stored_settings(redis_url, s3_server)
    objects = await asyncio.to_thread(Objects.open, configured)
    bench = Bench(configured, objects, tmp_path)
    await bench.store.start()
    yield bench
    await bench.store.close()
    await objects.close()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fakes take a fraction of a second; so does our patience with them."""
    for name, seconds in {
        "spacing.EVERY_S": 0.05,
        "spacing.FIRST_S": 0.05,
        "submit.FIRST_S": 0.05,
        "submit.LOOK_FIRST_S": 0.05,
        "submit.LOOK_AGAIN_S": 0.05,
        "submit._AGAIN_S": 0.05,
        "stopping.EACH_S": 0.2,
        "credits.LOOK_S": 0.05,
        "collect._FIRST_S": 0.05,
        "watching.EVERY_S": 0.05,
        "poll._IDLE_S": 0.05,
        "poll._AT_LEAST_S": 0.02,
    }.items():
        monkeypatch.setattr(f"workers.upstream.{name}", seconds)
    for name in ("capacity.FIRST_REST_S", "verdict.BUSY_S", "verdict.RENEWED_S"):
        monkeypatch.setattr(f"storage.{name}", 0.2)
