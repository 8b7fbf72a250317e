"""One server for each file of tests; a caller with a key of their own, and an empty Redis, for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest

from cli.embedded import Redis
from cli.fakes.server import FakeUpstream
from tests.api.chat.relaying import Place, Relayed, faking, placed, relaying


@pytest.fixture(scope="module")
def place(redis_server: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with placed(redis_server.url, tmp_path_factory.mktemp("relay")) as place:
        yield place
    said = place.log.read_text()
    assert "Traceback" not in said, said


@pytest.fixture
async def relayed(place: Place, redis_url: str) -> AsyncIterator[Relayed]:
    async with relaying(place, redis_url) as relayed:
        yield relayed


@pytest.fixture
async def fake() -> AsyncIterator[FakeUpstream]:
    async with faking() as fake:
        yield fake


@pytest.fixture
async def other() -> AsyncIterator[FakeUpstream]:
    async with faking() as fake:
        yield fake
