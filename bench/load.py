"""A load generator: keep-alive HTTP/1.1 connections, each sending its next request when it has the last one's answer.

Requests are bytes made beforehand, and of an answer only status and length are read, so that the generator is not what
is measured: `Load.cpu` says how much of one core it took.
"""

import asyncio
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import NamedTuple, cast

import uvloop

from bench.report import percentile

_HEAD_END = b"\r\n\r\n"
LIMIT_S = 60.0


class Load(NamedTuple):
    """Answers a second; the times they took; the generator's share of one core; one of the answers' bodies."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu: float
    body: bytes


def request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """A request as it goes out."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + _HEAD_END + body


def drive(port: int, requests: Iterable[bytes], *, connections: int, count: int) -> Load:
    """Send `count` requests, taken in turn from `requests`. Raises RuntimeError for an answer that is not a 2xx."""
    return uvloop.run(_drive(port, itertools.cycle(requests), connections, count))


async def _drive(port: int, requests: Iterator[bytes], connections: int, count: int) -> Load:
    run = _Run(requests, count)
    loop = asyncio.get_running_loop()
    users = [(await loop.create_connection(partial(_User, run), "127.0.0.1", port))[1] for _ in range(connections)]
    began, cpu = time.perf_counter(), time.process_time()
    for user in users:
        user.send()
    async with asyncio.timeout(LIMIT_S):
        await run.over
    took = time.perf_counter() - began
    for user in users:
        user.transport.close()
    waits = [1000 * wait for wait in run.waits]
    return Load(
        count / took, percentile(waits, 0.5), percentile(waits, 0.99), (time.process_time() - cpu) / took, run.body
    )


class _Run:
    """What all connections share."""

    def __init__(self, requests: Iterator[bytes], count: int) -> None:
        self.requests, self.unsent, self.unanswered = requests, count, count
        self.waits: list[float] = []
        self.body = b""
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def answered(self, wait_s: float) -> None:
        self.waits.append(wait_s)
        self.unanswered -= 1
        if not self.unanswered:
            self.over.set_result(None)

    def fail(self, why: str) -> None:
        if not self.over.done():
            self.over.set_exception(RuntimeError(why))


class _User(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._got, self._wanted, self._sent_at = b"", 0, 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def send(self) -> None:
        if self._run.unsent:
            self._run.unsent -= 1
            self._sent_at = time.perf_counter()
            self.transport.write(next(self._run.requests))

    def data_received(self, data: bytes) -> None:
        self._got = self._got + data if self._got else data
        if not self._wanted:
            end = self._got.find(_HEAD_END)
            if end < 0:
                return
            head = self._got[:end].lower()
            if not head.startswith(b"http/1.1 2"):
                self._run.fail(self._got[:2000].decode(errors="replace"))
                return
            self._wanted = end + len(_HEAD_END) + int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
        if len(self._got) < self._wanted:
            return
        if not self._run.body:
            self._run.body = self._got[self._got.find(_HEAD_END) + len(_HEAD_END) :]
        self._got, self._wanted = b"", 0
        self._run.answered(time.perf_counter() - self._sent_at)
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        self._run.fail(f"the connection was closed: {error}")
