"""Streams of chat events, kept for whoever comes back."""

import asyncio
import random

import pytest
from redis.asyncio import Redis

from storage import chats as module
from storage.chats import KEPT_S, NEWS, OPEN_S, Chats, Read
from storage.errors import NotFound
from storage.ids import new_job_id
from storage.job import Status
from storage.jobs import Jobs
from storage.keys import chat_channel
from storage.queue import Queue
from storage.scripts import Scripts
from storage.signals import Signals
from tests.storage.samples import LANE, sample

ONE, TWO, THREE = (b'data: {"n": %d}\n\n' % number for number in (1, 2, 3))
DONE = b"data: [DONE]\n\n"
OTHERWISE = b"data: otherwise\n\n"


@pytest.fixture
def chats(scripts: Scripts) -> Chats:
    return Chats(scripts)


@pytest.fixture
async def id(chats: Chats) -> str:
    """A stream of Alice's that nobody's job makes."""
    id = new_job_id()
    await chats.begin(id, "alice")
    return id


async def test_events_are_read_from_any_of_them_on(chats: Chats, id: str) -> None:
    assert await chats.read(id, "alice", 0) == Read([], over=False)
    assert await chats.add(id, 0, ONE + TWO)
    assert await chats.add(id, 2, THREE)
    assert await chats.read(id, "alice", 0) == Read([ONE, TWO, THREE], over=False)
    assert await chats.read(id, "alice", 2) == Read([THREE], over=False)
    assert await chats.add(id, 3, DONE, over=True)
    assert await chats.read(id, "alice", 2) == Read([THREE, DONE], over=True)
    assert await chats.read(id, "alice", 4) == Read([], over=True)
    assert await chats.read(id, "alice", 400) == Read([], over=True)


async def test_the_end_may_be_said_without_an_event(chats: Chats, id: str) -> None:
    await chats.add(id, 0, ONE)
    assert await chats.add(id, 1, b"", over=True)
    assert await chats.read(id, "alice", 0) == Read([ONE], over=True)


async def test_events_are_kept_once_however_often_they_are_sent(chats: Chats, id: str) -> None:
    for _ in range(3):
        assert await chats.add(id, 0, ONE + TWO)
    assert await chats.add(id, 1, OTHERWISE + THREE)
    for _ in range(2):
        assert await chats.add(id, 3, DONE, over=True)
    assert await chats.add(id, 0, ONE + TWO + THREE + DONE, over=True)
    assert await chats.read(id, "alice", 0) == Read([ONE, TWO, THREE, DONE], over=True)


async def test_a_gap_is_refused(chats: Chats, id: str) -> None:
    await chats.add(id, 0, ONE)
    assert not await chats.add(id, 2, THREE)
    assert not await chats.add(id, 2, b"", over=True)
    assert await chats.read(id, "alice", 0) == Read([ONE], over=False)


async def test_nothing_comes_after_the_end(chats: Chats, id: str) -> None:
    await chats.add(id, 0, ONE, over=True)
    assert not await chats.add(id, 1, TWO)
    assert not await chats.add(id, 0, ONE + TWO)
    assert await chats.read(id, "alice", 0) == Read([ONE], over=True)


async def test_a_stream_is_its_owners(chats: Chats, id: str) -> None:
    await chats.begin(id, "bob")
    await chats.add(id, 0, ONE)
    assert (await chats.read(id, "alice", 0)).events == [ONE]
    for unseen, owner in ((id, "bob"), (id, ""), (new_job_id(), "alice")):
        with pytest.raises(NotFound):
            await chats.read(unseen, owner, 0)


async def test_a_stream_that_was_never_begun_takes_nothing(redis: Redis, chats: Chats) -> None:
    id = new_job_id()
    assert not await chats.add(id, 0, ONE)
    assert not await redis.exists(f"chat:{id}", f"said:{id}")


async def test_of_many_events_some_are_read_at_a_time(chats: Chats, id: str) -> None:
    events = [b"%d " % number + bytes(1000) + b"\n\n" for number in range(1, 701)]
    assert await chats.add(id, 0, b"".join(events), over=True)
    found: list[bytes] = []
    rounds = 0
    while not (read := await chats.read(id, "alice", len(found))).over:
        found += read.events
        rounds += 1
        assert 256_000 <= sum(map(len, read.events)) <= 330_000
    assert found + read.events == events
    assert rounds == 2


async def test_one_that_grows_too_large_ends_there(monkeypatch: pytest.MonkeyPatch, chats: Chats, id: str) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 3 * len(ONE) - 1)
    assert await chats.add(id, 0, ONE)
    assert await chats.add(id, 1, TWO)
    assert not await chats.add(id, 2, THREE)
    assert await chats.read(id, "alice", 0) == Read([ONE, TWO], over=True, cut=True)
    assert not await chats.add(id, 2, OTHERWISE)
    assert not await chats.add(id, 0, ONE + TWO + THREE)
    assert await chats.read(id, "alice", 1) == Read([TWO], over=True, cut=True)


async def test_it_takes_less_room_than_its_events(redis: Redis, chats: Chats, id: str) -> None:
    event = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"delta":{"content":" %d"}}]}\n\n'
    events = b"".join(event % number for number in range(1000))
    for after in range(0, 1000, 10):
        assert await chats.add(id, after, b"".join(module.split(events)[after : after + 10]))
    assert 4 * await redis.memory_usage(f"said:{id}", samples=0) < len(events)


async def test_an_event_is_never_cut(chats: Chats, id: str) -> None:
    """Not where what is kept together ends, nor by what a stream may have."""
    large = b"data: " + bytes(200_000) + b"\n\n"
    assert await chats.add(id, 0, ONE + large + TWO + large)
    assert await chats.add(id, 1, large + TWO + large + THREE)
    found: list[bytes] = []
    while read := (await chats.read(id, "alice", len(found))).events:
        found += read
    assert found == [ONE, large, TWO, large, THREE]


async def test_any_pieces_of_a_stream_come_to_the_same(chats: Chats, id: str) -> None:
    """Sent in pieces of any length, each again and again, and read after any of its events."""
    chance = random.Random(7)
    events = [b"data: %d\n\n" % number for number in range(200)]
    sent = 0
    while sent < len(events):
        first, last = chance.randint(0, sent), chance.randint(sent, len(events))
        assert await chats.add(id, first, b"".join(events[first:last]))
        sent = max(sent, last)
    for after in (0, *(chance.randint(0, 200) for _ in range(20)), 200):
        assert await chats.read(id, "alice", after) == Read(events[after:], over=False)


async def test_it_is_kept_for_a_while_after_its_last_event(redis: Redis, chats: Chats, id: str) -> None:
    assert KEPT_S < await redis.ttl(f"chat:{id}") <= OPEN_S
    await chats.add(id, 0, ONE)
    assert KEPT_S < await redis.ttl(f"said:{id}") <= OPEN_S
    await chats.add(id, 1, DONE, over=True)
    assert 0 < await redis.ttl(f"chat:{id}") <= KEPT_S
    assert 0 < await redis.ttl(f"said:{id}") <= KEPT_S
    await redis.delete(f"chat:{id}", f"said:{id}")
    with pytest.raises(NotFound):
        await chats.read(id, "alice", 0)


async def test_it_is_kept_as_long_as_was_said(redis: Redis, chats: Chats) -> None:
    brief, long = new_job_id(), new_job_id()
    await chats.begin(brief, "alice", keep_s=5)
    await chats.begin(long, "alice", open_s=2 * OPEN_S)
    for id in (brief, long):
        await chats.add(id, 0, ONE)
    assert OPEN_S < await redis.ttl(f"said:{long}") <= 2 * OPEN_S
    await chats.add(brief, 1, DONE, over=True)
    assert 0 < await redis.ttl(f"said:{brief}") <= 5


async def test_who_holds_the_job_no_longer_adds_nothing(jobs: Jobs, queue: Queue, chats: Chats) -> None:
    await jobs.admit(sample())
    _, (before,) = await queue.claim(LANE, 1, lease_s=30)
    await chats.begin(before.id, "alice")
    assert await chats.add(before.id, 0, ONE, token=before.token)
    await queue.advance(before.id, Status.QUEUED, token=before.token)
    _, (now,) = await queue.claim(LANE, 1, lease_s=30)
    assert not await chats.add(before.id, 1, OTHERWISE, token=before.token)
    assert await chats.add(now.id, 1, TWO, token=now.token)
    assert not (await chats.read(now.id, "alice", 0)).ended
    await queue.advance(now.id, Status.CANCELED)
    assert not await chats.add(now.id, 2, THREE, token=now.token)
    assert await chats.read(now.id, "alice", 0) == Read([ONE, TWO], over=False, ended=True)


async def test_a_deleted_job_leaves_no_stream(redis: Redis, jobs: Jobs, chats: Chats) -> None:
    job = sample()
    await jobs.admit(job)
    await chats.begin(job.id, "alice")
    await chats.add(job.id, 0, ONE)
    await jobs.forget(job)
    assert not await redis.exists(f"chat:{job.id}", f"said:{job.id}")


async def test_whoever_waits_hears_of_more_and_of_the_end(redis: Redis, chats: Chats, id: str) -> None:
    signals = Signals(redis)
    await signals.start()
    try:
        async with asyncio.timeout(10), signals.watch(chat_channel(id)) as news:
            for events, over in ((ONE, False), (b"", True)):
                await chats.add(id, 0 if events else 1, events, over=over)
                said: list[str] = []
                while NEWS not in said:
                    await news.wait()
                    said += news.take()
    finally:
        await signals.stop()


async def test_it_may_begin_with_its_first_events(redis: Redis, chats: Chats) -> None:
    id = new_job_id()
    for _ in range(2):  # the answer to the first time may be lost
        assert await chats.open(id, "alice", ONE, over=False, keep_s=60, open_s=30)
    assert await chats.read(id, "alice", 0) == Read([ONE], over=False)
    assert 0 < await redis.ttl(f"said:{id}") <= 30
    assert await chats.add(id, 1, DONE, over=True)
    assert (await chats.read(id, "alice", 0)).events == [ONE, DONE]
    with pytest.raises(NotFound):
        await chats.read(id, "bob", 0)
