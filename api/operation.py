"""A POST that makes a job, apart from its HTTP: what its body asks for, and what is answered about the job.

So a line of a batch is read and answered as the request itself would be.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from litestar.types import ASGIApp

from api.admission import NewJob, admit
from api.reply import Header, job_headers, json_reply
from api.services import Call, Services
from storage.job import Job


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


class Operation(NamedTuple):
    """`path` is without a slash at its end. `understand` takes a body, and raises what is wrong with it; `answer` gives
    the body of the answer about a job, fresh or `replayed`."""

    path: str
    understand: Callable[[Caller, bytes], Awaitable[NewJob]]
    answer: Callable[[Caller, Job, bool], Awaitable[Any]]
    status: int = 200
    headers: Callable[[Caller, Job], Sequence[Header]] = _no_headers


async def respond(request: Call, operation: Operation) -> ASGIApp:
    """Admit what the request asks for, and answer it."""
    caller = Caller.of(request)
    job, replayed = await admit(request, partial(operation.understand, caller))
    headers = [*job_headers(job, replayed=replayed), *operation.headers(caller, job)]
    return json_reply(await operation.answer(caller, job, replayed), status=operation.status, headers=headers)
