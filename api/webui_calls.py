"""WebUI requests that make a job and wait for it, found again by "what runs now" for as long as they do."""

import base64
from collections.abc import Mapping
from functools import partial
from typing import cast

from litestar.types import ASGIApp

from api.admission import admit
from api.dialects.webui import DIALECT
from api.dialects.webui_models import Means
from api.operation import Caller, Operation, outcome
from api.services import Call, Services
from api.wait import patience
from storage.errors import RequestError
from storage.job import Job, Output
from storage.options import Options
from storage.underway import Underway

MOST_READ = 64_000_000
"""Bytes of one result: a PNG of the largest size takes a quarter."""


async def means(caller: Caller) -> Means:
    """What it takes to understand a caller's request."""
    services = caller.services
    return Means(services.catalog, services.guard, await options(services).get(caller.owner, DIALECT))


def options(services: Services) -> Options:
    return Options(services.store.redis)


def underway(services: Services) -> Underway:
    return Underway(services.store.redis, services.store.jobs)


async def respond(request: Call, operation: Operation, fields: Mapping[str, str]) -> ASGIApp:
    """As `api.operation.respond`, but the job is under way meanwhile. `fields`: the engine's names, the caller's."""
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
    except RequestError as error:
        error.field = fields.get(error.field, error.field) if error.field else None
        await index.remove(job)
        raise
    if getattr(answered, "status", 0) == operation.status:
        await index.remove(job)
    return answered


def _task(job: Job) -> str:
    return cast(str, job.request[DIALECT].get("given", {}).get("force_task_id", ""))


async def read(caller: Caller, output: Output) -> bytes:
    """A stored picture. Raises ObjectMissing, ObjectsUnavailable."""
    return await caller.services.objects.get_bytes(str(output.object_key), limit_bytes=MOST_READ)


async def picture_of(caller: Caller, job: Job) -> str:
    """The one picture that a job has made, in Base64. Raises ObjectMissing, ObjectsUnavailable."""
    return base64.b64encode(await read(caller, job.output(1))).decode()
