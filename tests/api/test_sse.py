"""Server-sent events as they go out, and how clients that others have written read them."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from openai._streaming import ServerSentEvent, SSEDecoder

from api import sse
from api.reply import Header
from api.sse import HEARTBEAT, EventStream, frame, line
from tests.waiting import until


class Told:
    """Frames that come when they are said; `None` is the end."""

    headers: Sequence[Header] = [(b"x-job-id", b"7")]

    def __init__(self) -> None:
        self.said: asyncio.Queue[Sequence[bytes]] = asyncio.Queue()
        self.closed = False

    async def next(self) -> Sequence[bytes]:
        return await self.said.get()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Told"]:
        try:
            yield self
        finally:
            self.closed = True


class Client:
    """What a server makes of an answer. While `full`, it takes no more."""

    def __init__(self, method: str = "GET") -> None:
        self.scope: Any = {"type": "http", "method": method}
        self.messages: list[dict[str, Any]] = []
        self.left, self.room = asyncio.Event(), asyncio.Event()
        self.room.set()

    async def receive(self) -> Any:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.room.wait()
        self.messages.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)

    @property
    def ended(self) -> bool:
        return self.messages[-1:] == [{"type": "http.response.body", "body": b"", "more_body": False}]


async def test_events_go_out_as_they_come_and_the_end_ends_it() -> None:
    told, client = Told(), Client()
    answering = asyncio.create_task(EventStream(told.opened())(client.scope, client.receive, client.send))
    await until(lambda: client.body == HEARTBEAT)
    told.said.put_nowait([frame("a", b"1"), frame("b", b"{}", "7-0")])
    await until(lambda: client.body.endswith(b"event: a\ndata: 1\n\nid: 7-0\nevent: b\ndata: {}\n\n"))
    told.said.put_nowait([])
    await answering
    assert client.ended
    assert told.closed
    assert client.messages[0]["status"] == 200
    assert dict(client.messages[0]["headers"]) == {
        b"content-type": b"text/event-stream; charset=utf-8",
        b"cache-control": b"no-cache",
        b"x-accel-buffering": b"no",
        b"x-job-id": b"7",
    }


async def test_a_head_is_all_that_head_gets() -> None:
    told, client = Told(), Client("HEAD")
    await EventStream(told.opened())(client.scope, client.receive, client.send)
    assert (client.body, client.ended) == (b"", True)
    assert told.closed is False  # for it has not been opened


async def test_silence_is_filled_with_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.01)
    told, client = Told(), Client()
    answering = asyncio.create_task(EventStream(told.opened())(client.scope, client.receive, client.send))
    await until(lambda: client.body.count(HEARTBEAT) > 3)
    told.said.put_nowait([frame("a", b"{}", "1-0")])
    await until(lambda: client.body.count(HEARTBEAT) > client.body.partition(b"id:")[0].count(HEARTBEAT) + 3)
    told.said.put_nowait([frame("b", b"{}", "2-0")])
    told.said.put_nowait([])
    await answering
    assert [(event.id, event.event) for event in read(client.body)] == [("1-0", "a"), ("2-0", "b")]


async def test_a_client_that_leaves_is_waited_for_no_longer() -> None:
    told, client = Told(), Client()
    answering = asyncio.create_task(EventStream(told.opened())(client.scope, client.receive, client.send))
    await until(lambda: client.body)
    client.left.set()
    await answering
    assert told.closed


async def test_nor_is_one_that_takes_nothing_and_leaves() -> None:
    told, client = Told(), Client()
    answering = asyncio.create_task(EventStream(told.opened())(client.scope, client.receive, client.send))
    await until(lambda: client.body)
    client.room.clear()
    told.said.put_nowait([frame("a", b"{}")])
    await until(told.said.empty)
    client.left.set()
    await until(lambda: told.closed)
    client.room.set()
    await answering


async def test_a_client_that_leaves_before_the_beginning_is_sent_no_end() -> None:
    client = Client()

    @asynccontextmanager
    async def never() -> AsyncIterator[Told]:
        await asyncio.Event().wait()
        yield Told()

    client.left.set()
    await EventStream(never())(client.scope, client.receive, client.send)
    assert client.messages == []


async def test_what_goes_wrong_at_the_beginning_is_not_hidden() -> None:
    client = Client()

    @asynccontextmanager
    async def broken() -> AsyncIterator[Told]:
        raise LookupError
        yield Told()

    with pytest.raises(LookupError):
        await EventStream(broken())(client.scope, client.receive, client.send)
    assert client.messages == []


DATA = {"text": "é\n\r\x85\u2028\u2029\x1c data: x\n\nid: 1", "n": [1, None]}
STREAM = HEARTBEAT + b"".join(
    [
        frame("job.queued", line(DATA), "1763000000000-0"),
        HEARTBEAT * 3,
        frame("events.missed", b"{}"),
        HEARTBEAT,
        frame("job.succeeded", b'{"a":1}', "1763000000001-0"),
        HEARTBEAT,
    ]
)


def read(stream: bytes, size: int | None = None) -> list[ServerSentEvent]:
    """By the openai SDK, in pieces of `size` bytes."""
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)] if size else [stream]
    return list(SSEDecoder().iter_bytes(iter(pieces)))


@pytest.mark.parametrize("size", [None, 1, 7])
def test_the_openai_sdk_reads_it_heartbeats_or_not(size: int | None) -> None:
    events = read(STREAM, size)
    assert [event.event for event in events] == ["job.queued", "events.missed", "job.succeeded"]
    assert [event.json() for event in events] == [DATA, {}, {"a": 1}]  # at an empty event it would raise
    assert [event.id for event in events] == ["1763000000000-0", "1763000000000-0", "1763000000001-0"]


def test_line_by_line_it_is_read_as_well() -> None:
    answer = httpx.Response(200, content=STREAM)
    lines = list(answer.iter_lines())
    assert [each for each in lines if not each.startswith((":", "id: ", "event: ", "data: "))] == ["", "", ""]
    assert next(json.loads(each.removeprefix("data: ")) for each in lines if each.startswith("data: ")) == DATA
