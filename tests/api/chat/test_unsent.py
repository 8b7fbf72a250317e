"""A caller who has left before anything was sent: nothing is, and nothing counts."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from api.chat.detached import Detacher
from api.chat.meter import Meter
from api.chat.recorder import Recorder
from api.chat.relay import Relay
from api.chat.routes import Routes
from api.chat.seats import Seats
from api.upstreams.base import Asked
from storage import keys
from storage.accounts import Accounts
from storage.catalog import Catalog
from storage.store import Store
from tests.api.chat.test_routes import written
from tests.api.gateway import storage_settings
from tests.api.upstreams.scripted import Upstream
from tests.waiting import until

ANSWER = b'HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{"choices":[]}'
BODY = b'{"model":"talk","messages":[]}'


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream([ANSWER]).serving() as upstream:
        yield upstream


@pytest.fixture
async def relay(redis_url: str, upstream: Upstream, tmp_path: Path) -> AsyncIterator[tuple[Relay, Store]]:
    """With an account whose token is in a file, so that there is a moment in which a caller can leave."""
    store = Store.open(storage_settings(redis_url))
    (tmp_path / "token").write_text("sk-x")
    how = {"base_url": upstream.url, "concurrent": 5, "token_file": "token"}
    routes = Routes(Accounts(written(tmp_path / "a.toml", one=how)), Catalog.load(None), store.capacity)
    relay = Relay(routes, Seats(store.capacity), Recorder(store.chats), Meter(store.ledger), Detacher(store.queue, "a"))
    await relay.start()
    try:
        yield relay, store
    finally:
        await relay.stop()
        await store.close()


async def answered(relay: Relay, *, stream: bool, leaves: bool) -> list[Any]:
    """What is sent to a caller, who is there or has left."""
    sent: list[Any] = []

    async def receive() -> Any:
        if not leaves:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {"type": "http", "headers": [], "state": {}}
    offered = relay.routes.serving("talk")
    await relay.answer(scope, receive, send, "key_alice", Asked(BODY, "talk", stream, False), offered)
    return sent


@pytest.mark.parametrize("stream", [False, True])
async def test_who_has_left_before_anything_was_sent_costs_nothing(
    stream: bool, relay: tuple[Relay, Store], upstream: Upstream
) -> None:
    relayed, store = relay
    start, body = await answered(relayed, stream=False, leaves=False)
    assert (start["status"], body["body"]) == (200, b'{"choices":[]}')
    relayed.routes.serving("talk")[0].route.forget_credential()
    assert await answered(relayed, stream=stream, leaves=True) == []
    assert len(upstream.requests) == 1
    await relayed.meter._write()
    [purse] = await store.ledger.of("one")
    assert purse.talk.chats == 1
    await until(lambda: nobody(store))
    await until(lambda: not relayed.recorder._open)


async def nobody(store: Store) -> bool:
    return await store.redis.zcard(keys.slots("one")) == 0
