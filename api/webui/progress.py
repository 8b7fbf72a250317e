"""What runs now, and to end it: WebUI has one job at a time, and callers here see their own."""

import re
from typing import Any
from urllib.parse import parse_qs

from litestar import get, post
from litestar.types import ASGIApp

from api.dialects.webui.answers import stored
from api.dialects.webui.bodies import DIALECT
from api.dialects.webui.progress import TaskProgress, progress, task_progress
from api.operation import Caller
from api.reply import job_headers, json_reply
from api.results import read
from api.services import Call, Services
from api.validation import parse_body
from api.webui import examples
from api.webui.calls import underway
from storage.errors import InvalidRequest, ObjectMissing
from storage.job import Job

MAX_TASKS = 100
_MAX_PREVIEW_BYTES = 2_000_000
_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off", "")


@get("/progress", summary="Progress", operation_class=examples.PROGRESS)
async def now(request: Call) -> ASGIApp:
    """How far this caller's own job is: the one that runs, else the next. Idle, if there is none."""
    skips = _switch(request, "skip_current_image")
    caller = Caller.of(request)
    job = await underway(caller.services).now(caller.owner)
    picture = await _picture(caller, job) if job and not skips else None
    return json_reply(progress(job, picture), headers=job_headers(job) if job else ())


@post("/interrupt", status_code=200, summary="Interrupt", operation_class=examples.INTERRUPT)
async def interrupt(request: Call) -> ASGIApp:
    """End this caller's own requests, whether they run or wait. Each is answered with what there is by then."""
    services = Services.of(request)
    async for job in underway(services).each(request.user.id):
        await services.store.jobs.cancel(job)
    return json_reply({})


@post("/skip", status_code=200, summary="Skip", operation_class=examples.SKIP)
async def skip() -> ASGIApp:
    """Nothing: a picture that is begun is finished."""
    return json_reply(None)


@post("/progress", status_code=200, summary="Progress of a task", operation_class=examples.TASK)
async def task(request: Call) -> ASGIApp:
    """How far the request is that was sent with this `force_task_id`."""
    asked = parse_body(TaskProgress, await request.body())
    caller = Caller.of(request)
    job = await underway(caller.services).named(caller.owner, asked.id_task) if asked.id_task else None
    if job is None:
        return json_reply(task_progress(None, None, None))
    picture = await _picture(caller, job) if asked.live_preview and not job.ended else None
    return json_reply(task_progress(job, picture, await _waiting(caller, job)), headers=job_headers(job))


@get("/pending-tasks", summary="Tasks under way", operation_class=examples.TASKS)
async def tasks(request: Call) -> ASGIApp:
    """What this caller's requests under way were called by `force_task_id`; ids of jobs, where they were not."""
    found: list[str] = []
    async for job in underway(Services.of(request)).each(request.user.id):
        found.append(job.request[DIALECT].get("given", {}).get("force_task_id") or job.id)
        if len(found) == MAX_TASKS:
            break
    return json_reply({"size": len(found), "tasks": found})


async def _picture(caller: Caller, job: Job) -> bytes | None:
    """What a job's picture looks like so far; else the last one that is finished."""
    preview = await caller.services.store.jobs.preview(job.id)
    if preview:
        return preview
    finished = stored(job)
    if not finished or (finished[-1].size_bytes or 0) > _MAX_PREVIEW_BYTES:
        return None
    try:
        return await read(caller, finished[-1])
    except ObjectMissing:
        return None


async def _waiting(caller: Caller, job: Job) -> tuple[int, int] | None:
    if job.started or job.ended:
        return None
    place = await caller.services.store.jobs.place(job.id)
    return None if place.ahead is None else (place.ahead + 1, place.ahead + 1)


def _switch(request: Call, name: str) -> bool:
    query: dict[str, Any] = parse_qs(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    text = re.sub(r"\s", "", query.get(name, [""])[-1]).lower()
    if text not in (*_TRUE, *_FALSE):
        raise InvalidRequest("true or false is wanted", field=name)
    return text in _TRUE


HANDLERS = (now, interrupt, skip)
INTERNAL = (task, tasks)
