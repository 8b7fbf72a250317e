"""A gateway that relays chat, under the server that runs it in earnest; the fakes it relays to are in this process."""

import itertools
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from api.upstreams.events import Splitter
from cli.fakes.faults import parse
from cli.fakes.openai import OpenAI as Fake
from cli.fakes.server import FakeUpstream
from storage.apikeys import ApiKey, ApiKeys
from storage.errors import NotFound
from storage.settings import StorageSettings
from storage.store import Store
from tests.api.gateway import storage_settings
from tests.api.granian import Server, served
from tests.waiting import until

CHAT = "/v1/chat/completions"
MODEL = "gpt-4o-mini"
QUICK: Mapping[str, float] = {
    "api.chat.routes.SWEEP_S": 0.05,
    "api.chat.downstream.GRACE_S": 0.3,
    "api.chat.downstream.HEARTBEAT_S": 0.1,
    "api.chat.recorder.EVERY_S": 0.02,
}
"""The API's constants, so that a test need not wait for what is seldom."""

_numbers = itertools.count(1)


def asked(text: str = "Tell me something.", **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **more}


class Place:
    """A server, and the file of accounts that it reads."""

    def __init__(self, server: Server, accounts: Path, log: Path) -> None:
        self.server, self.accounts, self.log = server, accounts, log


@contextmanager
def placed(redis_url: str, folder: Path, **constants: float) -> Iterator[Place]:
    """Until the end of the block. Whatever it has to say of errors is said at the end, and fails it."""
    accounts, log = folder / "gateway.toml", folder / "log"
    accounts.write_text("")
    with served(
        storage_settings(redis_url),
        log,
        "tests.api.chat.watched:app",
        GATEWAY_ACCOUNTS=str(accounts),
        RELAY_CONSTANTS=json.dumps({**QUICK, **constants}),
        RELAY_TOKEN="sk-upstream",
    ) as server:
        yield Place(server, accounts, log)


class Relayed:
    """What a test has of it: `http` with a key, the store behind it, and accounts by its own word."""

    def __init__(self, place: Place, store: Store, key: ApiKey, secret: str, http: httpx.AsyncClient) -> None:
        self.place, self.server, self.url = place, place.server, place.server.url
        self.store, self.owner, self.secret, self.http = store, key.id, secret, http

    async def accounts(self, *accounts: dict[str, Any]) -> list[str]:
        """These from now on, and no others: all of them well. Their names."""
        named = [{"name": f"talk-{next(_numbers)}", **account} for account in accounts]
        self.place.accounts.write_text("".join(map(_table, named)))
        expected = {account["name"]: True for account in named}

        async def there() -> bool:
            return bool((await self.watched())["accounts"] == expected)

        await until(there)
        return list(expected)

    async def serves(self, *fakes: FakeUpstream, **more: Any) -> list[str]:
        """One account at each of them, of which the first is tried first."""
        weights = [2, *[1] * len(fakes)]
        return await self.accounts(*(account(fake.url, weight=weights[n], **more) for n, fake in enumerate(fakes)))

    async def watched(self) -> dict[str, Any]:
        seen: dict[str, Any] = (await self.http.get("/_watched")).json()
        return seen

    async def at_rest(self) -> dict[str, Any]:
        """What is alive in it once nothing is under way."""

        async def resting() -> dict[str, Any] | None:
            seen = await self.watched()
            busy = seen["recordings"] or seen["seats"] or seen["active"]
            return None if busy or any("Downstream" in task for task in seen["tasks"]) else seen

        found: dict[str, Any] = await until(resting, "the gateway is at rest")
        return found

    async def kept(self, id: str) -> list[Any]:
        """The data of a stream's events in Redis, once it is over."""
        found: list[bytes] = []

        async def over() -> list[bytes] | None:
            with suppress(NotFound):  # so far
                read = await self.store.chats.read(id, self.owner, len(found))
                found.extend(read.events)
                return found if read.over else None
            return None

        return data_of(b"".join(await until(over, "the recording is over")))


@asynccontextmanager
async def relaying(place: Place, redis_url: str, *, stops: bool = False) -> AsyncIterator[Relayed]:
    """Someone with a key. At the end nothing of theirs is left under way, unless the server `stops` before."""
    settings: StorageSettings = storage_settings(redis_url)
    store = Store.open(settings)
    try:
        key, secret = await ApiKeys(store.redis, settings.secret).create("alice")
        headers = {"authorization": f"Bearer {secret.get_secret_value()}"}
        async with httpx.AsyncClient(base_url=place.server.url, headers=headers, trust_env=False, timeout=20) as http:
            relayed = Relayed(place, store, key, secret.get_secret_value(), http)
            yield relayed
            if not stops:
                await relayed.at_rest()
    finally:
        await store.close()


@asynccontextmanager
async def faking(pace_s: float = 0.001) -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream(Fake(pace_s)).serving() as fake:
        yield fake


def err(fake: FakeUpstream, *faults: str) -> None:
    """These faults from now on, and no others."""
    fake.world.faults.set(parse(fault) for fault in faults)


def account(url: str, **more: Any) -> dict[str, Any]:
    return {
        "adapter": "openai",
        "base_url": f"{url}/v1",
        "token_env": "RELAY_TOKEN",
        "models": {MODEL: MODEL},
        "chat": {},
        **more,
    }


def data_of(stream: bytes) -> list[Any]:
    """The data of whole events: JSON, or a text as it is."""
    found = Splitter().feed(stream)
    return [event.decode() if event == b"[DONE]" else json.loads(event) for event in found]


def text_of(events: list[Any]) -> str:
    """What a stream says that is whole."""
    assert events[-1] == "[DONE]", events[-1]
    return "".join(
        choice["delta"].get("content") or "" for event in events[:-1] for choice in event["choices"] if choice["delta"]
    )


def _table(account: dict[str, Any]) -> str:
    return f"[accounts.{account['name']}]\n" + "".join(
        f"{name} = {_toml(value)}\n" for name, value in account.items() if name != "name"
    )


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(name)} = {_toml(inner)}" for name, inner in value.items()) + " }"
    return json.dumps(value)
