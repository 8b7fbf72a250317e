"""Server-sent events on the wire, so that every client reads them. Source: HTML Living Standard, "Server-sent events".

Once an `id:` has come, some clients, the openai SDK among them, take any blank line for the end of an event: so a
comment is one line here, without a blank one after it. `retry:` is an event to them, and is never said.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, cast

from litestar.types import HTTPScope, Receive, Scope, Send

from api.reply import Header
from api.wait import while_connected
from storage.lines import json_line

HEARTBEAT = b": still here\n"
HEARTBEAT_S = 15.0

MEDIA_TYPE = b"text/event-stream; charset=utf-8"
HEADERS: list[Header] = [
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx: pass on what comes as it comes
]

_AT_ONCE = 32


line = json_line


def frame(type: str, data: bytes, id: str | None = None) -> bytes:
    """One event. `data` is a `line`."""
    named = f"id: {id}\nevent: {type}\ndata: " if id else f"event: {type}\ndata: "
    return named.encode() + data + b"\n\n"


class Source(Protocol):
    """Where a stream's events come from."""

    @property
    def headers(self) -> Sequence[Header]:
        """Of its answer, besides those of every stream."""
        ...

    async def next(self) -> Sequence[bytes]:
        """The next frames, waited for; none when that was all. May be cancelled, and called again."""
        ...


class EventStream:
    """Events on their way to a client, for as long as it is there.

    What `opening` raises is answered as an error, for nothing has been sent before. A client that leaves, or reads
    nothing, costs what has been taken from the source and not gone out: some frames. `heartbeat`: what is sent while
    there is nothing to send.
    """

    def __init__(self, opening: AbstractAsyncContextManager[Source], *, heartbeat: bytes = HEARTBEAT) -> None:
        self._opening, self._heartbeat = opening, heartbeat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if cast(HTTPScope, scope)["method"] == "HEAD":
            await self._start(send, ())
        elif not await self._stream(receive, send):
            return  # the client has left before anything was sent, and a server wants no end without a beginning
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _start(self, send: Send, more: Sequence[Header]) -> None:
        headers = [(b"content-type", MEDIA_TYPE), *HEADERS, *more]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    async def _stream(self, receive: Receive, send: Send) -> bool:
        """Until there is no more, or nobody to send it to; whether anything was sent."""
        started = False
        async with while_connected(receive), self._opening as source:
            await self._start(send, source.headers)
            started = True
            frames: Sequence[bytes] = [self._heartbeat]  # a server sends the head with the first of the body
            while frames:
                for at in range(0, len(frames), _AT_ONCE):
                    body = b"".join(frames[at : at + _AT_ONCE])
                    await send({"type": "http.response.body", "body": body, "more_body": True})
                frames = await self._next(source)
        return started

    async def _next(self, source: Source) -> Sequence[bytes]:
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                return await source.next()
        except TimeoutError:
            return [self._heartbeat]
