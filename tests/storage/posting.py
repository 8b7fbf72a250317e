"""Endpoints, jobs that have something to tell them, and a worker's hand that takes what is told."""

from collections.abc import Sequence
from typing import Any

from storage.events import TERMINAL_TYPES, TYPES
from storage.job import Job, Status, Webhook
from storage.jobs import Jobs
from storage.outbox import Posted
from storage.queue import Queue
from storage.rules import DELIVERY, RULES
from storage.webhooks import Endpoint, Webhooks
from tests.storage.samples import LEASE_S, sample

AT_ONCE = RULES[DELIVERY].at_once
HOST = "https://gateway.example"
ALL = list(TYPES)
ENDS = list(TERMINAL_TYPES)


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
