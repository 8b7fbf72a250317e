"""Answers with bytes changed, left out, doubled: each has an end, and a name if it is not a good one."""

import asyncio
import json
import random
from typing import Any

from api.upstreams.base import Asked
from api.upstreams.events import Splitter
from api.upstreams.openai import OpenAI
from storage.errors import UpstreamDisconnected, UpstreamMalformed
from tests.api.upstreams.scripted import Close, Upstream, called, pooled
from tests.waiting import until

TIMES = 400
SPICE = [b"\r\n", b"\n", b"\0", b"\xff", b"\x80", b":", b"0", b"9" * 20, b" ", b'"', b"{", b"}", b"\\", b"data: "]


def mutilated(good: bytes, chance: random.Random) -> bytes:
    raw = bytearray(good)
    for _ in range(chance.randint(1, 3)):
        at, length = chance.randrange(len(raw)), chance.randint(0, 12)
        match chance.randrange(4):
            case 0:
                raw[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del raw[at : at + length]
            case 2:
                raw[at:at] = raw[at : at + length]
            case _:
                raw[at:at] = chance.choice(SPICE)
    return bytes(raw)


async def test_http_that_is_mutilated_ends_and_harms_no_other_call() -> None:
    chance = random.Random(11)
    sized = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-request-id: abc\r\n\r\nhello"
    chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
    broken: list[Any] = []  # what the event loop would log
    asyncio.get_running_loop().set_exception_handler(lambda _, context: broken.append(context))
    answers = [[mutilated(chance.choice([sized, chunks]), chance), Close] for _ in range(TIMES)]
    async with Upstream(*answers, [sized]).serving() as upstream, pooled(upstream.url) as pool:
        ends = 0
        while len(upstream.requests) < TIMES:
            await until(lambda: not pool._idle)  # the last connection is known to have ended
            try:
                await called(pool)
                ends += 1
            except (UpstreamDisconnected, UpstreamMalformed):
                pass
        assert (await called(pool)).body == b"hello"
    assert 0 < ends < TIMES
    assert not broken


def test_events_that_are_mutilated_come_to_an_end_that_says_which() -> None:
    chance = random.Random(12)
    texts = ["h\u00ef ", "{\u2028} ", "🦜 ", "data: "]
    chunks = [
        {"id": "c", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]} for text in texts
    ]
    chunks.append({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": None})
    good = b"".join(b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n" for chunk in chunks)
    good += b"data: [DONE]\n\n"
    outcomes = set[bool]()
    for _ in range(3000):
        raw = mutilated(good, chance)
        turned = OpenAI({}).turned(Asked(b"", "m", True, chance.random() < 0.5))
        size = chance.choice([1, 3, 40, len(raw)])
        said = b"".join(turned.feed(raw[at : at + size]) for at in range(0, len(raw), size)) + turned.end()
        *events, last = Splitter().feed(said)
        assert all(isinstance(json.loads(event), dict) for event in events), raw
        assert turned.over
        if turned.failed:
            assert json.loads(last)["error"]["code"] == turned.failed.code, raw
        else:
            assert last == b"[DONE]", raw
        outcomes.add(turned.failed is None)
    assert outcomes == {True, False}
