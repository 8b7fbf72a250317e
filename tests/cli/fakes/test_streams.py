"""What goes wrong with streams by switch, seen from the wire by a client that keeps whatever has come."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import aiohttp
import pytest

from cli.fakes.command import family_of
from cli.fakes.faults import parse
from cli.fakes.server import FakeUpstream
from tests.cli.fakes.chatting import events_of

MESSAGES = [{"role": "user", "content": "say: naïve 漢字 🦜 five six seven"}]
CALLS = {
    "openai": ("/v1/chat/completions", {"model": "gpt-4o-mini"}),
    "anthropic": ("/v1/messages", {"model": "claude-haiku-4-5-20251001", "max_tokens": 100}),
}
LAST = {"openai": "[DONE]", "anthropic": "message_stop"}


class Came(NamedTuple):
    """`pieces`: the body as it came, in as many reads. `whole`: whether it ended as HTTP wants it."""

    headers: Any
    pieces: list[bytes]
    whole: bool

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


class Streaming:
    def __init__(self, fake: FakeUpstream, http: aiohttp.ClientSession) -> None:
        self.fake, self.http = fake, http
        self.path, self.asked = CALLS[fake.family.name]
        self.last = LAST[fake.family.name]

    async def stream(self, *faults: str) -> Came:
        self.fake.world.faults.set(parse(fault) for fault in faults)
        asked = {**self.asked, "messages": MESSAGES, "stream": True}
        pieces: list[bytes] = []
        headers = {"x-api-key": "k", "anthropic-version": "2023-06-01", "accept-encoding": "identity"}
        async with self.http.post(self.fake.url + self.path, json=asked, headers=headers) as answer:
            assert (answer.status, answer.content_type) == (200, "text/event-stream")
            try:
                async for piece, _ in answer.content.iter_chunks():
                    pieces.append(piece)
            except aiohttp.ClientError:
                return Came(answer.headers, pieces, whole=False)
            return Came(answer.headers, pieces, whole=True)


@pytest.fixture(params=CALLS)
async def streaming(request: pytest.FixtureRequest) -> AsyncIterator[Streaming]:
    # Its clock stands, so that two streams that say the same are equal.
    fake = FakeUpstream(family_of(request.param)(pace_s=0.001, clock=lambda: 0.0))
    timeout = aiohttp.ClientTimeout(total=10)
    async with fake.serving(), aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as http:
        yield Streaming(fake, http)


def marks(events: list[Any]) -> list[Any]:
    return [event if isinstance(event, str) else event.get("type", "chunk") for event in events]


async def test_a_good_stream_ends_with_its_mark(streaming: Streaming) -> None:
    came = await streaming.stream()
    assert (came.whole, marks(events_of(came.body))[-1]) == (True, streaming.last)
    assert streaming.fake.ledger.counts()["streams"] == {"open": 0, "whole": 1}


@pytest.mark.parametrize(
    ("fault", "whole_http"),
    [
        ("ends_early", True),
        ("ends_early=end", True),
        ("half_line", False),
        ("reset_stream", False),
        ("error_event", True),
    ],
)
async def test_a_stream_can_end_without_its_mark(streaming: Streaming, fault: str, whole_http: bool) -> None:
    whole = await streaming.stream()
    came = await streaming.stream(fault)
    events = events_of(came.body)
    assert came.whole is whole_http
    assert streaming.last not in marks(events)
    assert 0 < len(events) < len(events_of(whole.body))
    assert came.body.endswith(b"\n\n") == (fault != "half_line")
    assert ("error" in events[-1]) == (fault == "error_event")
    assert (len(events) == len(events_of(whole.body)) - 1) == (fault == "ends_early=end")
    assert streaming.fake.ledger.counts()["streams"]["broken"] == 1


@pytest.mark.parametrize("how", ["cut", "garbage", "text"])
async def test_an_event_can_be_no_json(streaming: Streaming, how: str) -> None:
    whole, came = (
        events_of((await streaming.stream()).body),
        events_of((await streaming.stream(f"bad_event={how}")).body),
    )
    (bad,) = [event for event in came if isinstance(event, str) and event != streaming.last]
    assert [event for event in came if event != bad] == whole
    assert bad.startswith("{") == (how != "text")


async def test_an_event_can_be_large(streaming: Streaming) -> None:
    whole, came = await streaming.stream(), await streaming.stream("big_event")
    assert 1_000_000 < len(came.body) - len(whole.body) < 1_000_500
    assert len(events_of(came.body)) == len(events_of(whole.body)) + 1


async def test_a_stream_can_be_dressed_otherwise_and_says_the_same(streaming: Streaming) -> None:
    whole = await streaming.stream()
    lines, commented = await streaming.stream("crlf"), await streaming.stream("comments", "crlf")
    assert lines.body == whole.body.replace(b"\n", b"\r\n")
    assert commented.body.count(b": still here\r\n\r\n") == len(events_of(whole.body))
    assert events_of(commented.body) == events_of(whole.body)


async def test_a_stream_can_come_byte_by_byte(streaming: Streaming) -> None:
    whole, came = await streaming.stream(), await streaming.stream("trickle")
    assert came.body == whole.body
    assert max(len(piece) for piece in came.pieces) < 100
    assert len(came.pieces) > 10 * len(whole.pieces)


async def test_a_stream_can_be_compressed_though_nobody_asked(streaming: Streaming) -> None:
    whole, came = await streaming.stream(), await streaming.stream("gzip", "trickle=3")
    assert came.headers["content-encoding"] == "gzip"
    assert zlib.decompress(came.body, wbits=31) == whole.body


@pytest.mark.parametrize("fault", ["stall_first", "stall"])
async def test_a_stream_can_pause(streaming: Streaming, fault: str) -> None:
    clock = asyncio.get_running_loop().time
    began = clock()
    came = await streaming.stream(f"{fault}=0.2")
    assert clock() - began >= 0.2
    assert marks(events_of(came.body))[-1] == streaming.last


async def test_why_it_ended_can_be_left_out(streaming: Streaming) -> None:
    assert b'"stop"' in (await streaming.stream()).body or b'"end_turn"' in (await streaming.stream()).body
    came = await streaming.stream("unfinished")
    assert b'"stop"' not in came.body
    assert b'"end_turn"' not in came.body
    assert marks(events_of(came.body))[-1] == streaming.last
