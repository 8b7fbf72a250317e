"""A load generator for chats, in a process of its own: `python -m bench.caller` reads an `Order` and prints a `Load`.

Keep-alive HTTP/1.1 connections, each sending its next request when it has the whole of the last one's answer. It looks
at every answer's status, framing and end, so that none that lacks something counts, and else does as little as it can:
`cpu_us` says what it took itself.
"""

import asyncio
import ssl
import subprocess
import sys
import time
from functools import partial
from typing import cast

import msgspec
import uvloop

from bench.report import percentile

GRACE_S = 60.0
"""For answers that are under way when the time is up."""

_HEAD_END = b"\r\n\r\n"
_LAST_CHUNK = b"\r\n0\r\n\r\n"


class Order(msgspec.Struct):
    """Send `request` to `port` for so many seconds, or so many times if that is sooner.

    An answer that is whole has `events` in it, or is one piece if `events` is 0, and ends with `end`. `trusted`: the
    file of a certificate, if it is to go over TLS.
    """

    port: int
    request: bytes
    connections: int
    seconds: float
    most: int
    events: int
    end: bytes
    trusted: str = ""


class Load(msgspec.Struct):
    """What came of it. `first_ms`: until the first byte of a body; `ms`: until its last. `cpu_us`: by the generator, an
    answer. `broken` says what was wrong with an answer, and then the rest means nothing.
    """

    answers: int = 0
    rate: float = 0
    p50_ms: float = 0
    p99_ms: float = 0
    first_p50_ms: float = 0
    first_p99_ms: float = 0
    cpu_us: float = 0
    broken: str = ""


class Broken(Exception):
    """An answer that nobody could use."""


def call(order: Order) -> Load:
    """Have it sent by a process of its own."""
    command = [sys.executable, "-m", "bench.caller"]
    limit_s = order.seconds + 2 * GRACE_S
    done = subprocess.run(command, input=msgspec.json.encode(order), capture_output=True, timeout=limit_s, check=False)
    return read(done.returncode, done.stdout, done.stderr)


def read(code: int, out: bytes, err: bytes) -> Load:
    """What a generator has said, however it ended."""
    try:
        return msgspec.json.decode(out, type=Load)
    except msgspec.DecodeError:
        last = err.decode(errors="replace").strip().rpartition("\n")[2]
        return Load(broken=f"the load generator ended with {code}: {last}")


class Answer:
    """One answer as it comes in."""

    def __init__(self, events: int, end: bytes) -> None:
        self._events, self._end = events, end
        self._got = bytearray()
        self._body_at, self._length = 0, -1  # no length: in chunks

    @property
    def begun(self) -> bool:
        """Whether some of its body is here."""
        return 0 < self._body_at < len(self._got)

    def take(self, data: bytes) -> bool:
        """Whether it is whole now. Raises Broken."""
        self._got += data
        if not self._body_at and not self._read_head():
            return False
        if self._length < 0:
            if not self._got.endswith(_LAST_CHUNK):
                return False
            body = joined(bytes(self._got[self._body_at :]))
        elif len(self._got) < self._body_at + self._length:
            return False
        else:
            body = bytes(self._got[self._body_at :])
            if len(body) > self._length:
                raise Broken("more came than its length said")
        self._check(body)
        return True

    def _read_head(self) -> bool:
        end = self._got.find(_HEAD_END)
        if end < 0:
            return False
        head = self._got[:end].lower()
        if not head.startswith(b"http/1.1 200"):
            status, body = head.partition(b"\r\n")[0], self._got[end + len(_HEAD_END) :]
            raise Broken(f"{status.decode()}: {body[:300].decode(errors='replace')}")
        self._body_at = end + len(_HEAD_END)
        _, named, value = head.partition(b"\r\ncontent-length:")
        if named:
            self._length = int(value.partition(b"\r\n")[0])
        elif b"\r\ntransfer-encoding: chunked" not in head:
            raise Broken("neither a length nor chunks")
        return True

    def _check(self, body: bytes) -> None:
        if body.count(b"data: {") < self._events or not body.rstrip().endswith(self._end):
            raise Broken(f"not the whole answer: {body[-500:].decode(errors='replace')}")


def joined(body: bytes) -> bytes:
    """A body without the marks of its chunks. Source: RFC 9112, 7.1. Raises Broken."""
    parts, at = list[bytes](), 0
    try:
        while True:
            line = body.index(b"\r\n", at)
            size = int(body[at:line].partition(b";")[0], 16)
            if not size:
                return b"".join(parts)
            at = line + 2 + size
            parts.append(body[line + 2 : at])
            if body[at : at + 2] != b"\r\n":
                raise Broken("a chunk is longer than it says")
            at += 2
    except ValueError as error:
        raise Broken(f"not in chunks: {error}") from error


class _Run:
    """What all connections share."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.unsent, self.under_way = order.most, 0
        self.until = time.perf_counter() + order.seconds
        self.ms: list[float] = []
        self.first_ms: list[float] = []
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def next(self, now: float) -> bool:
        """Whether one more is to be sent."""
        if self.unsent and now < self.until and not self.over.done():
            self.unsent -= 1
            self.under_way += 1
            return True
        if not self.under_way and not self.over.done():
            self.over.set_result(None)
        return False

    def fail(self, why: Exception) -> None:
        if not self.over.done():
            self.over.set_exception(why)


class _Connection(asyncio.Protocol):
    transport: asyncio.Transport
    _answer: Answer
    _first = 0.0

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._sent_at = 0.0
        self._waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def send(self, now: float) -> None:
        if self._run.next(now):
            self._answer, self._first, self._sent_at = Answer(self._run.order.events, self._run.order.end), 0.0, now
            self._waiting = True
            self.transport.write(self._run.order.request)

    def data_received(self, data: bytes) -> None:
        run = self._run
        try:
            whole = self._answer.take(data)
        except Broken as error:
            run.fail(error)
            return
        if not self._first and self._answer.begun:
            self._first = time.perf_counter() - self._sent_at
        if whole:
            now = time.perf_counter()
            run.ms.append(1000 * (now - self._sent_at))
            run.first_ms.append(1000 * self._first)
            run.under_way -= 1
            self._waiting = False
            self.send(now)

    def connection_lost(self, error: Exception | None) -> None:
        """One that has nothing to do any more may be closed while others still wait."""
        if self._waiting:
            self._run.fail(Broken(f"the connection was closed: {error or 'by the other side'}"))


async def _send(order: Order) -> Load:
    loop = asyncio.get_running_loop()
    run = _Run(order)
    tls = ssl.create_default_context(cafile=order.trusted) if order.trusted else None
    made = [
        (await loop.create_connection(partial(_Connection, run), "127.0.0.1", order.port, ssl=tls))[1]
        for _ in range(order.connections)
    ]
    began, cpu = time.perf_counter(), time.process_time()
    run.until = began + order.seconds
    for each in made:
        each.send(began)
    async with asyncio.timeout(order.seconds + GRACE_S):
        await run.over
    took, spent = time.perf_counter() - began, time.process_time() - cpu
    for each in made:
        each.transport.abort()
    return summary(run.ms, run.first_ms, took, spent)


def summary(ms: list[float], first_ms: list[float], took_s: float, cpu_s: float) -> Load:
    count = len(ms)
    return Load(
        count,
        count / took_s,
        percentile(ms, 0.5),
        percentile(ms, 0.99),
        percentile(first_ms, 0.5),
        percentile(first_ms, 0.99),
        cpu_s / count * 1e6,
    )


def main() -> None:
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    try:
        load = uvloop.run(_send(order))
    except TimeoutError:
        load = Load(broken=f"no answer within {GRACE_S:.0f} s")
    except (Broken, OSError) as error:
        load = Load(broken=str(error))
    sys.stdout.buffer.write(msgspec.json.encode(load))


if __name__ == "__main__":
    main()
