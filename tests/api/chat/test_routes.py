"""Which accounts serve a chat model: the file as it stands, shares by weight, and what is known of how they fare."""

import asyncio
import random
import stat
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from api.chat import routes as module
from api.chat.routes import Routes
from storage.accounts import Accounts
from storage.capacity import AccountState
from storage.catalog import Catalog
from storage.errors import (
    ContentRefused,
    UpstreamBusy,
    UpstreamFailed,
    UpstreamOutOfCredits,
    UpstreamSessionExpired,
)
from storage.outbound import KEPT_S
from storage.store import Store
from tests.api.chat.relaying import _table
from tests.api.gateway import storage_settings
from tests.api.upstreams.scripted import OK, Silence, Upstream, called, calling
from tests.waiting import until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SWEEP_S", 0.01)


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Store]:
    store = Store.open(storage_settings(redis_url))
    yield store
    await store.close()


def written(path: Path, **accounts: dict[str, Any]) -> Path:
    """A file of accounts. What is not said of one: it speaks OpenAI's dialect, nowhere, and has the model `talk`."""
    usual = {"adapter": "openai", "base_url": "http://127.0.0.1:9/v1", "models": {"talk": "gpt"}}
    path.write_text("".join(_table({"name": name, **usual, **told}) for name, told in accounts.items()))
    return path


@asynccontextmanager
async def routed(path: Path, store: Store) -> AsyncIterator[Routes]:
    routes = Routes(Accounts(path), Catalog.load(None), store.capacity)
    await routes.start()
    try:
        yield routes
    finally:
        await routes.stop()


def serving(routes: Routes, model: str = "talk") -> set[str]:
    return {offered.route.account.name for offered in routes.serving(model)}


async def test_an_account_serves_its_models_by_their_names_there(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path / "a.toml", one={"models": {"talk": "gpt-a", "b": "gpt-b"}}, two={})
    async with routed(path, store) as routes:
        assert {(each.route.account.name, each.model) for each in routes.serving("talk")} == {
            ("one", "gpt-a"),
            ("two", "gpt"),
        }
        assert [each.model for each in routes.serving("b")] == ["gpt-b"]
        assert routes.serving("c") == []


async def test_other_adapters_and_models_of_pictures_are_none_of_chat(store: Store, tmp_path: Path) -> None:
    models = {"talk": "a", "dall-e-3": "b", "whisper-1": "c", "gpt-3.5-turbo": "d"}
    path = written(tmp_path / "a.toml", one={"models": models}, two={"adapter": "suno"})
    async with routed(path, store) as routes:
        assert serving(routes) == {"one"}
        assert serving(routes, "gpt-3.5-turbo") == {"one"}
        assert not serving(routes, "dall-e-3")
        assert not serving(routes, "whisper-1")


async def test_the_file_is_read_again_when_it_changes_and_what_has_not_changed_stays(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tmp_path / "a.toml", one={}, two={})
    async with routed(path, store) as routes:
        before = {offered.route.account.name: offered.route for offered in routes.serving("talk")}
        written(path, one={}, two={"weight": 5}, three={})
        await until(lambda: serving(routes) == {"one", "two", "three"})
        after = {offered.route.account.name: offered.route for offered in routes.serving("talk")}
        assert after["one"] is before["one"]
        assert after["two"] is not before["two"]
        path.write_text("oops = ")
        await until(lambda: "the accounts stay as they were" in caplog.text)
        assert serving(routes) == {"one", "two", "three"}
        written(path, two={})
        await until(lambda: serving(routes) == {"two"})


async def test_an_account_that_cannot_be_used_leaves_the_others(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path / "a.toml", bad={"base_url": "http://127.0.0.1:99999"}, good={})
    async with routed(path, store) as routes:
        assert serving(routes) == {"good"}


async def test_shares_follow_the_weights(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path / "a.toml", one={"weight": 1}, two={"weight": 3}, three={"weight": 6})
    random.seed(7)
    async with routed(path, store) as routes:
        orders = [[each.route.account.name for each in routes.serving("talk")] for _ in range(5000)]
    assert all(sorted(order) == ["one", "three", "two"] for order in orders)
    first = Counter(order[0] for order in orders)
    assert [round(first[name] / 5000, 1) for name in ("one", "two", "three")] == [0.1, 0.3, 0.6]
    second = Counter(order[1] for order in orders if order[0] == "three")
    assert 0.7 < second["two"] / second.total() < 0.8


async def test_a_route_that_is_replaced_serves_what_it_has_and_then_lets_its_connections_go(
    store: Store, tmp_path: Path
) -> None:
    more = asyncio.Event()
    async with Upstream([b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no", more, b"k"]).serving() as upstream:
        path = written(tmp_path / "a.toml", one={"base_url": upstream.url})
        async with routed(path, store) as routes:
            [offered] = routes.serving("talk")
            pool = offered.route.pool
            async with calling(pool) as answer:
                await answer.head()
                written(path, one={"base_url": upstream.url, "weight": 2})
                await until(lambda: routes.serving("talk")[0].route is not offered.route)
                written(path, one={"base_url": upstream.url, "weight": 3})
                await until(lambda: routes.serving("talk")[0].route.account.weight == 3)
                more.set()
                assert await answer.rest() == b"ok"
            assert pool._idle
            pool.clock = lambda: asyncio.get_running_loop().time() + KEPT_S
            await until(lambda: not upstream.open)


async def test_a_route_that_was_replaced_before_its_call_began_still_ends_silence(store: Store, tmp_path: Path) -> None:
    async with Upstream([Silence]).serving() as upstream:
        path = written(tmp_path / "a.toml", one={"base_url": upstream.url, "chat": {"head_s": 0.1}})
        async with routed(path, store) as routes:
            [offered] = routes.serving("talk")
            for weight in (2, 3):
                written(path, one={"base_url": upstream.url, "weight": weight})
                await until(lambda weight=weight: routes.serving("talk")[0].route.account.weight == weight)
            with pytest.raises(Exception, match=r"silent for 0\.1 s"):
                await called(offered.route.pool)


async def test_how_an_account_fares_is_written_down_and_heeded_by_all(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path / "a.toml", **{name: {} for name in ("busy", "broke", "expired", "failed", "own")})
    async with routed(path, store) as routes, routed(path, store) as elsewhere:
        of = {offered.route.account.name: offered.route for offered in routes.serving("talk")}
        routes.failed(of["busy"], UpstreamBusy("wait", retry_after_s=30.0))
        routes.failed(of["broke"], UpstreamOutOfCredits("no money"))
        routes.failed(of["expired"], UpstreamSessionExpired("no"))
        routes.failed(of["failed"], UpstreamFailed("once"))
        routes.failed(of["own"], ContentRefused("not that"))
        expected = {"busy": False, "broke": False, "expired": False, "failed": True, "own": True}

        def seen(by: Routes) -> dict[str, bool]:
            return {name: route.well for name, route in by._routes.items()}

        await until(lambda: seen(routes) == seen(elsewhere) == expected)
        fares = await store.capacity.fares("busy", "broke", "expired", "failed")
        assert [each.state for each in fares] == [
            AccountState.COOLING,
            AccountState.NO_CREDITS,
            AccountState.SESSION_EXPIRED,
            AccountState.OK,
        ]
        await store.capacity.resume("broke")
        await until(lambda: seen(routes)["broke"] and seen(elsewhere)["broke"])


async def test_failures_are_forgotten_when_it_does_well(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path / "a.toml", one={})
    async with routed(path, store) as routes:
        [offered] = routes.serving("talk")
        for _ in range(2):
            routes.failed(offered.route, UpstreamFailed("oops"))
        await until(lambda: failures(store, b"2"))
        routes.did_well(offered.route)
        await until(lambda: failures(store, None))
        routes.did_well(offered.route)  # of which nothing need be said


async def failures(store: Store, expected: bytes | None) -> bool:
    return bool(await store.redis.hget("account:one", "failures") == expected)  # type: ignore[misc]


async def test_a_credential_is_read_again_after_a_moment_and_printed_again_when_it_is_refused(
    store: Store, tmp_path: Path
) -> None:
    printer = tmp_path / "token"
    printer.write_text(f"#!/bin/sh\necho x >> {tmp_path}/printed\nwc -l < {tmp_path}/printed | tr -d ' '\n")
    printer.chmod(printer.stat().st_mode | stat.S_IXUSR)
    path = written(tmp_path / "a.toml", one={"token_command": [str(printer)]})
    async with routed(path, store) as routes:
        [offered] = routes.serving("talk")
        route = offered.route
        for _ in range(2):
            assert await route.authorization(routes.credentials) == [(b"authorization", b"Bearer 1")]
        route.pool.clock = lambda: asyncio.get_running_loop().time() + 60
        assert await route.authorization(routes.credentials) == [(b"authorization", b"Bearer 1")]
        routes.failed(route, UpstreamFailed("oops"))
        assert await route.authorization(routes.credentials) == [(b"authorization", b"Bearer 1")]
        routes.failed(route, UpstreamSessionExpired("who?"))
        assert await route.authorization(routes.credentials) == [(b"authorization", b"Bearer 2")]


async def test_connections_of_all_accounts_are_closed_at_the_end(store: Store, tmp_path: Path) -> None:
    async with Upstream([OK]).serving() as upstream:
        path = written(tmp_path / "a.toml", one={"base_url": upstream.url})
        async with routed(path, store) as routes:
            await called(routes.serving("talk")[0].route.pool)
            assert upstream.open == 1
        await until(lambda: upstream.open == 0)
