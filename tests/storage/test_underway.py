"""The index of what runs now: an owner's own jobs, oldest first, without those that have ended."""

import pytest
from redis.asyncio import Redis

from storage import keys, underway
from storage.job import Job
from storage.jobs import Jobs
from storage.queue import Queue
from storage.underway import KEPT_S, MOST, TASK_S, Underway
from tests.storage.samples import LANE, sample


@pytest.fixture
def index(redis: Redis, jobs: Jobs) -> Underway:
    return Underway(redis, jobs)


async def admitted(index: Underway, jobs: Jobs, owner: str = "alice", task: str = "") -> Job:
    job, _ = await jobs.admit(sample(owner))
    await index.add(job, task)
    return job


async def ids(index: Underway, owner: str = "alice") -> list[str]:
    return [job.id async for job in index.each(owner)]


async def test_each_owner_finds_their_own_oldest_first(index: Underway, jobs: Jobs) -> None:
    mine = [await admitted(index, jobs) for _ in range(3)]
    other = await admitted(index, jobs, "bob")
    assert sorted(await ids(index)) == sorted(job.id for job in mine)
    created = [job.created async for job in index.each("alice")]
    assert created == sorted(created)
    assert await ids(index, "bob") == [other.id]
    assert await ids(index, "carol") == []


async def test_what_has_ended_or_gone_is_dropped_by_whoever_reads(index: Underway, jobs: Jobs, redis: Redis) -> None:
    ended, gone, removed, live = [await admitted(index, jobs) for _ in range(4)]
    await jobs.cancel(ended)
    await jobs.forget(gone)
    await index.remove(removed)
    assert await redis.zcard(keys.underway("alice")) == 3
    assert await ids(index) == [live.id]
    assert await redis.zrange(keys.underway("alice"), 0, -1) == [live.id.encode()]


async def test_the_one_that_runs_is_now_else_the_next(index: Underway, jobs: Jobs, queue: Queue) -> None:
    assert await index.now("alice") is None
    first, other = await admitted(index, jobs), await admitted(index, jobs)
    now = await index.now("alice")
    assert now
    assert now.id in (first.id, other.id)
    _, (held,) = await queue.claim(LANE, 1, lease_s=60)
    now = await index.now("alice")
    assert now
    assert (now.id, bool(now.started)) == (held.id, True)


async def test_many_that_have_ended_hide_none(
    index: Underway, jobs: Jobs, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(underway, "_READ", 2)
    for _ in range(5):
        await jobs.cancel(await admitted(index, jobs))
    live = await admitted(index, jobs)
    await redis.zadd(keys.underway("alice"), {live.id: live.created + 60_000})  # the newest, whatever the millisecond
    now = await index.now("alice")
    assert now
    assert now.id == live.id
    assert await ids(index) == [live.id]


async def test_an_owners_own_name_leads_to_the_job_after_its_end_too(index: Underway, jobs: Jobs) -> None:
    job = await admitted(index, jobs, task="task(fox) 狐")
    await jobs.cancel(job)
    named = await index.named("alice", "task(fox) 狐")
    assert named
    assert (named.id, named.ended) == (job.id, True)
    assert await index.named("bob", "task(fox) 狐") is None
    assert await index.named("alice", "task(cat)") is None
    await jobs.forget(job)
    assert await index.named("alice", "task(fox) 狐") is None


async def test_the_index_is_bounded_and_expires(
    index: Underway, jobs: Jobs, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST == 10_000  # as many as may wait at once
    monkeypatch.setattr(underway, "MOST", 3)
    for _ in range(5):
        await admitted(index, jobs, task="x")
    assert await redis.zcard(keys.underway("alice")) == 3
    assert KEPT_S - 60 < await redis.ttl(keys.underway("alice")) <= KEPT_S
    (task,) = [key async for key in redis.scan_iter("task:*")]
    assert TASK_S - 60 < await redis.ttl(task) <= TASK_S
