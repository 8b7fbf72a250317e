"""What is not for the relay reaches Litestar as it came; what is for it never does."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import pytest

from api.chat.front import Front
from api.upstreams.base import Asked
from storage.errors import RedisUnavailable, Unauthorized

CHAT = "/v1/chat/completions"
MOST = 50_000
GOOD = b'{"model":"talk","messages":[{"role":"user","content":"h\\u00ef"}]}'
DEEP = b'{"model":"talk","messages":[' + b"[" * 10_000 + b"]" * 10_000 + b"]}"


class App:
    """Stands where Litestar does: keeps what reaches it."""

    def __init__(self) -> None:
        self.state = {"services": self}
        self.scopes: list[Any] = []
        self.messages: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        if scope["type"] == "http":
            more = True
            while more:
                self.messages.append(message := await receive())
                more = message.get("more_body", False)


class Stands(App):
    """And what the front asks of the services: who is calling, and the relay."""

    def __init__(self) -> None:
        super().__init__()
        self.authenticator = self.relay = self.routes = self
        self.error: Exception | None = None
        self.relayed: list[tuple[str, Asked]] = []
        self.id = "key_alice"

    async def caller(self, scope: Any) -> Any:
        if self.error:
            raise self.error
        return self

    def serving(self, model: str) -> list[str]:
        return ["an account"] if model == "talk" else []

    async def answer(self, scope: Any, receive: Any, send: Any, owner: str, asked: Asked, offered: Any) -> None:
        assert offered == ["an account"]
        assert scope["state"] is not None
        self.relayed.append((owner, asked))
        self.messages.append(await receive())


@pytest.fixture
def app() -> Stands:
    return Stands()


async def sent(
    app: Stands, *parts: bytes, path: str = CHAT, method: str = "POST", ends: bool = True, **headers: str
) -> None:
    """A request whose body comes in these parts; then its sender is gone."""
    bodies: list[Any] = [
        {"type": "http.request", "body": part, "more_body": not ends or n < len(parts) - 1}
        for n, part in enumerate(parts)
    ]
    messages: Iterator[Any] = iter([*bodies, *[{"type": "http.disconnect"}] * 3])
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "path": path, "method": method, "headers": named}

    async def receive() -> Any:
        return next(messages)

    async with asyncio.timeout(5):
        await Front(app, MOST)(cast(Any, scope), receive, cast(Any, None))


def body_of(app: Stands) -> bytes:
    return b"".join(message.get("body", b"") for message in app.messages)


@pytest.mark.parametrize("path", [CHAT, f"{CHAT}/"])
@pytest.mark.parametrize(
    "parts", [(GOOD,), (GOOD[:9], b"", GOOD[9:]), tuple(GOOD[n : n + 1] for n in range(len(GOOD)))]
)
async def test_a_request_for_a_model_that_an_account_serves_is_relayed(
    path: str, parts: tuple[bytes, ...], app: Stands
) -> None:
    await sent(app, *parts, path=path)
    assert app.relayed == [("key_alice", Asked(GOOD, "talk", False, False))]
    assert not app.scopes
    assert app.messages == [{"type": "http.disconnect"}]  # what comes next is the relay's to hear


@pytest.mark.parametrize(
    ("more", "stream", "usage"),
    [
        ({"stream": True}, True, False),
        ({"stream": None, "stream_options": None}, False, False),
        ({"stream": True, "stream_options": {}}, True, False),
        ({"stream": True, "stream_options": {"include_usage": None}}, True, False),
        ({"stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}}, True, True),
    ],
)
async def test_what_matters_of_a_request_is_read(more: Any, stream: bool, usage: bool, app: Stands) -> None:
    await sent(app, json.dumps({**json.loads(GOOD), **more}).encode())
    [(_, asked)] = app.relayed
    assert asked.choices == 1
    assert (asked.stream, asked.usage) == (stream, usage)


@pytest.mark.parametrize(("n", "choices"), [(None, 1), (3, 3), (True, 1), ("3", 1), (2.5, 1), ([], 1)])
async def test_how_many_answers_are_wanted_is_read_and_nothing_of_it_refused(n: Any, choices: int, app: Stands) -> None:
    await sent(app, json.dumps({**json.loads(GOOD), "n": n}).encode())
    [(_, asked)] = app.relayed
    assert asked.choices == choices


OTHERS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "another path": (GOOD, {"path": "/v1/chat"}),
    "a path below": (GOOD, {"path": f"{CHAT}/x"}),
    "two slashes": (GOOD, {"path": f"{CHAT}//"}),
    "another method": (b"", {"method": "GET"}),
    "HEAD": (b"", {"method": "HEAD"}),
    "an idempotency key": (GOOD, {"idempotency_key": "k"}),
    "a preference": (GOOD, {"prefer": "respond-async"}),
    "another model": (GOOD.replace(b"talk", b"other"), {}),
    "no model": (b'{"messages":[]}', {}),
    "a model that is no name": (b'{"model":1,"messages":[]}', {}),
    "a model that is no text": (b'{"model":"\xff","messages":[]}', {}),
    "no messages": (b'{"model":"talk"}', {}),
    "messages that are none": (b'{"model":"talk","messages":{}}', {}),
    "a stream that is no yes or no": (GOOD[:-1] + b',"stream":"yes"}', {}),
    "options that are none": (GOOD[:-1] + b',"stream_options":[]}', {}),
    "half of the JSON": (GOOD[:-1], {}),
    "more than JSON": (GOOD + b"}", {}),
    "a list": (b"[" + GOOD + b"]", {}),
    "no JSON": (b"hello", {}),
    "a form": (b"model=talk", {}),
    "nothing": (b"", {}),
    "too deep": (b'{"model":"talk","messages":[' + b"[" * 300, {}),
    "much too deep": (DEEP, {}),
    "much too deep elsewhere": (GOOD[:-1] + b',"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}", {}),
    "too large": (GOOD[:-1] + b" " * MOST + b"}", {}),
}


@pytest.mark.parametrize("size", [None, 7, 400])
@pytest.mark.parametrize("kind", OTHERS)
async def test_everything_else_reaches_the_app_as_it_came(kind: str, size: int | None, app: Stands) -> None:
    body, about = OTHERS[kind]
    size = size or max(1, len(body))
    parts = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
    await sent(app, *parts, **about)
    assert not app.relayed
    [scope] = app.scopes
    assert scope["path"] == about.get("path", CHAT)
    assert body_of(app) == body
    assert [message.get("body") for message in app.messages] == parts


@pytest.mark.parametrize("error", [Unauthorized("who is it?"), RedisUnavailable("away")])
async def test_who_is_not_known_is_told_so_by_the_app_and_nothing_of_the_body_was_read(
    error: Exception, app: Stands
) -> None:
    app.error = error
    await sent(app, GOOD[:5], GOOD[5:])
    assert not app.relayed
    assert body_of(app) == GOOD


async def test_a_sender_who_leaves_in_the_midst_of_a_body_is_answered_by_nobody(app: Stands) -> None:
    await sent(app, GOOD[:5], GOOD[5:9], ends=False)
    assert not app.relayed
    assert app.messages == []


async def test_a_body_without_end_is_not_gathered(app: Stands) -> None:
    taken = 0

    async def endless() -> AsyncIterator[Any]:
        nonlocal taken
        while True:
            taken += 1
            yield {"type": "http.request", "body": bytes(MOST // 10), "more_body": True}

    parts = endless()
    front = Front(Handing(app), MOST)
    scope: Any = {"type": "http", "path": CHAT, "method": "POST", "headers": []}
    await front(scope, parts.__anext__, cast(Any, None))
    assert taken == 11


class Handing:
    """An app that reads nothing."""

    def __init__(self, services: Stands) -> None:
        self.state = {"services": services}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        pass


@pytest.mark.parametrize("type", ["lifespan", "websocket"])
async def test_what_is_no_request_is_handed_on(type: str, app: Stands) -> None:
    scope: Any = {"type": type, "path": CHAT}
    await Front(app, MOST)(scope, cast(Any, None), cast(Any, None))
    assert app.scopes == [scope]
