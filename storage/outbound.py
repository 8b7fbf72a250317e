"""The one client for addresses that came from outside: webhooks, inputs' URLs, links in upstreams' answers.

It connects to nothing that `storage.addresses` has not vetted for that very call: names are resolved once, by our own
resolver, and each socket is made by `_socket`, which knows what was vetted. TLS and the Host header keep the original
name. Nothing is followed, kept or decoded behind the caller's back: no redirects but those of `stream`, no cookies, no
proxies out of the environment, no compression, so that a limit in bytes means the bytes that are held.
Nothing of aiohttp leaves this file, exceptions included; what they say may hold URLs and addresses, and is left behind.
"""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from importlib.metadata import version
from ipaddress import ip_address
from typing import Any, NamedTuple, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.http import HttpProcessingError
from yarl import URL

from storage.addresses import Address, Guard, Target
from storage.errors import (
    GatewayError,
    InvalidRequest,
    RequestError,
    TooLarge,
    UpstreamDisconnected,
    UpstreamMalformed,
    UpstreamTimedOut,
    UpstreamUnreachable,
    UpstreamUntrusted,
)

KEPT_S = 4.0  # below the 5 s after which Node's servers close: a POST must not meet a connection that is going away
HEADERS, HEADER_BYTES = 100, 8190
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FAILURES = (aiohttp.ClientError, HttpProcessingError, OSError)
"""What aiohttp raises when it meets the world. A TimeoutError is an OSError."""
_ANYWHERE = frozenset({"accept", "accept-language", "range"})
"""Headers that follow a redirect to another origin. All others may hold a secret."""


class Answer(NamedTuple):
    """What came back. `truncated`: the rest of the body was too long, too late, or cut off."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool

    @property
    def location(self) -> str | None:
        """Where a redirect leads, as it was sent; it has not been followed, and nobody has vetted it."""
        return self.headers.get("Location") if self.status in REDIRECTS else None


class Outbound:
    """`async with Outbound(guard) as outbound`, or `open` and `close`. One per process.

    `connections` and `per_host` bound what is open at once: in all, and to one host and port; others wait, but no call
    longer than `connect_s` for its connection. `tls` is the context to check certificates with, if not the system's.

    A call's `field` is where the caller wrote the address, and RequestErrors name it. Without one the address came from
    an upstream, and whatever is wrong with it is UpstreamMalformed.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        connections: int = 100,
        per_host: int = 8,
        connect_s: float = 10.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._guard = guard
        self._connections, self._per_host, self._connect_s, self._tls = connections, per_host, connect_s, tls
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        connector = aiohttp.TCPConnector(
            resolver=_Resolver(self._guard),
            use_dns_cache=False,  # what was vetted for one call is not vetted for the next
            socket_factory=_socket,
            limit=self._connections,
            limit_per_host=self._per_host,
            keepalive_timeout=KEPT_S,
            ssl=self._tls or True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"ai-gateway/{version('ai-gateway')}", "Accept-Encoding": "identity"},
            auto_decompress=False,
            trust_env=False,
            max_line_size=HEADER_BYTES,
            max_field_size=HEADER_BYTES,
            max_headers=HEADERS,
        )

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def request(
        self,
        method: str,
        url: str,
        *,
        timeout_s: float,
        limit_bytes: int,
        headers: Mapping[str, str] | None = None,
        body: bytes | AsyncIterator[bytes] | None = None,
        field: str | None = None,
        proxy: str | None = None,
    ) -> Answer:
        """One call and its answer, whatever its status. `timeout_s` is for all of it, `limit_bytes` for the body kept.

        A `proxy` (http://[user:password@]host:port) is vetted as the address of a call is; where it leads is not. So it
        is for addresses that the operator has named.

        A body that comes in pieces goes out as they come; give its `content-length`, or it goes out chunked.

        Once the head of an answer has come, that is the answer: what then goes wrong only truncates its body.
        Raises InvalidRequest, AddressRefused, UpstreamUnreachable, UpstreamUntrusted, UpstreamTimedOut,
        UpstreamDisconnected, UpstreamMalformed.
        """
        with _blamed(field):
            target = self._guard.check_url(url, field=field)
            response = await self._send(
                method, target, field=field, proxy=proxy, headers=headers, data=body, limits=self._limits(timeout_s)
            )
        try:
            kept, truncated = await _read(response, limit_bytes)
        finally:
            response.close()
        return Answer(response.status, response.headers, kept, truncated)

    @asynccontextmanager
    async def stream(
        self,
        url: str,
        *,
        timeout_s: float,
        limit_bytes: int,
        idle_s: float = 30.0,
        redirects: int = 5,
        types: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        field: str | None = None,
    ) -> AsyncIterator["Reading"]:
        """GET something large: `async for chunk in reading`. Memory is bounded, whatever `limit_bytes` is.

        `timeout_s` is for all of it, the reader's own time included; `idle_s` for one silence. Each redirect is judged
        as the first address was; other origins get none of `headers` that could hold a secret. Of an answer that says
        2xx, the type must be one of `types` (`audio/mpeg`, or `image/*`), if there are any; other statuses are the
        reader's to judge. Raises what `request` raises; TooLarge beyond `limit_bytes`, by its head or as it comes.
        """
        with _blamed(field):
            response, target = await self._follow(url, headers or {}, timeout_s, idle_s, redirects, field)
        try:
            with _blamed(field):
                _check_head(response, target, types, limit_bytes, field)
            yield Reading(response, target, limit_bytes, idle_s, field)
        finally:
            response.close()

    async def _follow(
        self, url: str, headers: Mapping[str, str], timeout_s: float, idle_s: float, redirects: int, field: str | None
    ) -> tuple[aiohttp.ClientResponse, Target]:
        """The first answer that leads nowhere else, and where it came from."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout_s
        target = self._guard.check_url(url, field=field)
        for _ in range(redirects + 1):
            limits = self._limits(max(deadline - clock(), 0.001), idle_s)  # aiohttp takes 0 for no limit
            response = await self._send("GET", target, field=field, headers=headers, limits=limits)
            location = response.headers.get("Location")
            if response.status not in REDIRECTS or location is None or not redirects:
                return response, target
            response.close()
            onward = self._guard.check_redirect(target, location, field=field)
            if onward.url.origin() != target.url.origin():
                headers = {name: value for name, value in headers.items() if name.lower() in _ANYWHERE}
            target = onward
        raise UpstreamMalformed(f"{target.shown} is reached after more than {redirects} redirects")

    async def _send(
        self,
        method: str,
        target: Target,
        *,
        field: str | None,
        limits: aiohttp.ClientTimeout,
        proxy: str | None = None,
        **options: Any,
    ) -> aiohttp.ClientResponse:
        """The head of an answer. The only place where a request leaves."""
        if self._session is None:
            raise RuntimeError("the client is not open")
        address = target.address
        if proxy:
            options["proxy"] = proxy
            address = self._guard.check_url(str(URL(proxy).with_user(None))).address
        before = _call.set(_Call(field, {address} if address else set()))
        try:
            with _mapped_errors(target):
                return await self._session.request(method, target.url, timeout=limits, allow_redirects=False, **options)
        finally:
            _call.reset(before)

    def _limits(self, timeout_s: float, idle_s: float | None = None) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(total=timeout_s, connect=self._connect_s, sock_read=idle_s)


class Reading:
    """A body on its way: `async for chunk in reading`, once. `target` is where it comes from, after redirects."""

    def __init__(
        self, response: aiohttp.ClientResponse, target: Target, limit_bytes: int, idle_s: float, field: str | None
    ) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self.target = target
        self._response, self._limit_bytes, self._idle_s, self._field = response, limit_bytes, idle_s, field

    @property
    def content_type(self) -> str:
        """In lower case and without its parameters; empty if none was sent."""
        return _content_type(self.headers)

    @property
    def size_bytes(self) -> int | None:
        """How much was announced, if anything was. What comes may still be less: that raises UpstreamDisconnected."""
        return self._response.content_length

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Raises TooLarge, UpstreamTimedOut, UpstreamDisconnected."""
        read_bytes = 0
        with _blamed(self._field), _mapped_errors(self.target):
            while chunk := await self._next():
                read_bytes += len(chunk)
                if read_bytes > self._limit_bytes:
                    raise _too_large(self.target, self._limit_bytes, self._field)
                yield chunk

    async def _next(self) -> bytes:
        """By our own clock: aiohttp's stops where its parser in C meets a chunk that is none, and tells nobody."""
        async with asyncio.timeout(self._idle_s):
            return await self._response.content.readany()


class _Call(NamedTuple):
    """The call that a task is making, and the addresses that it may connect to."""

    field: str | None
    vetted: set[Address]


_call: ContextVar[_Call | None] = ContextVar("_call", default=None)


class _Resolver(AbstractResolver):
    """aiohttp asks here for the addresses of a name; those of the guard's that it gets are what it may connect to."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - the connector wants both, and picks
    ) -> list[ResolveResult]:
        call = _call.get()
        found = await self._guard.resolve(host, port, field=call and call.field)
        if call:
            call.vetted.update(found)
        return [_result(host, port, address) for address in found]

    async def close(self) -> None:
        """Nothing is held."""


def _result(host: str, port: int, address: Address) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=str(address),
        port=port,
        family=socket.AF_INET6 if address.version == 6 else socket.AF_INET,
        proto=0,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )


def _socket(info: tuple[Any, ...]) -> socket.socket:
    """aiohttp makes no connection but by a socket from here, whichever way it came by the address."""
    family, kind, proto, _, address = info
    call = _call.get()
    if call is None or ip_address(address[0]) not in call.vetted:
        raise PermissionError(errno.EPERM, "nobody vetted this address")
    return socket.socket(family, kind, proto)


async def _read(response: aiohttp.ClientResponse, limit_bytes: int) -> tuple[bytes, bool]:
    """The body as far as it comes within its limits, and whether some of it is missing."""
    body = bytearray()
    with suppress(*_FAILURES):
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > limit_bytes:
                break
        else:
            return bytes(body), False
    return bytes(body[:limit_bytes]), True


def _check_head(
    response: aiohttp.ClientResponse, target: Target, types: Sequence[str], limit_bytes: int, field: str | None
) -> None:
    if response.status // 100 != 2:
        return
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise UpstreamMalformed(f"{target.shown} answered in an encoding that was not asked for")
    content_type = _content_type(response.headers)
    if types and not any(_fits(content_type, wanted) for wanted in types):
        found = f"is {content_type}" if content_type else "has no Content-Type"
        raise InvalidRequest(f"what {target.shown} answered {found}; it should be {' or '.join(types)}", field=field)
    if (response.content_length or 0) > limit_bytes:
        raise _too_large(target, limit_bytes, field)


def _content_type(headers: Mapping[str, str]) -> str:
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _fits(content_type: str, wanted: str) -> bool:
    return content_type.startswith(wanted[:-1]) if wanted.endswith("/*") else content_type == wanted


def _too_large(target: Target, limit_bytes: int, field: str | None) -> TooLarge:
    return TooLarge(f"what {target.shown} answered is larger than the limit of {limit_bytes} bytes", field=field)


@contextmanager
def _blamed(field: str | None) -> Iterator[None]:
    """Where no field of the caller's is to blame, the upstream is."""
    try:
        yield
    except RequestError as error:
        if field is None:
            raise UpstreamMalformed(str(error)) from None
        raise


@contextmanager
def _mapped_errors(target: Target) -> Iterator[None]:
    """aiohttp's errors become ours, without their chain: it would take URLs and addresses into logs."""
    try:
        yield
    except _FAILURES as error:
        raise _ours(error, target.shown) from None


def _ours(error: Exception, shown: str) -> GatewayError:
    match error:
        case aiohttp.ClientHttpProxyError(status=status):
            return UpstreamUnreachable(f"{shown} cannot be reached: the proxy answered {status}")
        case aiohttp.ClientSSLError():
            return UpstreamUntrusted(f"{shown} cannot be trusted: {_tls_reason(error)}")
        case aiohttp.ConnectionTimeoutError():
            return UpstreamUnreachable(f"{shown} cannot be reached: no connection in time")
        case aiohttp.ClientConnectorError():
            return UpstreamUnreachable(f"{shown} cannot be reached: {_reason(error.os_error)}")
        case TimeoutError():
            return UpstreamTimedOut(f"{shown} did not answer in time")
        case aiohttp.ClientResponseError() | aiohttp.InvalidURL() | HttpProcessingError():
            return UpstreamMalformed(f"{shown} answered with something that is not HTTP, or with too large a head")
        case _:
            return UpstreamDisconnected(f"{shown} broke the connection off")


def _reason(error: OSError) -> str:
    """The system's words alone: Python's add the address that was tried."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else "the connection failed"


def _tls_reason(error: aiohttp.ClientSSLError) -> str:
    cause = error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return cause.verify_message
    return "TLS failed" + (f" ({cause.reason})" if isinstance(cause, ssl.SSLError) and cause.reason else "")
