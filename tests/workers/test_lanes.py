import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from arq import Retry

from storage.errors import EngineFailed, EngineLost, ObjectsUnavailable
from storage.job import Failure, Job, Status
from storage.store import Store
from tests.clock import pass_time
from tests.waiting import until
from tests.workers.jobs import admit, read
from workers.lanes import Lane
from workers.outcomes import JobFailed, PutOff

WHY = Failure("busy", "not now", retryable=True)

Work = Callable[[dict[str, Any], Job], Awaitable[dict[str, Any]]]


@asynccontextmanager
async def serving(store: Store, work: Work, **options: Any) -> AsyncIterator[Lane]:
    """A lane whose step "work" is `work`."""

    async def step(ctx: dict[str, Any], job: Job) -> dict[str, Any]:
        return await work(ctx, job)

    step.__name__ = "work"
    lane = Lane("engines", [step], **({"worker": "w", "slots": 4, "lease_s": 5.0, "drain_s": 5.0} | options))
    await lane.start({"queue": store.queue, "signals": store.signals})
    try:
        yield lane
    finally:
        await lane.stop()


async def ended(store: Store, job: Job) -> Job:
    async def look() -> Job | None:
        now = await read(store, job.id)
        return now if now.ended else None

    result = await until(look)
    assert isinstance(result, Job)
    return result


async def nothing(_ctx: dict[str, Any], _job: Job) -> dict[str, Any]:
    return {}


async def never(_ctx: dict[str, Any], _job: Job) -> dict[str, Any]:
    await asyncio.Event().wait()
    return {}


async def test_what_a_step_returns_is_written_with_its_job_s_success(store: Store) -> None:
    async def work(_ctx: dict[str, Any], job: Job) -> dict[str, Any]:
        return {"metadata": {"said": job.request["say"]}}

    async with serving(store, work):
        job = await ended(store, await admit(store, request={"say": "hello"}))
    assert job.status == Status.SUCCEEDED
    assert job.metadata == {"said": "hello"}


async def test_an_idle_lane_is_woken_by_an_admission(store: Store) -> None:
    async with serving(store, nothing) as lane:
        await until(lambda: store.redis.exists(f"health:engines:{lane.worker}"))
        for _ in range(20):
            await ended(store, await admit(store))
        assert lane.done == 20


async def test_no_more_steps_run_at_once_than_there_are_slots(store: Store) -> None:
    running, most, going = 0, 0, asyncio.Event()

    async def work(_ctx: dict[str, Any], _job: Job) -> dict[str, Any]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await going.wait()
        await asyncio.sleep(0)
        running -= 1
        return {}

    jobs = [await admit(store) for _ in range(7)]
    async with serving(store, work, slots=3) as lane:
        await until(lambda: len(lane.held) == 3)
        going.set()
        for job in jobs:
            await ended(store, job)
    assert most == 3


async def test_the_next_jobs_are_claimed_together_with_the_moves_of_those_before(store: Store) -> None:
    """Redis waits for its disk once for both."""
    for _ in range(60):
        await admit(store)
    await store.redis.config_resetstat()
    async with serving(store, nothing, slots=4, lease_s=60.0) as lane:
        await until(lambda: lane.done == 60)
    calls = (await store.redis.info("commandstats"))["cmdstat_fcall"]["calls"]
    assert calls < 45  # each brings two jobs, and takes two moves


async def test_two_claims_are_under_way_and_never_called_in_one_moment(store: Store) -> None:
    """Else they would travel together, and Redis and the lane take turns."""
    claim, loop = store.queue.claim, asyncio.get_running_loop()
    in_one_moment, together, under_way, most = False, 0, 0, 0

    def later() -> None:
        nonlocal in_one_moment
        in_one_moment = False

    async def watched(*args: Any, **more: Any) -> Any:
        nonlocal in_one_moment, together, under_way, most
        together += in_one_moment
        in_one_moment, under_way = True, under_way + 1
        most = max(most, under_way)
        loop.call_soon(later)
        try:
            return await claim(*args, **more)
        finally:
            under_way -= 1

    for _ in range(60):
        await admit(store)
    store.queue.claim = watched  # type: ignore[method-assign]
    async with serving(store, nothing, slots=4) as lane:
        await until(lambda: lane.done == 60)
    assert (together, most) == (0, 2)


async def test_a_bell_costs_one_claim_more_than_it_brings_jobs(store: Store) -> None:
    claim, claims = store.queue.claim, 0

    async def counted(*args: Any, **more: Any) -> Any:
        nonlocal claims
        claims += 1
        return await claim(*args, **more)

    store.queue.claim = counted  # type: ignore[method-assign]
    async with serving(store, nothing, slots=4):
        await until(lambda: claims)
        for _ in range(20):
            await ended(store, await admit(store))
    assert claims < 55  # and a few by time; three for each job would be 60


async def test_a_failure_is_told_in_its_own_words(store: Store) -> None:
    async def work(_ctx: dict[str, Any], _job: Job) -> dict[str, Any]:
        raise EngineFailed("out of strings")

    async with serving(store, work):
        job = await ended(store, await admit(store))
    assert job.status == Status.FAILED
    assert job.error == Failure("engine_failed", "out of strings")


async def test_a_job_that_failed_for_good_keeps_the_failure_it_came_with(store: Store) -> None:
    async def work(_ctx: dict[str, Any], _job: Job) -> dict[str, Any]:
        raise JobFailed(Failure("moderated", "not this", retryable=False))

    async with serving(store, work):
        job = await ended(store, await admit(store))
    assert job.error == Failure("moderated", "not this")


async def test_a_job_that_failed_for_good_keeps_what_it_came_to(store: Store) -> None:
    async def work(_ctx: dict[str, Any], _job: Job) -> dict[str, Any]:
        raise JobFailed(Failure("moderated", "not this"), metadata={"tried": 1})

    async with serving(store, work):
        job = await ended(store, await admit(store))
    assert (job.status, job.metadata) == (Status.FAILED, {"tried": 1})


async def test_a_step_may_put_its_job_off_and_write_what_it_has_come_to(store: Store) -> None:
    async def work(_ctx: dict[str, Any], job: Job) -> dict[str, Any]:
        if job.attempt < 3:
            raise PutOff(0.01 if job.attempt == 1 else 600, metadata={"tried": job.attempt}, error=WHY)
        return {}

    async with serving(store, work):
        job = await admit(store)
        await until(lambda: _has(store, job, Status.QUEUED, attempt=2))
        waiting = await read(store, job.id)
        assert (waiting.metadata, waiting.error) == ({"tried": 2}, WHY)
        assert waiting.not_before > waiting.created + 500_000
        await pass_time(store.redis, 601, "engines")
        done = await ended(store, job)
    assert (done.status, done.attempt, done.metadata, done.error) == (Status.SUCCEEDED, 3, {"tried": 2}, None)


async def test_a_broken_step_fails_its_job_and_shows_no_internals(store: Store) -> None:
    async def work(_ctx: dict[str, Any], _job: Job) -> dict[str, Any]:
        raise KeyError("/secret/path")

    async with serving(store, work):
        job = await ended(store, await admit(store))
    assert job.error
    assert job.error.code == "internal_error"
    assert "secret" not in job.error.message


async def test_an_unknown_step_fails_its_job(store: Store) -> None:
    async with serving(store, nothing):
        job = await ended(store, await admit(store, step="unheard of"))
    assert job.status == Status.FAILED


async def test_a_step_may_ask_to_be_run_again(store: Store) -> None:
    attempts: list[int] = []

    async def work(_ctx: dict[str, Any], job: Job) -> dict[str, Any]:
        attempts.append(job.attempt)
        if len(attempts) < 3:
            raise Retry(defer=0.01)
        return {}

    async with serving(store, work):
        job = await ended(store, await admit(store))
    assert job.status == Status.SUCCEEDED
    assert attempts == [1, 2, 3]


async def test_a_failure_that_may_pass_waits_for_its_next_attempt_and_says_why(store: Store) -> None:
    async def work(_ctx: dict[str, Any], _job: Job) -> dict[str, Any]:
        raise EngineLost("killed")

    async with serving(store, work):
        job = await admit(store)
        await until(lambda: _has(store, job, Status.QUEUED, attempt=1))
        waiting = await read(store, job.id)
    assert waiting.not_before > waiting.created
    assert waiting.stage == "engine_lost"


async def test_an_object_store_that_is_away_costs_a_storing_job_no_attempt(store: Store) -> None:
    async def work(ctx: dict[str, Any], job: Job) -> dict[str, Any]:
        await ctx["queue"].advance(job.id, Status.STORING, token=job.token)
        job.status = Status.STORING
        raise ObjectsUnavailable("away")

    async with serving(store, work):
        job = await admit(store)
        await until(lambda: _has(store, job, Status.STORING, attempt=0))
        assert (await read(store, job.id)).not_before


async def test_a_cancelled_job_is_dropped_at_once_not_at_the_next_renewal(store: Store) -> None:
    dropped = asyncio.Event()

    async def work(_ctx: dict[str, Any], _job: Job) -> dict[str, Any]:
        try:
            await asyncio.Event().wait()
        finally:
            dropped.set()
        return {}

    async with serving(store, work, lease_s=600.0) as lane:
        job = await admit(store)
        await until(lambda: lane.held)
        assert await store.jobs.cancel(job)
        async with asyncio.timeout(5):
            await dropped.wait()
        await until(lambda: not lane.held)
    assert (await read(store, job.id)).status == Status.CANCELED


async def test_a_job_past_its_running_time_expires(store: Store) -> None:
    async with serving(store, never):
        job = await ended(store, await admit(store, run_s=1))
    assert job.status == Status.EXPIRED
    assert job.error
    assert job.error.code == "deadline_passed"


async def test_one_past_it_that_is_being_submitted_has_failed(store: Store) -> None:
    async with serving(store, never, taken=Status.SUBMITTING):
        job = await ended(store, await admit(store, run_s=1))
    assert job.status == Status.FAILED
    assert job.error
    assert job.error.code == "deadline_passed"


async def test_a_stop_lets_short_work_end_and_hands_back_the_rest_unspent(store: Store) -> None:
    async def work(_ctx: dict[str, Any], job: Job) -> dict[str, Any]:
        if job.request["long"]:
            await asyncio.Event().wait()
        await stopping.wait()
        return {}

    stopping = asyncio.Event()
    long, short = await admit(store, request={"long": True}), await admit(store, request={"long": False})
    async with serving(store, work, drain_s=0.5) as lane:
        await until(lambda: len(lane.held) == 2)
        asyncio.get_running_loop().call_later(0.05, stopping.set)
    assert (await read(store, short.id)).status == Status.SUCCEEDED
    handed_back = await read(store, long.id)
    assert (handed_back.status, handed_back.attempt) == (Status.QUEUED, 0)
    assert handed_back.public_status == "running"


async def test_what_is_being_claimed_at_a_stop_is_worked_on(store: Store) -> None:
    claim, answered, go_on = store.queue.claim, asyncio.Event(), asyncio.Event()

    async def slow(*args: Any, **more: Any) -> Any:
        found = await claim(*args, **more)
        answered.set()
        await go_on.wait()
        return found

    job = await admit(store)
    store.queue.claim = slow  # type: ignore[method-assign]
    async with serving(store, nothing, lease_s=60.0) as lane:
        await answered.wait()
        stopping = asyncio.create_task(lane.stop())
        await until(lambda: lane._closing)
        go_on.set()
        await stopping
        assert (await read(store, job.id)).status == Status.SUCCEEDED


async def test_a_lane_that_stops_is_no_longer_counted(store: Store) -> None:
    job = await admit(store, lane="elsewhere")
    async with serving(store, nothing, slots=3) as lane:
        await until(lambda: store.redis.exists(f"health:engines:{lane.worker}"))
        assert (await store.jobs.place((await admit(store)).id)).slots == 3
    assert (await store.jobs.place(job.id)).slots == 0
    assert not await store.redis.exists(f"health:engines:{lane.worker}")


async def test_a_lane_survives_its_connections_and_its_scripts_being_cut(store: Store) -> None:
    jobs = [await admit(store) for _ in range(40)]
    async with serving(store, nothing):
        for _ in range(3):
            await store.redis.client_kill_filter(_type="normal", skipme=True)
            await store.redis.function_flush()
            jobs.append(await admit(store))
        for job in jobs:
            assert (await ended(store, job)).status == Status.SUCCEEDED


async def _has(store: Store, job: Job, status: Status, attempt: int) -> bool:
    now = await read(store, job.id)
    return (now.status, now.attempt) == (status, attempt) and now.not_before > 0


async def test_a_job_claimed_again_by_the_same_lane_ends_its_earlier_attempt_and_only_that(store: Store) -> None:
    begun: list[int] = []
    ended_early: list[int] = []

    async def work(_ctx: dict[str, Any], job: Job) -> dict[str, Any]:
        begun.append(job.token)
        try:
            await asyncio.Event().wait()
        finally:
            ended_early.append(job.token)
        return {}

    async with serving(store, work, lease_s=600.0, drain_s=0.0) as lane:
        job = await admit(store)
        await until(lambda: begun)
        await store.redis.zadd("asleep:engines", {job.id: 1})  # as if its lease had run out unnoticed
        await store.redis.lpush("bell:engines", 1)
        await until(lambda: len(begun) == 2)
        await until(lambda: ended_early == begun[:1])
        assert lane.held[job.id][0].token == begun[1]
        assert not lane.held[job.id][1].done()
    assert ended_early == begun


async def test_a_job_that_is_dropped_before_its_step_has_begun_takes_no_slot_for_ever(store: Store) -> None:
    """A task that is cancelled before its first step runs none of its own code, not even what comes at its end."""
    first = await admit(store)
    claim, dropped = store.queue.claim, []

    async def claim_and_drop(*args: Any, **more: Any) -> Any:
        found = await claim(*args, **more)
        for job in found[1]:
            if job.id == first.id and not dropped:
                dropped.append(job.id)
                asyncio.get_running_loop().call_soon(lane._drop, job.id)
        return found

    async with serving(store, nothing, slots=1, lease_s=0.5) as lane:
        store.queue.claim = claim_and_drop  # type: ignore[method-assign]
        assert (await ended(store, await admit(store))).status == Status.SUCCEEDED
        assert (await ended(store, first)).status == Status.SUCCEEDED
    assert dropped == [first.id]


async def test_a_renewal_that_comes_too_late_ends_no_later_attempt(store: Store) -> None:
    """A job handed back and claimed again while its lease is being renewed is lost to the attempt before only."""
    asked, go_on, attempts = asyncio.Event(), asyncio.Event(), []
    renew = store.queue.renew

    async def slow_renew(lane: str, held: Any, **more: Any) -> list[str]:
        held = [*held]
        if held and not asked.is_set():
            asked.set()
            await go_on.wait()
        return await renew(lane, held, **more)

    async def work(_ctx: dict[str, Any], job: Job) -> dict[str, Any]:
        attempts.append(job.attempt)
        if job.attempt == 1:
            await asked.wait()
            raise PutOff(0.0)
        go_on.set()
        await until(lambda: renewed)
        return {}

    renewed: list[list[str]] = []

    async def noted_renew(*args: Any, **more: Any) -> list[str]:
        lost = await slow_renew(*args, **more)
        if go_on.is_set():
            asyncio.get_running_loop().call_later(0.05, renewed.append, lost)
        return lost

    store.queue.renew = noted_renew  # type: ignore[method-assign]
    async with serving(store, work, lease_s=1.0):
        job = await admit(store)
        done = await ended(store, job)
    assert (done.status, attempts) == (Status.SUCCEEDED, [1, 2])
    assert renewed[0] == [job.id]
