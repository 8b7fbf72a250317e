"""All of a caller's jobs as they change, for as long as somebody wants to know."""

import json
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from cli.client import Away
from cli.course import Job
from cli.event_stream import EventStream, NoStream
from cli.session import Session

_POLL_S = 2.0
_REMEMBERED = 10_000
_PAGE = 100
_TRIES = 3
"""How many streams in a row may break without a word."""


def changes(session: Session, kinds: Sequence[str], statuses: Sequence[str], limit: int) -> Iterator[Job]:
    """The newest jobs, oldest first, and then each as it changes, for ever."""
    feed = _Feed(session, kinds, statuses)
    stream = EventStream(session.client, "/v1/events")
    silent = 0
    while silent < _TRIES:
        silent += 1
        try:
            with stream.open():
                yield from feed.news(limit)  # after the stream has begun, so that nothing falls in between
                for told in stream:
                    silent = 0
                    if told.type.startswith("job."):
                        yield from feed.changed(json.loads(told.data)["data"])
                    else:  # there is a gap in what the stream can tell
                        yield from feed.news(limit)
        except NoStream:
            break
        except Away:
            yield from feed.news(limit)  # which waits for a gateway that is away
    while True:
        yield from feed.news(limit)
        time.sleep(_POLL_S)


class _Feed:
    """What was told already, so that it is not told again."""

    def __init__(self, session: Session, kinds: Sequence[str], statuses: Sequence[str]) -> None:
        self._session, self._kinds, self._statuses = session, kinds, statuses
        self._told: OrderedDict[str, Any] = OrderedDict()

    def news(self, limit: int) -> Iterator[Job]:
        words = [("kind", kind) for kind in self._kinds] + [("status", status) for status in self._statuses]
        query = urlencode([*words, ("limit", str(min(limit, _PAGE)))])
        for job in reversed(self._session.get(f"/v1/feed?{query}")["data"]):
            yield from self.changed(job)

    def changed(self, job: Job) -> Iterator[Job]:
        """The job, if it is one of those asked for, and not as it was."""
        look = (job.get("status"), job.get("stage"), job.get("progress"))
        if self._told.get(job["id"]) == look or not self._wanted(job):
            return
        self._told[job["id"]] = look
        self._told.move_to_end(job["id"])
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        yield job

    def _wanted(self, job: Job) -> bool:
        if "status" not in job:
            return job["id"] in self._told
        return job["kind"] in (self._kinds or [job["kind"]]) and job["status"] in (self._statuses or [job["status"]])
