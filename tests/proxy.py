"""An HTTP proxy for tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from yarl import URL

from tests.waiting import until

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Proxy:
    """Takes CONNECT and whole URLs, and keeps the heads it was sent. To CONNECT it says `answer`, and passes on what
    comes after a good one."""

    def __init__(self, answer: bytes = ESTABLISHED) -> None:
        self.answer = answer
        self.heads: list[bytes] = []
        self.port = self.open = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        yield self
        server.close()
        await server.wait_closed()
        await until(lambda: not self.open)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            self.heads.append(head := await reader.readuntil(b"\r\n\r\n"))
            method, to, _ = head.decode("latin-1").split(" ", 2)
            if method == "CONNECT":
                writer.write(self.answer)
                if self.answer.startswith(b"HTTP/1.1 200"):
                    await _between(reader, writer, URL(f"//{to}"))
            else:
                await _between(reader, writer, URL(to), head)
        finally:
            self.open -= 1
            writer.close()


async def _between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: URL, said: bytes = b"") -> None:
    far, there = await asyncio.open_connection(to.host, to.port)
    there.write(said)
    await asyncio.gather(_pass_on(reader, there), _pass_on(far, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except ConnectionError:
        pass
    writer.close()
