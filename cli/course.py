"""How a job goes, told as it happens: by the event stream, or by asking again and again where there is none."""

import json
from collections.abc import Iterator, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Any
from urllib.parse import quote

from cli.client import Away, Refused
from cli.event_stream import EventStream, NoStream
from cli.session import Session

Job = dict[str, Any]
"""A public job, as the gateway shows it."""

SUCCEEDED = "succeeded"
_ENDS = {SUCCEEDED, "failed", "canceled", "expired"}
_POLL_S = 5
_TRIES = 2
"""How many streams in a row may break without a word."""


def ended(job: Job) -> bool:
    return "status" not in job or job["status"] in _ENDS  # a deleted job has no status


def job_path(id: str) -> str:
    return f"/v1/jobs/{quote(id, safe='')}"


def course(session: Session, id: str) -> Iterator[Job]:
    """The job as it is, and each time that it differs, until it has ended. Raises Refused if there is none such."""
    last = None
    for job in _looks(session, job_path(id)):
        if job != last:
            yield job
        if ended(job):
            return
        last = job


def courses(session: Session, ids: Sequence[str]) -> Iterator[Job]:
    """The courses of several jobs, as they come."""
    if len(ids) == 1:
        yield from course(session, ids[0])
        return
    heard: SimpleQueue[Job | Refused | None] = SimpleQueue()
    session.get("/v1/feed?limit=1")  # says what is wrong with gateway or key once, and not once a job

    def listen(id: str) -> None:
        try:
            for job in course(session, id):
                heard.put(job)
        except Refused as error:
            heard.put(error)
        heard.put(None)

    for id in ids:
        Thread(target=listen, args=[id], daemon=True).start()
    going = len(ids)
    while going:
        match heard.get():
            case None:
                going -= 1
            case Refused() as error:
                raise error
            case job:
                yield job


def _looks(session: Session, path: str) -> Iterator[Job]:
    """What is seen of a job, for ever. The same may be seen twice."""
    stream = EventStream(session.client, f"{path}/events")
    silent = 0
    while silent < _TRIES:
        yield session.get(path)  # which waits for a gateway that is away
        silent += 1
        try:
            with stream.open():
                for told in stream:
                    silent = 0
                    yield json.loads(told.data)["data"]
        except NoStream:
            break
        except Away:
            continue
    while True:
        yield session.get(f"{path}?wait={_POLL_S}")
