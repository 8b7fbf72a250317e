"""A chat's answer as events: while it is made, and from any of them on for whoever comes back (`storage/chats.py`)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from api.openai_events import never
from api.operation import why_not
from api.reply import Header
from api.services import Services
from api.upstreams.envelopes import envelope, event, problem
from storage.chats import NEWS, Read
from storage.completions import Chunks, is_told
from storage.errors import EngineFailed, GatewayError, NotFound, RedisUnavailable
from storage.events import LAST_WORDS
from storage.job import Job, Status

HEARTBEAT = b": still here\n\n"
"""For a stream whose events have no ids. With ids, the blank line would be an event to OpenAI's client."""

STREAM_ID = b"x-stream-id"
_LONGEST_S = 86_400.0  # nobody waits as long: jobs have limits of their own, and whoever leaves is noticed
_WORDS = LAST_WORDS | {NEWS}


class Events:
    """The events of a stream after number `after`; `numbered`, each with its number as its id. One that is not is a
    job's, and read from its beginning."""

    def __init__(
        self, services: Services, id: str, owner: str, *, after: int, headers: Sequence[Header], numbered: bool
    ) -> None:
        self.headers = [*headers, (STREAM_ID, id.encode())]
        self.over = False
        self._services, self._id, self._owner = services, id, owner
        self._after, self._numbered = after, numbered

    async def next(self) -> Sequence[bytes]:
        if self.over:
            return []
        try:
            read = await self._services.waits.found_when(
                self._look, _is_news, self._id, never, _LONGEST_S, words=_WORDS
            )
            if read.events:
                return self._told(read.events)
            self.over = True
            return await self._end(read)
        except GatewayError as error:
            self.over = True
            return [event(envelope(error).body)]

    async def _look(self) -> Read:
        try:
            return await self._services.store.chats.read(self._id, self._owner, self._after)
        except NotFound:
            if self._numbered:
                raise
        (job,) = await self._services.store.jobs.get(self._id)  # which may have waited longer than its stream is kept
        return Read([], over=False, ended=job is None or job.ended)

    async def _end(self, read: Read) -> Sequence[bytes]:
        """What is said when no more comes. A stream that has come to its own end has said so."""
        if read.over and not read.cut:
            return []
        if read.cut:
            return [problem(500, "stream_too_long", "the rest of this answer is not kept as a stream")]
        if not read.ended:
            return [problem(503, "stopping", f"the gateway stops; go on after event {self._after} of {self._id}")]
        (job,) = await self._services.store.jobs.get(self._id)
        if job is None:
            raise NotFound("the job was deleted meanwhile")
        if job.status == Status.SUCCEEDED and (is_told(job) or not self._after):
            return self._told(Chunks(job).whole(job.outputs)[self._after :])
        raise why_not(job) if job.status != Status.SUCCEEDED else EngineFailed(f"the rest is in the job {job.id}")

    def _told(self, events: Sequence[bytes]) -> Sequence[bytes]:
        first, self._after = self._after + 1, self._after + len(events)
        if not self._numbered:
            return events
        return [b"id: %d\n" % number + event for number, event in enumerate(events, first)]


@asynccontextmanager
async def answering(services: Services, job: Job, headers: Sequence[Header]) -> AsyncIterator[Events]:
    """For an `EventStream`: a job's answer from its beginning. What becomes of the job when its reader leaves, the
    catalog says."""
    events = Events(services, job.id, job.owner, after=0, headers=headers, numbered=False)
    try:
        yield events
    finally:
        model = services.catalog.models.get(job.model)
        if not events.over and model and model.on_disconnect == "cancel" and not services.waits.over:
            with suppress(RedisUnavailable):
                await services.store.jobs.cancel(job)


@asynccontextmanager
async def going_on(services: Services, id: str, owner: str, after: int) -> AsyncIterator[Events]:
    """For an `EventStream`: the rest of a stream, for whoever has had it up to event `after`. Raises NotFound."""
    await services.store.chats.read(id, owner, after)
    yield Events(services, id, owner, after=after, headers=(), numbered=True)


def _is_news(read: Read) -> bool:
    return bool(read.events or read.over or read.ended)
