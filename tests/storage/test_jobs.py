"""Jobs as the API sees them: accepted once, placed, cancelled, deleted."""

import asyncio
import random

import pytest
from redis.asyncio import Redis

from storage.errors import Gone, KeyReused, NotFound
from storage.ids import new_job_id
from storage.job import Failure, Job, PublicStatus, Status
from storage.jobs import IDEMPOTENCY_WINDOW_S, Idempotency, Jobs
from storage.media import inputs_prefix
from storage.queue import Queue
from tests.storage.samples import LANE, LEASE_S, feed, sample, server_ms, where
from tests.waiting import until

KEY = Idempotency.of("key", b"body")


async def claim(queue: Queue, free: int = 1) -> list[Job]:
    return (await queue.claim(LANE, free, lease_s=LEASE_S))[1]


async def read(jobs: Jobs, id: str) -> Job:
    [job] = await jobs.get(id)
    assert job is not None
    return job


async def test_an_admitted_job_is_queued_listed_told_of_and_due(jobs: Jobs, redis: Redis) -> None:
    before = await server_ms(redis)
    job = sample(start_by=before + 60_000)
    admission = await jobs.admit(job, KEY)
    assert (admission.job, admission.replayed) == (job, False)
    assert before <= job.created <= await server_ms(redis)
    idem = f"idem:alice:{KEY.key}"
    assert await where(redis, job.id) == {f"job:{job.id}", "jobs:alice", f"wait:{LANE}:5:alice", "due", idem}
    assert await feed(redis) == [(job.id, "queued")]


async def test_admitting_a_job_again_changes_nothing(jobs: Jobs, queue: Queue, redis: Redis) -> None:
    job = sample()
    await jobs.admit(job)
    created = job.created
    [held] = await claim(queue)
    again = await jobs.admit(job)
    assert (again.replayed, job.created) == (False, created)
    assert await read(jobs, job.id) == held
    assert await redis.exists(f"wait:{LANE}:5:alice") == 0


async def test_jobs_are_read_in_the_order_asked_for(jobs: Jobs) -> None:
    made = [sample() for _ in range(3)]
    for job in made:
        await jobs.admit(job)
    found = await jobs.get(made[2].id, "nothing", made[0].id)
    assert [job and job.id for job in found] == [made[2].id, None, made[0].id]
    assert await jobs.get() == []


async def test_the_same_request_again_gets_its_first_job_as_it_is_now(jobs: Jobs, queue: Queue) -> None:
    first = sample()
    await jobs.admit(first, KEY)
    await claim(queue)
    again = await jobs.admit(sample(), KEY)
    assert again.replayed
    assert again.job == await read(jobs, first.id)
    assert again.job.status == Status.RUNNING


async def test_a_replay_admits_nothing(jobs: Jobs, redis: Redis) -> None:
    await jobs.admit(sample(), KEY)
    other = sample()
    await jobs.admit(other, KEY)
    assert await where(redis, other.id) == set()
    assert len(await feed(redis)) == 1


async def test_a_key_with_another_body_is_refused(jobs: Jobs, redis: Redis) -> None:
    await jobs.admit(sample(), KEY)
    other = sample()
    with pytest.raises(KeyReused) as caught:
        await jobs.admit(other, Idempotency.of("key", b"another body"))
    assert caught.value.field == "Idempotency-Key"
    assert await where(redis, other.id) == set()


async def test_a_key_is_its_owners_own(jobs: Jobs) -> None:
    await jobs.admit(sample("alice"), KEY)
    assert not (await jobs.admit(sample("bob"), Idempotency.of("key", b"another body"))).replayed


async def test_of_many_at_once_with_one_key_one_is_made(jobs: Jobs, redis: Redis) -> None:
    admissions = await asyncio.gather(*(jobs.admit(sample(), KEY) for _ in range(50)))
    assert len({admission.job.id for admission in admissions}) == 1
    assert [admission.replayed for admission in admissions].count(False) == 1
    assert await redis.zcard("jobs:alice") == 1


async def test_the_key_of_a_deleted_job_is_gone(jobs: Jobs) -> None:
    job = sample()
    await jobs.admit(job, KEY)
    await jobs.forget(job)
    with pytest.raises(Gone):
        await jobs.admit(sample(), KEY)


async def test_a_key_is_kept_for_its_window(jobs: Jobs, redis: Redis) -> None:
    await jobs.admit(sample(), KEY)
    assert IDEMPOTENCY_WINDOW_S - 60 < await redis.ttl(f"idem:alice:{KEY.key}") <= IDEMPOTENCY_WINDOW_S


def test_an_idempotency_key_of_any_length_and_alphabet_will_do() -> None:
    made = {Idempotency.of(key, b"body") for key in ("", "key", "KEY", "é: * \n", "x" * 10_000)}
    assert len(made) == 5
    assert all(len(one.key) == len(one.fingerprint) == 32 for one in made)


def test_a_fingerprint_tells_where_one_part_ends_and_the_next_begins() -> None:
    assert len({Idempotency.of("k", *parts) for parts in ([b"ab", b"c"], [b"a", b"bc"], [b"abc"], [b"abc", b""])}) == 4


@pytest.mark.parametrize("seed", range(8))
async def test_a_place_is_the_number_of_jobs_claimed_before(jobs: Jobs, queue: Queue, seed: int) -> None:
    rng = random.Random(seed)
    made: list[Job] = []
    for _ in range(rng.randrange(2, 30)):
        made.append(sample(rng.choice("aaabbc"), priority=rng.choice([0, 5, 5, 5, 9])))
        await jobs.admit(made[-1])
        if rng.random() < 0.3:
            await claim(queue)
    waiting = [job.id for job in made if (await read(jobs, job.id)).status == Status.QUEUED]
    places = {id: (await jobs.place(id)).ahead for id in waiting}
    order = [job.id for job in await claim(queue, 99)]
    assert places == {id: position for position, id in enumerate(order)}


async def test_a_place_counts_the_others_turns(jobs: Jobs) -> None:
    for owner in "aaa":
        await jobs.admit(sample(owner))
    await jobs.admit(job := sample("b"))
    assert (await jobs.place(job.id)).ahead == 1


@pytest.mark.parametrize("status", [Status.RUNNING, Status.CANCELED])
async def test_only_a_waiting_job_has_jobs_ahead(jobs: Jobs, queue: Queue, status: Status) -> None:
    job = sample()
    await jobs.admit(job)
    await queue.advance(job.id, status)
    assert (await jobs.place(job.id)).ahead is None


async def test_a_job_that_is_not_there_has_no_place(jobs: Jobs) -> None:
    assert await jobs.place("nothing") == (None, 0.0, 0)


async def test_a_place_tells_how_long_such_jobs_take(jobs: Jobs, queue: Queue, redis: Redis) -> None:
    done, waiting = sample(), sample()
    await jobs.admit(done)
    [held] = await claim(queue)
    await jobs.admit(waiting)
    assert (await jobs.place(waiting.id)).mean_s == 0
    await queue.report(held, started=await server_ms(redis) - 5_000)
    await queue.advance(held.id, Status.SUCCEEDED, token=held.token)
    assert (await jobs.place(waiting.id)).mean_s == pytest.approx(5, abs=1)


async def test_the_mean_follows_later_jobs_slowly_and_forgets_failed_ones(
    jobs: Jobs, queue: Queue, redis: Redis
) -> None:
    for took_ms, end in ((10_000, Status.SUCCEEDED), (20_000, Status.SUCCEEDED), (90_000, Status.FAILED)):
        await jobs.admit(sample())
        [held] = await claim(queue)
        await queue.report(held, started=await server_ms(redis) - took_ms)
        await queue.advance(held.id, end, token=held.token)
    await jobs.admit(waiting := sample())
    assert (await jobs.place(waiting.id)).mean_s == pytest.approx(11, abs=1)


async def test_a_queued_job_can_be_cancelled(jobs: Jobs, queue: Queue, redis: Redis) -> None:
    job = sample(start_by=2**42)
    await jobs.admit(job)
    assert await jobs.cancel(job)
    assert (await read(jobs, job.id)).public_status == PublicStatus.CANCELED
    assert await where(redis, job.id) == {f"job:{job.id}", "jobs:alice"}
    assert await claim(queue) == []


async def test_a_running_job_can_be_cancelled_and_its_worker_is_told(jobs: Jobs, queue: Queue, redis: Redis) -> None:
    await jobs.admit(sample())
    [held] = await claim(queue)
    async with redis.pubsub() as listener:
        await listener.subscribe(f"canceled:{LANE}")
        assert await listener.get_message(timeout=5)
        assert await jobs.cancel(held)

        async def told() -> bytes | None:
            message = await listener.get_message(ignore_subscribe_messages=True, timeout=1)
            return message["data"] if message else None

        assert await until(told) == held.id.encode()
    assert not await queue.advance(held.id, Status.SUCCEEDED, token=held.token)
    assert (await read(jobs, held.id)).status == Status.CANCELED
    assert await where(redis, held.id) == {f"job:{held.id}", "jobs:alice"}


async def test_a_job_that_ended_cannot_be_cancelled(jobs: Jobs, queue: Queue) -> None:
    await jobs.admit(sample())
    [held] = await claim(queue)
    await queue.advance(held.id, Status.SUCCEEDED, token=held.token)
    assert not await jobs.cancel(held)
    assert (await read(jobs, held.id)).status == Status.SUCCEEDED


async def test_a_cancelled_job_leaves_the_others_in_their_order(jobs: Jobs, queue: Queue) -> None:
    made = [sample(owner) for owner in "aabb"]
    for job in made:
        await jobs.admit(job)
    await jobs.cancel(made[0])
    alices, bobs = made[1:2], sorted(made[2:], key=lambda job: (job.created, job.id))
    assert [job.id for job in await claim(queue, 9)] == [job.id for job in alices + bobs]


@pytest.mark.parametrize("state", ["queued", "running", "asleep", "ended"])
async def test_a_deleted_job_is_in_no_set_but_the_one_of_what_to_erase(
    jobs: Jobs, queue: Queue, redis: Redis, state: str
) -> None:
    job = sample(start_by=2**42)
    await jobs.admit(job)
    if state != "queued":
        [job] = await claim(queue)
    if state == "asleep":
        await queue.advance(job.id, Status.QUEUED, token=job.token, delay_s=600)
    if state == "ended":
        await queue.advance(job.id, Status.SUCCEEDED, token=job.token)
    await jobs.forget(job)
    assert await where(redis, job.id) == {"erase"}
    assert await jobs.get(job.id) == [None]
    assert (await feed(redis))[-1] == (job.id, "deleted")
    assert await claim(queue) == []


async def test_nobody_deletes_anothers_job(jobs: Jobs) -> None:
    job = sample("alice")
    await jobs.admit(job)
    with pytest.raises(NotFound):
        await jobs.forget(sample("bob", id=job.id))
    assert (await read(jobs, job.id)).owner == "alice"


async def test_a_job_cannot_be_deleted_twice(jobs: Jobs) -> None:
    job = sample()
    await jobs.admit(job)
    await jobs.forget(job)
    with pytest.raises(NotFound):
        await jobs.forget(job)


async def test_a_job_that_did_not_start_in_time_says_so(queue: Queue, jobs: Jobs) -> None:
    late = (await jobs.admit(sample(start_by=1))).job
    assert (await queue.claim(LANE, 1, lease_s=5))[1] == []
    (expired,) = await jobs.get(late.id)
    assert expired
    assert expired.error
    assert expired.error.code == "deadline_passed"


async def test_a_cancelled_job_does_not_show_the_failure_of_an_earlier_attempt(queue: Queue, jobs: Jobs) -> None:
    await jobs.admit(sample())
    _, (held,) = await queue.claim(LANE, 1, lease_s=5)
    again = Failure("engine_lost", "killed", retryable=True)
    assert await queue.advance(held.id, Status.QUEUED, token=held.token, delay_s=60, error=again)
    assert await jobs.cancel(held)
    (canceled,) = await jobs.get(held.id)
    assert canceled
    assert canceled.error is None


async def test_expired_records_hide_no_live_job_and_leave_the_list(redis: Redis, jobs: Jobs) -> None:
    live = (await jobs.admit(sample())).job
    later = live.created + 1
    await redis.zadd("jobs:alice", {new_job_id(): later + n for n in range(1100)})
    page = await jobs.page("alice", limit=20)
    assert [job.id for job in page.jobs] == [live.id]
    assert await redis.zcard("jobs:alice") == 1


async def test_pruning_goes_past_what_lives(redis: Redis, jobs: Jobs) -> None:
    live = [(await jobs.admit(sample())).job.id for _ in range(5)]
    await redis.zadd("jobs:alice", {new_job_id(): 1e15 + n for n in range(5)})
    assert await jobs.prune("alice", most=2) == 5
    assert sorted(id.decode() for id in await redis.zrange("jobs:alice", 0, -1)) == sorted(live)


async def test_deleting_a_job_of_an_owner_whose_feed_has_gone_leaves_no_feed_for_ever(redis: Redis, jobs: Jobs) -> None:
    job = (await jobs.admit(sample())).job
    await redis.delete("feed:alice")
    await jobs.forget(job)
    assert await redis.ttl("feed:alice") > 0


async def test_the_time_to_start_counts_from_admission_by_the_server_s_clock(redis: Redis, jobs: Jobs) -> None:
    job = (await jobs.admit(sample(), start_within_s=60)).job
    assert (await read(jobs, job.id)).start_by == job.created + 60_000
    assert await redis.zscore("due", job.id) == job.created + 60_000


async def erasures(redis: Redis, job: Job) -> list[bytes]:
    """What of a job is listed to be erased."""
    return [name for name in await redis.zrange("erase", 0, -1) if job.id.encode() in name]


async def test_inputs_that_are_stored_for_a_job_that_never_comes_are_erased(jobs: Jobs, redis: Redis) -> None:
    job = sample()
    await jobs.expect_inputs(job.id)
    [(name, due)] = await redis.zrange("erase", 0, -1, withscores=True)
    assert name.decode() == inputs_prefix(job.id)
    assert due > await server_ms(redis) + 1_800_000


async def test_inputs_of_a_job_are_due_at_its_end_and_not_before(jobs: Jobs, queue: Queue, redis: Redis) -> None:
    job = sample(inputs={"image": "inputs/x/image"})
    await jobs.admit(job)
    [held] = await claim(queue)
    assert held.inputs == job.inputs
    assert await queue.advance(job.id, Status.STORING, token=held.token)
    assert await erasures(redis, job) == []
    assert await queue.advance(job.id, Status.SUCCEEDED, token=held.token)
    assert await erasures(redis, job) == [inputs_prefix(job.id).encode()]
    assert await redis.zscore("erase", inputs_prefix(job.id)) <= await server_ms(redis)


async def test_inputs_go_with_a_canceled_and_with_a_deleted_job(jobs: Jobs, redis: Redis) -> None:
    for end in (jobs.cancel, jobs.forget):
        job = sample(inputs={"image": "inputs/x/image"})
        await jobs.admit(job)
        await end(job)
        assert inputs_prefix(job.id).encode() in await erasures(redis, job)


async def test_a_job_without_inputs_leaves_nothing_to_erase_at_its_end(jobs: Jobs, redis: Redis) -> None:
    job = sample()
    await jobs.admit(job)
    await jobs.cancel(job)
    assert await erasures(redis, job) == []


async def test_a_preview_is_kept_for_a_moment(jobs: Jobs, redis: Redis) -> None:
    job = sample()
    assert await jobs.preview(job.id) is None
    await jobs.keep_preview(job.id, b"a picture")
    assert await jobs.preview(job.id) == b"a picture"
    assert 0 < await redis.ttl(f"preview:{job.id}") <= 60
