from collections.abc import Iterator

import pytest

from cli.gateway import Gateway
from tests.cli.callers import Someone
from tests.cli.sketch import sketch_gateway


@pytest.fixture(scope="session")
def sketching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway for the run, whose engine is the sketch. Webhooks may go to this machine."""
    with sketch_gateway(tmp_path_factory.mktemp("sketching"), outbound_allow="127.0.0.1/32") as gateway:
        yield gateway


@pytest.fixture
def someone(sketching: Gateway, request: pytest.FixtureRequest) -> Someone:
    """A caller who has nothing yet."""
    return Someone(sketching, request.node.name[:60])
