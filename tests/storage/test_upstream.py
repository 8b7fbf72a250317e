"""What is written around a call that may cost something, and who asks after which job: whoever dies when."""

from typing import Any

import pytest
from redis.asyncio import Redis

from storage import keys
from storage.accounts import Account
from storage.capacity import Capacity
from storage.errors import UpstreamMalformed
from storage.job import Failure, Job, Status, Upstream
from storage.jobs import Jobs
from storage.queue import Queue
from storage.rules import UPSTREAM
from storage.scripts import Scripts
from storage.upstream import Upstreams
from tests.storage.samples import LEASE_S, sample, where

ACCOUNT = Account(name="studio", adapter="suno", base_url="https://example.com", models={"a": "a"}, concurrent=1)
BOUND = {keys.bound("studio", id) for id in ("u1", "u2")}
BODY = b'{"prompt": "a song of the sea"}'


@pytest.fixture
def capacity(redis: Redis, scripts: Scripts) -> Capacity:
    return Capacity(redis, scripts)


@pytest.fixture
def upstreams(redis: Redis, scripts: Scripts) -> Upstreams:
    return Upstreams(redis, scripts, scripts)


async def claim(queue: Queue, *, free: int = 1, lease_s: float = LEASE_S) -> list[Job]:
    return (await queue.claim(UPSTREAM, free, lease_s=lease_s, taken=Status.SUBMITTING))[1]


async def submitting(jobs: Jobs, queue: Queue, capacity: Capacity, *, lease_s: float = LEASE_S) -> Job:
    """A held job that has a slot."""
    await jobs.admit(sample(lane=UPSTREAM, step="submit"))
    (job,) = await claim(queue, lease_s=lease_s)
    await capacity.take(job, [ACCOUNT], lease_s=LEASE_S)
    return job


@pytest.fixture
async def job(jobs: Jobs, queue: Queue, capacity: Capacity) -> Job:
    return await submitting(jobs, queue, capacity)


@pytest.fixture
async def waiting(job: Job, upstreams: Upstreams) -> Job:
    """One that its upstream has taken."""
    assert await upstreams.intend(job, BODY)
    assert await upstreams.taken(job, ["u1", "u2"], ask_after_s=0)
    return job


async def read(jobs: Jobs, id: str) -> Job:
    (job,) = await jobs.get(id)
    assert job
    return job


async def due(upstreams: Upstreams, asker: str = "w1", **more: Any) -> list[str]:
    return (await upstreams.due("studio", asker, **({"lease_s": LEASE_S, "most": 10} | more))).ids


async def test_a_job_whose_worker_died_after_the_intent_is_known_to_be_in_doubt(
    jobs: Jobs, queue: Queue, capacity: Capacity, upstreams: Upstreams
) -> None:
    lost = await submitting(jobs, queue, capacity, lease_s=0)
    assert await upstreams.intend(lost, BODY)
    (found,) = await claim(queue)
    assert (found.id, found.status, found.account) == (lost.id, Status.SUBMITTING, "studio")
    assert found.upstream
    assert found.upstream.in_doubt


async def test_one_whose_worker_died_before_it_is_not(
    jobs: Jobs, queue: Queue, capacity: Capacity, upstreams: Upstreams
) -> None:
    lost = await submitting(jobs, queue, capacity, lease_s=0)
    (found,) = await claim(queue)
    assert (found.id, found.upstream) == (lost.id, None)
    assert not await upstreams.intend(lost, BODY)
    assert (await read(jobs, lost.id)).upstream is None


async def test_what_is_known_not_to_have_been_taken_is_in_no_doubt(jobs: Jobs, job: Job, upstreams: Upstreams) -> None:
    await upstreams.intend(job, BODY)
    assert await upstreams.forget_intent(job)
    assert (await read(jobs, job.id)).upstream == Upstream(tried=["studio"])
    assert job.upstream
    assert not job.upstream.in_doubt


async def test_a_job_that_was_taken_is_held_by_nobody_and_asked_after(
    jobs: Jobs, queue: Queue, upstreams: Upstreams, waiting: Job
) -> None:
    now = await read(jobs, waiting.id)
    assert (now.status, now.public_status) == (Status.WAITING, "running")
    assert now.upstream
    assert now.upstream.ids == ["u1", "u2"]
    assert not now.upstream.in_doubt
    assert await claim(queue, free=9) == []
    assert await due(upstreams) == [waiting.id]


async def test_saying_twice_that_it_was_taken_is_as_good_as_once(
    upstreams: Upstreams, waiting: Job, redis: Redis
) -> None:
    assert await upstreams.taken(waiting, ["u1", "u2"], ask_after_s=0)
    assert await redis.zcard(keys.polls("studio")) == 1


async def test_an_id_is_one_job_s_and_no_other_s(
    jobs: Jobs, queue: Queue, capacity: Capacity, upstreams: Upstreams, waiting: Job, redis: Redis
) -> None:
    await capacity.release("studio", waiting.id)
    second = await submitting(jobs, queue, capacity)
    assert await upstreams.intend(second, BODY)
    with pytest.raises(UpstreamMalformed) as refused:
        await upstreams.taken(second, ["u3", "u2"], ask_after_s=0)
    assert refused.value.in_doubt
    assert await upstreams.bound("studio", ["u1", "u2", "u3"]) == {"u1": waiting.id, "u2": waiting.id}
    now = await read(jobs, second.id)
    assert (now.status, now.upstream) == (Status.SUBMITTING, second.upstream)
    assert await upstreams.taken(second, ["u3"], ask_after_s=0)
    assert await upstreams.bound("other", ["u1"]) == {}
    assert await redis.ttl(keys.bound("studio", "u3")) > 86_400


async def test_it_is_not_asked_after_before_its_time(job: Job, upstreams: Upstreams) -> None:
    await upstreams.taken(job, ["u1"], ask_after_s=60)
    found = await upstreams.due("studio", "w1", lease_s=LEASE_S, most=10)
    assert found.ids == []
    assert found.next_s == pytest.approx(60, abs=5)


async def test_one_asks_at_a_time(upstreams: Upstreams, waiting: Job) -> None:
    assert await due(upstreams, "w1") == [waiting.id]
    other = await upstreams.due("studio", "w2", lease_s=LEASE_S, most=10)
    assert (other.ours, other.ids) == (False, [])
    assert not await upstreams.seen(waiting, "w2", again_s=5)
    assert await upstreams.seen(waiting, "w1", again_s=5)
    assert await due(upstreams, "w1") == []


async def test_what_has_ended_is_collected_and_its_slot_goes_to_the_next(
    jobs: Jobs, queue: Queue, capacity: Capacity, upstreams: Upstreams, waiting: Job
) -> None:
    await jobs.admit(sample(lane=UPSTREAM, step="submit"))
    (next_one,) = await claim(queue)
    assert await capacity.take(next_one, [ACCOUNT], lease_s=LEASE_S) is None
    await due(upstreams)
    assert await upstreams.seen(waiting, "w1", again_s=None, progress=0.9)
    claimed = {each.id: each for each in await claim(queue, free=9)}
    assert set(claimed) == {waiting.id, next_one.id}
    done = claimed[waiting.id]
    assert (done.status, done.step, done.progress, done.account) == (Status.STORING, "collect", 0.9, "studio")
    assert await capacity.take(claimed[next_one.id], [ACCOUNT], lease_s=LEASE_S) == "studio"


@pytest.mark.parametrize("end", ["cancel", "delete"])
async def test_a_job_that_is_called_off_while_it_waits_is_asked_after_no_more(
    jobs: Jobs, capacity: Capacity, upstreams: Upstreams, waiting: Job, redis: Redis, end: str
) -> None:
    await (jobs.cancel(waiting) if end == "cancel" else jobs.forget(waiting))
    assert await due(upstreams) == []
    assert (await capacity.fares("studio"))[0].busy == 0
    assert not await upstreams.seen(waiting, "w1", again_s=5)
    left = {keys.ERASE} if end == "delete" else {f"job:{waiting.id}", keys.jobs("alice")}
    assert await where(redis, waiting.id) == left | BOUND


async def test_a_job_in_doubt_is_looked_for_in_that_state(
    jobs: Jobs, queue: Queue, job: Job, upstreams: Upstreams
) -> None:
    await upstreams.intend(job, BODY)
    assert await upstreams.doubt(job, look_after_s=0)
    assert not await upstreams.doubt(job, look_after_s=0)
    (again,) = await claim(queue)
    assert (again.status, again.rescues) == (Status.IN_DOUBT, 0)
    assert again.upstream
    assert again.upstream.in_doubt
    assert [id for id, _ in await upstreams.doubts()] == [job.id]
    assert await upstreams.taken(again, ["u9"], ask_after_s=0)
    assert await upstreams.doubts() == []
    assert (await read(jobs, job.id)).status == Status.WAITING


async def test_a_job_whose_paid_result_is_lost_before_it_is_stored_is_in_doubt(
    jobs: Jobs, queue: Queue, capacity: Capacity, job: Job, upstreams: Upstreams
) -> None:
    await upstreams.intend(job, BODY)
    assert await queue.advance(job.id, Status.STORING, token=job.token)
    assert await upstreams.doubt(job, look_after_s=None)
    assert (await read(jobs, job.id)).status == Status.IN_DOUBT
    assert await upstreams.resubmit(job.id)
    (again,) = await claim(queue)
    assert (again.id, again.status) == (job.id, Status.SUBMITTING)


async def test_a_job_in_doubt_no_longer_tries_whether_its_account_is_well(
    jobs: Jobs, queue: Queue, capacity: Capacity, upstreams: Upstreams, redis: Redis
) -> None:
    await redis.hset(keys.account("studio"), mapping={"state": "cooling", "until": 1})
    job = await submitting(jobs, queue, capacity)
    await upstreams.intend(job, BODY)
    await upstreams.doubt(job, look_after_s=None)
    await jobs.admit(sample(lane=UPSTREAM, step="submit"))
    (next_one,) = await claim(queue)
    roomy = ACCOUNT.model_copy(update={"concurrent": 2})
    assert await capacity.take(next_one, [roomy], lease_s=LEASE_S) == "studio"


async def test_one_that_waits_for_a_word_is_claimed_by_nobody(queue: Queue, job: Job, upstreams: Upstreams) -> None:
    await upstreams.intend(job, BODY)
    assert await upstreams.doubt(job, look_after_s=None)
    assert await claim(queue, free=9) == []
    ((id, since),) = await upstreams.doubts()
    assert id == job.id
    assert since > 0


async def test_an_operator_may_have_it_sent_again(
    queue: Queue, capacity: Capacity, job: Job, upstreams: Upstreams
) -> None:
    await upstreams.intend(job, BODY)
    await upstreams.doubt(job, look_after_s=None)
    assert await upstreams.resubmit(job.id)
    assert not await upstreams.resubmit(job.id)
    assert await upstreams.doubts() == []
    (again,) = await claim(queue)
    assert (again.id, again.status, again.upstream) == (job.id, Status.SUBMITTING, None)
    assert await capacity.take(again, [ACCOUNT], lease_s=LEASE_S) == "studio"


async def test_an_operator_may_give_it_up(
    jobs: Jobs, queue: Queue, capacity: Capacity, job: Job, upstreams: Upstreams
) -> None:
    await upstreams.intend(job, BODY)
    await upstreams.doubt(job, look_after_s=None)
    assert await queue.advance(job.id, Status.FAILED, error=Failure("upstream_failed", "given up"))
    assert await upstreams.doubts() == []
    assert (await capacity.fares("studio"))[0].busy == 0
    assert (await read(jobs, job.id)).status == Status.FAILED


async def test_a_job_that_was_not_sent_cannot_be_sent_again_by_a_word(job: Job, upstreams: Upstreams) -> None:
    assert not await upstreams.resubmit(job.id)


@pytest.mark.parametrize("becomes", ["taken", "refused", "in doubt", "answered"])
async def test_a_cancel_while_a_job_is_submitted_is_carried_out_when_it_is_known_what_became_of_it(
    redis: Redis, jobs: Jobs, queue: Queue, capacity: Capacity, job: Job, upstreams: Upstreams, becomes: str
) -> None:
    assert await upstreams.intend(job, BODY)
    assert await jobs.cancel(job)
    asked = await read(jobs, job.id)
    assert (asked.status, asked.stage, asked.public_status) == (Status.SUBMITTING, "canceling", "running")
    match becomes:
        case "taken":
            assert await upstreams.taken(job, ["u1", "u2"], ask_after_s=0)
        case "refused":
            await queue.advance(job.id, Status.QUEUED, token=job.token)
        case "in doubt":
            assert await upstreams.doubt(job, look_after_s=None)
        case "answered":
            assert not await queue.advance(job.id, Status.STORING, token=job.token)
    ended = await read(jobs, job.id)
    assert (ended.status, ended.stage, ended.canceling, bool(ended.finished)) == (Status.CANCELED, "", 0, True)
    bound = BOUND if becomes == "taken" else set()
    assert await where(redis, job.id) == {f"job:{job.id}", keys.jobs("alice")} | bound
    assert (await capacity.fares("studio"))[0].busy == 0
    assert await upstreams.doubts() == []
    assert await claim(queue, free=9) == []
    assert await redis.ttl(f"job:{job.id}") > 0


async def test_a_job_that_fails_while_it_is_to_be_canceled_has_failed(jobs: Jobs, queue: Queue, job: Job) -> None:
    assert await jobs.cancel(job)
    assert await queue.fail(job, Failure("upstream_refused", "no"))
    assert (await read(jobs, job.id)).status == Status.FAILED
    assert not await jobs.cancel(job)


async def test_a_job_that_is_to_be_canceled_waits_for_no_account(
    jobs: Jobs, queue: Queue, capacity: Capacity, job: Job
) -> None:
    await jobs.admit(sample(lane=UPSTREAM, step="submit"))
    (second,) = await claim(queue)
    assert await jobs.cancel(second)
    assert await capacity.take(second, [ACCOUNT], lease_s=LEASE_S) is None
    assert (await read(jobs, second.id)).status == Status.CANCELED
