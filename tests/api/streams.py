"""A client of event streams in this process, that reads as slowly as it likes and leaves when it likes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

from openai._streaming import SSEDecoder

from tests.api.gateway import Caller, Gateway


class Sent(NamedTuple):
    """One event, as the openai SDK's decoder reads it."""

    id: str | None
    type: str | None
    body: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        return cast("dict[str, Any]", self.body["data"])


class Stream:
    """An answer under way. `room` parts of it are taken off the server's hands; for more it has to wait.

    `whole`: it was ended as HTTP has it, not cut off.
    """

    def __init__(self, room: int = 0, body: bytes = b"") -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.raw = b""
        self.ended = self.whole = False
        self._body = body
        self._started, self._left = asyncio.Event(), asyncio.Event()
        self._parts: asyncio.Queue[bytes | None] = asyncio.Queue(room)
        self._asked = False
        self._decoder = SSEDecoder()
        self._half = ""

    async def receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            self._started.set()
            return
        if message["body"]:
            await self._parts.put(message["body"])
        if not message["more_body"]:
            self.whole = True
            await self._parts.put(None)

    def left_by_the_app(self) -> None:
        """A server cuts the connection off, if this was not the end."""
        if not self.whole:
            with suppress(asyncio.QueueFull):
                self._parts.put_nowait(None)

    async def started(self) -> None:
        await self._started.wait()

    def leave(self) -> None:
        self._left.set()

    async def part(self) -> bytes:
        """The next piece of the body; nothing at its end."""
        part = None if self.ended else await self._parts.get()
        self.ended = part is None
        self.raw += part or b""
        return part or b""

    async def some(self) -> list[Sent]:
        """The events of the next piece: none if it is a heartbeat, or the end."""
        *lines, self._half = (self._half + (await self.part()).decode()).split("\n")
        found = [event for line in lines if (event := self._decoder.decode(line))]
        return [Sent(event.id, event.event, json.loads(event.data)) for event in found]

    async def events(self, count: int) -> list[Sent]:
        """The next so many events."""
        found: list[Sent] = []
        async with asyncio.timeout(10):
            while len(found) < count:
                found += await self.some()
                assert found or not self.ended
        assert len(found) == count, found
        return found

    async def rest(self) -> list[Sent]:
        """All that comes until the stream ends."""
        found: list[Sent] = []
        async with asyncio.timeout(10):
            while not self.ended:
                found += await self.some()
        return found


@asynccontextmanager
async def streaming(
    gateway: Gateway, caller: Caller, path: str, *, room: int = 0, body: Any = None, **headers: str
) -> AsyncIterator[Stream]:
    """GET a stream, or POST (JSON) for it, from when its answer has started. Leaves at the end, and fails if the app
    goes on after that."""
    stream, url = Stream(room, b"" if body is None else json.dumps(body).encode()), urlsplit(path)
    sent = {"authorization": f"Bearer {caller.secret}", "host": "gateway.test"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET" if body is None else "POST",
        "scheme": "http",
        "path": url.path,
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 1),
        "server": ("gateway.test", 80),
    }
    app: Any = gateway.app
    answering = asyncio.create_task(app(scope, stream.receive, stream.send))
    answering.add_done_callback(lambda _: stream.left_by_the_app())
    starting = asyncio.create_task(stream.started())
    await asyncio.wait({answering, starting}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    try:
        assert starting.done()
        yield stream
    finally:
        starting.cancel()
        stream.leave()
        async with asyncio.timeout(10):
            while not answering.done():
                if not stream.ended and not stream._parts.empty():
                    await stream.part()  # or its last words would wait for room
                await asyncio.wait({answering}, timeout=0.01)
        await answering
