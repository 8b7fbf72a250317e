"""A gateway for each test, on an empty real Redis; with `stocked`, on a real S3 store too."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import boto3
import pytest

from cli.embedded import Objects
from tests.api.gateway import Gateway, serving, storage_settings


@pytest.fixture(scope="session", autouse=True)
def _one_boto3_session() -> Iterator[None]:
    """Every gateway's S3 client comes of one session, which has read its descriptions already: 8 ms, not 150."""
    session = boto3.session.Session()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boto3.session, "Session", lambda: session)
        yield


@pytest.fixture
async def gateway(redis_url: str) -> AsyncIterator[Gateway]:
    """The object store is away: what these tests do must not need it."""
    async with serving(storage_settings(redis_url)) as running:
        yield running


@pytest.fixture(scope="session")
def s3(s3_server: Objects) -> dict[str, Any]:
    """The store's part of the settings."""
    return {
        "s3_endpoint": s3_server.endpoint,
        "s3_bucket": s3_server.bucket,
        "s3_region": s3_server.region,
        "s3_access_key": s3_server.access_key,
        "s3_secret_key": s3_server.secret_key,
    }


@pytest.fixture
async def stocked(redis_url: str, s3: dict[str, Any]) -> AsyncIterator[Gateway]:
    """A gateway with an object store."""
    async with serving(storage_settings(redis_url, s3)) as running:
        yield running
