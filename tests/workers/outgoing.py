"""Webhooks of made-up jobs, and the lane that delivers them, as a worker has it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr

from storage.addresses import Allowed, Guard
from storage.events import TERMINAL_TYPES
from storage.job import Job, Status
from storage.links import Links
from storage.outbound import Outbound
from storage.public import PublicJobs
from storage.rules import DELIVERY, RULES
from storage.sender import Sender
from storage.signing import Signer
from storage.store import Store
from storage.webhooks import Endpoint
from tests.storage.receiver import Script, always
from tests.waiting import until
from tests.workers.jobs import admit
from workers.deliver import deliver
from workers.lanes import Lane

HOST = "https://gateway.example"
SIGNER = Signer(SecretStr("s" * 32))
AT_ONCE = RULES[DELIVERY].at_once


def answering(status: int, *headers: str) -> Script:
    head = "".join(f"{header}\r\n" for header in headers)
    return always(f"HTTP/1.1 {status} Any\r\n{head}Content-Length: 0\r\n\r\n".encode())


@asynccontextmanager
async def delivering(
    store: Store, *, slots: int = 64, allow: str = "127.0.0.1", tls: ssl.SSLContext | None = None, lease_s: float = 5.0
) -> AsyncIterator[Lane]:
    """The lane as a worker has it."""
    guard = Guard(Allowed.parse(allow))
    async with Outbound(guard, connections=slots, per_host=slots, tls=tls) as outbound:
        lane = Lane(DELIVERY, [deliver], worker="w", slots=slots, lease_s=lease_s, drain_s=0)
        await lane.start(
            {
                "queue": store.queue,
                "signals": store.signals,
                "webhooks": store.webhooks,
                "outbox": store.outbox,
                "sender": Sender(outbound, SIGNER),
                "public": PublicJobs(Links(SecretStr("s" * 32)), record_s=3600),
            }
        )
        try:
            yield lane
        finally:
            await lane.stop()


async def endpoint(store: Store, url: str, owner: str = "owner", **more: Any) -> Endpoint:
    fields = {"url": url, "events": list(TERMINAL_TYPES), "base_url": HOST} | more
    return (await store.webhooks.register(owner, fields))[0]


async def happen(store: Store, count: int = 1, **fields: Any) -> list[Job]:
    """Jobs that are cancelled as soon as they are there: an event each."""
    jobs = [await admit(store, **fields) for _ in range(count)]
    await asyncio.gather(*(store.jobs.cancel(job) for job in jobs))
    return jobs


async def deliveries(store: Store, to: str) -> list[Job]:
    return (await store.jobs.page(to, limit=1000)).jobs


async def ended(store: Store, to: str) -> Job:
    """An endpoint's only delivery, at its end."""

    async def look() -> Job | None:
        (delivery,) = await deliveries(store, to)
        return delivery if delivery.ended else None

    job = await until(look)
    assert isinstance(job, Job)
    return job


async def tried(store: Store, to: str, attempts: int = 1) -> Job:
    """An endpoint's only delivery, when it has been tried so often and waits."""

    async def look() -> Job | None:
        (delivery,) = await deliveries(store, to)
        return delivery if delivery.attempt == attempts and delivery.not_before else None

    job = await until(look)
    assert isinstance(job, Job)
    return job


async def all_ended(store: Store, to: str, status: Status) -> bool:
    return {one.status for one in await deliveries(store, to)} == {status}
