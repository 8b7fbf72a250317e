"""Answers whose callers have left, as jobs: found in the feed, told to webhooks, asked after by id.

The process that reads an answer holds its job, for as long as it lives. Nobody else could go on with it, and nobody
asks the upstream again: should the process be killed, the job has failed as soon as its lease is over.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from api.upstreams.base import Asked, Turned, Usage, Whole
from storage.accounts import Account
from storage.catalog import ELSEWHERE
from storage.completions import BODY, MOST_BODY_BYTES, keep
from storage.errors import (
    EngineFailed,
    GatewayError,
    RedisUnavailable,
    UpstreamDisconnected,
    UpstreamError,
    UpstreamMalformed,
)
from storage.job import Failure, Job, Kind, OutputStatus, Status
from storage.queue import Queue
from storage.rules import DETACHED
from storage.tasks import end
from storage.wire.openai_chat import MOST_ANSWERS, MOST_BYTES, kept
from storage.wire.openai_stream import put_together

log = logging.getLogger(__name__)

LEASE_S = 10.0
AGAIN_S, LATE_S = 0.5, 60.0
"""How often, and for how long, what Redis did not take is said again."""

WRITTEN_S = 5.0
"""How long the end of a job waits for its stream to be written down."""

MOST_STREAM_BYTES = 16 << 20
"""Of an answer that may become a job's: what is around the words in a stream is much more than they are."""

_DIALECT = "openai"
_PRIORITY = 5
_STEP = "relay"
"""No worker has a step of this name."""


class Heard:
    """What a caller was sent of a stream, as far as a job could keep it."""

    def __init__(self) -> None:
        self._events: list[bytes] = []
        self._size_bytes = 0

    def add(self, events: bytes) -> None:
        self._size_bytes += len(events)
        if self._size_bytes <= MOST_STREAM_BYTES:
            self._events.append(events)

    def completion(self, answer: Whole | Turned | None) -> Mapping[str, Any] | UpstreamError:
        """The answer that was read to its end, in one piece."""
        size_bytes = len(answer.body) if isinstance(answer, Whole) else self._size_bytes
        if answer is None or size_bytes > MOST_STREAM_BYTES:
            return UpstreamMalformed("the answer is larger than what is kept")
        if isinstance(answer, Whole):
            whole: dict[str, Any] = msgspec.json.decode(answer.body)
            return whole
        return put_together(self._events, _told(answer.usage))


class Detached:
    """One answer that is being read on. The first word about its end counts."""

    def __init__(self, job: Job, lost: Callable[[], None], written: Callable[[], Awaitable[None]]) -> None:
        self.job, self.lost, self.written = job, lost, written
        self.outcome: asyncio.Future[Mapping[str, Any] | GatewayError] = asyncio.get_running_loop().create_future()

    def ended(self, outcome: Mapping[str, Any] | GatewayError) -> None:
        """The completion, or what went wrong."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)


class Detacher:
    """Use between `start` and `stop`. `name`: of this process, among all."""

    def __init__(self, queue: Queue, name: str) -> None:
        self._queue, self._name = queue, name
        self._held: dict[str, Detached] = {}
        self._open: dict[asyncio.Task[None], Detached] = {}
        self._renewing: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._renewing.add(asyncio.create_task(self._renew()))

    async def stop(self) -> None:
        """What is still open has failed: nobody else can go on with it."""
        for detached in self._open.values():
            detached.ended(UpstreamDisconnected("the gateway has stopped before the answer was whole"))
        if self._open:
            _, late = await asyncio.wait([*self._open], timeout=LEASE_S)
            await end(*late)
        await end(*self._renewing)

    def begin(
        self,
        id: str,
        owner: str,
        asked: Asked,
        account: Account,
        lost: Callable[[], None],
        written: Callable[[], Awaitable[None]],
    ) -> Detached:
        """From now on it is a job. `lost`: called when that is canceled, or deleted: then nobody needs the answer.
        `written`: waits for its stream, whose readers take the job's end for that of all that will come."""
        detached = Detached(_job(id, owner, asked, account), lost, written)
        task = asyncio.create_task(self._live(detached))
        self._open[task] = detached
        task.add_done_callback(self._open.pop)
        return detached

    async def _live(self, detached: Detached) -> None:
        job = detached.job
        try:
            await _patiently(lambda: self._queue.detach(job, lease_s=LEASE_S))
            self._held[job.id] = detached
            outcome = await detached.outcome
            await _not_for_long(detached.written)
            await _patiently(lambda: self._end(job, outcome))
        except RedisUnavailable as error:
            log.warning("the answer of chat %s is in no job: %s", job.id, error)
        except Exception:
            log.exception("the job of chat %s broke", job.id)
        finally:
            self._held.pop(job.id, None)

    async def _end(self, job: Job, outcome: Mapping[str, Any] | GatewayError) -> None:
        try:
            if isinstance(outcome, GatewayError):
                raise outcome
            found = _kept(outcome)
        except GatewayError as error:
            await self._queue.fail(job, Failure.of(error))
            return
        for output, metadata in zip(job.outputs, found, strict=False):
            keep(output, {**metadata, "engine": job.served_by, "embedded": False})
        for output in job.outputs:
            if output.status != OutputStatus.STORED:
                output.status, output.error = OutputStatus.FAILED, Failure.of(EngineFailed("it was not answered"))
        await self._queue.advance(job.id, Status.SUCCEEDED, token=job.token, outputs=job.outputs, progress=1.0)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 3)
            try:
                await self._hold()
                await self._queue.sweep(DETACHED)  # those of others that are gone
            except RedisUnavailable as error:
                log.warning("the jobs of chats could not be kept: %s", error)
            except Exception:
                log.exception("keeping the jobs of chats broke")

    async def _hold(self) -> None:
        if not self._held:
            return
        jobs = [detached.job for detached in self._held.values()]
        lost = await self._queue.renew(DETACHED, jobs, lease_s=LEASE_S, worker=self._name, slots=0, health=b"{}")
        for id in lost:
            if detached := self._held.get(id):
                detached.lost()


def _kept(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What outputs keep. Raises UpstreamError."""
    found = kept(answer, in_doubt=False)
    if len(msgspec.json.encode(answer)) > MOST_BYTES:
        raise UpstreamMalformed(f"the answer is larger than the {MOST_BYTES} bytes that are kept")
    return found


def _told(usage: Usage | None) -> dict[str, int] | None:
    if usage is None:
        return None
    prompt, made = usage
    return {"prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made}


async def _not_for_long(wait: Callable[[], Awaitable[None]]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(WRITTEN_S):
            await wait()


def _job(id: str, owner: str, asked: Asked, account: Account) -> Job:
    body = msgspec.json.decode(asked.body)
    n = body.get("n")
    several = isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= MOST_ANSWERS
    return Job(
        id=id,
        kind=Kind.CHAT,
        owner=owner,
        dialect=_DIALECT,
        model=asked.model,
        engine=ELSEWHERE,
        lane=DETACHED,
        step=_STEP,
        stage="upstream",
        request={
            **({BODY: body} if len(asked.body) <= MOST_BODY_BYTES else {}),
            **({"streamed": True} if asked.stream else {}),
            **({"usage_wanted": True} if asked.usage else {}),
        },
        priority=_PRIORITY,
        items=n if several else 1,
        account=account.name,
        served_by=account.adapter,
    )


async def _patiently(work: Callable[[], Awaitable[None]]) -> None:
    """Until it is done. Raises RedisUnavailable when that takes too long."""
    clock = asyncio.get_running_loop().time
    until = clock() + LATE_S
    while True:
        try:
            return await work()
        except RedisUnavailable:
            if clock() > until:
                raise
            await asyncio.sleep(AGAIN_S)
