"""A server that answers with exactly the bytes it is told to: well-behaved, slow, endless or broken."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n"


class Asked(NamedTuple):
    """A request as it came. Header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Script = Callable[[Asked], AsyncIterator[bytes]]


class Hangup(Exception):
    """What a script raises to have the connection reset."""


class Receiver:
    """`script` gives the bytes to send; without a Content-Length among them, the connection ends when it does.

    With a `greeting` it sends that to whoever connects, and no more. Without `reads_bodies` it answers heads at once.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.names: list[str | None] = []  # what TLS clients called us
        self.accepted = self.open = self.most_open = 0
        self.port = 0
        self.greeting = b""
        self.reads_bodies = True
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def url(self, path: str = "/", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection
        self._connections[connection] = writer
        self.accepted += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            writer.write(self.greeting)
            while not self.greeting and await self._answer(reader, writer):
                pass
        except (Hangup, asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            writer.transport.abort()
        finally:
            writer.close()
            self.open -= 1

    async def end(self) -> None:
        for connection, writer in self._connections.items():
            connection.cancel()
            await asyncio.wait([connection])
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request's; whether another may follow."""
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        method, path, _ = lines[0].split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:-1])}
        body = await reader.readexactly(int(headers.get("content-length", 0)) if self.reads_bodies else 0)
        self.asked.append(Asked(method, path, headers, body))
        sent = b""
        async for part in self.script(self.asked[-1]):
            sent = (sent + part)[:4096]
            writer.write(part)
            await writer.drain()
            if reader.at_eof() or reader.exception():  # the client has left
                raise Hangup
        if not self.reads_bodies:
            await reader.read()  # until the client leaves
            return False
        return b"content-length" in sent.lower()


def always(*parts: bytes) -> Script:
    """A script that answers every request alike."""

    async def script(_: Asked) -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    return script


def then_nothing(*parts: bytes) -> Script:
    """These bytes, and then silence on an open connection."""

    async def script(_: Asked) -> AsyncIterator[bytes]:
        for part in parts:
            yield part
        while True:  # a client that leaves is noticed at the next part
            await asyncio.sleep(0.01)
            yield b""

    return script


def then_for_ever(head: bytes, part: bytes, every_s: float = 0) -> Script:
    """A head, and then the same part again and again."""

    async def script(_: Asked) -> AsyncIterator[bytes]:
        yield head
        while True:
            await asyncio.sleep(every_s)
            yield part

    return script


def then_reset(*parts: bytes) -> Script:
    async def script(_: Asked) -> AsyncIterator[bytes]:
        for part in parts:
            yield part
        raise Hangup

    return script


def redirect(status: int, location: str, more: bytes = b"") -> bytes:
    head = f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n"
    return head.encode() + more + b"\r\n"


@asynccontextmanager
async def receiving(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver on a free port of 127.0.0.1."""
    receiver = Receiver(script)
    if tls:
        tls.sni_callback = lambda _, name, __: receiver.names.append(name)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        await receiver.end()
