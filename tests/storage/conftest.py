"""Each test gets an empty real Redis and the parts of `storage/` put together on it."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from storage.connect import connect
from storage.jobs import Jobs
from storage.outbound import Outbound
from storage.outbox import Outbox
from storage.queue import Queue
from storage.scripts import Scripts
from storage.webhooks import Webhooks
from tests.storage.calling import client
from tests.storage.samples import RECORD_S


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(SecretStr(redis_url))
    yield client
    await client.aclose()


@pytest.fixture
def scripts(redis: Redis) -> Scripts:
    return Scripts(redis)


@pytest.fixture
def queue(redis: Redis, scripts: Scripts) -> Queue:
    return Queue(redis, scripts, record_s=RECORD_S)


@pytest.fixture
def jobs(redis: Redis, scripts: Scripts, queue: Queue) -> Jobs:
    return Jobs(redis, scripts, queue)


@pytest.fixture
def webhooks(redis: Redis, scripts: Scripts) -> Webhooks:
    return Webhooks(redis, scripts)


@pytest.fixture
def outbox(redis: Redis, scripts: Scripts, queue: Queue, jobs: Jobs) -> Outbox:
    return Outbox(redis, scripts, queue, jobs)


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    async with client() as opened:
        yield opened
