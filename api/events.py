"""Events as they happen: of one job, or of all of a caller's. The same as webhooks carry (`storage/events.py`)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import parse_qs

from litestar import Router, get, route
from litestar.params import FromPath
from litestar.types import ASGIApp

from api import examples
from api.jobs import chosen, own
from api.listeners import Listener, News, Wish
from api.openapi import KEYED
from api.operation import Caller
from api.reply import Header, Reply, job_headers
from api.scope import header
from api.services import Call, authenticate
from api.sse import HEADERS, MEDIA_TYPE, EventStream, frame, line
from storage.errors import InvalidRequest, NotFound
from storage.events import LAST_WORDS, TYPES, Event, event_types, job_of
from storage.feed import Gap, Place, Told
from storage.job import OFFERED, Job
from storage.public import iso

MISSED = "events.missed"
"""The one event that is about no job: the feed does not reach back to where the client has left it."""

_LAST = "Last-Event-ID"


@get("/jobs/{job_id:str}/events", summary="Watch a job", operation_class=examples.JOB_EVENTS)
async def of_job(request: Call, job_id: FromPath[str]) -> ASGIApp:
    """Its events from its beginning, then as they happen; the stream closes after its end."""
    return await _of_job(request, job_id)


@route("/jobs/{job_id:str}/events", http_method="HEAD", include_in_schema=False)
async def of_job_head(request: Call, job_id: FromPath[str]) -> ASGIApp:
    return await _of_job(request, job_id)


@get("/events", summary="Watch all jobs", operation_class=examples.EVENTS)
async def of_all(request: Call) -> ASGIApp:
    """Events of all of the caller's jobs as they happen, those of the past first if a place is named."""
    return EventStream(_all_events(Caller.of(request), *_asked(request)))


@route("/events", http_method="HEAD", include_in_schema=False)
async def of_all_head(request: Call) -> ASGIApp:
    return EventStream(_all_events(Caller.of(request), *_asked(request)))


router = Router(
    "/v1",
    route_handlers=[of_job, of_job_head, of_all, of_all_head],
    before_request=authenticate,
    tags=["Events"],
    security=KEYED,
)


async def _of_job(request: Call, job_id: str) -> ASGIApp:
    caller, job = Caller.of(request), await own(request, job_id)
    last = _last(request)
    if last and job_of(last) != job.id:
        raise InvalidRequest("is not the id of one of this job's events", field=_LAST)
    if not job.ended:
        return EventStream(_job_events(caller, job.id, last))
    frames, _ = await _past(caller, job, last)
    if not frames:
        return Reply(status=204)  # a browser's EventSource comes again and again until it is told so
    return Reply(b"".join(frames), media_type=MEDIA_TYPE, headers=[*HEADERS, *job_headers(job)])


async def _past(caller: Caller, job: Job, last: str | None) -> tuple[list[bytes], set[str]]:
    """What is told of a job's past to one who has the event `last`, and the words of all that has been."""
    store = caller.services.store
    course = await store.feed.course(job)
    (now,) = await store.jobs.get(job.id)  # once more: it must not be older than what is told of it
    frames = [_frame(caller, News(Told(Place(0, 0), event), now), event.id) for event in _after(last, course)]
    return frames, {event.words for event in course}


@asynccontextmanager
async def _job_events(caller: Caller, id: str, last: str | None) -> AsyncIterator["_JobEvents"]:
    """Raises NotFound if the job has been deleted by now, RedisUnavailable."""
    async with caller.services.listeners.listen(caller.owner, Wish(frozenset(TYPES), job=id)) as listener:
        (job,) = await caller.services.store.jobs.get(id)
        if job is None:
            raise NotFound("there is no such job")
        yield _JobEvents(caller, job_headers(job), listener, *await _past(caller, job, last))


class _JobEvents:
    """One job's: what has happened, then what happens, each event once, until its last."""

    def __init__(
        self, caller: Caller, headers: Sequence[Header], listener: Listener, past: Sequence[bytes], told: set[str]
    ) -> None:
        self.headers = headers
        self._caller, self._listener, self._past, self._told = caller, listener, past, told
        self._over = not told.isdisjoint(LAST_WORDS)

    async def next(self) -> Sequence[bytes]:
        frames, self._past = self._past, ()
        while not frames and not self._over:
            found = await self._listener.next()
            frames = [frame for news in found if (frame := self._fresh(news))]
            self._over |= not found
        return frames

    def _fresh(self, news: News | Gap) -> bytes | None:
        """Ends with a gap: whoever comes again is told from the record what the feed has no more."""
        if isinstance(news, Gap):
            self._over = True
        if isinstance(news, Gap) or self._over or news.event.words in self._told:
            return None
        self._told.add(news.event.words)
        self._over = news.event.words in LAST_WORDS
        return _frame(self._caller, news, news.event.id)


@asynccontextmanager
async def _all_events(caller: Caller, wish: Wish, place: Place | None) -> AsyncIterator["_AllEvents"]:
    """Raises RedisUnavailable."""
    async with caller.services.listeners.listen(caller.owner, wish, place) as listener:
        yield _AllEvents(caller, listener)


class _AllEvents:
    """A caller's, without an end. Its answer says in a header where it begins."""

    def __init__(self, caller: Caller, listener: Listener) -> None:
        self.headers: list[Header] = [(_LAST.lower().encode(), str(listener.place).encode())]
        self._caller, self._listener = caller, listener

    async def next(self) -> Sequence[bytes]:
        return [
            _missed(news) if isinstance(news, Gap) else _frame(self._caller, news, str(news.place))
            for news in await self._listener.next()
        ]


def _frame(caller: Caller, news: News, id: str) -> bytes:
    return frame(news.event.type, news.said(caller.services.public, caller.base_url), id)


def _missed(gap: Gap) -> bytes:
    """Has no id of a place in the feed: whoever is cut off after it is told once more."""
    body = {
        "object": "event",
        "id": f"evt_missed_{gap.since}_{gap.until}",
        "type": MISSED,
        "timestamp": iso(gap.until),
        "created_at": gap.until // 1000,
        "data": {"since": iso(gap.since), "until": iso(gap.until)},
    }
    return frame(MISSED, line(body))


def _after(last: str | None, course: list[Event]) -> list[Event]:
    """What came after the event `last`. If that is none of these: all of them but progress that is out of date."""
    ids = [event.id for event in course]
    if last in ids:
        return course[ids.index(last) + 1 :]
    outdated = [event for event in course if event.type == "job.progress"][:-1]
    return [event for event in course if event not in outdated]


def _query(request: Call) -> Mapping[str, list[str]]:
    return parse_qs(request.scope["query_string"].decode("latin-1"))


def _last(request: Call) -> str | None:
    """The last event that the client has. The header goes first: a client that comes again has it from the stream."""
    return header(request.scope, _LAST.lower().encode()) or _query(request).get("last_event_id", [None])[-1]


def _asked(request: Call) -> tuple[Wish, Place | None]:
    """What a caller wants to hear, and from where on (None: from now on). Raises InvalidRequest."""
    query = _query(request)
    types = [name for text in query.get("types", ()) for name in text.split(",") if name]
    wish = Wish(frozenset(event_types(types or ["job.*"], "types")), frozenset(chosen(query, "kinds", OFFERED)))
    if last := _last(request):
        place = Place.read(last)
        if place is None:
            raise InvalidRequest("is not an id that this stream gave", field=_LAST)
        return wish, place
    since = query.get("since", [""])[-1]
    return wish, _since(since) if since else None


def _since(text: str) -> Place:
    if place := Place.read(text):
        return place
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequest("an ISO 8601 time is wanted, or an id that this stream gave", field="since") from error
    return Place.before(int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000))
