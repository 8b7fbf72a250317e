"""Held jobs: renewed, lost, parked, taken over from workers that vanished, given up."""

import asyncio

import pytest
from redis.asyncio import Redis

from storage.job import Failure, Job, PublicStatus, Status
from storage.jobs import Jobs
from storage.queue import TRIES, Queue
from tests.storage.samples import LANE, LEASE_S, feed, sample, where
from tests.waiting import until


@pytest.fixture
async def held(jobs: Jobs, queue: Queue) -> Job:
    """A job that a worker runs."""
    await jobs.admit(sample())
    return (await claim(queue))[0]


async def claim(queue: Queue, *, lease_s: float = LEASE_S) -> list[Job]:
    return (await queue.claim(LANE, 1, lease_s=lease_s))[1]


async def renew(queue: Queue, *held: Job, lease_s: float = LEASE_S, worker: str = "w1") -> list[str]:
    return await queue.renew(LANE, held, lease_s=lease_s, worker=worker, slots=4, health=b'{"ok":true}')


async def read(jobs: Jobs, id: str) -> Job:
    [job] = await jobs.get(id)
    assert job is not None
    return job


async def vanish(queue: Queue, jobs: Jobs) -> Job:
    """A job whose worker is gone: its lease has run out."""
    await jobs.admit(sample())
    [job] = await claim(queue, lease_s=0)
    return job


async def test_a_job_whose_worker_vanished_is_run_again_and_the_old_worker_is_refused(
    jobs: Jobs, queue: Queue, redis: Redis
) -> None:
    old = await vanish(queue, jobs)
    [new] = await claim(queue)
    assert (new.id, new.status, new.attempt, new.rescues) == (old.id, Status.RUNNING, 1, 1)
    assert new.token > old.token
    assert new.started == old.started
    for target in Status:
        assert not await queue.advance(old.id, target, token=old.token)
    assert not await queue.report(old, tell="progress", progress=0.9)
    assert not await queue.park(old, delay_s=1, give_back=True)
    assert not await queue.fail(old, Failure("engine_failed", "late"))
    assert await read(jobs, old.id) == new
    assert [word for _, word in await feed(redis)] == ["queued", "started", "waiting again", "running again"]


async def test_a_lease_runs_out_by_itself(jobs: Jobs, queue: Queue) -> None:
    await jobs.admit(sample())
    [old] = await claim(queue, lease_s=0.03)
    assert await claim(queue) == []
    [new] = await until(lambda: claim(queue))
    assert (new.id, new.rescues) == (old.id, 1)


async def test_a_job_is_lost_when_every_worker_that_took_it_vanished(jobs: Jobs, queue: Queue, redis: Redis) -> None:
    job = sample()
    await jobs.admit(job)
    for rescues in range(TRIES):
        [held] = await claim(queue, lease_s=0)
        assert (held.rescues, held.attempt) == (rescues, 1)
    assert await claim(queue) == []
    lost = await read(jobs, job.id)
    assert lost.status == Status.FAILED
    assert lost.error == Failure("worker_lost", f"its worker vanished {TRIES} times", retryable=True)
    assert lost.finished > 0
    assert await where(redis, job.id) == {f"job:{job.id}", "jobs:alice"}
    assert await redis.ttl(f"job:{job.id}") > 0
    assert (await feed(redis))[-1] == (job.id, "failed")


async def test_a_job_that_was_being_stored_is_taken_over_as_it_is(jobs: Jobs, queue: Queue) -> None:
    old = await vanish(queue, jobs)
    assert await queue.advance(old.id, Status.STORING, token=old.token, stage="storing")
    [new] = await claim(queue)
    assert (new.id, new.status, new.stage) == (old.id, Status.STORING, "storing")
    assert not await queue.advance(old.id, Status.SUCCEEDED, token=old.token)
    assert await queue.advance(new.id, Status.SUCCEEDED, token=new.token)


@pytest.mark.parametrize("status", [Status.SUBMITTING, Status.WAITING, Status.IN_DOUBT])
async def test_a_job_that_an_upstream_may_have_is_never_queued_again_by_itself(
    jobs: Jobs, queue: Queue, status: Status
) -> None:
    await jobs.admit(sample())
    _, [old] = await queue.claim(LANE, 1, lease_s=0, taken=Status.SUBMITTING)
    if status != Status.SUBMITTING:
        assert await queue.advance(old.id, status, token=old.token)
    _, [new] = await queue.claim(LANE, 1, lease_s=LEASE_S, taken=Status.SUBMITTING)
    assert (new.status, new.token > old.token) == (status, True)


async def test_a_renewed_lease_does_not_run_out(jobs: Jobs, queue: Queue, redis: Redis) -> None:
    old = await vanish(queue, jobs)
    assert await renew(queue, old) == []
    assert await claim(queue) == []
    assert await redis.pttl(f"health:{LANE}:w1") > 1000 * LEASE_S


async def test_renewing_tells_which_jobs_are_no_longer_held(jobs: Jobs, queue: Queue) -> None:
    made = [sample() for _ in range(5)]
    for job in made:
        await jobs.admit(job)
    _, held = await queue.claim(LANE, 5, lease_s=LEASE_S)
    kept, canceled, deleted, rescued, done = held
    await jobs.cancel(canceled)
    await jobs.forget(deleted)
    await renew(queue, rescued, lease_s=0)
    assert [job.id for job in await claim(queue)] == [rescued.id]
    await queue.advance(done.id, Status.SUCCEEDED, token=done.token)
    assert set(await renew(queue, *held)) == {canceled.id, deleted.id, rescued.id, done.id}
    assert await renew(queue, kept) == []


async def test_renewing_a_job_that_was_handed_back_does_not_move_its_delay(
    jobs: Jobs, queue: Queue, redis: Redis, held: Job
) -> None:
    assert await queue.advance(held.id, Status.QUEUED, token=held.token, delay_s=600)
    due = await redis.zscore(f"asleep:{LANE}", held.id)
    assert await renew(queue, held) == [held.id]
    assert await redis.zscore(f"asleep:{LANE}", held.id) == due


async def test_a_worker_that_renews_counts_until_it_leaves(queue: Queue, redis: Redis, jobs: Jobs, held: Job) -> None:
    await renew(queue, worker="w1")
    await renew(queue, worker="w2")
    assert (await jobs.place(held.id)).slots == 8
    await queue.leave(LANE, "w1", 4)
    assert (await jobs.place(held.id)).slots == 4
    assert not await redis.exists(f"health:{LANE}:w1")
    assert await redis.get(f"health:{LANE}:w2") == b'{"ok":true}'


async def test_a_parked_job_keeps_its_state_and_comes_back_after_the_delay(jobs: Jobs, queue: Queue, held: Job) -> None:
    await queue.advance(held.id, Status.STORING, token=held.token)
    assert await queue.park(held, delay_s=0.05, give_back=True, stage="objects_unavailable")
    parked = await read(jobs, held.id)
    assert (parked.status, parked.stage, parked.attempt) == (Status.STORING, "objects_unavailable", 0)
    assert parked.public_status == PublicStatus.RUNNING
    assert await claim(queue) == []
    [again] = await until(lambda: claim(queue))
    assert (again.id, again.status, again.attempt) == (held.id, Status.STORING, 1)


async def test_who_parked_a_job_holds_it_no_longer(jobs: Jobs, queue: Queue, held: Job) -> None:
    await queue.advance(held.id, Status.STORING, token=held.token)
    assert await queue.park(held, delay_s=60, give_back=True)
    assert not await queue.park(held, delay_s=0, give_back=True)
    assert not await queue.advance(held.id, Status.SUCCEEDED, token=held.token)
    assert await renew(queue, held) == [held.id]
    assert (await read(jobs, held.id)).attempt == 0


async def test_parking_wakes_an_idle_worker_to_look_at_the_clock(queue: Queue, redis: Redis, held: Job) -> None:
    await redis.delete(f"bell:{LANE}")
    assert await queue.park(held, delay_s=60, give_back=True)
    assert await redis.exists(f"bell:{LANE}")


async def test_a_parked_job_can_be_cancelled(jobs: Jobs, queue: Queue, redis: Redis, held: Job) -> None:
    await queue.park(held, delay_s=60, give_back=True)
    assert await jobs.cancel(held)
    assert await where(redis, held.id) == {f"job:{held.id}", "jobs:alice"}


async def test_however_often_a_job_is_parked_without_spending_it_is_not_lost(jobs: Jobs, queue: Queue) -> None:
    await jobs.admit(sample())
    for _ in range(3 * TRIES):
        [held] = await claim(queue)
        assert held.attempt == 1
        if held.status == Status.RUNNING:
            await queue.advance(held.id, Status.STORING, token=held.token)
        assert await queue.park(held, delay_s=0, give_back=True)


async def test_a_vanished_worker_spends_no_attempt(jobs: Jobs, queue: Queue) -> None:
    await vanish(queue, jobs)
    [held] = await claim(queue)
    assert await queue.advance(held.id, Status.QUEUED, token=held.token)
    [again] = await claim(queue, lease_s=0)
    assert (again.attempt, again.rescues) == (2, 1)
    [last] = await claim(queue)
    assert (last.attempt, last.rescues) == (2, 2)


async def test_parking_is_not_vanishing(jobs: Jobs, queue: Queue, held: Job) -> None:
    await queue.advance(held.id, Status.STORING, token=held.token)
    for attempt in range(1, 2 * TRIES):
        assert (held.attempt, held.rescues) == (attempt, 0)
        assert await queue.park(held, delay_s=0, give_back=False)
        [held] = await claim(queue)


async def test_a_job_that_was_parked_and_taken_up_again_can_be_rescued(jobs: Jobs, queue: Queue, held: Job) -> None:
    await queue.advance(held.id, Status.STORING, token=held.token)
    await queue.park(held, delay_s=0, give_back=True)
    [taken] = await claim(queue, lease_s=0)
    [rescued] = await claim(queue)
    assert (rescued.status, rescued.attempt, rescued.rescues) == (Status.STORING, 1, 1)
    assert rescued.token > taken.token


async def test_as_many_leases_are_renewed_as_a_worker_may_have(queue: Queue, held: Job) -> None:
    gone = [sample() for _ in range(5000)]
    lost = await queue.renew(LANE, [*gone, held], lease_s=LEASE_S, worker="w", slots=5001, health=b"{}")
    assert lost == [job.id for job in gone]


async def test_a_report_is_written_and_told_when_it_is_to_be(jobs: Jobs, queue: Queue, redis: Redis, held: Job) -> None:
    assert await queue.report(held, progress=0.25)
    assert await queue.report(held, tell="rendering", stage="rendering")
    job = await read(jobs, held.id)
    assert (job.progress, job.stage) == (0.25, "rendering")
    assert [word for _, word in await feed(redis)] == ["queued", "started", "rendering"]


async def test_a_report_may_be_a_word_alone(queue: Queue, redis: Redis, held: Job) -> None:
    assert await queue.report(held, tell="rendering")
    assert (await feed(redis))[-1] == (held.id, "rendering")


async def test_an_ended_job_takes_no_more_reports(jobs: Jobs, queue: Queue, held: Job) -> None:
    await jobs.cancel(held)
    assert not await queue.report(held, progress=1.0)
    assert (await read(jobs, held.id)).progress == 0.0


async def test_a_failed_job_says_why(jobs: Jobs, queue: Queue, held: Job) -> None:
    failure = Failure("engine_failed", "no such scale", retryable=False)
    assert await queue.fail(held, failure)
    job = await read(jobs, held.id)
    assert (job.status, job.error) == (Status.FAILED, failure)


async def test_a_deleted_job_cannot_be_finished(jobs: Jobs, queue: Queue, redis: Redis, held: Job) -> None:
    await jobs.forget(held)
    assert not await queue.advance(held.id, Status.SUCCEEDED, token=held.token)
    assert not await queue.report(held, progress=1.0)
    assert not await queue.park(held, delay_s=0, give_back=False)
    assert await where(redis, held.id) == {"erase"}


async def test_of_many_who_say_it_is_done_only_the_holder_is_believed(jobs: Jobs, queue: Queue) -> None:
    job = sample()
    await jobs.admit(job)
    holders = [(await claim(queue, lease_s=0))[0] for _ in range(TRIES)]
    done = await asyncio.gather(
        *(queue.advance(job.id, Status.SUCCEEDED, token=held.token, progress=held.token / 10) for held in holders)
    )
    assert done == [False] * (TRIES - 1) + [True]
    assert (await read(jobs, job.id)).progress == holders[-1].token / 10


async def test_more_sleepers_than_one_look_wakes_are_all_found(jobs: Jobs, queue: Queue) -> None:
    await asyncio.gather(*(jobs.admit(sample()) for _ in range(600)))
    _, held = await queue.claim(LANE, 600, lease_s=0)
    assert len(held) == 600
    seen: set[str] = set()
    for _ in range(3):
        _, again = await queue.claim(LANE, 600, lease_s=LEASE_S)
        seen |= {job.id for job in again}
    assert len(seen) == 600
