"""What is killed, and by whom."""

from collections.abc import AsyncIterator, Iterator

import pytest

from cli.gateway import Gateway
from tests.gateway import Visitor, visiting, whole_gateway
from tests.kills.killer import Killer


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Kills do it no lasting harm, which is the point: one for all tests of a file."""
    with whole_gateway(tmp_path_factory.mktemp("killed"), lease_s="2", media_wait_s="5") as gateway:
        yield gateway


@pytest.fixture
async def visitor(gateway: Gateway) -> AsyncIterator[Visitor]:
    async with visiting(gateway.data) as visitor:
        yield visitor


@pytest.fixture
def killer(gateway: Gateway) -> Killer:
    return Killer(gateway)
