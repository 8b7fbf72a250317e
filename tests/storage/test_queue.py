"""Who works on what: the order of claims, fair shares, waiting to be claimed, and the bell."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from storage.connect import command, connect
from storage.errors import RedisUnavailable
from storage.job import Job, PublicStatus, Status
from storage.jobs import Jobs
from storage.queue import Queue
from storage.scripts import Scripts
from tests.storage.samples import LANE, LEASE_S, RECORD_S, feed, sample, server_ms, where
from tests.waiting import until


async def admit(jobs: Jobs, *made: Job) -> None:
    await asyncio.gather(*(jobs.admit(job) for job in made))


async def claim(queue: Queue, free: int = 1, *, lease_s: float = LEASE_S) -> list[Job]:
    return (await queue.claim(LANE, free, lease_s=lease_s))[1]


def owners(claimed: Sequence[Job]) -> str:
    return "".join(job.owner for job in claimed)


async def test_a_claimed_job_is_running_and_held(jobs: Jobs, queue: Queue) -> None:
    job = sample()
    await admit(jobs, job)
    wake_s, [held] = await queue.claim(LANE, 5, lease_s=LEASE_S)
    assert (held.id, held.status, held.attempt, held.token) == (job.id, Status.RUNNING, 1, 1)
    assert held.started >= held.created == job.created
    assert held.request == job.request
    assert wake_s == pytest.approx(LEASE_S, abs=1)
    assert await claim(queue) == []


async def test_an_empty_lane_has_nothing_and_nobody_asleep(queue: Queue) -> None:
    assert await queue.claim(LANE, 5, lease_s=LEASE_S) == (None, [])


async def test_a_lane_sees_its_own_jobs_only(jobs: Jobs, queue: Queue) -> None:
    await admit(jobs, sample(lane="upstream"), sample(lane=LANE))
    assert [job.lane for job in await claim(queue, 9)] == [LANE]


async def test_a_lane_says_what_its_claimed_jobs_become(jobs: Jobs, queue: Queue) -> None:
    await admit(jobs, sample())
    _, [held] = await queue.claim(LANE, 1, lease_s=LEASE_S, taken=Status.SUBMITTING)
    assert held.status == Status.SUBMITTING


async def test_the_oldest_job_of_an_owner_comes_first(jobs: Jobs, queue: Queue) -> None:
    made = [sample() for _ in range(50)]
    for job in made:
        await jobs.admit(job)
    assert [job.id for job in await claim(queue, 50)] == [
        job.id for job in sorted(made, key=lambda job: (job.created, job.id))
    ]


async def test_a_better_priority_comes_first_whoever_waits(jobs: Jobs, queue: Queue) -> None:
    await admit(jobs, *(sample(owner, priority=priority) for priority in (9, 0, 5, 1) for owner in "ab"))
    assert [job.priority for job in await claim(queue, 8)] == [0, 0, 1, 1, 5, 5, 9, 9]


async def test_owners_take_turns(jobs: Jobs, queue: Queue) -> None:
    await admit(jobs, *(sample("a") for _ in range(4)), *(sample("b") for _ in range(2)), sample("c"))
    assert owners(await claim(queue, 9)) == "abcabaa"


async def test_turns_go_on_from_claim_to_claim(jobs: Jobs, queue: Queue) -> None:
    await admit(jobs, *(sample(owner) for owner in "aaaabbbb"))
    assert "".join([owners(await claim(queue)) for _ in range(8)]) == "abababab"


@pytest.mark.parametrize("seed", range(8))
async def test_many_jobs_at_once_come_in_the_order_in_which_they_would_come_one_by_one(
    jobs: Jobs, queue: Queue, seed: int
) -> None:
    dice = random.Random(seed)
    waiting = [(dice.choice("aabcdxyz"), dice.choice((3, 5, 5, 7))) for _ in range(120)]
    orders = []
    for lane in ("one", "many"):
        for owner, priority in waiting:
            await jobs.admit(sample(owner, priority=priority, lane=lane))
    for lane, sizes in (("one", [1] * 120), ("many", [dice.randrange(1, 40) for _ in range(120)])):
        taken = [job for size in sizes for job in (await queue.claim(lane, size, lease_s=LEASE_S))[1]]
        orders.append([(job.owner, job.priority) for job in taken])
    assert orders[0] == orders[1]
    assert sorted(orders[1]) == sorted(waiting)


async def test_ten_thousand_jobs_of_one_owner_delay_anothers_by_one(jobs: Jobs, queue: Queue) -> None:
    for _ in range(10):
        await admit(jobs, *(sample("greedy") for _ in range(1000)))
    await claim(queue, 500)
    await admit(jobs, sample("modest"))
    assert "modest" in [job.owner for job in await claim(queue, 2)]


async def test_as_many_as_there_are_slots_are_handed_out_and_leased(jobs: Jobs, queue: Queue, redis: Redis) -> None:
    for _ in range(5):
        await admit(jobs, *(sample() for _ in range(1000)))
    claimed = await claim(queue, 4500)
    leased = await redis.zrange(f"asleep:{LANE}", 0, -1)
    assert len(claimed) == 4500
    assert {job.id for job in claimed} == {id.decode() for id in leased}


async def test_who_comes_back_has_no_claim_on_turns_missed(jobs: Jobs, queue: Queue) -> None:
    await admit(jobs, sample("b"), *(sample("a") for _ in range(50)))
    await claim(queue, 31)
    await admit(jobs, *(sample("b") for _ in range(10)))
    assert Counter(owners(await claim(queue, 10))) == {"a": 5, "b": 5}


async def test_two_workers_never_get_the_same_job(jobs: Jobs, queue: Queue, redis: Redis, redis_url: str) -> None:
    made = [sample(owner) for owner in "abcd" for _ in range(100)]
    other_client = connect(SecretStr(redis_url))
    workers = [queue, Queue(other_client, Scripts(other_client), record_s=RECORD_S)]

    taken: list[str] = []

    async def work(queue: Queue) -> None:
        while await redis.zcard(f"asleep:{LANE}") < 400:
            taken.extend([job.id for job in await claim(queue, 7)])

    await asyncio.gather(admit(jobs, *made), *(work(queue) for queue in workers))
    await other_client.aclose()
    assert len(taken) == 400
    assert set(taken) == {job.id for job in made}


async def test_a_delayed_retry_sleeps_until_it_is_due(jobs: Jobs, queue: Queue, redis: Redis) -> None:
    await admit(jobs, sample())
    [held] = await claim(queue)
    assert await queue.advance(held.id, Status.QUEUED, token=held.token, delay_s=0.05, stage="waiting_capacity")
    [job] = await jobs.get(held.id)
    assert job is not None
    assert (job.stage, job.public_status) == ("waiting_capacity", PublicStatus.RUNNING)
    wake_s, nothing = await queue.claim(LANE, 1, lease_s=LEASE_S)
    assert nothing == []
    assert wake_s is not None
    assert 0 <= wake_s <= 0.05
    [again] = await until(lambda: claim(queue))
    assert await server_ms(redis) >= job.not_before
    assert (again.attempt, again.not_before, again.stage) == (2, 0, "")
    assert again.started == held.started


async def test_a_retry_without_delay_is_there_at_once_in_its_old_place(jobs: Jobs, queue: Queue) -> None:
    await admit(jobs, sample())
    [held] = await claim(queue)
    await until(lambda: later_than(jobs, held.created))
    assert await queue.advance(held.id, Status.QUEUED, token=held.token)
    assert [job.id for job in await claim(queue)] == [held.id]


async def later_than(jobs: Jobs, ms: int) -> bool:
    """Admit one more, until one is younger."""
    job = sample()
    await jobs.admit(job)
    return job.created > ms


async def test_a_job_given_back_has_not_spent_its_attempt(jobs: Jobs, queue: Queue) -> None:
    await admit(jobs, sample())
    for attempt in (1, 1, 1):
        [held] = await claim(queue)
        assert held.attempt == attempt
        assert await queue.advance(held.id, Status.QUEUED, token=held.token, give_back=True)
    assert [(job.attempt, job.token) for job in await claim(queue)] == [(1, 4)]


async def test_a_job_that_did_not_start_in_time_is_not_handed_out(jobs: Jobs, queue: Queue, redis: Redis) -> None:
    late, good = sample(start_by=await server_ms(redis) - 1), sample()
    await admit(jobs, late, good)
    assert [job.id for job in await claim(queue, 5)] == [good.id]
    [expired] = await jobs.get(late.id)
    assert expired is not None
    assert (expired.status, expired.attempt) == (Status.EXPIRED, 0)
    assert await where(redis, late.id) == {f"job:{late.id}", "jobs:alice"}


async def test_a_sweep_ends_what_did_not_start_in_time_and_nothing_else(jobs: Jobs, queue: Queue, redis: Redis) -> None:
    past = await server_ms(redis) - 1
    started = sample(start_by=past + 60_000)
    await admit(jobs, started)
    assert [job.id for job in await claim(queue)] == [started.id]
    late, other_lane, later = sample(start_by=past), sample(lane="upstream", start_by=past), sample(start_by=2**42)
    await admit(jobs, late, other_lane, later, sample())
    assert await queue.sweep(LANE) == 2
    assert await queue.sweep(LANE) == 0
    found = await jobs.get(late.id, other_lane.id, later.id, started.id)
    assert [job and job.status for job in found] == [Status.EXPIRED, Status.EXPIRED, Status.QUEUED, Status.RUNNING]
    assert await where(redis, late.id) == {f"job:{late.id}", "jobs:alice"}
    assert [word for id, word in await feed(redis) if id == late.id] == ["queued", "expired"]


async def test_a_sweep_keeps_a_started_job_whose_start_was_due(jobs: Jobs, queue: Queue, redis: Redis) -> None:
    job = sample(start_by=await server_ms(redis) + 50)
    await admit(jobs, job)
    [held] = await claim(queue)
    await queue.advance(held.id, Status.QUEUED, token=held.token)

    async def swept() -> bool:
        await queue.sweep(LANE)
        return not await redis.zcard("due")

    await until(swept)
    assert [job.id for job in await claim(queue)] == [held.id]


async def test_a_sweep_ends_no_more_than_it_is_told_to(jobs: Jobs, queue: Queue, redis: Redis) -> None:
    past = await server_ms(redis) - 1
    await admit(jobs, *(sample(start_by=past) for _ in range(25)))
    assert [await queue.sweep(LANE, most=10) for _ in range(4)] == [10, 10, 5, 0]


async def test_a_sweep_wakes_sleepers_where_no_slot_is_free(jobs: Jobs, queue: Queue, redis: Redis) -> None:
    await admit(jobs, *(sample() for _ in range(3)))
    held = await claim(queue, 3, lease_s=0)
    await queue.sweep(LANE)
    found = await jobs.get(*(job.id for job in held))
    assert {job and job.status for job in found} == {Status.QUEUED}
    assert await bell(redis) == 1


async def bell(redis: Redis) -> int:
    """How many rings wait to be heard: one at the most."""
    return int(await command(redis, "LLEN", f"bell:{LANE}"))


async def ringing(queue: Queue, redis: Redis) -> "asyncio.Task[float]":
    """A worker that listens by now; its result is the time at which it heard the bell."""

    async def listen() -> float:
        await queue.listen(LANE, 4.0)
        return time.monotonic()

    await redis.delete(f"bell:{LANE}")
    before = (await redis.info("clients"))["blocked_clients"]
    task = asyncio.create_task(listen())

    async def blocked() -> bool:
        return bool((await redis.info("clients"))["blocked_clients"] > before)

    await until(blocked)
    return task


async def test_a_listener_wakes_when_a_job_comes(jobs: Jobs, queue: Queue, redis: Redis) -> None:
    listener = await ringing(queue, redis)
    began = time.monotonic()
    await jobs.admit(sample())
    assert await listener - began < 1.0


async def test_a_bell_rung_before_anybody_listened_is_heard(jobs: Jobs, queue: Queue) -> None:
    await jobs.admit(sample())
    began = time.monotonic()
    await queue.listen(LANE, 4.0)
    assert time.monotonic() - began < 1.0


async def test_ten_thousand_jobs_ring_once(jobs: Jobs, redis: Redis) -> None:
    await admit(jobs, *(sample() for _ in range(1000)))
    assert await bell(redis) == 1


async def test_one_ring_wakes_a_chain_of_workers(jobs: Jobs, queue: Queue, redis: Redis) -> None:
    listener = await ringing(queue, redis)
    await admit(jobs, *(sample() for _ in range(3)))
    await listener
    assert len(await claim(queue, 2)) == 2
    assert await bell(redis) == 1


async def test_a_worker_without_a_free_slot_passes_the_bell_on(jobs: Jobs, queue: Queue, redis: Redis) -> None:
    await jobs.admit(sample())
    await queue.listen(LANE, 4.0)
    assert await bell(redis) == 0
    assert await claim(queue, 0) == []
    assert await bell(redis) == 1


async def test_nothing_rings_when_nothing_waits(jobs: Jobs, queue: Queue, redis: Redis) -> None:
    await jobs.admit(sample())
    await queue.listen(LANE, 4.0)
    await claim(queue, 2)
    assert await bell(redis) == 0


async def test_a_listener_gives_up_in_time(queue: Queue) -> None:
    began = time.monotonic()
    await queue.listen(LANE, 0.05)
    assert 0.04 < time.monotonic() - began < 2.0


async def test_a_listener_never_waits_so_long_that_silence_looks_like_an_error(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.queue._LONGEST_LISTEN_S", 0.05)
    client = connect(SecretStr(redis_url), timeout_s=2.0)
    await Queue(client, Scripts(client), record_s=RECORD_S).listen(LANE, 60.0)
    await client.aclose()


async def test_a_listener_whose_connection_is_cut_says_so(queue: Queue, redis: Redis) -> None:
    listener = await ringing(queue, redis)
    [id] = [row["id"] for row in await redis.client_list() if row["cmd"] == "blpop"]
    await redis.client_kill_filter(_id=id)
    with pytest.raises(RedisUnavailable):
        await listener
