"""The clients of `bench/streams.py`: event streams, all of them open at once, in a process of their own.

`python -m bench.audience PORT FILE`: the file has an API key a line, one for each stream. Whenever an event has come
whole to all who have its key, the time by the clock that processes share is put on a Redis list.
"""

import asyncio
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import cast

import uvloop
from pydantic import SecretStr

from bench.peers.base import URL
from bench.program import say_ready
from storage.connect import command, connect

HEARD = "bench:heard"
_AT_ONCE = 100
_EVENT_END = b"\n\n"


class Audience:
    """Who listens with which key, and how many of them have heard how many events."""

    def __init__(self, streams: list[str]) -> None:
        self._size = Counter(streams)
        self._heard: Counter[tuple[str, int]] = Counter()
        self.news: asyncio.Queue[float | None] = asyncio.Queue()

    def hears(self, key: str, count: int) -> None:
        """One of them has its event number `count` now."""
        self._heard[key, count] += 1
        if self._heard[key, count] == self._size[key]:
            self.news.put_nowait(time.monotonic())
            del self._heard[key, count]

    def loses(self) -> None:
        """A stream was closed, which should not be."""
        self.news.put_nowait(None)


class Stream(asyncio.Protocol):
    """One connection. Nothing but the ends of events is looked for, so that it is not the clients that are measured."""

    def __init__(self, audience: Audience, key: str) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._audience, self._key = audience, key
        self._last, self._count = b"", 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        request = f"GET /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {self._key}\r\n\r\n"
        cast(asyncio.Transport, transport).write(request.encode())

    def data_received(self, data: bytes) -> None:
        if not self.opened.done():
            if data.startswith(b"HTTP/1.1 200"):
                self.opened.set_result(None)
            else:
                self.opened.set_exception(RuntimeError(data[:500].decode(errors="replace")))
        for _ in range((self._last + data).count(_EVENT_END)):
            self._count += 1
            self._audience.hears(self._key, self._count)
        self._last = data[-1:]

    def connection_lost(self, _error: Exception | None) -> None:
        self._audience.loses()


async def listen(port: int, streams: list[str]) -> None:
    audience, loop, gate = Audience(streams), asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE)

    async def open_one(key: str) -> None:
        async with gate:
            _, stream = await loop.create_connection(lambda: Stream(audience, key), "127.0.0.1", port)
            await stream.opened

    await asyncio.gather(*map(open_one, streams))
    say_ready()
    async with connect(SecretStr(os.environ[URL])) as redis:
        while at := await audience.news.get():
            await command(redis, "RPUSH", HEARD, at)
    raise RuntimeError("a stream was closed")


if __name__ == "__main__":
    uvloop.run(listen(int(sys.argv[1]), Path(sys.argv[2]).read_text().split()))
