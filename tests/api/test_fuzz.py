"""No request that schemathesis can think of, fitting or not, gets a server error, or no answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.embedded import Redis
from tests.api.fuzz import furnished, fuzz
from tests.api.gateway import Gateway, storage_settings
from tests.api.granian import Server, served

PHASES = ["--phases", "examples,coverage,fuzzing", "--max-examples", "3", "--seed", "1"]


@pytest.fixture(scope="module")
def server(redis_server: Redis, s3: dict[str, Any]) -> Iterator[Server]:
    with served(storage_settings(redis_server.url, s3)) as running:
        yield running


async def test_every_operation_answers_whatever_it_is_asked(
    server: Server, stocked: Gateway, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    paths = (await stocked.nobody.get("/schema/openapi.json")).json()["paths"]
    values = await furnished(stocked)
    code = await fuzz(
        server.url, stocked.alice.secret, values, tmp_path, "--checks", "not_a_server_error", "--no-color", *PHASES
    )
    told = capfd.readouterr().out
    assert code == 0, told
    assert f"Tested: {sum(map(len, paths.values()))}\n" in told


async def test_an_operation_that_fails_is_told(
    redis_url: str, gateway: Gateway, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with served(storage_settings(redis_url)) as storeless:
        only = ["--include-path", "/ready", "--phases", "coverage", "--checks", "not_a_server_error"]
        assert await fuzz(storeless.url, gateway.alice.secret, {}, tmp_path, *only) == 1
    assert "Server error" in capfd.readouterr().out
