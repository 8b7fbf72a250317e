"""WebUI requests that make a job and wait for it, found again by "what runs now" for as long as they do."""

from functools import partial
from typing import cast

from litestar.types import ASGIApp

from api.admission import admit
from api.dialects.webui.bodies import DIALECT
from api.dialects.webui.models import Means
from api.operation import Caller, Operation, outcome
from api.services import Call, Services
from api.wait import patience
from storage.errors import RequestError
from storage.job import Job
from storage.options import Options
from storage.underway import Underway


async def means(caller: Caller) -> Means:
    """What it takes to understand a caller's request."""
    services = caller.services
    return Means(services.catalog, services.guard, await options(services).get(caller.owner, DIALECT))


def options(services: Services) -> Options:
    return Options(services.store.redis)


def underway(services: Services) -> Underway:
    return Underway(services.store.redis, services.store.jobs)


async def respond(request: Call, operation: Operation) -> ASGIApp:
    """As `api.operation.respond`, but the job is under way meanwhile."""
    caller = Caller.of(request)
    patient = patience(request.scope, caller.services.settings.wait_s)
    body = b"".join([chunk async for chunk in request.stream()])
    job, replayed = await admit(request, body, partial(operation.understand, caller))
    del body
    index = underway(caller.services)
    if not job.ended:
        await index.add(job, _task(job))
    try:
        answered = await outcome(request, operation, caller, job, patient, replayed=replayed)
    except RequestError:
        await index.remove(job)
        raise
    if getattr(answered, "status", 0) == operation.status:
        await index.remove(job)
    return answered


def _task(job: Job) -> str:
    return cast(str, job.request[DIALECT].get("given", {}).get("force_task_id", ""))
