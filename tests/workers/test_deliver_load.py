"""Many webhooks at once: what receivers that hang, die and come back do to others, and what becomes of every event."""

from collections import Counter
from functools import partial
from typing import Any

import pytest

from storage.job import Job, Status
from storage.outbox import STRAINED
from storage.rules import DELIVERY
from storage.store import Store
from tests.clock import pass_time
from tests.storage.receiver import OK, Receiver, always, receiving, then_nothing
from tests.waiting import until
from tests.workers.jobs import admit
from tests.workers.outgoing import AT_ONCE, all_ended, answering, deliveries, delivering, ended, endpoint, happen
from workers.lanes import Lane


async def test_a_worker_that_ends_leaves_what_it_was_sending_to_the_next(store: Store) -> None:
    async with receiving(then_nothing()) as receiver:
        to = await endpoint(store, receiver.url())
        await happen(store)
        async with delivering(store):
            await until(lambda: receiver.asked)
        (delivery,) = await deliveries(store, to.id)
        assert (delivery.status, delivery.attempt) == (Status.QUEUED, 0)
        receiver.script = always(OK)
        async with delivering(store):
            assert (await ended(store, to.id)).attempt == 1
    assert len({asked.headers["webhook-id"] for asked in receiver.asked}) == 1
    assert len(receiver.asked) == 2


async def test_a_receiver_that_hangs_takes_its_share_of_the_slots_and_no_more(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.sender.TIMEOUT_S", 300)
    jobs_done: list[str] = []

    async def work(_ctx: dict[str, Any], job: Job) -> dict[str, Any]:
        jobs_done.append(job.id)
        return {}

    engines = Lane("engines", [work], worker="w", slots=4, lease_s=5.0, drain_s=1.0)
    async with receiving(then_nothing()) as hanging, receiving(always(OK)) as good, delivering(store, slots=16) as lane:
        await engines.start({"queue": store.queue, "signals": store.signals})
        try:
            slow = await endpoint(store, hanging.url(), events=["job.succeeded"])
            quick = await endpoint(store, good.url(), events=["job.succeeded"])
            jobs = [await admit(store) for _ in range(120)]
            await until(lambda: len(good.asked) == 120)
            assert hanging.most_open == AT_ONCE
            assert len(jobs_done) == len(jobs)
            await until(lambda: all_ended(store, quick.id, Status.SUCCEEDED))
            await until(lambda: Counter(job.owner for job, _ in lane.held.values()) == {slow.id: AT_ONCE})
            waiting = [one for one in await deliveries(store, slow.id) if not one.ended]
            assert len(waiting) == 120
        finally:
            await engines.stop()
    assert hanging.most_open == AT_ONCE


async def test_receivers_that_hang_in_numbers_are_soon_left_alone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.sender.TIMEOUT_S", 0.3)
    async with receiving(then_nothing()) as hanging, receiving(always(OK)) as good, delivering(store, slots=16):
        slow = [await endpoint(store, hanging.url(f"/{n}")) for n in range(5)]  # 40 at once, if they were let
        await endpoint(store, good.url(), owner="other")
        await happen(store, 40)
        await until(lambda: len(hanging.asked) == 16)
        await happen(store, 40, owner="other")
        await until(lambda: len(good.asked) == 40)
        rests = [await store.redis.exists(f"rest:{DELIVERY}:5:{one.id}") for one in slow]
        assert rests == [1] * 5
        assert len(hanging.asked) <= 5 * (AT_ONCE + STRAINED)


async def test_a_receiver_that_was_dead_for_an_hour_gets_everything_afterwards(store: Store) -> None:
    async with receiving(answering(503)) as receiver, receiving(always(OK)) as good, delivering(store):
        dead = await endpoint(store, receiver.url())
        await endpoint(store, good.url(), owner="other")
        for minute in range(0, 60, 3):
            await happen(store, 9)
            await happen(store, 2, owner="other")
            await until(partial(has_heard, good, 2 * (minute // 3 + 1)), "the other's events, as soon as ever")
            await until(partial(quiet, store, dead.id), "the dead one is left alone")
            await pass_time(store.redis, 180)
        asked = len(receiver.asked)
        receiver.script = always(OK)
        await until(lambda: caught_up(store, dead.id), limit_s=60)
    assert asked < 60  # of 180 events, each with five attempts in that time: it was left alone
    ids = Counter(one.headers["webhook-id"] for one in receiver.asked[asked:])
    assert len(ids) == 180
    assert set(ids.values()) == {1}


def has_heard(receiver: Receiver, count: int) -> bool:
    return len(receiver.asked) == count


async def quiet(store: Store, to: str) -> bool:
    """Nothing is under way to an endpoint: it rests, or all that it has is put off."""
    rests = await store.redis.exists(f"rest:{DELIVERY}:5:{to}")
    under_way = await store.redis.zcard(f"held:{DELIVERY}:5:{to}")
    return not under_way and (bool(rests) or not await store.redis.exists(f"wait:{DELIVERY}:5:{to}"))


async def caught_up(store: Store, to: str) -> bool:
    await pass_time(store.redis, 600)
    return await all_ended(store, to, Status.SUCCEEDED)
