"""The ASGI function in front of Litestar that takes chat requests which an account serves; all others it hands on.

It is there for speed alone: a Litestar handler costs as much again as the rest of a relayed request (DECISIONS.md).
What it finds wrong it hands on too, and Litestar's own handler says so.
"""

from typing import Any, cast

import msgspec
from litestar.types import HTTPScope, Message, Receive, Scope, Send

from api.services import Services
from api.upstreams.base import Asked
from storage.errors import GatewayError
from storage.wire.reading import UNREADABLE

_PATHS = {"/v1/chat/completions", "/v1/chat/completions/"}
_FOR_A_JOB = {b"idempotency-key", b"prefer", b"x-webhook-url"}
"""Who sends these wants what only a job can give."""


class _Options(msgspec.Struct):
    include_usage: bool | None = None


class _Peek(msgspec.Struct):
    """What has to be known of a body. Decoding it proves that the rest is JSON."""

    model: str
    messages: list[msgspec.Raw]
    stream: bool | None = None
    stream_options: _Options | None = None
    n: Any = None


_peek = msgspec.json.Decoder(_Peek).decode


class Front:
    """`app`: Litestar's, which has the services when it has started. `max_body_bytes`: larger bodies are handed on."""

    def __init__(self, app: Any, max_body_bytes: int) -> None:
        self.app, self._most = app, max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        about: Any = scope  # of a request, a socket or a lifespan
        if about["type"] == "http" and about["path"] in _PATHS and about["method"] == "POST":
            await self._chat(about, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _chat(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        services: Services = self.app.state["services"]
        try:
            caller = await services.authenticator.caller(scope)
        except GatewayError:
            await self.app(scope, receive, send)
            return
        messages, body = await _body(receive, self._most)
        if cast(Any, messages[-1])["type"] == "http.disconnect":  # there is nobody to answer
            return
        asked = _asked(scope, body)
        offered = services.relay.routes.serving(asked.model) if asked else None
        if asked and offered:
            scope.setdefault("state", {})
            await services.relay.answer(scope, receive, send, caller.id, asked, offered)
        else:
            await self.app(scope, _again(messages, receive), send)


async def _body(receive: Receive, most: int) -> tuple[list[Message], bytes | None]:
    """What came, and the body: None if it is too large, or its sender has left in the midst of it."""
    messages: list[Message] = []
    size, more = 0, True
    while more and size <= most:
        message: Any = await receive()
        messages.append(message)
        if message["type"] != "http.request":
            return messages, None
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    if size > most:
        return messages, None
    return messages, b"".join(cast(Any, message).get("body", b"") for message in messages)


def _asked(scope: HTTPScope, body: bytes | None) -> Asked | None:
    """What is asked for, if that is a thing to relay."""
    if not body or any(name in _FOR_A_JOB for name, _ in scope["headers"]):
        return None
    try:
        peek = _peek(body)
    except UNREADABLE:
        return None
    usage = bool(peek.stream_options and peek.stream_options.include_usage)
    choices = peek.n if type(peek.n) is int else 1
    return Asked(body, peek.model, bool(peek.stream), usage, choices)


def _again(messages: list[Message], receive: Receive) -> Receive:
    """What has been received already, then the rest."""
    waiting = iter(messages)

    async def received() -> Any:
        for message in waiting:
            return message
        return await receive()

    return received
