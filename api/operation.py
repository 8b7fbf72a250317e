"""A POST that makes a job, apart from its HTTP: what its body asks for, and what is answered about the job.

So a line of a batch is read and answered as the request itself would be.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from litestar.types import ASGIApp

from api.admission import NewJob, admit
from api.reply import Header, job_headers, json_reply, reply
from api.services import Call, Services
from api.settings import ApiSettings
from api.wait import Patience, patience
from storage.errors import Canceled, DeadlinePassed, EngineFailed, GatewayError, Gone, RequestError
from storage.events import LAST_WORDS
from storage.job import Job, Status
from storage.public import waits

POLL_S = 2
"""How soon a caller that polls should come again."""


class Caller(NamedTuple):
    """On whose behalf something is done: whose jobs (`owner`), and what links in the answer start with."""

    services: Services
    owner: str
    base_url: str

    @classmethod
    def of(cls, request: Call) -> "Caller":
        services = Services.of(request)
        return cls(services, request.user.id, services.base_url(request))


def _no_headers(_caller: Caller, _job: Job) -> Sequence[Header]:
    return ()


def _as_usual_s(settings: ApiSettings) -> float:
    return settings.wait_s


class Operation(NamedTuple):
    """`path` is without a slash at its end. `understand` takes a body, and raises what is wrong with it; `answer` gives
    the body of the answer about a job, fresh or `replayed`: a value, or `Encoded`.

    Where the protocol `waits`, for `wait_s` if the request does not say, only a job that has succeeded is answered
    about; if it is `interruptible`, also one that was canceled, with what there is by then. `fields`: what the engine
    calls a field → what callers do.
    """

    path: str
    understand: Callable[[Caller, bytes], Awaitable[NewJob]]
    answer: Callable[[Caller, Job, bool], Awaitable[Any]]
    status: int = 200
    headers: Callable[[Caller, Job], Sequence[Header]] = _no_headers
    waits: bool = False
    wait_s: Callable[[ApiSettings], float] = _as_usual_s
    interruptible: bool = False
    fields: Mapping[str, str] = {}


async def respond(request: Call, operation: Operation, body: bytes | None = None) -> ASGIApp:
    """Admit what the request asks for, and answer it. `body`: what stands for the request's own."""
    caller = Caller.of(request)
    patient = patience(request.scope, operation.wait_s(caller.services.settings)) if operation.waits else None
    body = b"".join([chunk async for chunk in request.stream()]) if body is None else body
    job, replayed = await admit(request, body, partial(operation.understand, caller))
    del body  # which may be large, and the wait long
    if patient:
        return await outcome(request, operation, caller, job, patient, replayed=replayed)
    headers = [*job_headers(job, replayed=replayed), *operation.headers(caller, job)]
    return reply(await operation.answer(caller, job, replayed), status=operation.status, headers=headers)


async def outcome(
    request: Call, operation: Operation, caller: Caller, job: Job, patient: Patience, *, replayed: bool
) -> ASGIApp:
    """What came of a job; or the job itself, for a caller who would not wait as long as it takes."""
    waiting = caller.services.waits
    now = await waiting.job_when(_ended, job.id, request.receive, patient.wait_s, words=LAST_WORDS)
    if now is None:
        raise Gone("the job was deleted while it was waited for")
    headers = [*job_headers(now, replayed=replayed), *patient.headers]
    if not now.ended:
        return json_reply(await rendered(caller, now), status=202, headers=[*headers, *found_at(caller, now)])
    if now.status == Status.SUCCEEDED or (now.status == Status.CANCELED and operation.interruptible):
        headers += operation.headers(caller, now)
        return reply(await operation.answer(caller, now, replayed), status=operation.status, headers=headers)
    error = why_not(now)
    if isinstance(error, RequestError) and error.field:
        error.field = operation.fields.get(error.field, error.field)
    raise error


def _ended(job: Job) -> bool:
    return job.ended


def why_not(job: Job) -> GatewayError:
    """The error of a job that has ended without success."""
    if job.status == Status.CANCELED:
        return Canceled("the job was canceled")
    if job.error:
        return job.error.error()
    return (
        DeadlinePassed("the job did not end in its time") if job.status == Status.EXPIRED else EngineFailed("it failed")
    )


async def rendered(caller: Caller, job: Job) -> dict[str, Any]:
    """The public job, with its place while it waits."""
    services = caller.services
    place = await services.store.jobs.place(job.id) if waits(job) else None
    return services.public.render(job, base_url=caller.base_url, place=place)


def found_at(caller: Caller, job: Job) -> list[Header]:
    """Where a job can be asked after, and when."""
    return [(b"location", f"{caller.base_url}/v1/jobs/{job.id}".encode()), (b"retry-after", b"%d" % POLL_S)]
