"""Reading large answers: in pieces, within every limit, and no further by redirects than the guard allows."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from storage.errors import (
    AddressRefused,
    GatewayError,
    InvalidRequest,
    TooLarge,
    UpstreamDisconnected,
    UpstreamError,
    UpstreamMalformed,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from storage.outbound import Outbound
from tests.certificates import self_signed
from tests.storage.calling import NAME, SECRET, Names, client, failing
from tests.storage.receiver import (
    ENDLESS,
    OK,
    Asked,
    Hangup,
    Script,
    always,
    receiving,
    redirect,
    then_for_ever,
    then_nothing,
)
from tests.waiting import until

SONG = b"HTTP/1.1 200 OK\r\nContent-Type: Audio/MPEG; rate=44100\r\nContent-Length: 4\r\n\r\nsong"


async def fetch(outbound: Outbound, url: str, **options: Any) -> tuple[int, bytes]:
    asked = {"timeout_s": 10.0, "limit_bytes": 1_000_000, "field": "input.url", **options}
    async with outbound.stream(url, **asked) as reading:
        return reading.status, b"".join([chunk async for chunk in reading])


async def failure(outbound: Outbound, url: str, kind: type[GatewayError], **options: Any) -> GatewayError:
    with failing(kind) as failed:
        await fetch(outbound, url, **options)
    return failed.value


async def test_an_answer_is_read_in_pieces_of_bounded_size(outbound: Outbound) -> None:
    piece, pieces = bytes(range(256)) * 1024, 100
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (pieces * len(piece))
    async with receiving(always(head, *[piece] * pieces)) as receiver:
        read, largest = bytearray(), 0
        async with outbound.stream(receiver.url(host=NAME), timeout_s=10, limit_bytes=pieces * len(piece)) as reading:
            assert reading.size_bytes == pieces * len(piece)
            async for chunk in reading:
                read += chunk
                largest = max(largest, len(chunk))
    assert read == piece * pieces
    assert largest < 1_000_000


async def test_what_is_known_before_the_body_is_told(outbound: Outbound) -> None:
    async with (
        receiving(always(SONG)) as receiver,
        outbound.stream(receiver.url(SECRET, NAME), timeout_s=10, limit_bytes=4) as reading,
    ):
        assert (reading.status, reading.content_type, reading.size_bytes) == (200, "audio/mpeg", 4)
        assert reading.target.shown == f"http://{NAME}:{receiver.port}/…"
        assert reading.headers["content-length"] == "4"
    assert (receiver.asked[0].method, receiver.asked[0].path) == ("GET", SECRET)


@pytest.mark.parametrize("status", [404, 500])
async def test_other_statuses_are_the_readers_to_judge(outbound: Outbound, status: int) -> None:
    answer = b"HTTP/1.1 %d No\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\noops" % status
    async with receiving(always(answer)) as receiver:
        assert await fetch(outbound, receiver.url(host=NAME), types=["audio/*"]) == (status, b"oops")


async def test_leaving_early_cuts_the_connection(outbound: Outbound) -> None:
    async with receiving(then_for_ever(ENDLESS, b"x" * 1000)) as receiver:
        async with outbound.stream(receiver.url(host=NAME), timeout_s=10, limit_bytes=1_000_000_000) as reading:
            async for chunk in reading:
                assert chunk
                break
        await until(lambda: receiver.open == 0)


async def test_a_reader_that_is_cancelled_leaves_no_connection(outbound: Outbound) -> None:
    async with receiving(then_nothing(ENDLESS, b"x")) as receiver:
        call = asyncio.create_task(fetch(outbound, receiver.url(host=NAME)))
        await until(lambda: receiver.asked)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: receiver.open == 0)


async def test_what_the_reader_itself_raises_is_left_alone(outbound: Outbound) -> None:
    async def read_and_raise(url: str, error: Exception) -> None:
        async with outbound.stream(url, timeout_s=10, limit_bytes=4) as reading:
            async for _ in reading:
                raise error

    for error in (InvalidRequest("not a song", field="mine"), OSError("disk full"), TimeoutError()):
        async with receiving(always(SONG)) as receiver:
            with pytest.raises(type(error)) as raised:
                await read_and_raise(receiver.url(host=NAME), error)
        assert raised.value is error


# --- limits ---------------------------------------------------------------------------------------------------------


async def test_what_is_announced_as_too_large_is_not_read(outbound: Outbound) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"
    async with receiving(then_nothing(head)) as receiver:
        error = await failure(outbound, receiver.url(SECRET, NAME), TooLarge, limit_bytes=1000)
        assert str(error) == f"what http://{NAME}:{receiver.port}/… answered is larger than the limit of 1000 bytes"
        assert isinstance(error, TooLarge)
        assert error.field == "input.url"
        await until(lambda: receiver.open == 0)


async def test_what_turns_out_too_large_is_read_no_further(outbound: Outbound) -> None:
    async with receiving(then_for_ever(ENDLESS, b"x" * 1000)) as receiver:
        read_bytes = 0
        with failing(TooLarge):
            async with outbound.stream(
                receiver.url(SECRET, NAME), timeout_s=10, limit_bytes=50_000, field="input.url"
            ) as reading:
                async for chunk in reading:
                    read_bytes += len(chunk)
        assert read_bytes <= 50_000
        await until(lambda: receiver.open == 0)


async def test_what_is_exactly_as_large_as_it_may_be_is_read(outbound: Outbound) -> None:
    async with receiving(always(ENDLESS, b"x" * 50_000)) as receiver:
        assert await fetch(outbound, receiver.url(host=NAME), limit_bytes=50_000) == (200, b"x" * 50_000)


async def test_a_bomb_is_not_unpacked(outbound: Outbound) -> None:
    bomb = gzip.compress(bytes(10_000_000))
    for encoding in (b"gzip", b"deflate", b"br", b"identity, gzip"):
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (encoding, len(bomb))
        async with receiving(always(head, bomb)) as receiver:
            error = await failure(outbound, receiver.url(SECRET, NAME), UpstreamMalformed)
        assert str(error).endswith("answered in an encoding that was not asked for")
    assert receiver.asked[0].headers["accept-encoding"] == "identity"


async def test_a_trickle_is_read_for_so_long_and_no_longer(outbound: Outbound) -> None:
    async with receiving(then_for_ever(ENDLESS, b"x", every_s=0.01)) as receiver:
        await failure(outbound, receiver.url(SECRET, NAME), UpstreamTimedOut, timeout_s=0.3)
        await until(lambda: receiver.open == 0)


@pytest.mark.parametrize("begun", [b"", ENDLESS, ENDLESS + b"x"])
async def test_silence_is_waited_for_less_long_than_the_whole(outbound: Outbound, begun: bytes) -> None:
    async with receiving(then_nothing(begun)) as receiver, asyncio.timeout(10):
        await failure(outbound, receiver.url(SECRET, NAME), UpstreamTimedOut, timeout_s=60.0, idle_s=0.1)
        await until(lambda: receiver.open == 0)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"


@pytest.mark.parametrize(
    ("head", "end", "kind"),
    [
        (SIZED, None, UpstreamDisconnected),
        (CHUNKED, None, UpstreamDisconnected),
        (CHUNKED, b"none\r\n", UpstreamError),  # aiohttp's parser in C waits in vain here; the one in Python does not
    ],
    ids=["sized", "chunked", "a chunk that is none"],
)
async def test_a_body_that_breaks_off_is_not_taken_for_whole(
    outbound: Outbound, head: bytes, end: bytes | None, kind: type[GatewayError]
) -> None:
    begun = asyncio.Event()

    async def script(_: Asked) -> AsyncIterator[bytes]:
        yield head
        await begun.wait()
        if end is None:
            raise Hangup
        yield end

    async with receiving(script) as receiver:
        url = receiver.url(SECRET, NAME)
        async with asyncio.timeout(10):  # far less than the call's own
            with failing(kind):
                async with outbound.stream(url, timeout_s=60, limit_bytes=1000, idle_s=0.5) as reading:
                    async for chunk in reading:
                        assert chunk == b"x"
                        begun.set()


@pytest.mark.parametrize("types", [[], ["audio/mpeg"], ["audio/*"], ["image/*", "audio/*"]])
async def test_a_type_that_is_wanted_is_taken(outbound: Outbound, types: list[str]) -> None:
    async with receiving(always(SONG)) as receiver:
        assert await fetch(outbound, receiver.url(host=NAME), types=types) == (200, b"song")


@pytest.mark.parametrize("types", [["image/*"], ["audio/ogg", "audio/mpeg2"], ["audi/*"]])
async def test_a_type_that_is_not_wanted_is_named_and_refused(outbound: Outbound, types: list[str]) -> None:
    async with receiving(always(SONG)) as receiver:
        error = await failure(outbound, receiver.url(SECRET, NAME), InvalidRequest, types=types)
    assert str(error).endswith(f"answered is audio/mpeg; it should be {' or '.join(types)}")


async def test_no_type_at_all_is_not_a_wanted_one(outbound: Outbound) -> None:
    async with receiving(always(OK)) as receiver:
        error = await failure(outbound, receiver.url(SECRET, NAME), InvalidRequest, types=["audio/*"])
    assert "has no Content-Type" in str(error)


@pytest.mark.parametrize(
    ("path", "script", "options"),
    [
        ("/", always(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789"), {"limit_bytes": 8}),
        ("/", always(ENDLESS, b"123456789"), {"limit_bytes": 8}),
        ("/", always(SONG), {"types": ["image/*"]}),
        ("/", always(redirect(302, "http://10.0.0.1/")), {}),
        (" ", always(SONG), {}),
    ],
    ids=["announced too large", "too large", "of another type", "leads elsewhere", "no URL"],
)
async def test_what_no_field_of_the_callers_named_is_the_upstreams_fault(
    outbound: Outbound, path: str, script: Script, options: dict[str, Any]
) -> None:
    async with receiving(script) as receiver:
        await failure(outbound, receiver.url(path, NAME), UpstreamMalformed, field=None, **options)


# --- redirects ------------------------------------------------------------------------------------------------------


def leading(**ways: bytes) -> Script:
    """Answers by path: `a=…` is what `/a` gives."""

    async def script(asked: Asked) -> AsyncIterator[bytes]:
        yield ways[asked.path.strip("/").partition("?")[0]]

    return script


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed_to_their_end(outbound: Outbound, status: int) -> None:
    ways = leading(a=redirect(status, "/b?x=%2F"), b=redirect(status, "c/"), c=SONG)
    async with receiving(ways) as receiver:
        assert await fetch(outbound, receiver.url("/a", NAME)) == (200, b"song")
    assert [asked.path for asked in receiver.asked] == ["/a", "/b?x=%2F", "/c/"]


async def test_a_redirect_without_a_location_leads_nowhere(outbound: Outbound) -> None:
    async with receiving(always(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n")) as receiver:
        assert await fetch(outbound, receiver.url(host=NAME)) == (302, b"")


async def test_no_redirect_is_followed_where_none_may_be(outbound: Outbound) -> None:
    async with receiving(always(redirect(302, "/b"))) as receiver:
        assert await fetch(outbound, receiver.url(host=NAME), redirects=0) == (302, b"")
    assert len(receiver.asked) == 1


@pytest.mark.parametrize("allowed", [1, 5])
async def test_redirects_are_counted(outbound: Outbound, allowed: int) -> None:
    async with receiving(always(redirect(302, "/again?tulip"))) as receiver:
        error = await failure(outbound, receiver.url(SECRET, NAME), UpstreamMalformed, redirects=allowed)
    assert str(error).endswith(f"/… is reached after more than {allowed} redirects")
    assert len(receiver.asked) == allowed + 1


async def test_redirects_share_one_time_limit(outbound: Outbound) -> None:
    async def slowly(_: Asked) -> AsyncIterator[bytes]:
        await asyncio.sleep(0.2)
        yield redirect(302, "/again")

    async with receiving(slowly) as receiver:
        await failure(outbound, receiver.url(SECRET, NAME), UpstreamTimedOut, timeout_s=0.5)
    assert len(receiver.asked) <= 3


@pytest.mark.parametrize(
    "location",
    [
        "http://10.0.0.5/tulip",
        "//169.254.169.254/latest/meta-data/tulip",
        "http://[::ffff:127.0.0.1]:{port}/tulip",
        "http://[::1]:{port}/tulip",
        "http://localhost.:{port}/tulip",
        "http://2130706433:{port}/tulip",
        "http://inner.example.com:{port}/tulip",
        "file:///etc/passwd#tulip",
        "http://tulip:tulip@hooks.example.com:{port}/",
    ],
)
async def test_a_redirect_leads_to_no_address_that_the_guard_refuses(location: str) -> None:
    names = Names(["127.0.0.1"], ["10.0.0.5"])
    closing = b"Connection: close\r\n"
    async with receiving(always(SONG)) as inner, client(names=names) as outbound:
        onward = redirect(302, location.format(port=inner.port), closing)
        async with receiving(always(onward)) as receiver:
            with pytest.raises((AddressRefused, InvalidRequest)) as refused:
                await fetch(outbound, receiver.url(host=NAME))
    assert refused.value.field == "input.url"
    assert "tulip" not in str(refused.value)
    assert "10.0.0.5" not in str(refused.value)
    assert (len(receiver.asked), inner.accepted) == (1, 0)


async def test_a_redirect_to_nobody_is_unreachable() -> None:
    onward = always(redirect(302, "http://gone.example.com/tulip"))
    async with receiving(onward) as receiver, client(names=Names(["127.0.0.1"], [])) as outbound:
        error = await failure(outbound, receiver.url(SECRET, NAME), UpstreamUnreachable)
    assert str(error) == "no address was found for gone.example.com"


HEADERS = {"Authorization": "Bearer tulip", "Cookie": "tulip", "X-Api-Key": "tulip", "Accept": "audio/*"}


async def test_secrets_stay_with_their_origin(outbound: Outbound) -> None:
    async with receiving(always(SONG)) as other:
        ways = leading(a=redirect(302, "/b"), b=redirect(302, other.url("/c", NAME)))
        async with receiving(ways) as receiver:
            await fetch(outbound, receiver.url("/a", NAME), headers=HEADERS)
    sent = [{name: asked.headers.get(name.lower()) for name in HEADERS} for asked in (*receiver.asked, *other.asked)]
    assert sent == [HEADERS, HEADERS, dict.fromkeys(HEADERS) | {"Accept": "audio/*"}]


async def test_secrets_do_not_come_back_with_the_way(outbound: Outbound) -> None:
    async with receiving(always(SONG)) as other, receiving(always(SONG)) as receiver:
        receiver.script = leading(a=redirect(302, other.url("/b", NAME)), c=SONG)
        other.script = leading(b=redirect(302, receiver.url("/c", NAME)))
        await fetch(outbound, receiver.url("/a", NAME), headers=HEADERS)
    assert [asked.headers.get("authorization") for asked in receiver.asked] == ["Bearer tulip", None]


async def test_secrets_do_not_leave_tls(tmp_path: Path) -> None:
    server, trusting = self_signed(tmp_path, [NAME])
    async with (
        receiving(always(SONG)) as plain,
        receiving(always(redirect(302, plain.url("/", NAME))), server) as receiver,
        client(tls=trusting) as outbound,
    ):
        await fetch(outbound, receiver.url("/", NAME, "https"), headers=HEADERS)
    assert receiver.asked[0].headers["authorization"] == "Bearer tulip"
    assert "tulip" not in str(plain.asked)
