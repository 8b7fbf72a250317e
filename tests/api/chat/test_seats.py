"""Slots for relayed calls: taken where there is a limit or a doubt, given back at once, and free after a lease."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from api.chat import seats as module
from api.chat.routes import Offered, Routes
from api.chat.seats import Seats
from storage import keys
from storage.errors import UpstreamBusy
from storage.store import Store
from tests.api.chat.test_routes import routed, written
from tests.api.gateway import storage_settings
from tests.waiting import until

LIMITED = {"concurrent": 1}


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Store]:
    store = Store.open(storage_settings(redis_url))
    yield store
    await store.close()


@asynccontextmanager
async def seated(store: Store, path: Path, **accounts: dict[str, Any]) -> AsyncIterator[tuple[Seats, Routes]]:
    seats = Seats(store.capacity)
    async with routed(written(path / "a.toml", **accounts), store) as routes:
        await seats.start()
        try:
            yield seats, routes
        finally:
            await seats.stop()
    for name in accounts:
        assert await store.redis.zcard(keys.slots(name)) == 0


def offered(routes: Routes, *names: str) -> list[Offered]:
    """These accounts, in this order."""
    found = {each.route.account.name: each for each in routes.serving("talk")}
    return [found[name] for name in names]


async def busy(store: Store, name: str, count: int) -> bool:
    return bool(await store.redis.zcard(keys.slots(name)) == count)


async def test_without_a_limit_redis_is_not_asked(store: Store, tmp_path: Path) -> None:
    async with seated(store, tmp_path, one={}) as (seats, routes):
        [one] = offered(routes, "one")
        before = (await store.redis.info())["total_commands_processed"]
        for number in range(100):
            assert await seats.take(str(number), [one]) is one
            seats.leave(str(number))
        assert (await store.redis.info())["total_commands_processed"] - before < 50


async def test_a_limit_holds_and_a_call_that_is_over_makes_room(store: Store, tmp_path: Path) -> None:
    async with seated(store, tmp_path, one=LIMITED) as (seats, routes):
        [one] = offered(routes, "one")
        assert await seats.take("a", [one]) is one
        assert await seats.take("a", [one]) is one  # asked again, it is the same
        with pytest.raises(UpstreamBusy) as refused:
            await seats.take("b", [one])
        assert refused.value.retry_after_s
        seats.leave("b")  # which has none
        assert await busy(store, "one", 1)
        seats.leave("a")
        seats.leave("a")
        await until(lambda: busy(store, "one", 0))
        assert await seats.take("b", [one]) is one
        seats.leave("b")


async def test_the_first_that_has_room_is_taken(store: Store, tmp_path: Path) -> None:
    async with seated(store, tmp_path, one=LIMITED, two={"concurrent": 2}) as (seats, routes):
        both = offered(routes, "one", "two")
        taken = [(await seats.take(str(number), both)).route.account.name for number in range(3)]
        assert taken == ["one", "two", "two"]
        with pytest.raises(UpstreamBusy):
            await seats.take("3", both)


async def test_so_many_a_minute_and_no_more(store: Store, tmp_path: Path) -> None:
    async with seated(store, tmp_path, one={"per_minute": 2}) as (seats, routes):
        for number in range(2):
            await seats.take(str(number), offered(routes, "one"))
            seats.leave(str(number))
        with pytest.raises(UpstreamBusy) as refused:
            await seats.take("2", offered(routes, "one"))
        assert refused.value.retry_after_s
        assert 50 < refused.value.retry_after_s <= 60


async def test_a_lease_is_renewed_and_ends_with_its_process(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEASE_S", 0.3)
    async with seated(store, tmp_path, one=LIMITED) as (seats, routes):
        [one] = offered(routes, "one")
        await seats.take("a", [one])
        first = await until_ms(store)
        await until(lambda: later(store, first + 300))
        with pytest.raises(UpstreamBusy):
            await seats.take("b", [one])
        seats._taken.clear()  # as if it had been killed
        await until(lambda: taken_by(seats, "b", one))
        seats.leave("b")


async def until_ms(store: Store) -> float:
    [(_, until_ms)] = await store.redis.zrange(keys.slots("one"), 0, -1, withscores=True)
    return float(until_ms)


async def later(store: Store, than_ms: float) -> bool:
    return await until_ms(store) > than_ms


async def taken_by(seats: Seats, call: str, one: Offered) -> bool:
    try:
        return await seats.take(call, [one]) is one
    except UpstreamBusy:
        return False


async def rested(store: Store, routes: Routes) -> None:
    """It has failed, and its rest is over."""
    await store.capacity.failed("one", "oops", rest_s=0.01)
    await until(lambda: not routes._routes["one"].well)


async def test_after_a_rest_one_call_tries_the_account_and_the_others_wait_for_what_comes_of_it(
    store: Store, tmp_path: Path
) -> None:
    async with seated(store, tmp_path, one={}) as (seats, routes):
        [one] = offered(routes, "one")
        await rested(store, routes)
        await until(lambda: taken_by(seats, "probe", one))
        for number in range(5):
            with pytest.raises(UpstreamBusy):
                await seats.take(str(number), [one])
        routes.did_well(one.route)
        await until(lambda: one.route.at_ease and routes._routes["one"].well)
        assert await seats.take("next", [one]) is one
        seats.leave("probe")


async def test_a_trial_that_comes_to_nothing_is_the_next_calls(store: Store, tmp_path: Path) -> None:
    """Its caller has left, say."""
    async with seated(store, tmp_path, one={}) as (seats, routes):
        [one] = offered(routes, "one")
        await rested(store, routes)
        await until(lambda: taken_by(seats, "probe", one))
        seats.leave("probe")
        await until(lambda: busy(store, "one", 0))
        assert await seats.take("next", [one]) is one
        seats.leave("next")


async def test_a_stop_gives_all_of_them_back(store: Store, tmp_path: Path) -> None:
    async with seated(store, tmp_path, one={"concurrent": 20}) as (seats, routes):
        for number in range(10):
            await seats.take(str(number), offered(routes, "one"))
        assert await busy(store, "one", 10)
