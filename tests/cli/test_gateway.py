"""The parts of a gateway: which are embedded, which are given, who gets in, and what happens when it cannot start."""

import asyncio
from pathlib import Path

import httpx
import psutil
import pytest
import redis

from cli.embedded import Objects, Redis, ServiceError
from cli.environment import Misconfigured
from cli.gateway import Gateway
from cli.keys import create_key, revoke_key, with_keys
from storage.job import Status
from tests.gateway import visiting, whole_gateway

KEY = "sk-given-by-the-operator"


@pytest.fixture
def given(redis_url: str, s3_server: Objects) -> dict[str, dict[str, str]]:
    """The variables that replace the embedded parts, by what they replace."""
    return {
        "redis": {"redis_url": redis_url},
        "objects": {
            "s3_endpoint": s3_server.endpoint,
            "s3_bucket": s3_server.bucket,
            "s3_access_key": s3_server.access_key,
            "s3_secret_key": s3_server.secret_key,
        },
    }


def status(gateway: Gateway, path: str, key: str = KEY) -> int:
    return httpx.get(gateway.url + path, headers={"authorization": f"Bearer {key}"}, trust_env=False).status_code


@pytest.mark.parametrize("replaced", ["redis", "objects"])
def test_what_the_environment_names_replaces_one_embedded_part_and_not_the_other(
    tmp_path: Path, given: dict[str, dict[str, str]], replaced: str
) -> None:
    with whole_gateway(tmp_path, **given[replaced]) as gateway:
        embedded = {name for name in ("redis", "objects") if (tmp_path / name).exists()}
        assert embedded == {"redis", "objects"} - {replaced}
        used = {variable: gateway.environment[f"GATEWAY_{variable.upper()}"] for variable in given[replaced]}
        assert used == given[replaced]
        assert status(gateway, "/ready") == 200


async def test_with_both_given_nothing_is_embedded_and_a_given_key_is_the_first(
    tmp_path: Path, given: dict[str, dict[str, str]]
) -> None:
    gateway = whole_gateway(tmp_path, **given["redis"], **given["objects"], api_key=KEY)
    await asyncio.to_thread(gateway.start)
    try:
        assert not (tmp_path / "redis").exists()
        assert not (tmp_path / "objects").exists()
        assert gateway.first_key is None
        assert not gateway.key_file.exists()
        assert KEY not in gateway.environment.values()
        async with visiting(tmp_path, KEY) as visitor:
            first, _ = await visitor.generate()
            job = await visitor.when(first, status=Status.RUNNING)
            assert (await visitor.http.get("/ready")).json()["objects"] == "ok"
            await visitor.cancel(job.id)
    finally:
        await asyncio.to_thread(gateway.stop)


def test_the_kept_key_is_made_known_to_a_redis_that_knows_none_and_is_not_brought_back_once_revoked(
    tmp_path: Path, given: dict[str, dict[str, str]]
) -> None:
    options = given["redis"] | given["objects"]
    with whole_gateway(tmp_path, **options) as gateway:
        first = gateway.first_key
        assert first
        assert status(gateway, "/v1/feed", first) == 200
    with redis.Redis.from_url(options["redis_url"]) as client:
        client.flushall()
    with whole_gateway(tmp_path, **options) as gateway:
        assert gateway.first_key is None
        assert status(gateway, "/v1/feed", first) == 200
        (known,) = with_keys(tmp_path, lambda keys: keys.all())
        create_key(tmp_path, "second", admin=False)
        revoke_key(tmp_path, known.id)
    with whole_gateway(tmp_path, **options) as gateway:
        assert status(gateway, "/v1/feed", first) == 401


def test_nothing_is_left_running_when_a_variable_is_missing_and_the_message_names_it(tmp_path: Path) -> None:
    before = psutil.Process().children()
    gateway = whole_gateway(tmp_path, s3_endpoint="http://127.0.0.1:9", s3_access_key="one")
    with pytest.raises(
        Misconfigured, match=r"^the environment is not complete: GATEWAY_S3_SECRET_KEY: Field required$"
    ):
        gateway.start()
    assert psutil.Process().children() == before
    assert not gateway.parts
    with Redis(tmp_path / "redis"):
        pass  # its folder was let go of


def test_a_redis_that_is_given_and_away_is_reported(tmp_path: Path) -> None:
    gateway = whole_gateway(
        tmp_path, redis_url="redis://127.0.0.1:9/0", s3_endpoint="", s3_access_key="", s3_secret_key=""
    )
    with pytest.raises(ServiceError, match="the Redis that GATEWAY_REDIS_URL names does not answer"):
        gateway.start()


def test_a_proxy_is_never_asked_for_what_is_on_this_machine(
    tmp_path: Path, given: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "example.org")
    with whole_gateway(tmp_path, **given["redis"], **given["objects"]) as gateway:
        assert status(gateway, "/ready") == 200
        assert gateway.environment["no_proxy"] == "example.org,127.0.0.1"
