"""A small HTTP/1.1 client for chat upstreams: kept-alive connections, and bytes as they come.

It is our own for speed alone (DECISIONS.md, "The relay's client"): a stream of a hundred chunks costs it one future and
one join each. It connects to nothing but the addresses that the operator has written into the file of accounts.

A request is never sent a second time from here. What is known not to have been sent raises UpstreamUnreachable or
UpstreamUntrusted, and may go elsewhere.
"""

import asyncio
import ssl
from collections.abc import Iterable
from typing import cast

import httptools
from yarl import URL

from api.upstreams.proxy import authorization, tunnelled
from storage.errors import (
    UpstreamDisconnected,
    UpstreamError,
    UpstreamMalformed,
    UpstreamTimedOut,
    UpstreamUnreachable,
    UpstreamUntrusted,
)
from storage.outbound import KEPT_S

CONNECT_S = 10.0
MOST_HELD_BYTES = 256 << 10
"""Of an answer, for a caller that is slow to take it: then the upstream is read from no further."""

SWEEP_S = 1.0
"""How often silence is looked for. No request has a timer of its own."""

_MOST_MUTE_BYTES = 64 << 10
"""Of an answer, with nothing of its body among them: a head and whatever goes before it, trailers."""


class _TooLarge(Exception):
    """More has come than anybody needs to say."""


class Connection(asyncio.Protocol):
    """One exchange at a time: `send`, then `more` and `take` until it is `done`, then `release`."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._waiter: asyncio.Future[None] | None = None
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.lost = asyncio.get_running_loop().create_future()
        self.busy, self.idle_since = False, 0.0
        self._begin()

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.status, self.headers, self.headed, self.done = 0, dict[bytes, bytes](), False, False
        self.heard = self._pool.clock()
        self._error: UpstreamError | None = None
        self._parts: list[bytes] = []
        self._held = self._head_bytes = self._mute_bytes = 0
        self._sized = self._keep = self._paused = False

    def send(self, data: bytes) -> None:
        """Begin an exchange with a request, head and body."""
        self._begin()
        self.busy = True
        self._pool.active.add(self)
        self.transport.write(data)

    async def more(self) -> None:
        """Wait for news; after a second there may be none, so that whoever waits can see to other things.

        Raises UpstreamDisconnected, UpstreamMalformed, UpstreamTimedOut.
        """
        if self._error:
            raise self._error
        self._waiter = self._pool.loop.create_future()
        await self._waiter
        if self._error and not self._parts:
            raise self._error

    def take(self) -> bytes:
        """What has come of the body since the last time; perhaps nothing."""
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts, self._held = [], 0
        if self._paused:
            self._paused = False
            self.heard = self._pool.clock()
            self.transport.resume_reading()
        return data

    def fail(self, error: UpstreamError) -> None:
        """End it: whoever waits is told, and so is the upstream, by a connection that is gone."""
        if self.busy and not self.done:
            self._error = self._error or error
        self.transport.abort()
        self.wake()

    def wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def release(self) -> None:
        """The exchange is over. Left half-way, the connection is closed: so the upstream hears that nobody listens."""
        self.leave()
        if self.done and self._keep and not self._paused and not self.transport.is_closing():
            self._pool.rest(self)
        else:
            self.transport.abort()

    def leave(self) -> None:
        """Its transport is another's from now on, or nobody's."""
        self.busy = False
        self._pool.active.discard(self)

    def silent_s(self, now: float) -> float:
        """For how long the upstream has said nothing that it could have said."""
        return 0.0 if self._paused or self._parts or self.done else now - self.heard

    @property
    def closing(self) -> bool:
        return self.transport.is_closing()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self.busy or self.done:  # nobody asked for it
            self.transport.abort()
            return
        self.heard, held = self._pool.clock(), self._held
        try:
            self._parser.feed_data(data)
            self._heard_of(self._held - held, len(data))
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, _TooLarge):
            self.fail(UpstreamMalformed("the upstream's answer is not HTTP, or has too large a head"))
            return
        if self._held > MOST_HELD_BYTES and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        self.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.forget(self)
        if self.headed and not self._sized and exc is None and self._error is None:
            self.done = True  # a body that ends with its connection
        if not self.done:
            self.fail(UpstreamDisconnected("the upstream broke the connection off"))
        self.wake()
        if not self.lost.done():
            self.lost.set_result(None)

    def _heard_of(self, body_bytes: int, size_bytes: int) -> None:
        """So much came, and so much of it was of a body: the parser itself would keep a header that never ends."""
        self._mute_bytes = 0 if body_bytes else self._mute_bytes + size_bytes
        if self._mute_bytes > _MOST_MUTE_BYTES and not self.done:
            raise _TooLarge

    # What httptools calls.

    def on_message_begin(self) -> None:
        if self.done:
            raise ValueError("an answer that nobody asked for, in one breath with the one before")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > _MOST_MUTE_BYTES:
            raise _TooLarge
        if not self.headed:  # trailers say nothing that anybody reads
            self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self.headed = self.status >= 200
        coding = self.headers.get(b"transfer-encoding")
        if coding is not None and coding.lower() != b"chunked":
            raise ValueError("a coding that was not asked for")
        self._sized = coding is not None or b"content-length" in self.headers

    def on_body(self, data: bytes) -> None:
        self._parts.append(data)
        self._held += len(data)

    def on_message_complete(self) -> None:
        if not self.headed:  # 1xx: the answer is still to come
            self.headers.clear()
            return
        # asked any later, the parser says no, and every request would open a connection
        self.done, self._keep = True, self._parser.should_keep_alive()


class Pool:
    """The connections to one upstream. `head_s`, `idle_s`: how long it may be silent before its answer, and in it.
    `tls`: what to check its certificate with, if its address is one of https."""

    def __init__(
        self,
        url: str,
        *,
        proxy: str | None = None,
        head_s: float = 600.0,
        idle_s: float = 120.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.url, self._proxy = URL(url), URL(proxy) if proxy else None
        self._head_s, self._idle_s = head_s, idle_s
        self.loop = asyncio.get_running_loop()
        self.clock = self.loop.time
        self.active: set[Connection] = set()
        self._idle: list[Connection] = []
        self._tls = tls

    def head(self, path: str, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """The head of a POST, up to the value of its `content-length`."""
        target = self.url.raw_path.rstrip("/") + path
        lines = [b"host: " + self._host.encode("idna" if not self._host.isascii() else "ascii")]
        if self._proxy and self._tls is None:
            target = f"http://{self._host}{target}"
            lines += authorization(self._proxy)
        lines += [name + b": " + value for name, value in headers]
        return f"POST {target} HTTP/1.1\r\n".encode() + b"\r\n".join(lines) + b"\r\ncontent-length: "

    async def open(self) -> Connection:
        """A connection that is free, or a new one. Raises UpstreamUnreachable, UpstreamUntrusted."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.closing and self.clock() - connection.idle_since < KEPT_S:
                return connection
            connection.fail(UpstreamDisconnected())
        try:
            async with asyncio.timeout(CONNECT_S):
                return await self._connect()
        except ssl.SSLError as error:
            said = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else "TLS failed"
            raise UpstreamUntrusted(f"the upstream cannot be trusted: {said}") from error
        except (OSError, UnicodeError, UpstreamError) as error:  # of a timeout, of a name, or a proxy's own words
            raise UpstreamUnreachable("the upstream cannot be reached") from error

    def rest(self, connection: Connection) -> None:
        """It may be used again."""
        connection.idle_since = self.clock()
        self._idle.append(connection)

    def forget(self, connection: Connection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)

    def sweep(self) -> None:
        """End what is silent for too long, and connections that nobody has used for a while."""
        now = self.clock()
        for connection in list(self.active):
            limit_s = self._idle_s if connection.headed else self._head_s
            if connection.silent_s(now) > limit_s:
                connection.fail(UpstreamTimedOut(f"the upstream was silent for {limit_s:g} s"))
            else:
                connection.wake()
        for connection in [each for each in self._idle if now - each.idle_since >= KEPT_S]:
            connection.fail(UpstreamDisconnected())

    async def close(self) -> None:
        """End all of it, and wait until it has ended."""
        connections = [*self.active, *self._idle]
        for connection in connections:
            connection.fail(UpstreamDisconnected("the gateway stops"))
        await asyncio.gather(*(connection.lost for connection in connections))

    @property
    def _host(self) -> str:
        return self.url.raw_authority.rpartition("@")[2]

    async def _connect(self) -> Connection:
        if self._proxy:
            connection = await self._to(str(self._proxy.host), self._proxy.port or 80, None)
            if self._tls is None:
                return connection
            return await tunnelled(
                connection, Connection(self), self._proxy, str(self.url.host), self.url.port or 443, self._tls
            )
        return await self._to(str(self.url.host), self.url.port or 80, self._tls)

    async def _to(self, host: str, port: int, tls: ssl.SSLContext | None) -> Connection:
        named = host if tls else None
        _, connection = await self.loop.create_connection(
            lambda: Connection(self), host, port, ssl=tls, server_hostname=named
        )
        return connection
