"""Whoever waits is told, whatever happens to the connection; and nobody's leaving leaves anything behind."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from cli.embedded import Redis as Server
from storage.connect import connect
from storage.errors import RedisUnavailable
from storage.job import Status
from storage.jobs import Jobs
from storage.keys import job_channel
from storage.queue import Queue
from storage.signals import Signal, Signals
from tests.storage.samples import sample
from tests.waiting import until


@pytest.fixture
async def signals(redis_url: str) -> AsyncIterator[Signals]:
    """On a client of its own, so that its connections are known."""
    client = connect(SecretStr(redis_url))
    signals = Signals(client)
    await signals.start()
    yield signals
    await signals.stop()
    await client.aclose()


async def subscribers(redis: Redis, *channels: str) -> list[int]:
    return [count for _, count in await redis.pubsub_numsub(*channels)]


async def subscription_connections(redis: Redis) -> list[str]:
    return [row["id"] for row in await redis.client_list(_type="pubsub")]


async def test_what_is_said_is_heard_in_order(signals: Signals, redis: Redis) -> None:
    async with signals.watch("news") as signal:
        for word in ("one", "two", "three"):
            await redis.publish("news", word)

        async def all_heard() -> bool:
            return len(signal.said) == 3

        await until(all_heard)
        assert await signal.wait(0)
        assert signal.take() == ["one", "two", "three"]
        assert signal.take() == []


async def test_nothing_said_after_the_watch_began_is_lost(signals: Signals, redis: Redis) -> None:
    for n in range(100):
        async with signals.watch(f"c{n % 3}") as signal:
            await redis.publish(f"c{n % 3}", "said")
            assert await signal.wait(5)
            while not signal.said:
                assert await signal.wait(5)


async def test_subscribe_then_look_never_misses_an_end(
    signals: Signals, jobs: Jobs, queue: Queue, redis: Redis
) -> None:
    made = [sample() for _ in range(100)]
    await asyncio.gather(*(jobs.admit(job) for job in made))

    async def wait_for(id: str) -> None:
        async with signals.watch(job_channel(id)) as signal:
            while True:
                [job] = await jobs.get(id)
                if job is None or job.ended:
                    return
                assert await signal.wait(5), "the end was not told"

    async def end(id: str) -> None:
        await queue.advance(id, Status.CANCELED)

    moves = [wait_for(job.id) for job in made] + [end(job.id) for job in made]
    random.Random(1).shuffle(moves)
    await asyncio.gather(*moves)


async def test_silence_is_not_a_signal(signals: Signals, redis: Redis) -> None:
    async with signals.watch("news") as signal:
        await redis.publish("other", "said")
        assert not await signal.wait(0.02)


async def test_a_thousand_wait_on_one_connection(signals: Signals, redis: Redis) -> None:
    heard: list[str] = []
    ready = asyncio.Semaphore(0)

    async def wait(n: int) -> None:
        async with signals.watch(f"c{n}") as signal:
            ready.release()
            while not signal.said:
                assert await signal.wait(10)
            heard.extend(signal.take())

    waiters = [asyncio.create_task(wait(n)) for n in range(1000)]
    for _ in waiters:
        await ready.acquire()
    assert len(await subscription_connections(redis)) == 1
    pipe = redis.pipeline(transaction=False)
    for n in range(1000):
        pipe.publish(f"c{n}", str(n))
    await pipe.execute()
    await asyncio.gather(*waiters)
    assert sorted(heard, key=int) == [str(n) for n in range(1000)]


async def test_all_who_watch_one_channel_hear_it_until_they_leave(signals: Signals, redis: Redis) -> None:
    async with signals.watch("news") as first:
        async with signals.watch("news") as second:
            await redis.publish("news", "both")
            await until(lambda: told(first, "both"))
            await until(lambda: told(second, "both"))
        await redis.publish("news", "one")
        await until(lambda: told(first, "one"))
    assert list(second.said) == ["both"]


async def told(signal: Signal, word: str) -> bool:
    return word in signal.said


async def test_the_last_to_leave_ends_the_subscription(signals: Signals, redis: Redis) -> None:
    channels = [f"c{n}" for n in range(50)]

    async def pass_by(channel: str) -> None:
        async with signals.watch(channel):
            pass

    await asyncio.gather(*(pass_by(channel) for channel in channels * 3))

    async def all_left() -> bool:
        return await subscribers(redis, *channels) == [0] * 50

    await until(all_left)


async def test_a_waiter_that_is_cancelled_leaves_as_well(signals: Signals, redis: Redis) -> None:
    entered = asyncio.Event()

    async def wait() -> None:
        async with signals.watch("news") as signal:
            entered.set()
            while True:
                await signal.wait()

    task = asyncio.create_task(wait())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async def left() -> bool:
        return await subscribers(redis, "news") == [0]

    await until(left)


async def test_coming_and_going_on_one_channel_deafens_nobody(signals: Signals, redis: Redis) -> None:
    async def come_and_go(n: int) -> None:
        rng = random.Random(n)
        for _ in range(20):
            async with signals.watch("news") as signal:
                await redis.publish("news", "said")
                while not signal.said:
                    assert await signal.wait(5), "a watcher was deaf"
            if rng.random() < 0.5:
                await asyncio.sleep(0)

    await asyncio.gather(*(come_and_go(n) for n in range(10)))


async def test_a_lost_connection_signals_everybody_and_then_all_is_heard_again(signals: Signals, redis: Redis) -> None:
    async with signals.watch("a") as a, signals.watch("b") as b:
        a.take(), b.take()
        while await a.wait(0) or await b.wait(0):
            pass
        [id] = await subscription_connections(redis)
        await redis.client_kill_filter(_id=id)
        assert await a.wait(5)
        assert await b.wait(5)

        async def back() -> bool:
            return await subscribers(redis, "a", "b") == [1, 1]

        await until(back)
        await redis.publish("b", "again")
        await until(lambda: told(b, "again"))


async def test_waiters_survive_a_connection_that_is_lost_again_and_again(signals: Signals, redis: Redis) -> None:
    stop = asyncio.Event()

    async def come_and_go(n: int) -> None:
        while not stop.is_set():
            try:
                async with signals.watch(f"c{n % 7}") as signal:
                    await signal.wait(0.01)
            except RedisUnavailable:
                continue

    comers = [asyncio.create_task(come_and_go(n)) for n in range(30)]
    for _ in range(25):
        for id in await until(lambda: subscription_connections(redis)):
            await redis.client_kill_filter(_id=id)
    stop.set()
    await asyncio.gather(*comers)
    async with signals.watch("news") as signal:
        await redis.publish("news", "after all")
        await until(lambda: told(signal, "after all"))
    assert len(await subscription_connections(redis)) == 1


async def test_a_watch_begun_as_the_first_thing_works(redis_url: str) -> None:
    for _ in range(20):
        client = connect(SecretStr(redis_url))
        signals = Signals(client)
        await signals.start()
        async with asyncio.timeout(2), signals.watch("early") as signal:
            await client.publish("early", "bird")
            while not signal.said:
                await signal.wait()
        await signals.stop()
        await client.aclose()


async def test_while_redis_is_away_a_watch_says_so_and_once_it_is_there_works(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        url = server.url
        server.kill()
        client = connect(SecretStr(url))
        signals = Signals(client)
        await signals.start()
        with pytest.raises(RedisUnavailable):
            async with signals.watch("news"):
                raise AssertionError("nothing can be heard yet")
        await asyncio.to_thread(server.start)

        async def heard() -> bool:
            try:
                async with signals.watch("news") as signal:
                    await client.publish("news", "here")
                    return await signal.wait(5) and "here" in signal.said
            except RedisUnavailable:
                return False

        await until(heard)
        await signals.stop()
        await client.aclose()


async def test_after_redis_was_away_waiters_are_signalled(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        client = connect(SecretStr(server.url))
        signals = Signals(client)
        await signals.start()
        async with signals.watch("news") as signal:
            while await signal.wait(0):
                pass
            server.kill()
            await asyncio.to_thread(server.start)
            assert await signal.wait(10)

            async def heard() -> bool:
                await client.publish("news", "back")
                return "back" in signal.said

            await until(heard)
        await signals.stop()
        await client.aclose()


async def test_stopping_leaves_no_connection(redis: Redis, redis_url: str) -> None:
    client = connect(SecretStr(redis_url))
    signals = Signals(client)
    await signals.start()
    async with signals.watch("news"):
        assert len(await subscription_connections(redis)) == 1
    await signals.stop()
    await client.aclose()

    async def gone() -> bool:
        return not await subscription_connections(redis)

    await until(gone)


async def test_a_watcher_that_is_cancelled_at_whichever_step_ends_and_costs_nobody_the_connection(
    signals: Signals,
) -> None:
    async def watch() -> None:
        async with signals.watch("somewhere") as signal:
            await signal.wait()

    async with signals.watch("elsewhere"):
        connection = signals._connection
        for turn in range(400):
            watching = asyncio.create_task(watch())
            for _ in range(turn % 8):
                await asyncio.sleep(0)
            watching.cancel()
            await asyncio.wait([watching], timeout=5)
            assert watching.cancelled(), turn
        assert "somewhere" not in signals._watchers
        assert connection is not None
        assert signals._connection is connection
