"""An upstream that sends exactly the bytes it is told to, and keeps what it was asked."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from api.upstreams.client import Connection, Pool
from tests.waiting import until

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Close:
    """The connection is closed, as it should be at the end."""


class Reset:
    """It is cut."""


class Silence:
    """Nothing more is said, for as long as the client stays."""


Step = bytes | asyncio.Event | type[Close] | type[Reset] | type[Silence]
"""What is sent; or what is waited for, or how it ends."""


class Upstream:
    """`answers`: one for each request, the last of them for all further ones."""

    def __init__(self, *answers: Sequence[Step]) -> None:
        self.answers = [list(each) for each in answers] or [[OK]]
        self.requests: list[bytes] = []
        self.connections = self.open = 0
        self.sent_bytes = 0
        self.port = 0
        self._tls = False
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}/v1"

    def cut(self) -> None:
        """Every connection there is."""
        for writer in self._writers:
            writer.transport.abort()

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["Upstream"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port, self._tls = server.sockets[0].getsockname()[1], tls is not None
        try:
            yield self
        finally:
            server.close()
            self.cut()
            await server.wait_closed()
            await until(lambda: not self.open)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections, self.open = self.connections + 1, self.open + 1
        self._writers.add(writer)
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether there may be another."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        self.requests.append(head + await reader.readexactly(int(length or 0)))
        for step in self.answers[min(len(self.requests), len(self.answers)) - 1]:
            if isinstance(step, asyncio.Event):
                await step.wait()
            elif isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
                self.sent_bytes += len(step)
            elif step is Silence:
                await reader.read()
                return False
            elif step is Reset:
                writer.transport.abort()
                return False
            else:
                return False
        return True


class Answer:
    """What a call gave. `body`: as far as it came."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.body = b""

    @property
    def status(self) -> int:
        return self.connection.status

    @property
    def headers(self) -> dict[bytes, bytes]:
        return self.connection.headers

    async def head(self) -> None:
        while not self.connection.headed:
            await self.connection.more()

    async def some(self) -> bytes:
        """The next of the body; nothing at its end."""
        while not (data := self.connection.take()) and not self.connection.done:
            await self.connection.more()
        self.body += data
        return data

    async def rest(self) -> bytes:
        await self.head()
        while await self.some():
            pass
        return self.body


@asynccontextmanager
async def calling(pool: Pool, body: bytes = b"{}", *headers: tuple[bytes, bytes]) -> AsyncIterator[Answer]:
    """A call that has been sent."""
    async with asyncio.timeout(10):
        connection = await pool.open()
        try:
            connection.send(pool.head("/chat/completions", headers) + b"%d\r\n\r\n%b" % (len(body), body))
            yield Answer(connection)
        finally:
            connection.release()


async def called(pool: Pool, body: bytes = b"{}", *headers: tuple[bytes, bytes]) -> Answer:
    """A call and all of its answer."""
    async with calling(pool, body, *headers) as answer:
        await answer.rest()
    return answer


@asynccontextmanager
async def pooled(url: str, **how: object) -> AsyncIterator[Pool]:
    """Connections to there. When the block has ended, none is left."""
    pool = Pool(url, **how)  # type: ignore[arg-type]
    try:
        yield pool
    finally:
        async with asyncio.timeout(10):
            await pool.close()
        assert not pool.active
        assert not pool._idle
