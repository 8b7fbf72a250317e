"""Fixtures: a real Redis and a real S3 store, started once for the whole run and kept clean between tests."""

import fnmatch
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from cli.embedded import Objects, Redis
from storage import keys


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """A Redis for the run. Tests that kill or stop one start their own."""
    with tempfile.TemporaryDirectory() as folder, Redis(Path(folder)) as server:
        yield server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Objects]:
    """An S3 store for the run. Its bucket is shared: a test keeps to keys of its own."""
    with tempfile.TemporaryDirectory() as folder, Objects(Path(folder)) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: Redis) -> Iterator[str]:
    """An empty Redis, for one test, which fails if it leaves a key that nothing will ever remove."""
    with redis.Redis.from_url(redis_server.url, decode_responses=True) as client:
        client.flushall()
        yield redis_server.url
        leaked = leaks(client)
        client.flushall()
    assert not leaked, "keys without expiry that storage/keys.py does not list as permanent"


def leaks(client: redis.Redis) -> list[str]:
    """Keys without expiry, but for those that storage/keys.py lists as permanent."""
    found = list(client.scan_iter(count=1_000))
    lives_ms = client.pipeline(transaction=False)
    for key in found:
        lives_ms.pttl(key)
    eternal = (key for key, life_ms in zip(found, lives_ms.execute(), strict=True) if life_ms == -1)
    return [key for key in eternal if not any(fnmatch.fnmatchcase(key, known) for known in keys.PERMANENT)]
