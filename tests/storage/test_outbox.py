"""Webhooks are put in the outbox in the step that makes the event; each is claimed in the end, whatever happens."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from storage.errors import NotFound
from storage.events import TERMINAL_TYPES, TYPES, Event
from storage.ids import is_job_id
from storage.job import TERMINAL, Job, Kind, Status, Webhook
from storage.jobs import Jobs
from storage.links import Links
from storage.outbox import DELETED, LONGEST_REST_S, STRAINED, Heard, Outbox, Posted
from storage.public import PublicJobs
from storage.queue import TRIES, Queue
from storage.rules import DELIVERY, RULES
from storage.scripts import Scripts
from storage.webhooks import Endpoint, Webhooks
from tests.clock import pass_time, vanish
from tests.storage.samples import LANE, LEASE_S, feed, sample, server_ms

AT_ONCE = RULES[DELIVERY].at_once
HOST = "https://gateway.example"
ALL = list(TYPES)
ENDS = list(TERMINAL_TYPES)


@pytest.fixture
def webhooks(redis: Redis, scripts: Scripts) -> Webhooks:
    return Webhooks(redis, scripts)


@pytest.fixture
def outbox(redis: Redis, scripts: Scripts, queue: Queue, jobs: Jobs) -> Outbox:
    return Outbox(redis, scripts, queue, jobs)


async def endpoint(webhooks: Webhooks, events: Sequence[str] = ENDS, owner: str = "alice", **more: Any) -> Endpoint:
    fields = {"url": "https://a.example/in", "events": [*events], "base_url": HOST} | more
    return (await webhooks.register(owner, fields))[0]


async def take(queue: Queue, most: int = 1000, lease_s: float = LEASE_S) -> list[Job]:
    return (await queue.claim(DELIVERY, most, lease_s=lease_s))[1]


async def ended(jobs: Jobs, **fields: Any) -> Job:
    """A job that was cancelled as soon as it was there."""
    job = sample(**fields)
    await jobs.admit(job)
    await jobs.cancel(job)
    return job


def hook(url: str, *events: str) -> Webhook:
    return Webhook(url, list(events or ENDS), HOST)


def words(deliveries: Sequence[Job]) -> list[str]:
    return [Posted.of(one).event for one in deliveries]


async def done(queue: Queue, *deliveries: Job, status: Status = Status.SUCCEEDED) -> None:
    for one in deliveries:
        assert await queue.advance(one.id, status, token=one.token)


async def test_each_change_of_a_job_puts_an_event_in_the_outbox_of_who_asked_for_it(
    jobs: Jobs, queue: Queue, webhooks: Webhooks, redis: Redis
) -> None:
    all_of_it = await endpoint(webhooks, ALL)
    only_ends = await endpoint(webhooks, ENDS)
    job = sample()
    await jobs.admit(job)
    [held] = (await queue.claim(LANE, 1, lease_s=LEASE_S))[1]
    await queue.report(held, tell="making")
    await queue.report(held, tell="progress 35", progress=0.35)
    await queue.report(held, tell="output 1")
    await queue.advance(job.id, Status.STORING, token=held.token)
    await queue.advance(job.id, Status.SUCCEEDED, token=held.token)
    await jobs.forget(job)
    deliveries = await take(queue)
    events = ["queued", "started", "progress 35", "output 1", "succeeded", "deleted"]
    assert sorted(words([one for one in deliveries if one.owner == all_of_it.id])) == sorted(events)
    assert words([one for one in deliveries if one.owner == only_ends.id]) == ["succeeded"]
    told = [word for _, word in await feed(redis)]
    assert [word for word in told if word in events] == events


async def test_a_delivery_is_a_job_that_says_all_it_needs(jobs: Jobs, queue: Queue, webhooks: Webhooks) -> None:
    to = await endpoint(webhooks)
    job = sample(metadata={"order": "№ 17"}, webhook=None)
    await jobs.admit(job)
    await jobs.cancel(job)
    [delivery] = await take(queue)
    assert is_job_id(delivery.id)
    assert delivery.id[:14] == job.id[:14]
    assert (delivery.kind, delivery.owner, delivery.step) == (Kind.WEBHOOK_DELIVERY, to.id, "deliver")
    posted = Posted.of(delivery)
    assert (posted.job, posted.owner, posted.event, posted.url) == (job.id, "alice", "canceled", None)
    public = PublicJobs(Links(SecretStr("s" * 32)), record_s=3600)
    body = json.loads(posted.body(public, HOST))
    [now] = await jobs.get(job.id)
    assert now
    assert body["data"] == json.loads(json.dumps(public.render(now, base_url=HOST)))
    assert body["data"]["metadata"] == {"order": "№ 17"}
    assert (body["type"], body["id"]) == ("job.canceled", f"evt_{job.id.replace('-', '')}_canceled")
    assert body["timestamp"] == body["data"]["finished_at"]
    assert "the sea" not in str(delivery.request)  # what was asked for is no business of receivers'


async def test_a_delivery_says_the_same_after_its_job_has_gone_on_or_is_gone(
    jobs: Jobs, queue: Queue, webhooks: Webhooks
) -> None:
    await endpoint(webhooks, ALL)
    job = sample()
    await jobs.admit(job)
    await jobs.cancel(job)
    await jobs.forget(job)
    public = PublicJobs(Links(SecretStr("s" * 32)), record_s=3600)
    bodies = [json.loads(Posted.of(one).body(public, HOST)) for one in await take(queue)]
    data = {body["type"]: body["data"] for body in bodies}
    assert data.keys() == {"job.queued", "job.canceled", "job.deleted"}
    assert (data["job.queued"]["status"], data["job.canceled"]["status"]) == ("queued", "canceled")
    assert data["job.deleted"] == {"id": job.id, "object": "job", "deleted": True}


async def test_what_another_version_of_the_gateway_put_there_can_be_sent(
    jobs: Jobs, queue: Queue, webhooks: Webhooks
) -> None:
    await endpoint(webhooks)
    await ended(jobs)
    [delivery] = await take(queue)
    del delivery.request["fields"]["items"]  # it was not known then
    delivery.request |= {"new": 1, "fields": delivery.request["fields"] | {"unheard_of": "x"}}
    public = PublicJobs(Links(SecretStr("s" * 32)), record_s=3600)
    assert json.loads(Posted.of(delivery).body(public, HOST))["data"]["status"] == "canceled"


async def test_a_webhook_that_came_with_a_job_goes_to_its_url_and_to_nobody_else(jobs: Jobs, queue: Queue) -> None:
    job = await ended(jobs, webhook=hook("https://b.example/in?token=1", "job.queued", "job.canceled"))
    await ended(jobs)
    deliveries = await take(queue)
    assert words(deliveries) == ["queued", "canceled"]
    for one in deliveries:
        posted = Posted.of(one)
        assert (posted.job, posted.url, posted.base_url) == (job.id, "https://b.example/in?token=1", HOST)
        assert one.owner.startswith("url_")


async def test_urls_of_one_origin_are_one_receiver_of_that_owner(jobs: Jobs, queue: Queue) -> None:
    urls = ["https://b.example/in?job=1", "https://b.example/in?job=2", "https://B.example", "https://b.example#x"]
    others = ["http://b.example/in", "https://b.example:444/in", "https://c.example/b.example"]
    for url in urls + others:
        await ended(jobs, webhook=hook(url))
    await ended(jobs, owner="bob", webhook=hook(urls[0]))
    deliveries = await take(queue)
    assert len(deliveries) == len(urls) + len(others) + 1
    receivers = {Posted.of(one).url: one.owner for one in deliveries if Posted.of(one).owner == "alice"}
    assert len({receivers[url] for url in urls}) == 1
    assert len(set(receivers.values())) == 1 + len(others)
    assert not set(receivers.values()) & {one.owner for one in deliveries if Posted.of(one).owner == "bob"}


async def test_an_endpoint_that_is_off_or_gone_gets_nothing(jobs: Jobs, queue: Queue, webhooks: Webhooks) -> None:
    off = await endpoint(webhooks, enabled=False)
    gone = await endpoint(webhooks)
    refused = await endpoint(webhooks)
    await webhooks.remove("alice", gone.id)
    await webhooks.switch_off(refused, "410")
    foreign = await endpoint(webhooks, owner="bob")
    await ended(jobs)
    assert await take(queue) == []
    assert {off.id, refused.id} == {one.id for one in await webhooks.all("alice")}
    assert [foreign] == await webhooks.all("bob")


async def test_an_event_that_is_told_twice_is_sent_once(jobs: Jobs, queue: Queue, webhooks: Webhooks) -> None:
    await endpoint(webhooks, ["job.output"])
    await jobs.admit(sample())
    [held] = (await queue.claim(LANE, 1, lease_s=LEASE_S))[1]
    for _ in range(3):
        assert await queue.report(held, tell="output 1")
    assert words(await take(queue)) == ["output 1"]


async def test_deliveries_make_no_events_of_their_own(
    jobs: Jobs, queue: Queue, webhooks: Webhooks, redis: Redis
) -> None:
    to = await endpoint(webhooks)
    await redis.hset(f"hooks:{to.id}", to.id, " ".join(ALL))  # as if it had an endpoint itself
    await ended(jobs)
    await done(queue, *await take(queue))
    assert not await redis.exists(f"feed:{to.id}")
    assert await take(queue) == []
    await redis.delete(f"hooks:{to.id}")


async def test_records_of_deliveries_are_kept_for_three_days(
    jobs: Jobs, queue: Queue, webhooks: Webhooks, redis: Redis
) -> None:
    await endpoint(webhooks)
    job = await ended(jobs)
    [delivery] = await take(queue)
    assert await redis.ttl(f"job:{delivery.id}") == -1
    await done(queue, delivery)
    assert 3 * 86_400 - 60 < await redis.ttl(f"job:{delivery.id}") <= 3 * 86_400
    assert await redis.ttl(f"posted:{job.id}") > 7 * 86_400


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


def event(job: Job, what: str, at: int = 1_700_000_000_000) -> Event:
    return Event(job.id, what, at)


async def test_an_event_that_nobody_was_sent_is_put_in_the_outbox_as_the_job_is_now(
    jobs: Jobs, queue: Queue, webhooks: Webhooks, outbox: Outbox
) -> None:
    job = await ended(jobs)
    to = await endpoint(webhooks)
    posted = await outbox.again(to.id, "alice", event(job, "canceled"), even_delivered=False)
    assert posted.outcome == "posted"
    assert await outbox.again(to.id, "alice", event(job, "canceled"), even_delivered=True) == (
        "waiting",
        posted.delivery,
    )
    [delivery] = await take(queue)
    assert delivery.id == posted.delivery
    assert (Posted.of(delivery).at, Posted.of(delivery).event) == (1_700_000_000_000, "canceled")
    await done(queue, delivery)
    assert await outbox.again(to.id, "alice", event(job, "canceled"), even_delivered=False) == (
        "delivered",
        delivery.id,
    )
    assert await take(queue) == []


async def test_an_event_that_was_sent_is_sent_once_more_as_it_was(
    jobs: Jobs, queue: Queue, webhooks: Webhooks, outbox: Outbox
) -> None:
    to = await endpoint(webhooks)
    job = await ended(jobs)
    [first] = await take(queue)
    await done(queue, first, status=Status.FAILED)
    await jobs.forget(job)
    ids = {first.id}
    for _ in range(3):
        again = await outbox.again(to.id, "alice", event(job, "canceled"), even_delivered=False)
        assert again.outcome == "posted"
        [delivery] = await take(queue)
        assert delivery.request == first.request
        ids.add(delivery.id)
        await done(queue, delivery, status=Status.FAILED)
    assert len(ids) == 4
    assert [one.id for one in await outbox.about(job.id, "alice")][-1] == first.id
    assert {one.id for one in await outbox.about(job.id, "alice")} == ids
    assert await outbox.about(job.id, "bob") == []


async def test_of_a_deleted_job_only_its_deletion_can_still_be_told(
    jobs: Jobs, queue: Queue, webhooks: Webhooks, outbox: Outbox
) -> None:
    job = await ended(jobs)
    await jobs.forget(job)
    to = await endpoint(webhooks)
    assert await outbox.again(to.id, "alice", event(job, "canceled"), even_delivered=True) == ("gone", None)
    assert (await outbox.again(to.id, "alice", event(job, "deleted"), even_delivered=True)).outcome == "posted"
    [delivery] = await take(queue)
    public = PublicJobs(Links(SecretStr("s" * 32)), record_s=3600)
    assert json.loads(Posted.of(delivery).body(public, HOST))["data"]["deleted"] is True


async def test_nobody_is_sent_another_owner_s_job(jobs: Jobs, webhooks: Webhooks, outbox: Outbox) -> None:
    job = await ended(jobs, owner="bob")
    to = await endpoint(webhooks)
    assert (await outbox.again(to.id, "alice", event(job, "canceled"), even_delivered=True)).outcome == "gone"


async def test_a_delivery_is_found_by_its_endpoint_and_its_owner_only(
    jobs: Jobs, queue: Queue, webhooks: Webhooks, outbox: Outbox
) -> None:
    to = await endpoint(webhooks)
    job = await ended(jobs)
    [delivery] = await take(queue)
    assert (await outbox.find(to.id, "alice", delivery.id)).id == delivery.id
    for one, owner, id in ((to.id, "bob", delivery.id), ("we_2", "alice", delivery.id), (to.id, "alice", job.id)):
        with pytest.raises(NotFound):
            await outbox.find(one, owner, id)


async def test_all_that_an_endpoint_has_not_been_sent_can_be_ended(
    jobs: Jobs, queue: Queue, webhooks: Webhooks, outbox: Outbox
) -> None:
    to = await endpoint(webhooks)
    other = await endpoint(webhooks, owner="bob")
    await ended(jobs, owner="bob")
    for _ in range(AT_ONCE + 600):
        await ended(jobs)
    held = [one for one in await take(queue) if one.owner == to.id]
    await done(queue, held[0])
    await queue.advance(held[1].id, Status.QUEUED, token=held[1].token, delay_s=3600)
    await outbox.heard(to.id, Heard.STRAINED, "500", asked_s=60)
    await outbox.void(to.id)
    assert not await queue.advance(held[2].id, Status.SUCCEEDED, token=held[2].token)
    assert await take(queue) == []
    page = await jobs.page(to.id, limit=AT_ONCE + 600)
    assert Counter(one.status for one in page.jobs) == {Status.FAILED: AT_ONCE + 599, Status.SUCCEEDED: 1}
    assert {one.error for one in page.jobs if one.status == Status.FAILED} == {DELETED}
    assert [one.status for one in (await jobs.page(other.id)).jobs] == [Status.RUNNING]
    assert await outbox.health(to.id) == [(0, 0, 0, None, 0)]
