"""Many who listen: each event once and in order, whoever is slow, cut off or gone, and nothing is left behind."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from api.listeners import MOST_WAITING, Listener, News, Wish, _Channel
from cli.embedded import Redis
from storage import keys
from storage.events import TERMINAL_TYPES, TYPES
from storage.feed import Feed, Gap, Place, Stretch, Told
from storage.job import Job, OutputStatus
from tests.api.gateway import Gateway, serving, storage_settings
from tests.api.streams import Sent, Stream, streaming
from tests.waiting import until
from tests.workers.jobs import admit
from workers.lanes import Lane

ALL = Wish(frozenset(TYPES))
JOBS = 25


def heard(news: Sequence[News | Gap]) -> list[str]:
    return [f"{each.event.job} {each.event.words}" for each in news if isinstance(each, News)]


async def told(gateway: Gateway) -> list[tuple[str, str]]:
    """Every event that alice was told, in the order of her feed: its place and its id."""
    owner, place = gateway.alice.key.id, "-"
    found: list[tuple[str, str]] = []
    while entries := await gateway.services.store.redis.xrange(keys.feed(owner), place, count=1000):
        for id, fields in entries:
            word = fields[b"event"].decode().replace(" ", "_")
            if f"job.{word.partition('_')[0]}" in TYPES and word != "running_again":
                found.append((id.decode(), f"evt_{fields[b'job'].decode().replace('-', '')}_{word}"))
        place = f"({entries[-1][0].decode()}"
    return found


async def told_after(gateway: Gateway, place: Place, count: int) -> list[str]:
    """So many of alice's events after a place, as `heard` says them."""
    owner = gateway.alice.key.id
    entries = await gateway.services.store.redis.xrange(keys.feed(owner), f"({place}", count=count) if count else []
    return [f"{fields[b'job'].decode()} {fields[b'event'].decode()}" for _, fields in entries]


async def subscribers(gateway: Gateway) -> int:
    """How many connections listen to alice's events."""
    ((_, count),) = await gateway.services.store.redis.pubsub_numsub(keys.events_channel(gateway.alice.key.id))
    return int(count)


async def cancel(gateway: Gateway, count: int) -> None:
    """So many jobs of alice's, queued and canceled: two events each."""
    store = gateway.services.store
    jobs = await asyncio.gather(*(admit(store, owner=gateway.alice.key.id) for _ in range(count)))
    assert all(await asyncio.gather(*map(store.jobs.cancel, jobs)))


async def test_an_event_is_read_and_rendered_once_for_all(gateway: Gateway) -> None:
    listeners, owner = gateway.services.listeners, gateway.alice.key.id
    job = await admit(gateway.services.store, owner=owner)
    of_job = Wish(frozenset(TYPES), job=job.id)
    async with (
        listeners.listen(owner, ALL) as first,
        listeners.listen(owner, ALL) as second,
        listeners.listen(owner, of_job) as third,
        listeners.listen(gateway.bob.key.id, ALL) as stranger,
    ):
        assert await subscribers(gateway) == 1
        await gateway.services.store.jobs.cancel(job)
        (one,), (two,), (three,) = [await each.next() for each in (first, second, third)]
        assert one is two is three
        assert isinstance(one, News)
        said = one.said(gateway.services.public, "http://a")
        assert one.said(gateway.services.public, "http://a") is said
        assert b"http://b/v1/jobs" in one.said(gateway.services.public, "http://b")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stranger.next(), 0.05)


async def test_one_who_joins_while_news_are_read_misses_none(gateway: Gateway) -> None:
    listeners, owner = gateway.services.listeners, gateway.alice.key.id
    done = asyncio.Event()

    async def come_and_listen(seed: int) -> None:
        rng = random.Random(seed)
        while not done.is_set():
            await asyncio.sleep(rng.uniform(0, 0.01))
            async with listeners.listen(owner, ALL) as listener:
                place, found = listener.place, list[str]()
                while len(found) < 6 and not done.is_set():
                    found += heard(await listener.next())
            assert found == await told_after(gateway, place, len(found))

    async with asyncio.TaskGroup() as group:
        for seed in range(8):
            group.create_task(come_and_listen(seed))
        for _ in range(60):
            await cancel(gateway, 1)
        done.set()
        await cancel(gateway, 5)


async def test_nor_does_one_who_joins_between_reading_and_telling(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    listeners, owner, late = gateway.services.listeners, gateway.alice.key.id, list[Listener]()
    jobs_read = _Channel.read

    async def join(channel: _Channel, told: Sequence[Told]) -> dict[str, Job | None]:
        found = await jobs_read(channel, told)
        if not late:
            late.append(await stack.enter_async_context(listeners.listen(owner, ALL)))
        return found

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(listeners.listen(owner, ALL._replace(job="another")))
        monkeypatch.setattr(_Channel, "read", join)
        job = await admit(gateway.services.store, owner=owner)
        await until(lambda: late)
        async with asyncio.timeout(5):
            assert heard(await late[0].next()) == [f"{job.id} queued"]


async def test_nor_does_one_who_catches_up_while_more_is_told(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    listeners, owner, read_on = gateway.services.listeners, gateway.alice.key.id, Feed.after
    await cancel(gateway, 1)
    test, slow, meanwhile = asyncio.current_task(), [True], list[str]()

    async def after(feed: Feed, owner: str, place: Place, **more: Any) -> Stretch:
        stretch = await read_on(feed, owner, place, **more)
        if asyncio.current_task() is test and slow:
            slow.clear()
            await cancel(gateway, 1)
            while len(meanwhile) < 2:
                meanwhile.extend(heard(await other.next()))
        return stretch

    monkeypatch.setattr(Feed, "after", after)
    async with listeners.listen(owner, ALL) as other, listeners.listen(owner, ALL, Place(0, 0)) as one:
        found: list[str] = []
        async with asyncio.timeout(5):
            while len(found) < 4:
                found += heard(await one.next())
    assert found == await told_after(gateway, Place(0, 0), 4)


async def test_one_that_reads_nothing_costs_little_and_then_gets_everything(gateway: Gateway) -> None:
    async with streaming(gateway, gateway.alice, "/v1/events", room=1) as stream:
        (channel,) = gateway.services.listeners._channels.values()
        (listener,) = channel._listeners[""]
        most = 0
        for _ in range(MOST_WAITING // 32 + 4):
            await cancel(gateway, 16)
            most = max(most, len(listener._waiting))
        assert most <= MOST_WAITING
        await until(lambda: listener._behind and not listener._waiting)
        every = await told(gateway)
        assert len(every) > MOST_WAITING
        assert [event.id for event in await stream.events(len(every))] == [place for place, _ in every]
        await cancel(gateway, 1)  # and is up to date
        assert len(await stream.events(2)) == 2
        assert not listener._behind


async def test_clients_that_leave_leave_nothing_behind(gateway: Gateway) -> None:
    rng, store = random.Random(4), gateway.services.store
    jobs = [await admit(store, owner=gateway.alice.key.id) for _ in range(20)]
    before = len(asyncio.all_tasks())
    stop = asyncio.Event()

    async def pass_by(path: str) -> None:
        caller = gateway.alice if "jobs" in path else rng.choice((gateway.alice, gateway.bob))
        reads, stay_s = rng.random() < 0.7, rng.uniform(0, 0.1)
        async with streaming(gateway, caller, path, room=rng.choice((1, 0))) as stream:
            with suppress(TimeoutError):
                async with asyncio.timeout(stay_s):
                    while reads and not stream.ended:
                        await stream.part()
                    await asyncio.sleep(stay_s)

    async def events() -> None:
        while not stop.is_set():
            await cancel(gateway, 1)

    async def eighth(paths: list[str]) -> None:
        for path in paths:
            await asyncio.sleep(rng.uniform(0, 0.02))
            await pass_by(path)

    paths = [
        rng.choice(("/v1/events", "/v1/events?since=0-0", f"/v1/jobs/{rng.choice(jobs).id}/events")) for _ in range(200)
    ]
    telling = asyncio.create_task(events())
    await asyncio.gather(*(eighth(paths[n::8]) for n in range(8)))
    stop.set()
    await telling

    async def nothing() -> bool:
        return len(asyncio.all_tasks()) <= before and not await store.redis.pubsub_channels("events:*")

    await until(nothing)
    assert not gateway.services.listeners._channels
    assert gateway.services.listeners._tasks == {task for task in asyncio.all_tasks() if "_heed" in repr(task)}


@asynccontextmanager
async def songs_made(gateway: Gateway) -> AsyncIterator[None]:
    """A lane that makes every song, with progress and outputs, from the beginning of the block to its end."""
    rng, queue = random.Random(2), gateway.services.store.queue

    async def work(_ctx: dict[str, Any], job: Job) -> dict[str, Any]:
        for percent in range(5, 100, 5):
            await asyncio.sleep(rng.uniform(0, 0.01))
            await queue.report(job, tell=f"progress {percent}", progress=percent / 100)
            if percent in (45, 90):
                await queue.report(job, tell="making")
                job.output(percent // 45).status = OutputStatus.STORED
                await queue.report(job, tell=f"output {percent // 45}", outputs=job.outputs)
        return {"progress": 1.0}

    lane = Lane("engines", [work], worker="w", slots=5, lease_s=5.0, drain_s=5.0)
    await lane.start({"queue": queue, "signals": gateway.services.store.signals})
    try:
        yield
    finally:
        await lane.stop()


async def test_a_stream_that_is_cut_again_and_again_tells_everything_once_in_order(gateway: Gateway) -> None:
    rng, store, owner = random.Random(1), gateway.services.store, gateway.alice.key.id
    seen: list[Sent] = []
    last, cuts = "0-0", 0

    async def ended() -> bool:
        return sum(event.type in TERMINAL_TYPES for event in seen) == JOBS

    async with songs_made(gateway):
        for _ in range(JOBS):
            await admit(store, "work", owner=owner, items=2)
        while not await ended():
            async with streaming(gateway, gateway.alice, "/v1/events", last_event_id=last, room=1) as stream:
                for _ in range(rng.randrange(1, 8)):
                    seen += (some := await stream.some())
                    last = str(some[-1].id) if some else last
                    if await ended():
                        break
            cuts += 1
    assert cuts > 20
    assert [(event.id, event.body["id"]) for event in seen] == await told(gateway)
    assert len(seen) == JOBS * (3 + 19 + 2)


async def test_a_job_s_stream_that_is_cut_again_and_again_does_so_too(gateway: Gateway) -> None:
    rng, store = random.Random(3), gateway.services.store
    jobs = [await admit(store, "work", owner=gateway.alice.key.id, items=2) for _ in range(4)]

    async def follow(job: Job, first: Stream) -> list[Sent]:
        path, seen = f"/v1/jobs/{job.id}/events", await first.some()
        first.leave()
        while seen[-1].type not in TERMINAL_TYPES:
            async with streaming(gateway, gateway.alice, path, last_event_id=str(seen[-1].id), room=1) as stream:
                for _ in range(rng.randrange(1, 6)):
                    seen += await stream.some()
        answer = await gateway.alice.http.get(path, headers={"last-event-id": str(seen[-1].id)})
        assert answer.status_code == 204
        return seen

    async with AsyncExitStack() as stack:
        opening = [streaming(gateway, gateway.alice, f"/v1/jobs/{job.id}/events") for job in jobs]
        firsts = [await stack.enter_async_context(each) for each in opening]
        for first in firsts:
            assert await first.some() == []  # the heartbeat
        await stack.enter_async_context(songs_made(gateway))
        followed = await asyncio.gather(*(map(follow, jobs, firsts)))
    every = await told(gateway)
    for job, seen in zip(jobs, followed, strict=True):
        assert [event.id for event in seen] == [id for _, id in every if job.id.replace("-", "") in id]


async def test_a_lost_connection_to_redis_loses_no_event(gateway: Gateway) -> None:
    redis = gateway.services.store.redis
    async with streaming(gateway, gateway.alice, "/v1/events") as stream:
        for _ in range(5):
            for row in await redis.client_list(_type="pubsub"):
                await redis.client_kill_filter(_id=row["id"])
            await cancel(gateway, 3)
        events = await stream.events(30)
    assert [event.id for event in events] == [place for place, _ in await told(gateway)]


async def test_while_redis_is_away_streams_are_silent_and_then_they_go_on(tmp_path: Path) -> None:
    with Redis(tmp_path) as server:
        async with serving(storage_settings(server.url)) as gateway:
            job = await admit(gateway.services.store, owner=gateway.alice.key.id)
            async with AsyncExitStack() as stack:
                of_all = await stack.enter_async_context(streaming(gateway, gateway.alice, "/v1/events"))
                path = f"/v1/jobs/{job.id}/events"
                of_job = await stack.enter_async_context(streaming(gateway, gateway.alice, path))
                await of_job.events(1)
                server.kill()
                refused = await gateway.bob.http.get("/v1/events")
                assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
                await asyncio.to_thread(server.start)
                await until(lambda: _canceled(gateway, job))
                assert [event.type for event in await of_job.rest()] == ["job.canceled"]
                assert [event.type for event in await of_all.events(1)] == ["job.canceled"]


async def _canceled(gateway: Gateway, job: Job) -> bool:
    answer = await gateway.alice.http.post(f"/v1/jobs/{job.id}/cancel")
    return answer.status_code == 200
