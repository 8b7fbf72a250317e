"""The way to an upstream through an HTTP proxy. Source: RFC 9110 §9.3.6 (CONNECT), §11.7 (Proxy-Authorization)."""

import asyncio
import base64
import ssl
from typing import Protocol, TypeVar

from yarl import URL

from storage.errors import UpstreamUnreachable


class Plain(Protocol):
    """A connection as far as this file is concerned (`api/upstreams/client.py`)."""

    transport: asyncio.Transport
    status: int
    headed: bool

    def send(self, data: bytes) -> None: ...
    async def more(self) -> None: ...
    def leave(self) -> None: ...


Fresh = TypeVar("Fresh", bound=asyncio.Protocol)


async def tunnelled(plain: Plain, fresh: Fresh, proxy: URL, host: str, port: int, tls: ssl.SSLContext) -> Fresh:
    """TLS to `host` behind the proxy that `plain` is connected to; `fresh` is the connection then.

    Raises UpstreamError if the proxy will not have it, OSError (ssl.SSLError among them) if TLS does not come about.
    """
    target = f"[{host}]:{port}".encode() if ":" in host else f"{host}:{port}".encode()
    lines = [b"CONNECT " + target + b" HTTP/1.1", b"host: " + target, *authorization(proxy)]
    through = None
    try:
        plain.send(b"\r\n".join(lines) + b"\r\n\r\n")
        while not plain.headed:
            await plain.more()
        if plain.status != 200:
            raise UpstreamUnreachable(f"the proxy answered {plain.status}")
        loop = asyncio.get_running_loop()
        through = await loop.start_tls(plain.transport, fresh, tls, server_hostname=host)
        if through is None:
            raise UpstreamUnreachable("the proxy broke the connection off")
        fresh.connection_made(through)
        return fresh
    finally:
        plain.leave()
        if through is None:
            plain.transport.abort()


def authorization(proxy: URL) -> list[bytes]:
    """The header that says who we are to the proxy, if we are anybody."""
    if proxy.user is None:
        return []
    said = f"{proxy.user}:{proxy.password or ''}".encode()
    return [b"proxy-authorization: Basic " + base64.b64encode(said)]
