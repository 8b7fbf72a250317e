"""The outbox: webhooks that are to be sent. Each is a job of its own (lane `delivery`), owned by its endpoint.

`tell` in `storage/lua/job.lua` puts them there, in the step that makes the event. A delivery carries the job as it
stood then, so that it says the same at every attempt, whatever becomes of the job.
"""

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from storage import keys
from storage.connect import command, redis_errors
from storage.errors import NotFound
from storage.events import Event
from storage.job import Failure, Job, Status
from storage.jobs import Jobs
from storage.public import PublicJobs
from storage.queue import Queue
from storage.rules import DELIVERY
from storage.scripts import Scripts
from storage.signing import Signing
from storage.webhooks import Endpoint, default_of, read_endpoint, read_signing

PRIORITY = 5
"""Of every delivery; `put_out` in `storage/lua/job.lua` says so too."""

STRAINED = 5
"""A receiver that has failed so often in a row is left alone for a while: longer each time, until it answers."""

FIRST_REST_S, LONGEST_REST_S = 5.0, 300.0
MAX_ATTEMPTS_KEPT = 15
DELETED = Failure("endpoint_deleted", "the webhook endpoint has been deleted")

_HEALTH_KEPT_S = 30 * 86_400
_HEALTH = ("failing", "failures", "strained", "last", "succeeded")
_PAGE = 500


class Posted(msgspec.Struct, frozen=True):
    """What a delivery's request holds: the event (words, Unix ms), the job's fields; the URL if that came with it."""

    job: str
    owner: str
    event: str
    at: int
    fields: dict[str, str]
    url: str | None = None
    base_url: str = ""

    @classmethod
    def of(cls, delivery: Job) -> "Posted":
        return msgspec.convert(delivery.request, cls)

    @property
    def told(self) -> Event:
        return Event(self.job, self.event, self.at)

    def body(self, public: PublicJobs, base_url: str) -> bytes:
        """The event as it is sent."""
        job = None if self.event == "deleted" else Job.from_fields(self.job, self.fields.items())
        return msgspec.json.encode(self.told.rendered(job, public, base_url))


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True):
    """One time that a delivery was sent. Without a `status` (HTTP's) nothing came back, and `error` says why."""

    at: int
    duration_ms: int
    status: int | None = None
    error: str | None = None


class Heard(StrEnum):
    """How a receiver answered: well, not as it should, or so that it seems to have more to do than it can."""

    OK = "ok"
    REFUSED = "refused"
    STRAINED = "strained"


class Health(NamedTuple):
    """How a receiver does: failing since, failures in a row, what it said last, last success. Unix ms; 0: never."""

    failing: int = 0
    failures: int = 0
    strained: int = 0
    last: str | None = None
    succeeded: int = 0

    @classmethod
    def of(cls, values: Sequence[bytes | None]) -> "Health":
        failing, failures, strained, last, succeeded = values
        return cls(
            int(failing or 0),
            int(failures or 0),
            int(strained or 0),
            last.decode() if last else None,
            int(succeeded or 0),
        )


class Receiver(NamedTuple):
    """Who is to get a delivery. `endpoint` is None where the URL came with the job, and if it has been deleted."""

    endpoint: Endpoint | None
    signing: Signing
    whose: str
    health: Health


class Again(NamedTuple):
    """What came of putting a webhook in the outbox once more: `posted`, `waiting` already, `delivered`, or `gone`."""

    outcome: str
    delivery: str | None = None


class Outbox:
    """Deliveries and their receivers. An endpoint's deliveries are its jobs: `Jobs.page(endpoint)` lists them."""

    def __init__(self, redis: Redis, scripts: Scripts, queue: Queue, jobs: Jobs) -> None:
        self._redis, self._scripts, self._queue, self._jobs = redis, scripts, queue, jobs

    async def receiver(self, endpoint: str, owner: str) -> Receiver:
        """Who stands behind the owner of a delivery."""
        record, default, health = await self._scripts.call("receiver", endpoint, owner, *_HEALTH)
        known = read_endpoint(record) if record else None
        if known:
            return Receiver(known, known.signing, known.whose, Health.of(health))
        return Receiver(None, read_signing(default), default_of(owner), Health.of(health))

    async def health(self, *endpoints: str) -> list[Health]:
        with redis_errors():
            pipe = self._redis.pipeline(transaction=False)
            for endpoint in endpoints:
                pipe.execute_command("HMGET", keys.receiver(endpoint), *_HEALTH)
            return [Health.of(values) for values in await pipe.execute()]

    async def heard(self, endpoint: str, what: Heard, words: str, *, asked_s: float = 0.0) -> float:
        """Note how a receiver answered, and that it wants to rest `asked_s`. Returns for how many seconds it does."""
        _, rest_ms = await self._scripts.call(
            "heard",
            endpoint,
            DELIVERY,
            PRIORITY,
            what.value,
            words,
            int(asked_s * 1000),
            STRAINED,
            int(FIRST_REST_S * 1000),
            int(LONGEST_REST_S * 1000),
            _HEALTH_KEPT_S,
        )
        return float(rest_ms) / 1000

    async def wake(self, endpoint: str) -> None:
        """Forget how it answered: what waits for it goes out now."""
        await self._scripts.call("fresh", endpoint, DELIVERY, PRIORITY)

    async def again(self, endpoint: str, owner: str, told: Event, *, even_delivered: bool) -> Again:
        """Put an event in the outbox once more, or for the first time; what was sent before, as it was."""
        outcome, *delivery = await self._scripts.call(
            "post", endpoint, owner, told.job, told.words, told.at, int(even_delivered)
        )
        return Again(outcome.decode(), delivery[0].decode() if delivery else None)

    async def about(self, job: str, owner: str) -> list[Job]:
        """The deliveries about one of the owner's jobs, newest first. Those of a deleted job are still there."""
        with redis_errors():
            ids = await command(self._redis, "LRANGE", keys.posted(job), 0, -1)
        found = await self._jobs.get(*dict.fromkeys(id.decode() for id in reversed(ids)))
        return [one for one in found if one is not None and Posted.of(one).owner == owner]

    async def find(self, endpoint: str, owner: str, id: str) -> Job:
        """One of an endpoint's deliveries about one of the owner's jobs. Raises NotFound."""
        (found,) = await self._jobs.get(id)
        if found is None or found.owner != endpoint or Posted.of(found).owner != owner:
            raise NotFound("there is no such delivery")
        return found

    async def void(self, endpoint: str) -> None:
        """End every delivery of a deleted endpoint that has not ended, and forget how that answered."""
        seen = 0
        while True:
            with redis_errors():
                ids = await command(self._redis, "ZRANGE", keys.jobs(endpoint), seen, seen + _PAGE - 1)
            await asyncio.gather(*(self._queue.advance(id.decode(), Status.FAILED, error=DELETED) for id in ids))
            seen += len(ids)
            if len(ids) < _PAGE:
                break
        await self.wake(endpoint)
