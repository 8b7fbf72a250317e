"""What accounts have left, and what jobs have cost there: each counted once, whoever says it how often."""

import time
from typing import Any

import pytest
from redis.asyncio import Redis

from storage import keys
from storage.accounts import Account
from storage.capacity import AccountState, Capacity
from storage.job import Cost, Job, Status
from storage.jobs import Jobs
from storage.ledger import Ledger, Talk
from storage.queue import Queue
from storage.rules import UPSTREAM
from storage.scripts import Scripts
from storage.upstream import Upstreams
from tests.storage.samples import LEASE_S, sample

UNITS = 10.0


@pytest.fixture
def capacity(redis: Redis, scripts: Scripts) -> Capacity:
    return Capacity(redis, scripts)


@pytest.fixture
def upstreams(redis: Redis, scripts: Scripts) -> Upstreams:
    return Upstreams(redis, scripts, scripts)


@pytest.fixture
def ledger(redis: Redis, scripts: Scripts) -> Ledger:
    return Ledger(redis, scripts)


def account(**more: Any) -> Account:
    return Account(name="studio", adapter="suno", base_url="https://example.com", models={"a": "a"}, **more)


PRICED = account(cost={"music.generate": 10, "music.concat": 0, "music.extend": 5})


async def sent(jobs: Jobs, queue: Queue, capacity: Capacity, upstreams: Upstreams, owner: str = "alice") -> Job:
    await jobs.admit(sample(owner, lane=UPSTREAM, step="submit"))
    _, (job,) = await queue.claim(UPSTREAM, 1, lease_s=LEASE_S, taken=Status.SUBMITTING)
    assert await capacity.take(job, [account()], lease_s=LEASE_S) == "studio"
    assert await upstreams.intend(job, b"a song", units=UNITS)
    return job


async def read(jobs: Jobs, id: str) -> Job:
    (job,) = await jobs.get(id)
    assert job
    return job


@pytest.mark.parametrize("answers", [True, False])
async def test_a_job_costs_something_for_certain_once_it_is_accepted_and_is_counted_once(
    jobs: Jobs, queue: Queue, capacity: Capacity, upstreams: Upstreams, ledger: Ledger, answers: bool
) -> None:
    job = await sent(jobs, queue, capacity, upstreams)
    assert (await read(jobs, job.id)).cost == Cost(UNITS, certain=False)
    for _ in range(2):
        done = upstreams.accepted(job) if answers else upstreams.taken(job, ["u1"], ask_after_s=60)
        assert await done
    assert (await read(jobs, job.id)).cost == Cost(UNITS, certain=True)
    (purse,) = await ledger.of("studio")
    assert (purse.units, purse.jobs, purse.today) == (UNITS, 1, {"alice": UNITS})


async def test_what_was_not_taken_costs_nothing(
    jobs: Jobs, queue: Queue, capacity: Capacity, upstreams: Upstreams, ledger: Ledger
) -> None:
    job = await sent(jobs, queue, capacity, upstreams)
    assert await upstreams.forget_intent(job)
    assert (await read(jobs, job.id)).cost is None
    (purse,) = await ledger.of("studio")
    assert (purse.units, purse.jobs, purse.today) == (0, 0, {})


@pytest.mark.parametrize("taken", [True, False])
async def test_of_a_canceled_job_the_record_says_whether_it_was_paid_for_or_may_have_been(
    jobs: Jobs, queue: Queue, capacity: Capacity, upstreams: Upstreams, ledger: Ledger, taken: bool
) -> None:
    job = await sent(jobs, queue, capacity, upstreams)
    assert await jobs.cancel(job)
    if taken:
        assert await upstreams.taken(job, ["u1"], ask_after_s=60)
    else:
        assert await upstreams.doubt(job, look_after_s=None)
    ended = await read(jobs, job.id)
    assert (ended.status, ended.cost) == (Status.CANCELED, Cost(UNITS, certain=taken))
    (purse,) = await ledger.of("studio")
    assert purse.units == (UNITS if taken else 0)


async def test_what_a_day_s_jobs_cost_is_told_by_owner_and_forgotten_in_time(
    jobs: Jobs, queue: Queue, capacity: Capacity, upstreams: Upstreams, ledger: Ledger, redis: Redis
) -> None:
    for owner in ("alice", "bob", "alice"):
        job = await sent(jobs, queue, capacity, upstreams, owner)
        await upstreams.taken(job, [f"u-{job.id}"], ask_after_s=60)
    (purse,) = await ledger.of("studio")
    assert purse.today == {"alice": 2 * UNITS, "bob": UNITS}
    assert await redis.ttl(keys.spent("studio", int(time.time()) // 86_400)) > 86_400


async def test_one_asks_what_an_account_has_left_and_seldom(ledger: Ledger, redis: Redis) -> None:
    assert await ledger.turn("studio", "w1")
    assert not await ledger.turn("studio", "w2")
    assert await redis.ttl(keys.asked("studio")) > 60


@pytest.mark.parametrize(
    ("priced", "left", "state"),
    [
        (account(), 1.0, AccountState.OK),
        (account(), 0.0, AccountState.NO_CREDITS),
        (PRICED, 5.0, AccountState.OK),
        (PRICED, 4.5, AccountState.NO_CREDITS),
    ],
)
async def test_an_account_with_too_little_for_any_job_is_out_of_use(
    ledger: Ledger, capacity: Capacity, priced: Account, left: float, state: AccountState
) -> None:
    assert await ledger.told(priced, left) == state
    (fares,) = await capacity.fares("studio")
    assert fares.state == state
    (purse,) = await ledger.of("studio")
    assert purse.credits == left
    assert purse.asked > 0


async def test_it_comes_back_by_itself_and_wakes_who_waits(
    jobs: Jobs, queue: Queue, capacity: Capacity, ledger: Ledger
) -> None:
    await ledger.told(account(), 0)
    await jobs.admit(sample(lane=UPSTREAM, step="submit"))
    _, (job,) = await queue.claim(UPSTREAM, 1, lease_s=LEASE_S, taken=Status.SUBMITTING)
    assert await capacity.take(job, [account()], lease_s=LEASE_S) is None
    assert (await read(jobs, job.id)).waits_for == "account studio is not in use (no_credits)"
    assert await ledger.told(account(), 500) == AccountState.OK
    _, (again,) = await queue.claim(UPSTREAM, 1, lease_s=LEASE_S, taken=Status.SUBMITTING)
    assert await capacity.take(again, [account()], lease_s=LEASE_S) == "studio"


async def test_so_does_one_whose_upstream_said_so_itself(ledger: Ledger, capacity: Capacity) -> None:
    await capacity.out_of_use("studio", AccountState.NO_CREDITS, "Insufficient credits.")
    assert await ledger.told(account(), 500) == AccountState.OK


@pytest.mark.parametrize("left", [0.0, 500.0])
@pytest.mark.parametrize("state", [AccountState.CHALLENGE, AccountState.SUSPENDED, AccountState.PAUSED])
async def test_whatever_else_is_wrong_with_it_stays_so(
    ledger: Ledger, capacity: Capacity, state: AccountState, left: float
) -> None:
    await capacity.out_of_use("studio", state, "for a reason")
    await ledger.told(account(), left)
    assert (await capacity.fares("studio"))[0].state == state


async def test_chats_are_counted_with_their_tokens_and_by_whose_they_were(ledger: Ledger, redis: Redis) -> None:
    await ledger.talked("studio", "alice", Talk(2, 1, 30, 12))
    await ledger.talked("studio", "bob", Talk(1, 0, 7, 5))
    (purse,) = await ledger.of("studio")
    assert purse.talk == Talk(3, 1, 37, 17)
    assert purse.tokens == {"alice": {"prompt": 30, "completion": 12}, "bob": {"prompt": 7, "completion": 5}}
    assert await redis.ttl(keys.tokens("studio", int(time.time()) // 86_400)) > 86_400


async def test_a_count_that_is_sent_twice_counts_once(ledger: Ledger, scripts: Scripts) -> None:
    for _ in range(2):
        await scripts.call("chat_spent", "studio", "alice", 1, 0, 3, 4, "the-same")
    assert (await ledger.of("studio"))[0].talk == Talk(1, 0, 3, 4)
