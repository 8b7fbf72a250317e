"""Every key is listed, and only listed ones may stay for ever."""

import re

import redis as sync_redis
from redis.asyncio import Redis

from storage import keys
from storage.job import Status, Webhook
from storage.jobs import Idempotency, Jobs
from storage.outbox import STRAINED, Heard, Outbox
from storage.queue import Queue
from storage.scripts import Scripts
from storage.webhooks import Webhooks
from tests.services import leaks
from tests.storage.samples import LANE, sample


def documented() -> list[str]:
    """The names in the table of `storage/keys.py`."""
    assert keys.__doc__ is not None
    return re.findall(r"^\| `([^`]+)`", keys.__doc__, re.MULTILINE)


def test_every_permanent_pattern_is_of_a_documented_key() -> None:
    shapes = {re.sub(r"\{.*", "*", name) for name in documented()}
    assert set(keys.PERMANENT) - {"arq:*"} <= shapes


async def test_a_key_that_nothing_will_ever_remove_is_a_leak(redis: Redis, redis_url: str) -> None:
    await redis.set("forgotten", 1)
    await redis.set("feed:alice", 1)
    await redis.set("session", 1, ex=60)
    await redis.set("mean:engines", 1)
    with sync_redis.Redis.from_url(redis_url, decode_responses=True) as client:
        assert sorted(leaks(client)) == ["feed:alice", "forgotten"]
    await redis.flushall()


async def test_a_jobs_life_makes_documented_keys_only(redis: Redis, queue: Queue, jobs: Jobs) -> None:
    made = [sample(start_by=2**42), sample(keep_s=60), sample()]
    for job in made:
        await jobs.admit(job, Idempotency.of(job.id, b""))
    _, held = await queue.claim(LANE, 2, lease_s=30)
    await queue.renew(LANE, held, lease_s=30, worker="w1", slots=2, health=b"{}")
    for job in held:
        await queue.advance(job.id, Status.SUCCEEDED, token=job.token)
    await jobs.forget(held[0])
    seen = {key.decode() async for key in redis.scan_iter()}
    patterns = [re.compile(re.sub(r"\\\{[a-z]+\\\}", ".+", re.escape(name)) + "$") for name in documented()]
    assert len(seen) > 10
    assert not [key for key in seen if not any(pattern.match(key) for pattern in patterns)]


async def test_a_webhook_s_life_makes_documented_keys_only(
    redis: Redis, scripts: Scripts, queue: Queue, jobs: Jobs
) -> None:
    webhooks, outbox = Webhooks(redis, scripts), Outbox(redis, scripts, queue, jobs)
    fields = {"url": "https://a.example", "events": ["job.queued"], "base_url": ""}
    endpoint, _ = await webhooks.register("alice", fields)
    await webhooks.rotate_default("alice", 60)
    await jobs.admit(sample(webhook=Webhook("https://b.example", ["job.queued"], "")))
    await queue.claim("delivery", 5, lease_s=30)
    for _ in range(STRAINED):
        await outbox.heard(endpoint.id, Heard.STRAINED, "500")
    seen = {key.decode() async for key in redis.scan_iter()}
    patterns = [re.compile(re.sub(r"\\\{[a-z]+\\\}", ".+", re.escape(name)) + "$") for name in documented()]
    assert {key.partition(":")[0] for key in seen} >= {
        "hook",
        "hooks",
        "endpoints",
        "receiver",
        "rest",
        "trial",
        "posted",
    }
    assert not [key for key in seen if not any(pattern.match(key) for pattern in patterns)]


async def test_the_record_of_a_job_that_ended_expires(redis: Redis, queue: Queue, jobs: Jobs) -> None:
    kept, brief, live = sample(), sample(keep_s=60), sample()
    for job in (kept, brief, live):
        await jobs.admit(job)
    for job in (kept, brief):
        await jobs.cancel(job)
    assert 3590 < await redis.ttl(f"job:{kept.id}") <= 3600
    assert 50 < await redis.ttl(f"job:{brief.id}") <= 60
    assert await redis.ttl(f"job:{live.id}") == -1
