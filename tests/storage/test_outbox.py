"""Webhooks are put in the outbox in the step that makes the event, and can be put there again."""

import asyncio
import json
from collections import Counter

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from storage.errors import NotFound
from storage.events import Event
from storage.ids import is_job_id
from storage.job import Job, Kind, Status
from storage.jobs import Jobs
from storage.links import Links
from storage.outbox import DELETED, Heard, Outbox, Posted
from storage.public import PublicJobs
from storage.queue import Queue
from storage.webhooks import Webhooks
from tests.storage.posting import ALL, AT_ONCE, ENDS, HOST, done, ended, endpoint, hook, take, words
from tests.storage.samples import LANE, LEASE_S, feed, sample, server_ms


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


async def test_a_webhook_that_came_with_a_job_goes_to_its_url_and_to_nobody_else(
    jobs: Jobs, queue: Queue, redis: Redis
) -> None:
    job = sample(webhook=hook("https://b.example/in?token=1", "job.queued", "job.canceled"))
    await jobs.admit(job)
    while await server_ms(redis) == job.created:  # events of one millisecond are in no order
        pass
    await jobs.cancel(job)
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
    for _ in range((AT_ONCE + 600) // 8):
        await asyncio.gather(*(ended(jobs) for _ in range(8)))
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
