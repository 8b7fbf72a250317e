"""Sound in pieces, on its way through Redis."""

import asyncio

import pytest
from redis.asyncio import Redis

from storage.job import Job, Status
from storage.jobs import Jobs
from storage.keys import job_channel
from storage.queue import Queue
from storage.scripts import Scripts
from storage.signals import Signals
from storage.sounds import KEPT_S, NEWS, Sounds
from tests.storage.samples import LANE, sample


@pytest.fixture
def sounds(scripts: Scripts) -> Sounds:
    return Sounds(scripts)


async def held(jobs: Jobs, queue: Queue) -> Job:
    """A job that a worker holds."""
    await jobs.admit(sample())
    return await claimed(queue)


async def claimed(queue: Queue) -> Job:
    _, (job,) = await queue.claim(LANE, 1, lease_s=30)
    return job


async def again(queue: Queue, job: Job) -> Job:
    """The same job in the hands of another worker."""
    assert await queue.advance(job.id, Status.QUEUED, token=job.token)
    return await claimed(queue)


async def test_pieces_are_read_in_order_from_any_of_them(jobs: Jobs, queue: Queue, sounds: Sounds) -> None:
    job = await held(jobs, queue)
    assert [await sounds.add(job, number, b"%d" % number) for number in (1, 2, 3)] == [True] * 3
    heard = await sounds.read(job.id, 1)
    assert (heard.pieces, heard.all, heard.broken) == ([b"1", b"2", b"3"], None, False)
    assert heard.job
    assert heard.job.status == Status.RUNNING
    assert (await sounds.read(job.id, 3)).pieces == [b"3"]
    assert (await sounds.read(job.id, 4)).pieces == []
    assert await sounds.end(job, 3)
    assert (await sounds.read(job.id, 4)).all == 3


async def test_of_large_pieces_some_are_read_at_a_time(jobs: Jobs, queue: Queue, sounds: Sounds) -> None:
    job = await held(jobs, queue)
    for number in (1, 2, 3):
        await sounds.add(job, number, bytes([number]) * 200_000)
    assert [len(piece) for piece in (await sounds.read(job.id, 1)).pieces] == [200_000] * 2
    assert (await sounds.read(job.id, 3)).pieces == [b"\x03" * 200_000]


async def test_a_piece_is_kept_once_however_often_it_is_sent(jobs: Jobs, queue: Queue, sounds: Sounds) -> None:
    job = await held(jobs, queue)
    for _ in range(3):
        assert await sounds.add(job, 1, b"one")
        assert await sounds.end(job, 1)
    heard = await sounds.read(job.id, 1)
    assert (heard.pieces, heard.all) == ([b"one"], 1)


async def test_who_holds_the_job_no_longer_passes_nothing_on(jobs: Jobs, queue: Queue, sounds: Sounds) -> None:
    before = await held(jobs, queue)
    assert await sounds.add(before, 1, b"one")
    now = await again(queue, before)
    assert not await sounds.add(before, 2, b"two")
    assert not await sounds.end(before, 1)
    assert await sounds.add(now, 1, b"one")
    assert await sounds.add(now, 2, b"zwei")
    assert (await sounds.read(now.id, 1)).pieces == [b"one", b"zwei"]
    await queue.advance(now.id, Status.CANCELED)
    assert not await sounds.add(now, 3, b"three")


@pytest.mark.parametrize("then", [(2, b"zwei"), (1, b"")])
async def test_a_later_attempt_that_makes_another_sound_breaks_it(
    jobs: Jobs, queue: Queue, sounds: Sounds, then: tuple[int, bytes]
) -> None:
    job = await held(jobs, queue)
    await sounds.add(job, 1, b"one")
    await sounds.add(job, 2, b"two")
    job = await again(queue, job)
    assert await sounds.add(job, 1, b"one")
    number, piece = then
    assert not await (sounds.add(job, number, piece) if piece else sounds.end(job, number))
    heard = await sounds.read(job.id, 1)
    assert (heard.pieces, heard.broken) == ([], True)
    assert not await sounds.add(job, 1, b"one")


async def test_nothing_comes_after_the_end(jobs: Jobs, queue: Queue, sounds: Sounds) -> None:
    job = await held(jobs, queue)
    await sounds.add(job, 1, b"one")
    await sounds.end(job, 1)
    assert not await sounds.add(job, 2, b"two")
    assert (await sounds.read(job.id, 1)).broken


async def test_a_sound_without_its_beginning_is_not_gone_on_with(
    redis: Redis, jobs: Jobs, queue: Queue, sounds: Sounds
) -> None:
    job = await held(jobs, queue)
    await sounds.add(job, 1, b"one")
    await redis.delete(f"sound:{job.id}")
    assert not await sounds.add(job, 2, b"two")
    assert not await redis.exists(f"sound:{job.id}")


async def test_it_is_kept_for_a_while_after_it_was_last_read(
    redis: Redis, jobs: Jobs, queue: Queue, sounds: Sounds
) -> None:
    job = await held(jobs, queue)
    await sounds.add(job, 1, b"one")
    assert 0 < await redis.ttl(f"sound:{job.id}") <= KEPT_S
    await redis.expire(f"sound:{job.id}", 10)
    await sounds.read(job.id, 1)
    assert await redis.ttl(f"sound:{job.id}") > 10


async def test_a_deleted_job_leaves_no_sound(redis: Redis, jobs: Jobs, queue: Queue, sounds: Sounds) -> None:
    job = await held(jobs, queue)
    await sounds.add(job, 1, b"one")
    await jobs.forget(job)
    assert not await redis.exists(f"sound:{job.id}")
    assert (await sounds.read(job.id, 1)).job is None


async def test_whoever_waits_for_the_job_hears_of_more(redis: Redis, jobs: Jobs, queue: Queue, sounds: Sounds) -> None:
    job = await held(jobs, queue)
    signals = Signals(redis)
    await signals.start()
    try:
        async with asyncio.timeout(10), signals.watch(job_channel(job.id)) as news:
            await sounds.add(job, 1, b"one")
            said: list[str] = []
            while NEWS not in said:
                await news.wait()
                said += news.take()
    finally:
        await signals.stop()
