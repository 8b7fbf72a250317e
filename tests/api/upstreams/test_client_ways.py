"""The relay's client by TLS and through proxies: what is told to whom, and what is refused."""

import asyncio
import base64
import ssl
from pathlib import Path

import pytest

from storage.errors import UpstreamUnreachable, UpstreamUntrusted
from tests.api.upstreams.scripted import OK, Close, Upstream, called, pooled
from tests.certificates import self_signed
from tests.proxy import Proxy
from tests.waiting import until

SECRET = b"proxy-authorization: Basic " + base64.b64encode(b"ann:s3cret")


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return self_signed(tmp_path, ["127.0.0.1"])


async def test_an_upstream_by_tls(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server, trusting = tls
    async with Upstream([OK]).serving(server) as upstream, pooled(upstream.url, tls=trusting) as pool:
        for _ in range(2):
            assert (await called(pool)).body == b"ok"
        assert upstream.connections == 1
        assert b"host: 127.0.0.1:%d\r\n" % upstream.port in upstream.requests[0]


@pytest.mark.filterwarnings("default::ResourceWarning")
async def test_a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent(
    tls: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    server, _ = tls
    async with Upstream([OK]).serving(server) as upstream:
        async with pooled(upstream.url, tls=ssl.create_default_context()) as pool:
            with pytest.raises(UpstreamUntrusted, match="self-signed certificate"):
                await pool.open()
        assert not upstream.requests


async def test_a_certificate_of_another_name_is_refused(tmp_path: Path) -> None:
    server, trusting = self_signed(tmp_path, ["example.com"])
    async with Upstream([OK]).serving(server) as upstream, pooled(upstream.url, tls=trusting) as pool:
        with pytest.raises(UpstreamUntrusted, match=r"127\.0\.0\.1"):
            await pool.open()
        assert not upstream.requests


async def test_what_does_not_speak_tls_is_not_trusted() -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp.example.com\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with pooled(f"https://127.0.0.1:{port}", tls=ssl.create_default_context()) as pool:
            with pytest.raises(UpstreamUntrusted, match="TLS failed"):
                await pool.open()


@pytest.mark.parametrize("user", ["", "ann:s3cret@"], ids=["without a password", "with a password"])
async def test_tls_goes_through_a_tunnel(user: str, tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server, trusting = tls
    async with Upstream([OK]).serving(server) as upstream, Proxy().serving() as proxy:
        through = f"http://{user}127.0.0.1:{proxy.port}"
        async with pooled(upstream.url, tls=trusting, proxy=through) as pool:
            for _ in range(2):
                assert (await called(pool, b"{}", (b"authorization", b"Bearer x"))).body == b"ok"
            assert not pool._idle[0].lost.done()
        [head] = proxy.heads
        assert head.startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n" % ((upstream.port,) * 2))
        assert (SECRET in head) == bool(user)
        assert b"Bearer" not in head  # which is the upstream's to know
        assert upstream.connections == 1
        assert upstream.requests[0].startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
        assert b"proxy-authorization" not in upstream.requests[0]


async def test_a_tunnel_hides_no_bad_certificate(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server, _ = tls
    async with Upstream([OK]).serving(server) as upstream, Proxy().serving() as proxy:
        through = f"http://127.0.0.1:{proxy.port}"
        async with pooled(upstream.url, tls=ssl.create_default_context(), proxy=through) as pool:
            with pytest.raises(UpstreamUntrusted, match="self-signed certificate"):
                await pool.open()
            await until(lambda: not proxy.open)
        assert not upstream.requests


REFUSALS = {
    "wants a password": b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
    "finds no way": b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 4\r\n\r\noops",
    "says nothing": b"",
    "speaks something else": b"220 smtp.example.com\r\n",
}


@pytest.mark.parametrize("kind", REFUSALS)
async def test_a_proxy_that_will_not_have_it_is_named_without_its_words(kind: str) -> None:
    async with Proxy(REFUSALS[kind]).serving() as proxy:
        through = f"http://ann:s3cret@127.0.0.1:{proxy.port}"
        async with pooled("https://example.com", tls=ssl.create_default_context(), proxy=through) as pool:
            with pytest.raises(UpstreamUnreachable, match=r"^the upstream cannot be reached$"):
                await pool.open()
            await until(lambda: not proxy.open)
            assert not pool.active


async def test_a_tunnel_to_an_address_of_ipv6_is_asked_for_in_brackets() -> None:
    async with Proxy(REFUSALS["finds no way"]).serving() as proxy:
        through = f"http://127.0.0.1:{proxy.port}"
        async with pooled("https://[::1]:8443/v1", tls=ssl.create_default_context(), proxy=through) as pool:
            with pytest.raises(UpstreamUnreachable):
                await pool.open()
    assert proxy.heads[0].startswith(b"CONNECT [::1]:8443 HTTP/1.1\r\nhost: [::1]:8443\r\n")


@pytest.mark.parametrize("user", ["", "ann:s3cret@"], ids=["without a password", "with a password"])
async def test_what_needs_no_tls_is_asked_of_the_proxy_itself(user: str) -> None:
    async with Upstream([OK]).serving() as proxy:
        through = f"http://{user}127.0.0.1:{proxy.port}"
        async with pooled("http://upstream.example:8000/v1", proxy=through) as pool:
            for _ in range(2):
                assert (await called(pool)).body == b"ok"
        assert proxy.connections == 1
        line, _, rest = proxy.requests[0].partition(b"\r\n")
        assert line == b"POST http://upstream.example:8000/v1/chat/completions HTTP/1.1"
        assert rest.startswith(b"host: upstream.example:8000\r\n")
        assert (SECRET in rest) == bool(user)


async def test_no_proxy_there_is_unreachable() -> None:
    async with pooled("https://example.com", tls=ssl.create_default_context(), proxy="http://127.0.0.1:9") as pool:
        with pytest.raises(UpstreamUnreachable):
            await pool.open()


async def test_a_proxy_that_closes_after_an_answer_is_connected_to_again() -> None:
    async with Upstream([OK, Close], [OK]).serving() as proxy:
        async with pooled("http://upstream.example/v1", proxy=f"http://127.0.0.1:{proxy.port}") as pool:
            await called(pool)
            await until(lambda: not pool._idle)
            assert (await called(pool)).body == b"ok"
        assert proxy.connections == 2
