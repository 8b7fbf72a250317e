"""The clients of `bench/waiting.py`: requests that wait for a picture, all at once, in a process of their own.

`python -m bench.patient PORT KEY COUNT`: whenever an answer has come whole, the time by the clock that processes share
is put on a Redis list.
"""

import asyncio
import os
import sys
import time
from typing import cast

import uvloop
from pydantic import SecretStr

from bench.load import request
from bench.peers.base import URL
from bench.program import say_ready
from storage.connect import command, connect

ANSWERED = "bench:answered"
PATH = "/v1/images/generations"
_AT_ONCE = 100
_BODY = b'{"prompt": "a boat on a lake", "model": "dall-e-3"}'


class Waiter(asyncio.Protocol):
    """One connection, one request, one answer."""

    def __init__(self, asks: bytes, answered: "asyncio.Queue[float]") -> None:
        self._asks, self._answered, self._got = asks, answered, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._asks)

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, _, body = self._got.partition(b"\r\n\r\n")
        if body and len(body) == int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            if not head.startswith(b"HTTP/1.1 200") or b"/media/" not in body:
                raise SystemExit(f"not answered with a picture: {self._got[:500]!r}")
            self._answered.put_nowait(time.monotonic())

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._got:
            raise SystemExit("a connection was closed without an answer")


async def wait(port: int, key: str, count: int) -> None:
    asks = request("POST", PATH, {"authorization": f"Bearer {key}", "content-type": "application/json"}, _BODY)
    answered: asyncio.Queue[float] = asyncio.Queue()
    loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE)

    async def open_one() -> asyncio.BaseTransport:
        async with gate:
            transport, _ = await loop.create_connection(lambda: Waiter(asks, answered), "127.0.0.1", port)
            return transport

    kept = await asyncio.gather(*(open_one() for _ in range(count)))
    say_ready()
    async with connect(SecretStr(os.environ[URL])) as redis:
        while kept:
            await command(redis, "RPUSH", ANSWERED, await answered.get())


if __name__ == "__main__":
    uvloop.run(wait(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
