"""Accounts have slots: a job that finds none sleeps, says why, blocks nothing, and is woken when one is let go."""

from typing import Any

import pytest
from redis.asyncio import Redis

from storage import keys
from storage.accounts import Account
from storage.capacity import ALLOWED_FAILURES, AccountState, Capacity
from storage.job import Failure, Job, Status
from storage.jobs import Jobs
from storage.queue import Queue
from storage.rules import UPSTREAM
from storage.scripts import Scripts
from tests.storage.samples import LEASE_S, feed, sample, server_ms
from tests.waiting import until


@pytest.fixture
def capacity(redis: Redis, scripts: Scripts) -> Capacity:
    return Capacity(redis, scripts)


def account(name: str = "studio", **more: Any) -> Account:
    return Account(name=name, adapter="suno", base_url="https://example.com", models={"a": "a"}, **more)


ONE = account(concurrent=1)


async def claim(queue: Queue, *, free: int = 1) -> list[Job]:
    return (await queue.claim(UPSTREAM, free, lease_s=LEASE_S, taken=Status.SUBMITTING))[1]


async def held(jobs: Jobs, queue: Queue, owner: str = "alice") -> Job:
    await jobs.admit(sample(owner, lane=UPSTREAM, step="submit"))
    (job,) = await claim(queue)
    return job


async def read(jobs: Jobs, id: str) -> Job:
    (job,) = await jobs.get(id)
    assert job
    return job


async def passed(redis: Redis, seconds: float) -> None:
    """Return when Redis' clock has gone on so far."""
    begun = await server_ms(redis)

    async def over() -> bool:
        return await server_ms(redis) > begun + seconds * 1000

    await until(over)


async def take(capacity: Capacity, job: Job, *accounts: Account) -> str | None:
    return await capacity.take(job, accounts or [ONE], lease_s=LEASE_S)


async def test_a_job_starts_when_it_has_a_slot_and_not_before(
    jobs: Jobs, queue: Queue, capacity: Capacity, redis: Redis
) -> None:
    job = await held(jobs, queue)
    assert (await read(jobs, job.id)).public_status == "running"
    assert [word for _, word in await feed(redis)] == ["queued"]
    assert await take(capacity, job) == "studio"
    now = await read(jobs, job.id)
    assert (now.account, now.started) == ("studio", job.started)
    assert now.started > 0
    assert [word for _, word in await feed(redis)] == ["queued", "started"]


async def test_who_finds_none_sleeps_says_why_and_is_woken_by_the_release(
    jobs: Jobs, queue: Queue, capacity: Capacity
) -> None:
    first, second = await held(jobs, queue), await held(jobs, queue)
    assert await take(capacity, first) == "studio"
    assert await take(capacity, second) is None
    waiting = await read(jobs, second.id)
    assert (waiting.public_status, waiting.stage, waiting.attempt) == ("queued", "waiting_capacity", 0)
    assert waiting.waits_for == "account studio has 1 jobs under way, as many as it may"
    assert waiting.started == 0
    assert await claim(queue) == []
    await capacity.release("studio", first.id)
    (woken,) = await claim(queue)
    assert (woken.id, woken.rescues, woken.attempt) == (second.id, 0, 1)
    assert await take(capacity, woken) == "studio"
    assert (await read(jobs, second.id)).waits_for == ""


async def test_it_blocks_nothing_behind_it(jobs: Jobs, queue: Queue, capacity: Capacity) -> None:
    busy, stuck = await held(jobs, queue), await held(jobs, queue)
    assert await take(capacity, busy) == "studio"
    assert await take(capacity, stuck) is None
    other = await held(jobs, queue)
    assert other.id != stuck.id
    assert await take(capacity, other, account("spare")) == "spare"


async def test_who_has_waited_longest_is_woken_first(jobs: Jobs, queue: Queue, capacity: Capacity) -> None:
    first = await held(jobs, queue)
    await take(capacity, first)
    waiting = []
    for _ in range(3):
        job = await held(jobs, queue)
        assert await take(capacity, job) is None
        waiting.append(job.id)
    order = []
    holder = first.id
    for _ in waiting:
        await capacity.release("studio", holder)
        (woken,) = await claim(queue, free=9)
        assert await take(capacity, woken) == "studio"
        order.append(woken.id)
        holder = woken.id
    assert order == waiting


async def test_the_next_account_serves_where_the_first_is_full(jobs: Jobs, queue: Queue, capacity: Capacity) -> None:
    first, second = await held(jobs, queue), await held(jobs, queue)
    both = [ONE, account("spare", concurrent=1)]
    assert await take(capacity, first, *both) == "studio"
    assert await take(capacity, second, *both) == "spare"
    third = await held(jobs, queue)
    assert await take(capacity, third, *both) is None
    await capacity.release("spare", second.id)
    (woken,) = await claim(queue)
    assert (woken.id, await take(capacity, woken, *both)) == (third.id, "spare")


async def test_a_repeated_call_takes_no_second_slot(jobs: Jobs, queue: Queue, capacity: Capacity, redis: Redis) -> None:
    job = await held(jobs, queue)
    assert [await take(capacity, job) for _ in range(3)] == ["studio"] * 3
    assert await redis.zcard(keys.slots("studio")) == 1


async def test_who_holds_the_job_no_longer_takes_nothing(
    jobs: Jobs, queue: Queue, capacity: Capacity, redis: Redis
) -> None:
    job = await held(jobs, queue)
    await jobs.forget(job)
    assert await take(capacity, job) is None
    assert await redis.zcard(keys.slots("studio")) == 0


async def test_a_slot_is_a_lease_that_ends_with_its_holder(
    jobs: Jobs, queue: Queue, capacity: Capacity, redis: Redis
) -> None:
    first, second = await held(jobs, queue), await held(jobs, queue)
    assert await capacity.take(first, [ONE], lease_s=0.01) == "studio"
    await passed(redis, 0.01)
    assert await take(capacity, second) == "studio"


async def test_a_kept_slot_stays_taken(jobs: Jobs, queue: Queue, capacity: Capacity, redis: Redis) -> None:
    first, second = await held(jobs, queue), await held(jobs, queue)
    assert await capacity.take(first, [ONE], lease_s=0.05) == "studio"
    await capacity.keep("studio", first.id, lease_s=LEASE_S)
    await passed(redis, 0.05)
    assert await take(capacity, second) is None


async def test_only_so_many_are_sent_a_minute(jobs: Jobs, queue: Queue, capacity: Capacity) -> None:
    slow = account(per_minute=2)
    for _ in range(2):
        assert await take(capacity, await held(jobs, queue), slow) == "studio"
    third = await held(jobs, queue)
    assert await take(capacity, third, slow) is None
    waiting = await read(jobs, third.id)
    assert waiting.waits_for == "account studio has had 2 jobs in the last minute"
    assert 55_000 < waiting.not_before - waiting.created <= 61_000


async def test_an_account_that_fails_again_and_again_rests_and_is_tried_by_one(
    jobs: Jobs, queue: Queue, capacity: Capacity
) -> None:
    for _ in range(ALLOWED_FAILURES - 1):
        assert (await capacity.failed("studio", "it answered 500")).state == AccountState.OK
    assert (await capacity.failed("studio", "it answered 500")).state == AccountState.COOLING
    job = await held(jobs, queue)
    assert await take(capacity, job, account()) is None
    assert (await read(jobs, job.id)).waits_for == "account studio rests"


async def test_after_its_rest_one_job_tries_it_and_a_success_lets_the_others_in(
    jobs: Jobs, queue: Queue, capacity: Capacity, redis: Redis
) -> None:
    free = account()
    await capacity.failed("studio", "it asked for a moment", rest_s=0.01)
    first, second = await held(jobs, queue), await held(jobs, queue)
    await passed(redis, 0.01)
    assert await take(capacity, first, free) == "studio"
    assert await take(capacity, second, free) is None
    assert (await read(jobs, second.id)).waits_for == "account studio is on trial"
    await capacity.went_well("studio")
    (woken,) = await claim(queue)
    assert (woken.id, await take(capacity, woken, free)) == (second.id, "studio")
    (fares,) = await capacity.fares("studio")
    assert (fares.state, fares.busy) == (AccountState.OK, 2)


async def test_a_trial_that_ends_without_a_word_of_the_account_leaves_it_to_the_next_job(
    jobs: Jobs, queue: Queue, capacity: Capacity, redis: Redis
) -> None:
    free = account()
    await capacity.failed("studio", "it asked for a moment", rest_s=0.01)
    await passed(redis, 0.01)
    first = await held(jobs, queue)
    assert await take(capacity, first, free) == "studio"
    await capacity.release("studio", first.id)
    second = await held(jobs, queue)
    assert await take(capacity, second, free) == "studio"
    await queue.fail(second, Failure("worker_lost", "its worker vanished"))
    assert await take(capacity, await held(jobs, queue), free) == "studio"


async def test_a_trial_that_fails_once_leaves_it_to_the_next_job(
    jobs: Jobs, queue: Queue, capacity: Capacity, redis: Redis
) -> None:
    free = account()
    await capacity.failed("studio", "it asked for a moment", rest_s=0.01)
    await passed(redis, 0.01)
    assert await take(capacity, await held(jobs, queue), free) == "studio"
    await capacity.failed("studio", "it answered 500")
    assert await take(capacity, await held(jobs, queue), free) == "studio"


async def test_a_success_forgets_the_failures_before_it(capacity: Capacity) -> None:
    for _ in range(3):
        for _ in range(ALLOWED_FAILURES - 1):
            assert (await capacity.failed("studio", "it answered 500")).state == AccountState.OK
        await capacity.went_well("studio")


@pytest.mark.parametrize("state", [AccountState.NO_CREDITS, AccountState.CHALLENGE, AccountState.SUSPENDED])
async def test_what_an_operator_has_to_mend_stays_until_it_is_resumed(
    jobs: Jobs, queue: Queue, capacity: Capacity, state: AccountState
) -> None:
    await capacity.out_of_use("studio", state, "it says so")
    await capacity.went_well("studio")
    job = await held(jobs, queue)
    assert await take(capacity, job, account()) is None
    assert (await read(jobs, job.id)).waits_for == f"account studio is not in use ({state})"
    (fares,) = await capacity.fares("studio")
    assert (fares.state, fares.why) == (state, "it says so")
    await capacity.resume("studio")
    (woken,) = await claim(queue)
    assert await take(capacity, woken, account()) == "studio"


async def test_what_is_paused_stays_so_whatever_it_answers(capacity: Capacity) -> None:
    await capacity.pause("studio")
    await capacity.failed("studio", "it answered 500", rest_s=1)
    await capacity.out_of_use("studio", AccountState.NO_CREDITS, "none left")
    await capacity.went_well("studio")
    (fares,) = await capacity.fares("studio")
    assert fares.state == AccountState.PAUSED
    await capacity.resume("studio")
    (fares,) = await capacity.fares("studio")
    assert fares.state == AccountState.OK
