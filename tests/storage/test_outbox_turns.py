"""Whose turn it is in the outbox: receivers share, and rest when they fail; each delivery is claimed in the end."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

import pytest
from redis.asyncio import Redis

from storage.job import TERMINAL, Job, Status
from storage.jobs import Jobs
from storage.outbox import LONGEST_REST_S, STRAINED, Heard, Outbox
from storage.queue import TRIES, Queue
from storage.rules import DELIVERY
from storage.webhooks import Webhooks
from tests.clock import pass_time, vanish
from tests.storage.posting import AT_ONCE, done, ended, endpoint, take
from tests.storage.samples import server_ms


async def test_an_endpoint_is_sent_so_many_at_once_and_blocks_nobody_else(
    jobs: Jobs, queue: Queue, webhooks: Webhooks
) -> None:
    busy = await endpoint(webhooks, owner="alice")
    other = await endpoint(webhooks, owner="bob")
    for _ in range(3 * AT_ONCE):
        await ended(jobs)
    held = await take(queue)
    assert Counter(one.owner for one in held) == {busy.id: AT_ONCE}
    await ended(jobs, owner="bob")
    assert [one.owner for one in await take(queue)] == [other.id]
    await done(queue, *held[:3])
    assert [one.owner for one in await take(queue)] == [busy.id] * 3


async def test_endpoints_take_turns(jobs: Jobs, queue: Queue, webhooks: Webhooks) -> None:
    busy = await endpoint(webhooks, owner="alice")
    for _ in range(40):
        await ended(jobs)
    quiet = await endpoint(webhooks, owner="bob")
    for _ in range(10):
        await ended(jobs, owner="bob")
    order: list[str] = []
    while held := await take(queue, 1):
        order.append(held[0].owner)
        await done(queue, *held)
    assert Counter(order) == {busy.id: 40, quiet.id: 10}
    assert set(order[:2]) == {busy.id, quiet.id}
    assert order[:20].count(quiet.id) >= 9


async def test_a_receiver_that_fails_again_and_again_rests_and_is_tried_by_one_at_a_time(
    jobs: Jobs, queue: Queue, webhooks: Webhooks, outbox: Outbox, redis: Redis
) -> None:
    to = await endpoint(webhooks)
    for _ in range(2 * AT_ONCE):
        await ended(jobs)
    held = await take(queue)
    rests = [await outbox.heard(to.id, Heard.STRAINED, "503") for _ in held]
    assert rests[: STRAINED - 1] == [0] * (STRAINED - 1)
    assert all(4 < rest <= 5 for rest in rests[STRAINED - 1 :])  # those that come in later do not make it longer
    for one in held:
        await queue.advance(one.id, Status.QUEUED, token=one.token, delay_s=1)
    await pass_time(redis, 4)
    assert await take(queue) == []
    await pass_time(redis, 2)
    [probe] = await take(queue)
    assert await take(queue) == []
    await outbox.heard(to.id, Heard.OK, "200")
    await done(queue, probe)
    assert len(await take(queue)) == AT_ONCE


async def test_each_rest_is_longer_up_to_five_minutes(outbox: Outbox, redis: Redis) -> None:
    rests = []
    for _ in range(STRAINED - 1 + 9):
        rests.append(await outbox.heard("we_1", Heard.STRAINED, "timed_out"))
        await pass_time(redis, rests[-1] + 1)
    assert [round(rest) for rest in rests[STRAINED - 1 :]] == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert await outbox.heard("we_1", Heard.OK, "200") == 0
    assert await outbox.heard("we_1", Heard.STRAINED, "500") == 0


async def test_a_receiver_that_refuses_is_heard_but_needs_no_rest(outbox: Outbox, redis: Redis) -> None:
    for _ in range(3 * STRAINED):
        assert await outbox.heard("we_1", Heard.REFUSED, "404") == 0
    (health,) = await outbox.health("we_1")
    assert (health.failures, health.strained, health.last, health.succeeded) == (3 * STRAINED, 0, "404", 0)
    assert abs(health.failing - await server_ms(redis)) < 5000
    await outbox.heard("we_1", Heard.OK, "204")
    (health,) = await outbox.health("we_1")
    assert (health.failures, health.failing, health.last) == (0, 0, "204")
    assert abs(health.succeeded - await server_ms(redis)) < 5000
    assert await redis.ttl("receiver:we_1") > 86_400
    assert await outbox.health("we_2", "we_1") == [(0, 0, 0, None, 0), health]
    assert await outbox.health() == []


async def test_a_receiver_rests_for_as_long_as_it_asks(outbox: Outbox, redis: Redis) -> None:
    assert await outbox.heard("we_1", Heard.STRAINED, "429", asked_s=3600) == 3600
    assert 3590 < await outbox.heard("we_1", Heard.STRAINED, "429", asked_s=10) <= 3600  # the longer one holds
    for _ in range(STRAINED):
        await outbox.heard("we_1", Heard.STRAINED, "429")
    assert await redis.pttl("rest:delivery:5:we_1") > 3_590_000


async def test_what_waits_goes_out_at_once_when_a_receiver_is_woken(
    jobs: Jobs, queue: Queue, webhooks: Webhooks, outbox: Outbox
) -> None:
    to = await endpoint(webhooks)
    for _ in range(4):
        await ended(jobs)
    for _ in range(STRAINED):
        await outbox.heard(to.id, Heard.STRAINED, "500", asked_s=LONGEST_REST_S)
    assert await take(queue) == []
    await outbox.wake(to.id)
    assert len(await take(queue)) == 4
    assert await outbox.health(to.id) == [(0, 0, 0, None, 0)]


async def test_workers_that_vanish_for_good_do_not_take_the_rest_of_a_queue_with_them(
    jobs: Jobs, queue: Queue, webhooks: Webhooks, redis: Redis
) -> None:
    to = await endpoint(webhooks)
    for _ in range(AT_ONCE + 3):
        await ended(jobs)
    for _ in range(TRIES):
        first = await take(queue)
        assert len(first) == AT_ONCE
        await vanish(redis, *(one.id for one in first))
        await redis.delete(f"held:delivery:5:{to.id}")  # it expires when nobody has renewed it for two leases
    rest = await take(queue)
    assert len(rest) == 3
    lost = await jobs.get(*(one.id for one in first))
    assert {one.error.code for one in lost if one and one.error} == {"worker_lost"}


class Chaos:
    """What happens to a queue of webhooks in a bad hour. `held` is what living workers hold."""

    OWNERS = ("alice", "bob", "carol")
    KINDS = ("post", "claim", "claim", "end", "put_off", "kill", "rest", "answer", "cancel", "time")

    def __init__(
        self, seed: int, endpoints: Sequence[str], jobs: Jobs, queue: Queue, outbox: Outbox, redis: Redis
    ) -> None:
        self.chance, self.endpoints = random.Random(seed), endpoints
        self.jobs, self.queue, self.outbox, self.redis = jobs, queue, outbox, redis
        self.held: dict[str, Job] = {}
        self.settled: set[str] = set()
        self.deaths: Counter[str] = Counter()

    async def happen(self) -> None:
        await getattr(self, self.chance.choice(self.KINDS))()

    def some(self) -> list[str]:
        return self.chance.sample(sorted(self.held), min(len(self.held), self.chance.randint(1, 4)))

    async def post(self) -> None:
        await asyncio.gather(*(ended(self.jobs, owner=self.chance.choice(self.OWNERS)) for _ in range(5)))

    async def claim(self) -> None:
        self.held |= {one.id: one for one in await take(self.queue, self.chance.randint(1, 12))}

    async def end(self) -> None:
        for id in self.some():
            await done(self.queue, self.held.pop(id), status=self.chance.choice([Status.SUCCEEDED, Status.FAILED]))
            self.settled.add(id)

    async def put_off(self) -> None:
        for id in self.some():
            delay_s = self.chance.choice([0, 0.001, 5.0])
            assert await self.queue.advance(id, Status.QUEUED, token=self.held.pop(id).token, delay_s=delay_s)

    async def kill(self) -> None:
        for id in self.some():
            if self.deaths[id] < TRIES - 1:
                self.deaths[id] += 1
                del self.held[id]
                await vanish(self.redis, id)

    async def rest(self) -> None:
        asked_s = self.chance.choice([0, 0.002, 60])
        await self.outbox.heard(self.chance.choice(self.endpoints), Heard.STRAINED, "500", asked_s=asked_s)

    async def answer(self) -> None:
        await self.outbox.heard(self.chance.choice(self.endpoints), Heard.OK, "200")

    async def cancel(self) -> None:
        waiting = await self.redis.zrange(f"wait:{DELIVERY}:5:{self.chance.choice(self.endpoints)}", 0, 0)
        for id in [*self.some()[:1], *(id.decode() for id in waiting)]:
            assert await self.queue.advance(id, Status.CANCELED)
            self.held.pop(id, None)
            self.settled.add(id)

    async def time(self) -> None:
        await pass_time(self.redis, self.chance.choice([1, 10, 400]))

    async def drain(self) -> None:
        """From here on every receiver answers, and no worker dies."""
        await done(self.queue, *self.held.values())
        self.settled |= self.held.keys()
        idle = 0
        while idle < 3:
            await pass_time(self.redis, 7200)
            for one in self.endpoints:
                await self.outbox.heard(one, Heard.OK, "200")
            claimed = await take(self.queue)
            await done(self.queue, *claimed)
            self.settled |= {one.id for one in claimed}
            idle = 0 if claimed else idle + 1


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_happens_every_delivery_is_claimed_in_the_end_and_no_endpoint_holds_too_many(
    jobs: Jobs, queue: Queue, webhooks: Webhooks, outbox: Outbox, redis: Redis, seed: int
) -> None:
    endpoints = [(await endpoint(webhooks, owner=owner)).id for owner in Chaos.OWNERS]
    chaos = Chaos(seed, endpoints, jobs, queue, outbox, redis)
    for _ in range(150):
        await chaos.happen()
        by_owner = Counter(one.owner for one in chaos.held.values())
        assert all(count <= AT_ONCE for count in by_owner.values()), by_owner
    await chaos.drain()
    posted = {id.decode() for one in endpoints for id in await redis.zrange(f"jobs:{one}", 0, -1)}
    assert len(posted) > 20
    assert chaos.settled == posted
    assert all(job and job.status in TERMINAL for job in await jobs.get(*posted))
    assert not await redis.keys(f"wait:{DELIVERY}:*")
    assert not await redis.keys(f"held:{DELIVERY}:*")
