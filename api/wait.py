"""Waiting for a job on behalf of a caller, as long as the caller is still there. Never by polling."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Container
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qs

from litestar.types import Receive

from api.reply import Header
from api.scope import header
from storage.errors import InvalidRequest
from storage.job import Job
from storage.keys import job_channel
from storage.store import Store

MAX_WAIT_S = 300.0
"""The longest that one request may wait for the end of a job."""

_SECONDS = re.compile(r"\d{1,3}(\.\d+)?", re.ASCII)
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,9})", re.ASCII | re.IGNORECASE)
_ASYNC = re.compile(r"(?:^|[,;\s])respond-async(?:$|[,;\s=])", re.IGNORECASE)


Found = TypeVar("Found")


class Patience(NamedTuple):
    """How long a caller would wait, in seconds, and the headers that say what was made of that wish."""

    wait_s: float
    headers: list[Header]


def patience(scope: Any, usual_s: float = 0.0) -> Patience:
    """By `?wait=`, else by `Prefer: wait=` and `respond-async` (RFC 7240), else as usual. Raises InvalidRequest."""
    query = parse_qs(scope["query_string"].decode("latin-1"))
    if "wait" in query:
        text = query["wait"][-1]
        if not _SECONDS.fullmatch(text) or float(text) > MAX_WAIT_S:
            raise InvalidRequest(f"a number of seconds from 0 to {MAX_WAIT_S:g} is wanted", field="wait")
        return Patience(float(text), [])
    preferred = header(scope, b"prefer") or ""
    wait, at_once = _WAIT.search(preferred), _ASYNC.search(preferred)
    if not wait and not at_once:
        return Patience(usual_s, [])
    wait_s = min(int(wait[1]), int(MAX_WAIT_S)) if wait else 0
    applied = [b"respond-async"] if at_once else []
    applied += [b"wait=%d" % wait_s] if wait else []
    return Patience(wait_s, [(b"preference-applied", b", ".join(applied)), (b"vary", b"Prefer")])


@asynccontextmanager
async def while_connected(receive: Receive, timeout_s: float | None = None) -> AsyncIterator[asyncio.Timeout]:
    """Runs its body until that is done, `timeout_s` has passed or the client has left; then goes on after it.

    The request's own body must have been read, or be none.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s) as limit:
            watcher = asyncio.create_task(_end_when_left(receive, limit))
            try:
                yield limit
            finally:
                watcher.cancel()


async def _end_when_left(receive: Receive, limit: asyncio.Timeout) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    _end(limit)


def _end(limit: asyncio.Timeout) -> None:
    if not limit.expired():
        limit.reschedule(0)


class Waits:
    """The requests of one process that wait for jobs. `over`: the server stops."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._limits: set[asyncio.Timeout] = set()
        self.over = False

    async def job_when(
        self,
        enough: Callable[[Job], bool],
        id: str,
        receive: Receive,
        timeout_s: float,
        *,
        words: Container[str] | None = None,
    ) -> Job | None:
        """The job as soon as it is `enough`, or as it is when the time is up or the client gone; None if there is none.

        `words`: the news (`storage/events.py`) after which it may be enough; any, if None.
        """

        async def look() -> Job | None:
            (job,) = await self._store.jobs.get(id)
            return job

        return await self.found_when(look, lambda job: job is None or enough(job), id, receive, timeout_s, words=words)

    async def found_when(
        self,
        look: Callable[[], Awaitable[Found]],
        enough: Callable[[Found], bool],
        id: str,
        receive: Receive,
        timeout_s: float,
        *,
        words: Container[str] | None = None,
    ) -> Found:
        """The same of whatever a `look` finds that changes with a job."""
        found = await look()
        if enough(found) or timeout_s <= 0 or self.over:
            return found
        async with (
            self._store.signals.watch(job_channel(id)) as changed,
            while_connected(receive, timeout_s) as limit,
        ):
            self._limits.add(limit)
            try:
                while True:
                    found = await look()
                    if enough(found) or self.over:  # a stop may have come before the limit was listed
                        break
                    while await changed.wait():
                        news = changed.take()
                        if words is None or not news or any(what.partition(" ")[0] in words for what in news):
                            break
            finally:
                self._limits.discard(limit)
        return found

    def end(self) -> None:
        """The server stops: nobody waits any longer. What was asked for goes on, and can be asked after."""
        self.over = True
        for limit in self._limits:
            _end(limit)
