"""A large job sleeps until what it was divided into has ended, and takes it along when it ends itself."""

import asyncio

import pytest
from redis.asyncio import Redis

from storage import keys
from storage.connect import command
from storage.ids import part_job_id
from storage.job import Failure, Job, Kind, Status
from storage.jobs import Jobs
from storage.parts import Parts
from storage.queue import Queue
from storage.rules import PARTS, part_owner
from storage.scripts import Scripts
from tests.storage.samples import LANE, LEASE_S, feed, sample, server_ms, where


@pytest.fixture
def parts(redis: Redis, scripts: Scripts) -> Parts:
    return Parts(redis, scripts)


async def claim(queue: Queue, lane: str = LANE, *, free: int = 1, lease_s: float = LEASE_S) -> list[Job]:
    return (await queue.claim(lane, free, lease_s=lease_s))[1]


async def whole(jobs: Jobs, queue: Queue, owner: str = "alice") -> Job:
    """A recording that a worker holds."""
    await jobs.admit(sample(owner, kind=Kind.TRANSCRIPTION, items=1, inputs={"file": "inputs/x/file"}))
    (held,) = await claim(queue)
    return held


def part(of: Job, number: int) -> Job:
    return sample(
        part_owner(of.owner),
        id=part_job_id(of.id, number),
        parent=of.id,
        kind=Kind.TRANSCRIPTION_PART,
        lane=PARTS,
        items=1,
        request={"number": number},
    )


async def divided(jobs: Jobs, queue: Queue, parts: Parts, count: int = 3, owner: str = "alice") -> Job:
    held = await whole(jobs, queue, owner)
    assert await parts.wait(held, [part(held, number) for number in range(count)]) is True
    return held


async def succeed(queue: Queue, job: Job) -> None:
    assert await queue.advance(job.id, Status.SUCCEEDED, token=job.token)


async def read(jobs: Jobs, id: str) -> Job:
    (job,) = await jobs.get(id)
    assert job
    return job


async def test_a_whole_sleeps_until_the_last_of_its_parts_has_succeeded(
    jobs: Jobs, queue: Queue, parts: Parts, redis: Redis
) -> None:
    held = await divided(jobs, queue, parts)
    heard = await claim(queue, PARTS, free=9)
    assert [job.request["number"] for job in heard] == [0, 1, 2]
    for job in heard:
        assert await claim(queue) == []
        await succeed(queue, job)
    (woken,) = await claim(queue)
    assert (woken.id, woken.attempt, woken.rescues, woken.started) == (held.id, 1, 0, held.started)
    state = await parts.state(held.id)
    assert state is not None
    assert (state.ids, state.failed) == ([job.id for job in heard], [])
    assert await parts.wait(woken) is False
    words = [word for id, word in await feed(redis) if id == held.id]
    assert words == [
        "queued", "started", "progress 35", "progress 65", "progress 95", "waiting again", "running again",
    ]  # fmt: skip
    assert woken.progress == pytest.approx(0.95)


async def test_parts_are_in_nobody_s_list_and_make_no_events(
    jobs: Jobs, queue: Queue, parts: Parts, redis: Redis
) -> None:
    held = await divided(jobs, queue, parts)
    for job in await claim(queue, PARTS, free=9):
        await succeed(queue, job)
    assert [job.id for job in (await jobs.page("alice")).jobs] == [held.id]
    assert {id for id, _ in await feed(redis)} == {held.id}
    assert not await redis.exists(keys.feed(part_owner("alice")))


async def test_dividing_twice_makes_no_part_twice(jobs: Jobs, queue: Queue, parts: Parts) -> None:
    held = await whole(jobs, queue)
    cut = [part(held, number) for number in range(2)]
    assert await parts.wait(held, cut) is True
    assert await parts.wait(held, cut) is None  # its reply was lost: it let go of the job the first time
    first, second = await claim(queue, PARTS, free=9)
    await succeed(queue, first)
    await succeed(queue, second)
    (woken,) = await claim(queue)
    assert await parts.wait(woken, cut) is False
    assert await claim(queue, PARTS, free=9) == []


async def test_whoever_has_lost_the_job_cannot_divide_it(jobs: Jobs, queue: Queue, parts: Parts) -> None:
    held = await whole(jobs, queue)
    await jobs.cancel(held)
    assert await parts.wait(held, [part(held, 0)]) is None
    assert await parts.state(held.id) is None
    assert await claim(queue, PARTS) == []


async def test_the_first_part_that_fails_wakes_the_whole(jobs: Jobs, queue: Queue, parts: Parts) -> None:
    held = await divided(jobs, queue, parts)
    _, second, _ = await claim(queue, PARTS, free=9)
    await queue.fail(second, Failure("engine_failed", "it broke"))
    (woken,) = await claim(queue)
    assert woken.id == held.id
    assert await parts.wait(woken) is False
    state = await parts.state(held.id)
    assert state is not None
    assert state.failed == [second.id]


@pytest.mark.parametrize("end", ["cancel", "delete", "fail"])
async def test_the_end_of_the_whole_ends_its_parts(
    jobs: Jobs, queue: Queue, parts: Parts, redis: Redis, end: str
) -> None:
    held = await divided(jobs, queue, parts)
    working, waiting, *_ = [part(held, number) for number in range(3)]
    (taken,) = await claim(queue, PARTS)
    assert taken.id == working.id
    if end == "cancel":
        assert await jobs.cancel(held)
    elif end == "delete":
        await jobs.forget(held)
    else:
        (_, second) = [taken, (await claim(queue, PARTS))[0]]
        await queue.fail(second, Failure("engine_failed", "it broke"))
        (woken,) = await claim(queue)
        await queue.fail(woken, Failure("engine_failed", "it broke"))
    assert await claim(queue, PARTS, free=9) == []
    assert (await read(jobs, working.id)).status == Status.CANCELED
    assert (await read(jobs, waiting.id)).status == (Status.FAILED if end == "fail" else Status.CANCELED)
    lost = await queue.renew(PARTS, [taken], lease_s=LEASE_S, worker="w", slots=1, health=b"{}")
    assert lost == [taken.id]
    assert not await redis.exists(keys.parts(held.id))
    assert await where(redis, waiting.id) == {f"job:{waiting.id}", keys.jobs(part_owner("alice"))}
    assert await redis.ttl(f"job:{waiting.id}") > 0


async def test_what_belongs_to_the_whole_is_erased_only_when_no_part_stores_any_more(
    jobs: Jobs, queue: Queue, parts: Parts, redis: Redis
) -> None:
    held = await divided(jobs, queue, parts)
    await jobs.cancel(held)
    due = await command(redis, "ZSCORE", keys.ERASE, f"inputs/{held.id}/")
    assert float(due) - await server_ms(redis) > 50_000


async def test_a_part_whose_worker_vanished_is_claimed_again_alone(jobs: Jobs, queue: Queue, parts: Parts) -> None:
    await divided(jobs, queue, parts, count=2)
    (first,) = await claim(queue, PARTS)
    (lost,) = await claim(queue, PARTS, lease_s=0)
    await succeed(queue, first)
    (again,) = await claim(queue, PARTS, free=9)
    assert (again.id, again.rescues, again.attempt) == (lost.id, 1, 1)
    await succeed(queue, again)
    assert len(await claim(queue)) == 1


async def test_a_whole_that_is_held_when_its_last_part_ends_is_not_taken_from_its_worker(
    jobs: Jobs, queue: Queue, parts: Parts
) -> None:
    held = await divided(jobs, queue, parts, count=2)
    first, last = await claim(queue, PARTS, free=2)
    await queue.fail(first, Failure("engine_failed", "it broke"))
    (woken,) = await claim(queue)
    await succeed(queue, last)
    assert await claim(queue) == []
    assert await queue.report(woken)
    assert woken.id == held.id


async def test_a_whole_whose_worker_vanished_while_it_looked_goes_on(jobs: Jobs, queue: Queue, parts: Parts) -> None:
    held = await divided(jobs, queue, parts, count=1)
    (only,) = await claim(queue, PARTS)
    await succeed(queue, only)
    await claim(queue, lease_s=0)
    (woken,) = await claim(queue)
    assert (woken.id, woken.rescues) == (held.id, 1)
    assert await parts.wait(woken) is False


async def test_owners_take_turns_with_their_parts(jobs: Jobs, queue: Queue, parts: Parts) -> None:
    await divided(jobs, queue, parts, count=4)
    await divided(jobs, queue, parts, count=2, owner="bob")
    order = [job.owner for job in await claim(queue, PARTS, free=4)]
    assert sorted(order) == ["parts:alice", "parts:alice", "parts:bob", "parts:bob"]


async def test_many_parts_are_more_than_lua_unpacks_at_once(jobs: Jobs, queue: Queue, parts: Parts) -> None:
    held = await divided(jobs, queue, parts, count=480)
    state = await parts.state(held.id)
    assert state is not None
    assert len(state.ids) == 480
    taken = await claim(queue, PARTS, free=480)
    await asyncio.gather(*(succeed(queue, job) for job in taken))
    assert [job.id for job in await claim(queue)] == [held.id]


def test_the_id_of_a_part_is_always_the_same_and_no_other_s() -> None:
    first, other = sample().id, sample().id
    ids = [part_job_id(job, number) for job in (first, other) for number in range(300)]
    assert len({*ids, first, other}) == 602
    assert part_job_id(first, 7) == ids[7]
    assert ids[7][:13] == first[:13]
