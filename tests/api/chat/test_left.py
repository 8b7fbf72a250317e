"""Callers who leave, at every point at which one can: nothing is left of them, whatever they had asked for."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Self
from urllib.parse import urlsplit

from cli.fakes.server import FakeUpstream
from storage import keys
from tests.api.chat.relaying import CHAT, Relayed, account, asked, faking
from tests.waiting import until

CALLERS = 1000
AT_ONCE = 50


class Dropper:
    """A caller by hand, who leaves by closing, or as a machine does that has died."""

    def __init__(self, relayed: Relayed, body: dict[str, Any], *, rough: bool) -> None:
        self.body, self.rough = json.dumps(body).encode(), rough
        url = urlsplit(relayed.url)
        self.address = url.hostname, url.port
        self.head = (
            f"POST {CHAT} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {relayed.secret}\r\n"
            f"content-length: {len(self.body)}\r\n\r\n"
        ).encode()
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection(*self.address)
        return self

    async def __aexit__(self, *error: object) -> None:
        if self.rough:
            self.writer.transport.abort()
        else:
            self.writer.close()

    async def ask(self) -> None:
        self.writer.write(self.head + self.body)
        await self.writer.drain()

    async def heard(self, mark: bytes) -> None:
        """All up to a mark in the answer. A caller is told something, or is gone."""
        await self.reader.readuntil(mark)


async def says_nothing(caller: Dropper) -> None:
    pass


async def within_the_head(caller: Dropper) -> None:
    caller.writer.write(caller.head[:60])


async def before_the_body(caller: Dropper) -> None:
    caller.writer.write(caller.head)
    await caller.writer.drain()


async def within_the_body(caller: Dropper) -> None:
    caller.writer.write(caller.head + caller.body[:20])
    await caller.writer.drain()


async def having_asked(caller: Dropper) -> None:
    await caller.ask()


async def a_moment_after(caller: Dropper) -> None:
    await caller.ask()
    await asyncio.sleep(random.Random(id(caller)).random() * 0.05)


async def within_the_answers_head(caller: Dropper) -> None:
    await caller.ask()
    await caller.reader.readexactly(9)


async def after_the_head(caller: Dropper) -> None:
    await caller.ask()
    await caller.heard(b"\r\n\r\n")


async def after_the_first_words(caller: Dropper) -> None:
    await caller.ask()
    await caller.heard(b"\r\n\r\n")
    await caller.heard(b"choices")


async def within_an_event(caller: Dropper) -> None:
    await after_the_first_words(caller)
    await caller.heard(b'"delta"' if b'"stream"' in caller.body else b'"message"')


async def at_the_end(caller: Dropper) -> None:
    await caller.ask()
    await caller.heard(b"\r\n\r\n")
    await caller.heard(b"0\r\n\r\n" if b'"stream"' in caller.body else b'"completion_tokens_details"')


POINTS: list[Callable[[Dropper], Awaitable[None]]] = [
    says_nothing,
    within_the_head,
    before_the_body,
    within_the_body,
    having_asked,
    a_moment_after,
    within_the_answers_head,
    after_the_head,
    after_the_first_words,
    within_an_event,
    at_the_end,
]


async def test_a_thousand_callers_who_leave_at_every_point_leave_nothing(relayed: Relayed, fake: FakeUpstream) -> None:
    """Accounts have limits, so that each call has a lease; one cancels what is left, the other reads it to its end."""
    fake.world.pace_s = 0.05
    async with faking(0.05) as other:
        fakes = {"drain": fake, "cancel": other}
        names = await relayed.accounts(
            *(account(each.url, concurrent=40, chat={"on_disconnect": word}) for word, each in fakes.items())
        )
        before = await looked_at(relayed)
        there = await leave(relayed)
        assert sum(there.values()) == CALLERS
        assert there["cut off"] == 0
        await until(lambda: nothing_more(relayed, before), "its tasks have ended")
        for word, each, name in zip(fakes, fakes.values(), names, strict=True):
            streams = each.ledger.streams
            await until(lambda streams=streams: streams["open"] == 0)
            assert (streams["left"] > 0) == (word == "cancel"), streams
            assert await relayed.store.redis.zcard(keys.slots(name)) == 0
            port = int(each.url.rpartition(":")[2])
            await until(lambda port=port: not relayed.server.connections_to(port), "idle connections have ended")
        await until(lambda: relayed.server.callers() <= 1, "no caller but us")
        answer = await relayed.http.post(CHAT, json=asked())
        assert answer.status_code == 200, answer.text


async def leave(relayed: Relayed) -> Counter[str]:
    """All of them, some at a time: how many left where."""
    numbers, left = iter(range(CALLERS)), Counter[str]()

    async def callers() -> None:
        for number in numbers:
            kind, place = divmod(number, len(POINTS))
            body = asked(f"say: {number}", **({"stream": True} if kind % 2 else {}))
            try:
                async with asyncio.timeout(20), Dropper(relayed, body, rough=bool(kind % 3)) as caller:
                    await POINTS[place](caller)
                left[POINTS[place].__name__] += 1
            except (asyncio.IncompleteReadError, ConnectionError):
                left["cut off"] += 1

    await asyncio.gather(*(callers() for _ in range(AT_ONCE)))
    return left


async def looked_at(relayed: Relayed) -> Counter[str]:
    """The tasks that are always there."""
    found = [Counter((await relayed.at_rest())["tasks"]) for _ in range(3)]
    return found[0] & found[1] & found[2]


async def nothing_more(relayed: Relayed, before: Counter[str]) -> bool:
    return not await looked_at(relayed) - before
