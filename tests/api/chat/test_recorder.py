"""What callers are sent is in Redis a moment later, in order and once, and costs bounded memory when it cannot be."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from api.chat import recorder as module
from api.chat.recorder import KEPT_S, Recorder, Recording
from cli.embedded import Redis
from storage.chats import Chats, Read
from storage.errors import NotFound
from storage.store import Store
from tests.api.chat.relaying import data_of
from tests.api.gateway import storage_settings
from tests.waiting import until

OWNER = "key_alice"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY_S", 0.01)
    monkeypatch.setattr(module, "AGAIN_S", 0.01)


@asynccontextmanager
async def recording(url: str) -> AsyncIterator[tuple[Recorder, Store]]:
    store = Store.open(storage_settings(url))
    recorder = Recorder(store.chats)
    await recorder.start()
    try:
        yield recorder, store
    finally:
        await recorder.stop()
        await store.close()


@pytest.fixture
async def both(redis_url: str) -> AsyncIterator[tuple[Recorder, Store]]:
    async with recording(redis_url) as both:
        yield both


def event(number: int) -> bytes:
    return b'data: {"n": %d}\n\n' % number


async def kept(store: Store, recording: Recording, after: int = 0) -> Read:
    return await store.chats.read(recording.id, OWNER, after)


async def over(store: Store, recording: Recording) -> list[bytes]:
    """All of it, once it has ended."""
    found: list[bytes] = []

    async def read() -> bool:
        try:
            part = await kept(store, recording, len(found))
        except NotFound:
            return False
        found.extend(part.events)
        return part.over

    await until(read)
    return found


async def test_events_are_kept_in_order_with_numbers_from_1(both: tuple[Recorder, Store]) -> None:
    recorder, store = both
    stream = recorder.begin(OWNER)
    for number in range(300):
        stream.add(event(number))
        if number % 7 == 0:
            await asyncio.sleep(0)
    stream.add(event(300) + event(301))
    stream.end()
    assert await over(store, stream) == [event(number) for number in range(302)]
    assert (await kept(store, stream, 300)).events == [event(300), event(301)]
    assert 0 < await store.redis.ttl(f"chat:{stream.id}") <= KEPT_S
    assert not recorder._open
    assert recorder._waiting_bytes == 0


class Counting:
    """The streams, and how often something was added to them."""

    def __init__(self, chats: Chats) -> None:
        self.chats, self.adds = chats, 0

    async def open(self, *args: Any, **kwargs: Any) -> bool:
        self.adds += 1
        return await self.chats.open(*args, **kwargs)

    async def add(self, *args: Any, **kwargs: Any) -> bool:
        self.adds += 1
        return await self.chats.add(*args, **kwargs)


async def test_what_comes_in_one_moment_is_written_at_once(both: tuple[Recorder, Store]) -> None:
    recorder, store = both
    counting: Any = Counting(store.chats)
    recorder._chats = counting
    streams = [recorder.begin(OWNER) for _ in range(50)]
    for stream in streams:
        for number in range(20):
            stream.add(event(number))
        stream.end()
    for stream in streams:
        assert await over(store, stream) == [event(number) for number in range(20)]
    assert counting.adds == len(streams)


async def test_a_stream_is_its_owners_alone(both: tuple[Recorder, Store]) -> None:
    recorder, store = both
    stream = recorder.begin(OWNER)
    stream.add(event(1))
    await until(lambda: stream.kept)
    with pytest.raises(NotFound):
        await store.chats.read(stream.id, "key_bob", 0)


async def test_of_an_answer_that_never_began_nothing_is_kept(both: tuple[Recorder, Store]) -> None:
    recorder, store = both
    stream = recorder.begin(OWNER)
    stream.end()
    await until(lambda: not recorder._open)
    assert await store.redis.exists(f"chat:{stream.id}") == 0


async def test_what_is_said_after_the_end_is_not_kept(both: tuple[Recorder, Store]) -> None:
    recorder, store = both
    stream = recorder.begin(OWNER)
    stream.add(event(1))
    stream.end()
    stream.add(event(2))
    stream.end()
    assert await over(store, stream) == [event(1)]
    await until(lambda: not recorder._open)
    assert recorder._waiting_bytes == 0


async def test_a_stop_ends_what_is_open(redis_url: str) -> None:
    async with recording(redis_url) as (recorder, store):
        stream, other = recorder.begin(OWNER), recorder.begin(OWNER)
        stream.add(event(1))
        await until(lambda: stream.kept)
        stream.add(event(2))
        other.add(event(3))
        await recorder.stop()
        first, second, last = await over(store, stream)
        assert (first, second) == (event(1), event(2))
        assert data_of(last)[0]["error"]["message"] == "the gateway has stopped; ask again"
        assert len(await over(store, other)) == 2
        assert not recorder._open


async def test_a_stop_in_the_midst_of_writing_loses_nothing(redis_url: str) -> None:
    for pause in range(8):
        async with recording(redis_url) as (recorder, store):
            stream = recorder.begin(OWNER)
            stream.add(event(1))
            writing = asyncio.create_task(recorder._write())
            for _ in range(pause):
                await asyncio.sleep(0)
            stream.add(event(2))
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            await recorder.stop()
            assert (await over(store, stream))[:-1] == [event(1), event(2)]


async def test_a_stream_grows_no_larger_than_it_may(both: tuple[Recorder, Store]) -> None:
    recorder, store = both
    stream = recorder.begin(OWNER)
    large = b"data: " + b"x" * (1 << 20) + b"\n\n"
    for _ in range(18):
        stream.add(large)
    await until(lambda: stream.useless)
    stream.add(event(1))
    stream.end()
    assert not stream.waiting
    assert not recorder._open
    assert recorder._waiting_bytes == 0
    assert (await kept(store, stream, 15)).cut


async def test_redis_that_comes_back_gets_all_of_it(tmp_path: Path) -> None:
    with Redis(tmp_path) as server:
        async with recording(server.url) as (recorder, store):
            stream, ended = recorder.begin(OWNER), recorder.begin(OWNER)
            stream.add(event(1))
            await until(lambda: stream.kept)
            server.kill()
            stream.add(event(2))
            ended.add(event(7))
            ended.end()
            await until(lambda: len(recorder._due) == 2, "both have been tried")
            stream.add(event(3))
            server.start()
            await until(lambda: stream.kept == 3)
            stream.end()
            assert await over(store, stream) == [event(1), event(2), event(3)]
            assert await over(store, ended) == [event(7)]


async def test_while_redis_is_away_memory_is_bounded_and_the_end_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING_BYTES", 10_000)
    with Redis(tmp_path) as server:
        async with recording(server.url) as (recorder, store):
            stream = recorder.begin(OWNER)
            server.kill()
            for number in range(5000):
                stream.add(event(number))
            assert sum(map(len, stream.waiting)) <= 10_000
            stream.end()
            server.start()
            *events, last = await over(store, stream)
            assert events == [event(number) for number in range(len(events))]
            assert 100 < len(events) < 5000
            assert data_of(last)[0]["error"]["message"] == "the rest of this answer was not kept"
            await until(lambda: not recorder._open)
            assert recorder._waiting_bytes == 0
            again = recorder.begin(OWNER)
            again.add(event(1))
            again.end()
            assert await over(store, again) == [event(1)]


async def test_what_ended_long_ago_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LATE_S", 0.1)
    with Redis(tmp_path) as server:
        async with recording(server.url) as (recorder, _):
            server.kill()
            stream, open_one = recorder.begin(OWNER), recorder.begin(OWNER)
            stream.add(event(1))
            open_one.add(event(2))
            stream.end()
            await until(lambda: recorder._open == {open_one})
            assert recorder._waiting_bytes == len(event(2))
            server.start()
            await until(lambda: open_one.kept)


async def test_a_redis_that_hangs_holds_up_nobody_who_adds(tmp_path: Path) -> None:
    with Redis(tmp_path) as server:
        async with recording(server.url) as (recorder, store):
            stream = recorder.begin(OWNER)
            stream.add(event(1))
            await until(lambda: stream.kept)
            server.process.send_signal(signal.SIGSTOP)
            for number in range(2, 1000):
                stream.add(event(number))
                await asyncio.sleep(0)
            stream.end()
            server.process.send_signal(signal.SIGCONT)
            assert await over(store, stream) == [event(number) for number in range(1, 1000)]


async def test_what_is_open_and_silent_stays_and_what_nobody_makes_any_more_does_not(
    both: tuple[Recorder, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, store = both
    monkeypatch.setattr(module, "OPEN_S", 2)
    await recorder.stop()  # whoever made the one of before is gone
    orphan = Recording(recorder, OWNER)
    await store.chats.begin(orphan.id, OWNER, keep_s=KEPT_S, open_s=module.OPEN_S)
    await store.chats.add(orphan.id, 0, event(1))
    again = Recorder(store.chats)
    await again.start()
    try:
        living = again.begin(OWNER)
        living.add(event(1))

        async def gone() -> bool:
            try:
                await kept(store, orphan)
            except NotFound:
                return True
            return False

        await until(gone, "the orphan is there no more")
        assert (await kept(store, living)).events == [event(1)]
    finally:
        await again.stop()
