"""The guarded client against real servers on loopback: it reaches what was vetted, and comes back from anything."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from storage.errors import (
    AddressRefused,
    GatewayError,
    InvalidRequest,
    UpstreamDisconnected,
    UpstreamMalformed,
    UpstreamTimedOut,
    UpstreamUnreachable,
    UpstreamUntrusted,
)
from storage.outbound import Answer, Outbound
from tests.certificates import self_signed
from tests.proxy import Proxy
from tests.storage.calling import NAME, SECRET, Names, client, failing
from tests.storage.receiver import (
    ENDLESS,
    OK,
    Asked,
    Script,
    always,
    receiving,
    redirect,
    then_for_ever,
    then_nothing,
    then_reset,
)
from tests.waiting import until


async def post(outbound: Outbound, url: str, **options: Any) -> Answer:
    asked = {"timeout_s": 10.0, "limit_bytes": 1000, "field": "webhook", "body": b"{}", **options}
    return await outbound.request("POST", url, **asked)


async def refusal(outbound: Outbound, url: str, kind: type[GatewayError], **options: Any) -> str:
    """What it says of a call that must fail."""
    with failing(kind) as failure:
        await post(outbound, url, **options)
    return str(failure.value)


async def test_a_call_is_made_as_said_and_its_answer_comes_back(outbound: Outbound) -> None:
    answer = b"HTTP/1.1 202 Accepted\r\nX-Kept: yes\r\nContent-Length: 5\r\n\r\nhello"
    async with receiving(always(answer)) as receiver:
        url = receiver.url("/a%2Fb?x=%2F+%20", NAME)
        got = await post(outbound, url, body=b"[1]", headers={"Content-Type": "application/json"})
    assert (got.status, got.body, got.truncated, got.location) == (202, b"hello", False, None)
    assert got.headers["x-kept"] == "yes"
    (asked,) = receiver.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/a%2Fb?x=%2F+%20", b"[1]")
    assert asked.headers["host"] == f"{NAME}:{receiver.port}"
    assert asked.headers["user-agent"].startswith("ai-gateway/")
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["accept-encoding"] == "identity"


async def test_cookies_are_not_kept(outbound: Outbound) -> None:
    async with receiving(
        always(b"HTTP/1.1 200 OK\r\nSet-Cookie: id=1; Path=/\r\nContent-Length: 0\r\n\r\n")
    ) as receiver:
        for _ in range(2):
            await post(outbound, receiver.url(host=NAME))
    assert ["cookie" in asked.headers for asked in receiver.asked] == [False, False]


async def test_proxies_of_the_environment_are_not_used(outbound: Outbound, monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving(always(OK)) as receiver, receiving(always(OK)) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        assert (await post(outbound, receiver.url(host=NAME))).status == 200
    assert proxy.accepted == 0


# --- whom it calls --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("found", [["127.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"]])
async def test_a_name_that_leads_to_a_private_address_is_not_called(found: list[str]) -> None:
    async with receiving(always(OK)) as receiver, client("", Names(found)) as outbound:
        said = await refusal(outbound, receiver.url(SECRET, NAME), AddressRefused)
    assert receiver.accepted == 0
    assert not [address for address in found if address in said]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "127.1", "2130706433", "localhost"])
async def test_an_address_in_the_url_is_judged_too(host: str) -> None:
    async with receiving(always(OK)) as receiver, client("") as outbound:
        with pytest.raises((AddressRefused, InvalidRequest)) as refused:
            await post(outbound, receiver.url(host=host))
    assert refused.value.field == "webhook"
    assert receiver.accepted == 0


async def test_an_address_that_the_operator_allows_is_called_without_a_lookup() -> None:
    names = Names(["1.1.1.1"])
    async with receiving(always(OK)) as receiver, client("127.0.0.1", names) as outbound:
        assert (await post(outbound, receiver.url())).status == 200
    assert names.asked == []


async def test_a_name_that_the_operator_allows_is_called_wherever_it_leads() -> None:
    async with receiving(always(OK)) as receiver, client(NAME) as outbound:
        assert (await post(outbound, receiver.url(host=NAME))).status == 200


async def test_what_was_vetted_is_what_is_connected_to() -> None:
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with receiving(always(closing)) as receiver, client("127.0.0.1", names) as outbound:
        assert (await post(outbound, receiver.url(host=NAME))).status == 200
        assert names.asked == [NAME]
        await refusal(outbound, receiver.url(host=NAME), AddressRefused)  # a new connection is vetted anew
    assert names.asked == [NAME, NAME]
    assert receiver.accepted == 1


async def test_a_kept_connection_serves_its_own_host_and_opens_no_way_round() -> None:
    async with receiving(always(OK)) as receiver, client(NAME) as outbound:
        for _ in range(3):
            assert (await post(outbound, receiver.url(host=NAME))).status == 200
        assert receiver.accepted == 1
        for host in ("127.0.0.1", "other.example.com", "localhost"):
            await refusal(outbound, receiver.url(host=host), AddressRefused)
    assert (receiver.accepted, len(receiver.asked)) == (1, 3)


async def test_aiohttp_alone_gets_no_connection() -> None:
    async with receiving(always(OK)) as receiver, client() as outbound:
        assert outbound._session
        with pytest.raises(aiohttp.ClientConnectorError, match="nobody vetted this address"):
            await outbound._session.get(receiver.url())
        with pytest.raises(aiohttp.ClientConnectorError, match="nobody vetted this address"):
            await outbound._session.get(receiver.url(host=NAME))
    assert receiver.accepted == 0


@pytest.mark.parametrize("location", ["https://other.example.com/", "http://127.0.0.1:9/", "/other"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_is_not_followed(outbound: Outbound, status: int, location: str) -> None:
    async with receiving(always(redirect(status, location))) as receiver:
        answer = await post(outbound, receiver.url(host=NAME))
    assert (answer.status, answer.location) == (status, location)
    assert len(receiver.asked) == 1


# --- what may come back ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 410, 413, 429, 500, 503])
async def test_a_refusal_is_an_answer(outbound: Outbound, status: int) -> None:
    async with receiving(always(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)) as receiver:
        assert (await post(outbound, receiver.url(host=NAME))).status == status


async def test_a_refusal_that_does_not_wait_for_the_body_is_an_answer(outbound: Outbound) -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with receiving(always(refusal)) as receiver:
        receiver.reads_bodies = False
        assert (await post(outbound, receiver.url(host=NAME), body=bytes(1_000_000))).status == 413
        await until(lambda: receiver.open == 0)


@pytest.mark.parametrize(
    ("size", "truncated"), [(0, False), (999, False), (1000, False), (1001, True), (500_000, True)]
)
async def test_no_more_of_a_body_is_kept_than_was_asked_for(outbound: Outbound, size: int, truncated: bool) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
    async with receiving(always(head, b"x" * size)) as receiver:
        answer = await post(outbound, receiver.url(host=NAME))
    assert (answer.status, answer.body, answer.truncated) == (200, b"x" * min(size, 1000), truncated)


CUT_SHORT: dict[str, Script] = {
    "an endless body": then_for_ever(ENDLESS, b"x" * 60_000),
    "a trickle": then_for_ever(ENDLESS, b"x", every_s=0.01),
    "a trickle of chunks": then_for_ever(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 0.01),
    "a silent body": then_nothing(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"),
    "a body that is cut off": always(
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
    ),
    "a body that is reset": then_reset(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"),
}


@pytest.mark.parametrize("script", CUT_SHORT.values(), ids=CUT_SHORT)
async def test_once_its_head_has_come_an_answer_is_an_answer(outbound: Outbound, script: Script) -> None:
    async with receiving(script) as receiver:
        answer = await post(outbound, receiver.url(host=NAME), timeout_s=1.0)
        assert (answer.status, answer.truncated) == (200, True)
        assert set(answer.body) <= {ord("x")}
        assert len(answer.body) <= 1000
        await until(lambda: receiver.open == 0)


async def test_what_is_compressed_unasked_stays_so(outbound: Outbound) -> None:
    bomb = gzip.compress(bytes(10_000_000))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    async with receiving(always(head, bomb)) as receiver:
        answer = await post(outbound, receiver.url(host=NAME), limit_bytes=50_000)
    assert (answer.body, answer.truncated) == (bomb, False)


HEADLESS: dict[str, tuple[Script, type[GatewayError]]] = {
    "silence": (then_nothing(), UpstreamTimedOut),
    "half a head": (then_nothing(b"HTTP/1.1 200 OK\r\n"), UpstreamTimedOut),
    "a head that trickles": (then_for_ever(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", every_s=0.01), UpstreamTimedOut),
    "endless news of progress": (
        then_for_ever(b"", b"HTTP/1.1 102 Processing\r\n\r\n", every_s=0.001),
        UpstreamTimedOut,
    ),
    "a head without end": (then_for_ever(b"HTTP/1.1 200 OK\r\n", b"X-Y: z\r\n" * 100), UpstreamMalformed),
    "a header without end": (then_for_ever(b"HTTP/1.1 200 OK\r\nX-Y: ", b"z" * 1000), UpstreamMalformed),
    "a status without end": (then_for_ever(b"HTTP/1.1 200 ", b"z" * 1000), UpstreamMalformed),
    "too large a header": (always(b"HTTP/1.1 200 OK\r\nX-Y: " + b"z" * 9000 + b"\r\n\r\n"), UpstreamMalformed),
    "too many headers": (always(b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 200 + b"\r\n"), UpstreamMalformed),
    "a chunk that is none": (
        always(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnone\r\n"),
        UpstreamMalformed,
    ),
    "another protocol": (always(b"220 mail.example.com ESMTP\r\n\r\n"), UpstreamMalformed),
    "nothing": (always(b""), UpstreamDisconnected),
    "a reset": (then_reset(), UpstreamDisconnected),
    "a reset within the head": (then_reset(b"HTTP/1.1 200 OK\r\nX-"), UpstreamDisconnected),
}


@pytest.mark.parametrize(("script", "kind"), HEADLESS.values(), ids=HEADLESS)
async def test_what_is_no_answer_is_an_error_of_ours(
    outbound: Outbound, script: Script, kind: type[GatewayError]
) -> None:
    async with receiving(script) as receiver:
        timeout_s = 0.3 if kind is UpstreamTimedOut else 10.0
        said = await refusal(outbound, receiver.url(SECRET, NAME), kind, timeout_s=timeout_s)
        assert said.startswith(f"http://{NAME}:{receiver.port}/… ")
        await until(lambda: receiver.open == 0)


async def test_nobody_there_is_unreachable(outbound: Outbound) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    said = await refusal(outbound, f"http://{NAME}:{port}{SECRET}", UpstreamUnreachable)
    assert said == f"http://{NAME}:{port}/… cannot be reached: Connection refused"


async def test_a_name_that_nobody_has_is_unreachable() -> None:
    async with client("", Names([])) as outbound:
        said = await refusal(outbound, f"http://{NAME}{SECRET}", UpstreamUnreachable)
    assert said == f"no address was found for {NAME}"


# --- TLS ------------------------------------------------------------------------------------------------------------


async def test_tls_is_for_the_name_and_not_for_the_address(tmp_path: Path) -> None:
    server, trusting = self_signed(tmp_path, [NAME])
    async with receiving(always(OK), server) as receiver, client(tls=trusting) as outbound:
        assert (await post(outbound, receiver.url(host=NAME, scheme="https"))).body == b"ok"
        said = await refusal(outbound, receiver.url(SECRET, "other.example.com", "https"), UpstreamUntrusted)
        assert "Hostname mismatch, certificate is not valid for 'other.example.com'" in said
        said = await refusal(outbound, receiver.url(SECRET, "127.0.0.1", "https"), UpstreamUntrusted)
    assert receiver.names == [NAME, "other.example.com", None]
    assert [asked.headers["host"] for asked in receiver.asked] == [f"{NAME}:{receiver.port}"]


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(outbound: Outbound, tmp_path: Path) -> None:
    server, _ = self_signed(tmp_path, [NAME])
    async with receiving(always(OK), server) as receiver:
        said = await refusal(outbound, receiver.url(SECRET, NAME, "https"), UpstreamUntrusted)
    assert said == f"https://{NAME}:{receiver.port}/… cannot be trusted: self-signed certificate"
    assert receiver.asked == []


async def test_a_port_that_does_not_speak_tls_is_not_trusted(outbound: Outbound) -> None:
    async with receiving(always()) as receiver:
        receiver.greeting = b"HTTP/1.1 400 Bad Request\r\n\r\n"
        said = await refusal(outbound, receiver.url(SECRET, NAME, "https"), UpstreamUntrusted)
    assert said.endswith("cannot be trusted: TLS failed (WRONG_VERSION_NUMBER)")


async def test_a_handshake_that_does_not_end_is_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://{NAME}:{silent.getsockname()[1]}{SECRET}"
        async with client(connect_s=0.1) as outbound:
            said = await refusal(outbound, url, UpstreamUnreachable)
    assert said.endswith("cannot be reached: no connection in time")


# --- how many at once -----------------------------------------------------------------------------------------------


async def test_a_call_that_is_given_up_leaves_no_connection() -> None:
    async with receiving(then_nothing()) as receiver, client(per_host=1) as outbound:
        call = asyncio.create_task(post(outbound, receiver.url(host=NAME)))
        await until(lambda: receiver.asked)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: receiver.open == 0)
        receiver.script = always(OK)
        assert (await post(outbound, receiver.url(host=NAME))).status == 200  # and its place is free


async def test_closing_leaves_no_connection() -> None:
    async with receiving(always(OK)) as receiver:
        async with client() as outbound:
            await post(outbound, receiver.url(host=NAME))
            assert receiver.open == 1
        await until(lambda: receiver.open == 0)


class Gate:
    """Answers wait here until there are as many as there may be."""

    def __init__(self, places: int) -> None:
        self.waiting, self._places, self._full = 0, places, asyncio.Event()

    async def __call__(self, _: Asked) -> AsyncIterator[bytes]:
        self.waiting += 1
        if self.waiting >= self._places:
            self._full.set()
        await self._full.wait()
        yield OK


async def test_no_host_gets_more_connections_than_its_share() -> None:
    async with receiving(Gate(2)) as receiver, client(per_host=2) as outbound:
        answers = await asyncio.gather(*(post(outbound, receiver.url(host=NAME)) for _ in range(8)))
    assert [answer.status for answer in answers] == [200] * 8
    assert (receiver.most_open, receiver.accepted) == (2, 2)


async def test_there_are_no_more_connections_than_there_may_be() -> None:
    async with receiving(Gate(3)) as receiver, client(connections=3, per_host=100) as outbound:
        answers = await asyncio.gather(*(post(outbound, receiver.url(host=NAME)) for _ in range(8)))
    assert [answer.status for answer in answers] == [200] * 8
    assert (receiver.most_open, receiver.accepted) == (3, 3)


async def test_a_slow_host_holds_up_nobody_else() -> None:
    async with receiving(then_nothing()) as slow, receiving(always(OK)) as quick, client(per_host=2) as outbound:
        stuck = [asyncio.create_task(post(outbound, slow.url(host=NAME))) for _ in range(10)]
        await until(lambda: len(slow.asked) == 2)
        assert (await post(outbound, quick.url(host=NAME))).status == 200
        for call in stuck:
            call.cancel()
        await asyncio.wait(stuck)


async def test_a_call_waits_for_its_turn_no_longer_than_for_a_connection() -> None:
    async with receiving(then_nothing()) as receiver, client(per_host=1, connect_s=0.05) as outbound:
        first = asyncio.create_task(post(outbound, receiver.url(host=NAME)))
        await until(lambda: receiver.asked)
        await refusal(outbound, receiver.url(SECRET, NAME), UpstreamUnreachable)
        first.cancel()
        await asyncio.wait([first])
    assert receiver.accepted == 1


async def test_a_client_that_is_not_open_says_so() -> None:
    with pytest.raises(RuntimeError, match="not open"):
        await post(client(), "http://127.0.0.1/")
    await client().close()


# --- Through a proxy ------------------------------------------------------------------------------------------------

FAR = "upstream.example.com"
"""What only the proxy would look up."""


@pytest.mark.parametrize("user", ["", "ann:s3cret@"])
async def test_a_proxy_is_told_where_to_and_who_we_are_and_the_other_end_only_what_is_for_it(
    tmp_path: Path, user: str
) -> None:
    server, trusting = self_signed(tmp_path, ["127.0.0.1"])
    called = receiving(always(OK), server)
    async with called as receiver, Proxy().serving() as proxy, client(tls=trusting) as outbound:
        url, way = receiver.url(host="127.0.0.1", scheme="https"), f"http://{user}127.0.0.1:{proxy.port}"
        assert (await post(outbound, url, proxy=way)).body == b"ok"
    (head,) = proxy.heads
    assert head.startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n" % receiver.port)
    assert (b"Proxy-Authorization: Basic YW5uOnMzY3JldA==\r\n" in head) == bool(user)
    (asked,) = receiver.asked
    assert "proxy-authorization" not in asked.headers


async def test_what_needs_no_tls_is_asked_of_the_proxy_itself() -> None:
    async with receiving(always(OK)) as proxy, client() as outbound:
        way = f"http://ann:s3cret@127.0.0.1:{proxy.port}"
        assert (await post(outbound, f"http://{FAR}:8000/v1", proxy=way)).body == b"ok"
    (asked,) = proxy.asked
    assert asked.path == f"http://{FAR}:8000/v1"
    assert asked.headers["proxy-authorization"] == "Basic YW5uOnMzY3JldA=="


@pytest.mark.parametrize("status", [403, 407, 502])
async def test_a_proxy_that_will_not_have_it_is_unreachable_and_nothing_was_sent(status: int) -> None:
    answer = b"HTTP/1.1 %d No\r\ncontent-length: 4\r\n\r\noops" % status
    async with Proxy(answer).serving() as proxy, client() as outbound:
        way = f"http://ann:tulip@127.0.0.1:{proxy.port}"
        said = await refusal(outbound, f"https://{FAR}{SECRET}", UpstreamUnreachable, proxy=way)
    assert said == f"https://{FAR}/… cannot be reached: the proxy answered {status}"


async def test_a_proxy_that_is_away_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        way = f"http://ann:tulip@127.0.0.1:{closed.getsockname()[1]}"
    async with client() as outbound:
        said = await refusal(outbound, f"https://{FAR}{SECRET}", UpstreamUnreachable, proxy=way)
    assert said == f"https://{FAR}/… cannot be reached: Connection refused"


async def test_a_proxy_that_nobody_allowed_is_not_called() -> None:
    async with Proxy().serving() as proxy, client("") as outbound:
        way = f"http://127.0.0.1:{proxy.port}"
        with pytest.raises(UpstreamMalformed):
            await post(outbound, f"https://{FAR}{SECRET}", proxy=way, field=None)
    assert proxy.heads == []
