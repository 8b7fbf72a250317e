"""A relay between a client and Redis that can lose replies: the way to be cut off after the work was done."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit


class Relay:
    """Passes bytes on. `lose` replies: that many of the next ones are dropped, and their connections with them."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = host, port
        self.lose = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._upstream)
        there = asyncio.create_task(self._pass_on(reader, far_writer))
        try:
            while data := await far_reader.read(65536):
                if self.lose:
                    self.lose -= 1
                    break
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()
            far_writer.close()
            await there

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def relayed(url: str) -> AsyncIterator[tuple[Relay, str]]:
    """A relay in front of the server at `url`, and the address to reach it by."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    relay = Relay(parts.hostname, parts.port)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    credentials = parts.netloc.rpartition("@")[0]
    try:
        yield relay, urlunsplit(parts._replace(netloc=f"{credentials}@127.0.0.1:{port}"))
    finally:
        server.close()
        await server.wait_closed()
