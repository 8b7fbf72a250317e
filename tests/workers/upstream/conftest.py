import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cli.embedded import Objects as ObjectServer
from storage.objects import Objects
from tests.workers.jobs import stored_settings
from tests.workers.upstream.bench import Bench
from tests.workers.upstream.patience import HURRIED

pytest.register_assert_rewrite("tests.workers.upstream.ends")  # so that what is wrong there is told


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
    for name, seconds in HURRIED.items():
        monkeypatch.setattr(name, seconds)
