"""The relay's client over real sockets: connections are used again, and whatever an upstream does has a name."""

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest

from api.upstreams import client
from api.upstreams.client import Pool
from storage.errors import (
    UpstreamDisconnected,
    UpstreamMalformed,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from storage.outbound import KEPT_S
from tests.api.upstreams.scripted import OK, Close, Reset, Silence, Step, Upstream, called, calling, pooled
from tests.waiting import until

HEAD = b"HTTP/1.1 200 OK\r\n"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream().serving() as upstream:
        yield upstream


@pytest.fixture
async def pool(upstream: Upstream) -> AsyncIterator[Pool]:
    async with pooled(upstream.url) as pool:
        yield pool


def answers(upstream: Upstream, *steps: Step) -> None:
    upstream.answers = [list(steps)]


async def swept(pool: Pool) -> None:
    """Once, with everybody who waits for news waiting, and all who have heard them at rest again."""
    for _ in range(10):
        await asyncio.sleep(0)
    pool.sweep()
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_request_arrives_as_it_was_built(upstream: Upstream, pool: Pool) -> None:
    answer = await called(pool, b'{"a": 1}', (b"authorization", b"Bearer x"))
    assert (answer.status, answer.body) == (200, b"ok")
    [request] = upstream.requests
    assert request == (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nauthorization: Bearer x\r\n"
        b'content-length: 8\r\n\r\n{"a": 1}' % upstream.port
    )


async def test_a_second_request_goes_by_the_same_connection(upstream: Upstream, pool: Pool) -> None:
    for _ in range(5):
        await called(pool)
    assert (len(upstream.requests), upstream.connections) == (5, 1)


async def test_requests_at_once_have_connections_of_their_own_and_later_ones_use_them(
    upstream: Upstream, pool: Pool
) -> None:
    for _ in range(2):
        async with calling(pool) as first, calling(pool) as second:
            assert [await first.rest(), await second.rest()] == [b"ok", b"ok"]
    assert (len(upstream.requests), upstream.connections) == (4, 2)


CHUNKED = HEAD + b"Transfer-Encoding: Chunked\r\n\r\n"
BODIES = {
    "sized": (HEAD + b"Content-Length: 5\r\n\r\nhello", True),
    "chunked": (CHUNKED + b"2\r\nhe\r\n3;why=not\r\nllo\r\n0\r\nx-trailer: a\r\n\r\n", True),
    "until the end": (HEAD + b"\r\nhello", False),
    "of HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nhello", False),
    "sized, of HTTP/1.0": (b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", False),
    "kept alive by HTTP/1.0": (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\nhello", True),
    "to be closed": (HEAD + b"connection: close\r\ncontent-length: 5\r\n\r\nhello", False),
    "after 1xx": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n" + HEAD
        + b"content-length: 5\r\n\r\nhello", True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("by_bytes", [False, True], ids=["at once", "a byte at a time"])
@pytest.mark.parametrize("kind", BODIES)
async def test_bodies_of_every_kind_are_read(kind: str, by_bytes: bool, upstream: Upstream, pool: Pool) -> None:
    raw, again = BODIES[kind]
    ends: list[Step] = [] if again else [Close]
    answers(upstream, *((raw[at : at + 1] for at in range(len(raw))) if by_bytes else [raw]), *ends)
    for _ in range(2):
        answer = await called(pool)
        assert (answer.status, answer.body) == (200, b"hello")
        assert b"link" not in answer.headers
        assert b"x-trailer" not in answer.headers
    assert upstream.connections == (1 if again else 2)


async def test_any_number_of_chunks_may_come_apart_from_their_sizes(upstream: Upstream, pool: Pool) -> None:
    answers(upstream, Silence)
    async with calling(pool) as answer:
        feed, size = answer.connection.data_received, client._MOST_MUTE_BYTES
        feed(CHUNKED)
        for _ in range(size // 2):
            feed(b"1\r\n")
            feed(b"x")
            feed(b"\r\n")
        assert not answer.connection.closing
        feed(b"0\r\n\r\n")
        assert await answer.rest() == b"x" * (size // 2)


async def test_an_answer_without_a_body_is_whole(upstream: Upstream, pool: Pool) -> None:
    answers(upstream, b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (await called(pool)).status == 204
    assert (await called(pool)).body == b""
    assert upstream.connections == 1


NOT_HTTP = {
    "garbage": b"SSH-2.0-OpenSSH_9.6\r\n",
    "no number": b"HTTP/1.1 OK\r\n\r\n",
    "a line feed in a header": HEAD + b"x-request-id: a\nset-cookie: b\r\ncontent-length: 0\r\n\r\n",
    "a lone carriage return": HEAD + b"x-request-id: a\rset-cookie: b\r\n\r\n",
    "a zero byte": HEAD + b"x-request-id: a\0\r\n\r\n",
    "two lengths": HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\nabc",
    "a length and chunks": HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "a negative length": HEAD + b"content-length: -1\r\n\r\n",
    "a bad chunk": CHUNKED + b"zz\r\nab\r\n",
    "an unknown coding": HEAD + b"transfer-encoding: gzip\r\n\r\nabc",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "headers without end": HEAD + b"".join(b"x-%d: %b\r\n" % (n, b"a" * 500) for n in range(200)),
    "one header without end": HEAD + b"x: " + b"a" * 300_000,
    "a reason without end": b"HTTP/1.1 200 " + b"a" * 300_000,
    "a trailer without end": CHUNKED + b"0\r\nx: " + b"a" * 600_000,
    "1xx without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000,
}  # fmt: skip


@pytest.mark.parametrize("kind", NOT_HTTP)
async def test_what_is_not_http_is_malformed(kind: str, upstream: Upstream, pool: Pool) -> None:
    answers(upstream, NOT_HTTP[kind], Silence)
    with pytest.raises(UpstreamMalformed, match="is not HTTP, or has too large a head"):
        await called(pool)
    answers(upstream, OK)
    assert (await called(pool)).body == b"ok"


EARLY: dict[str, list[Step]] = {
    "before the head": [],
    "in the head": [b"HTTP/1.1 200 O"],
    "after 1xx": [b"HTTP/1.1 100 Continue\r\n\r\n"],
    "in a sized body": [HEAD + b"content-length: 5\r\n\r\nhell"],
    "in a chunk": [CHUNKED + b"5\r\nhell"],
    "between chunks": [CHUNKED + b"4\r\nhell\r\n"],
}


@pytest.mark.parametrize("how", [Close, Reset])
@pytest.mark.parametrize("where", EARLY)
async def test_a_connection_that_breaks_is_no_end(
    where: str, how: type[Close] | type[Reset], upstream: Upstream, pool: Pool
) -> None:
    upstream.answers = [[*EARLY[where], how], [OK]]
    with pytest.raises(UpstreamDisconnected):
        await called(pool)
    assert (await called(pool)).body == b"ok"


async def test_what_came_before_a_break_is_had_first(upstream: Upstream, pool: Pool) -> None:
    answers(upstream, CHUNKED + b"4\r\nhell\r\n", Close)
    async with calling(pool) as answer:
        await until(answer.connection.lost.done)
        assert answer.connection.headed
        assert await answer.some() == b"hell"
        with pytest.raises(UpstreamDisconnected):
            await answer.some()


async def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next(upstream: Upstream, pool: Pool) -> None:
    poison = HEAD + b"x-poison: 1\r\ncontent-length: 6\r\n\r\npoison"
    upstream.answers = [[OK + poison], [OK]]
    first = await called(pool)
    assert (first.body, first.headers) == (b"ok", {b"content-length": b"2"})
    assert (await called(pool)).body == b"ok"
    assert upstream.connections == 2


async def test_bytes_on_an_idle_connection_end_it(upstream: Upstream, pool: Pool) -> None:
    later = asyncio.Event()
    upstream.answers = [[OK, later, OK], [OK]]
    await called(pool)
    later.set()
    await until(lambda: not pool._idle)
    assert (await called(pool)).body == b"ok"
    assert upstream.connections == 2


async def test_more_of_a_body_than_was_said_is_left_out(upstream: Upstream, pool: Pool) -> None:
    upstream.answers = [[OK + b"more"], [OK]]
    assert (await called(pool)).body == b"ok"
    assert (await called(pool)).body == b"ok"
    assert upstream.connections == 2


async def test_a_connection_that_the_upstream_has_closed_is_not_used(upstream: Upstream, pool: Pool) -> None:
    upstream.answers = [[OK, Close], [OK]]
    await called(pool)
    await until(lambda: not pool._idle)
    assert (await called(pool)).body == b"ok"


async def test_a_connection_left_half_way_is_closed(upstream: Upstream, pool: Pool) -> None:
    answers(upstream, CHUNKED + b"4\r\nhell\r\n", Silence)
    async with calling(pool) as answer:
        await answer.head()
        assert await answer.some() == b"hell"
    await until(lambda: upstream.open == 1 and not pool.active)
    assert not pool._idle
    await answer.connection.lost


async def test_a_connection_that_was_never_used_is_not_left_behind(upstream: Upstream, pool: Pool) -> None:
    connection = await pool.open()
    await until(lambda: upstream.open == 1)
    connection.release()
    await until(lambda: upstream.open == 0)


async def test_idle_connections_end_after_a_while(upstream: Upstream, pool: Pool) -> None:
    clock = pool.clock = Clock()
    await called(pool)
    pool.sweep()
    assert len(pool._idle) == 1
    clock.now += KEPT_S
    pool.sweep()
    await until(lambda: upstream.open == 0)
    await called(pool)
    clock.now += KEPT_S  # before anybody has swept
    await called(pool)
    assert upstream.connections == 3


async def test_silence_before_the_head_has_a_limit(upstream: Upstream) -> None:
    answers(upstream, Silence)
    async with pooled(upstream.url, head_s=7.0, idle_s=1.0) as pool:
        clock = pool.clock = Clock()
        async with calling(pool) as answer:
            waiting = asyncio.create_task(answer.head())
            clock.now += 7.0
            await swept(pool)
            assert not waiting.done()
            clock.now += 0.1
            await swept(pool)
            with pytest.raises(UpstreamTimedOut, match="silent for 7 s"):
                await waiting
    await until(lambda: not pool.active)


async def test_silence_in_a_body_has_another_and_each_byte_begins_it_anew(upstream: Upstream) -> None:
    more = asyncio.Event()
    answers(upstream, CHUNKED + b"1\r\na\r\n", more, b"1\r\nb\r\n", Silence)
    async with pooled(upstream.url, head_s=100.0, idle_s=2.0) as pool:
        clock = pool.clock = Clock()
        async with calling(pool) as answer:
            await answer.head()
            assert await answer.some() == b"a"
            clock.now += 1.5
            more.set()
            assert await answer.some() == b"b"
            waiting = asyncio.create_task(answer.some())
            clock.now += 1.5
            await swept(pool)
            assert not waiting.done()
            clock.now += 1.0
            await swept(pool)
            with pytest.raises(UpstreamTimedOut, match="silent for 2 s"):
                await waiting


async def test_silence_is_not_held_against_an_upstream_whose_words_have_not_been_taken(upstream: Upstream) -> None:
    answers(upstream, HEAD + b"content-length: 2\r\n\r\na", Silence)
    async with pooled(upstream.url, idle_s=2.0) as pool:
        clock = pool.clock = Clock()
        async with calling(pool) as answer:
            await answer.head()
            await until(lambda: answer.connection._parts)
            clock.now += 60
            pool.sweep()
            assert await answer.some() == b"a"


async def test_a_slow_taker_bounds_what_is_held_and_loses_nothing(upstream: Upstream, pool: Pool) -> None:
    size = 64 << 20
    answers(upstream, HEAD + b"content-length: %d\r\n\r\n" % size, *[bytes(1 << 20)] * 64)
    async with calling(pool) as answer:
        await answer.head()
        await until(lambda: answer.connection._paused)
        held = answer.connection._held
        for _ in range(20):  # what the system's buffers hold may still be sent; nothing of it is taken in
            await asyncio.sleep(0)
        assert answer.connection._held == held
        assert client.MOST_HELD_BYTES < held <= client.MOST_HELD_BYTES + (512 << 10)
        assert upstream.sent_bytes < size // 2
        taken = 0
        while data := await answer.some():
            taken += len(data)
            answer.body = b""
        assert taken == size
    assert upstream.sent_bytes == size + len(HEAD) + 28
    assert len(pool._idle) == 1


async def test_a_connection_that_is_paused_when_it_is_let_go_is_closed(upstream: Upstream, pool: Pool) -> None:
    answers(upstream, HEAD + b"content-length: %d\r\n\r\n" % (8 << 20), bytes(8 << 20))
    async with calling(pool) as answer:
        await until(lambda: answer.connection._paused)
    await until(lambda: upstream.open == 0)
    assert not pool._idle


async def test_nobody_there_is_unreachable(upstream: Upstream) -> None:
    async with pooled("http://127.0.0.1:9") as pool:
        with pytest.raises(UpstreamUnreachable):
            await pool.open()
    async with pooled(f"http://{'a' * 64}.invalid") as pool:  # which is no name at all
        with pytest.raises(UpstreamUnreachable):
            await pool.open()


async def test_a_connection_that_does_not_come_about_in_time_is_unreachable(
    monkeypatch: pytest.MonkeyPatch, upstream: Upstream
) -> None:
    """TLS to somebody who never answers."""
    monkeypatch.setattr(client, "CONNECT_S", 0.05)
    async with pooled(upstream.url.replace("http:", "https:"), tls=ssl.create_default_context()) as pool:
        with pytest.raises(UpstreamUnreachable):
            await pool.open()
    await until(lambda: upstream.open == 0)


async def test_at_the_end_calls_under_way_are_told(upstream: Upstream) -> None:
    answers(upstream, Silence)
    async with pooled(upstream.url) as pool, calling(pool) as answer:
        waiting = asyncio.create_task(answer.head())
        await until(lambda: upstream.requests)
        await pool.close()
        with pytest.raises(UpstreamDisconnected, match="the gateway stops"):
            await waiting
