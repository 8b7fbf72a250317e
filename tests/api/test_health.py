"""Alive, and able to work."""

from pathlib import Path

import pytest

from tests.api.gateway import Gateway, serving, storage_settings

LANES = {"chat": {"workers": 0}, "delivery": {"workers": 0}, "engines": {"workers": 0}, "parts": {"workers": 0}}


async def test_it_is_ready_when_redis_and_the_store_answer_and_says_who_serves_each_lane(stocked: Gateway) -> None:
    answer = await stocked.nobody.get("/ready")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "redis": "ok", "objects": "ok", "lanes": LANES}
    await stocked.services.store.queue.renew("engines", [], lease_s=60, worker="w", slots=2, health=b"{}")
    assert (await stocked.nobody.get("/ready/")).json()["lanes"] == LANES | {"engines": {"workers": 1}}


async def test_it_is_alive_but_not_ready_while_the_store_is_away(gateway: Gateway) -> None:
    answer = await gateway.nobody.get("/ready")
    assert (answer.status_code, answer.json()["objects"], answer.json()["redis"]) == (503, "away", "ok")
    assert int(answer.headers["retry-after"]) > 0
    assert (await gateway.nobody.get("/health")).json() == {"status": "ok"}


async def test_probes_that_want_no_body_get_none(gateway: Gateway, stocked: Gateway) -> None:
    for running, path, status in ((stocked, "/health", 200), (stocked, "/ready", 200), (gateway, "/ready", 503)):
        answer = await running.nobody.head(path)
        assert (answer.status_code, answer.content) == (status, b""), path


@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_health_needs_no_key(gateway: Gateway, path: str) -> None:
    assert (await gateway.nobody.get(path)).status_code != 401


async def test_the_lane_of_upstreams_is_told_of_where_there_are_accounts(redis_url: str, tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text('[accounts.a]\nadapter = "suno"\nbase_url = "https://example.com"\nmodels = { a = "a" }\n')
    settings = storage_settings(redis_url).model_copy(update={"accounts": path})
    async with serving(settings) as running:
        assert (await running.nobody.get("/ready")).json()["lanes"] == LANES | {"upstream": {"workers": 0}}
