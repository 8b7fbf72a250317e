from collections.abc import AsyncIterator

import pytest

from storage.store import Store
from tests.workers.jobs import settings


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Store]:
    """An empty Redis as a worker has it; the object store is away."""
    store = Store.open(settings(redis_url))
    await store.start()
    yield store
    await store.close()
