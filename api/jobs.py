"""Our own surface: jobs submitted, read, waited for, cancelled, deleted, listed, whichever dialect they came in by."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qs
from uuid import UUID

from litestar import Router, delete, get, post
from litestar.params import FromPath
from litestar.types import ASGIApp
from pydantic import BaseModel

from api import examples, suno
from api.admission import NewJob, Terms, webhook
from api.chat import completions
from api.dialects.chat import Completion
from api.dialects.speech import Speech
from api.dialects.suno import Concat, Generate
from api.inputs import MAX_BODY_BYTES
from api.jobs_body import Submission
from api.openapi import KEYED
from api.operation import Caller, Operation, found_at, rendered, respond
from api.recordings import transcriptions
from api.reply import job_headers, json_reply
from api.services import Call, Services, authenticate
from api.speech import surface as speech
from api.validation import parse_body, parse_value
from api.wait import patience
from api.webui import surface as webui
from storage.errors import AlreadyEnded, InvalidRequest, NotFound, ObjectsUnavailable, RequestError
from storage.events import LAST_WORDS
from storage.ids import is_job_id
from storage.job import OFFERED, Job, Kind, PublicStatus
from storage.media import job_prefix

MAX_PAGE = 100
_PAGE = 20


def _never(_caller: Caller, _content: Mapping[str, Any]) -> bool:
    return False


class _Reader(NamedTuple):
    """How a kind's input is understood. `names`: where it names its model. `as_sent`: whether it is read as it came,
    and not as a `body`."""

    body: type[BaseModel]
    read: Callable[[Caller, Any], Awaitable[NewJob]]
    names: str
    as_sent: Callable[[Caller, Mapping[str, Any]], bool] = _never


async def _song(caller: Caller, body: Generate) -> NewJob:
    return await suno.generation(caller.services, caller.owner, body)


async def _whole(caller: Caller, body: Concat) -> NewJob:
    return await suno.concatenation(caller.services, caller.owner, body)


_READERS: Mapping[Kind, _Reader] = {
    Kind.MUSIC_GENERATE: _Reader(Generate, _song, "mv"),
    Kind.MUSIC_EXTEND: _Reader(Generate, _song, "mv"),
    Kind.MUSIC_CONCAT: _Reader(Concat, _whole, "mv"),
    Kind.SPEECH: _Reader(Speech, speech.spoken_text, "model"),
    Kind.CHAT: _Reader(Completion, completions.conversation, "model", completions.goes_elsewhere),
    **{
        kind: _Reader(*reader, "upscaler_1" if kind == Kind.IMAGE_UPSCALE else "model")
        for kind, reader in (*webui.READERS.items(), *transcriptions.READERS.items())
    },
}


def input_model(kind: Kind) -> type[BaseModel]:
    """What the input of a kind is checked against."""
    return _READERS[kind].body


@post(
    "/jobs",
    status_code=202,
    request_max_body_size=MAX_BODY_BYTES,
    summary="Submit a job",
    operation_class=examples.SUBMIT,
)
async def submit(request: Call) -> ASGIApp:
    """Any kind. `input` is what the kind's own dialect takes."""
    return await respond(request, SUBMIT)


@get("/jobs/{job_id:str}", summary="Read a job", operation_class=examples.READ)
async def read(request: Call, job_id: FromPath[str]) -> ASGIApp:
    """The job as it stands; with `wait`, as soon as it has ended, and at the latest when that time is up."""
    wait_s, applied = patience(request.scope)
    id = (await own(request, job_id)).id
    waits = Services.of(request).waits
    job = await waits.job_when(lambda job: job.ended, id, request.receive, wait_s, words=LAST_WORDS)
    if job is None:
        raise NotFound("there is no such job")
    return json_reply(await rendered(Caller.of(request), job), headers=[*job_headers(job), *applied])


@post("/jobs/{job_id:str}/cancel", status_code=200, summary="Cancel a job", operation_class=examples.CANCEL)
async def cancel(request: Call, job_id: FromPath[str]) -> ASGIApp:
    """It ends at once, and whoever works on it is told. What is stored by then stays. Once more is as good as once."""
    job = await own(request, job_id)
    if not await Services.of(request).store.jobs.cancel(job):
        job = await own(request, job_id)
        raise AlreadyEnded(f"this job has ended: it is {job.public_status}")
    job = await own(request, job_id)
    return json_reply(await rendered(Caller.of(request), job), headers=job_headers(job))


@delete("/jobs/{job_id:str}", status_code=204, summary="Delete a job", operation_class=examples.ERASE)
async def erase(request: Call, job_id: FromPath[str]) -> None:
    """Its record and its media, whatever its state."""
    job = await own(request, job_id)
    services = Services.of(request)
    await services.store.jobs.forget(job)
    with suppress(ObjectsUnavailable):  # upkeep erases the media once more in any case
        await services.objects.delete_prefix(job_prefix(job.id))


@get("/feed", summary="List jobs", operation_class=examples.LIST)
async def feed(request: Call) -> ASGIApp:
    """The caller's jobs, newest first."""
    query = parse_qs(request.scope["query_string"].decode("latin-1"))
    caller = Caller.of(request)
    page = await caller.services.store.jobs.page(
        caller.owner,
        cursor=query.get("cursor", [None])[-1],
        limit=page_limit(query),
        kinds=chosen(query, "kind", OFFERED),
        statuses=chosen(query, "status", [*PublicStatus]),
    )
    data = await asyncio.gather(*(rendered(caller, job) for job in page.jobs))
    return json_reply({"object": "list", "data": data, "next_cursor": page.cursor})


async def _understood(caller: Caller, raw: bytes) -> NewJob:
    """What the kind's dialect makes of the input, on the caller's terms. Errors name fields inside `input`."""
    asked = parse_body(Submission, raw)
    terms = _terms(asked, caller)
    reader = _READERS[asked.kind]
    named = asked.input.get(reader.names)
    if asked.model and named not in (None, "", asked.model):
        raise InvalidRequest(f"is not the model that the input names as {reader.names}", field="model")
    content = {**asked.input, reader.names: asked.model} if asked.model else asked.input
    try:
        as_sent = reader.as_sent(caller, content)
        new = await reader.read(caller, content if as_sent else parse_value(reader.body, content, "input"))
    except RequestError as error:
        if error.field:
            error.field = "model" if asked.model and error.field == reader.names else f"input.{error.field}"
        raise
    if new.kind != asked.kind:
        raise InvalidRequest(
            f"this input is one of {new.kind}: what tells them apart is continue_clip_id", field="kind"
        )
    if asked.model and new.name != asked.model:
        raise InvalidRequest(f"the clip was made by {new.name}, and so is this", field="model")
    return new._replace(terms=terms)


def _terms(asked: Submission, caller: Caller) -> Terms:
    return Terms(
        priority=asked.priority if "priority" in asked.model_fields_set else None,
        start_within_s=asked.start_within_s or 0.0,
        run_s=asked.run_within_s or 0,
        keep_s=asked.keep_s or 0,
        metadata=asked.metadata,
        webhook=webhook(caller.services.guard, caller.base_url, asked.webhook, asked.webhook_events),
    )


async def _accepted(caller: Caller, job: Job, _replayed: bool) -> dict[str, Any]:
    return await rendered(caller, job)


SUBMIT = Operation("/v1/jobs", _understood, _accepted, status=202, headers=found_at)


async def own(request: Call, job_id: str) -> Job:
    """The caller's job of that id. Raises NotFound, for anyone else's too."""
    id = _as_written(job_id)
    if is_job_id(id):
        (job,) = await Services.of(request).store.jobs.get(id)
        if job is not None and job.owner == request.user.id:
            return job
    raise NotFound("there is no such job")


def _as_written(id: str) -> str:
    """A UUID in the one spelling that we use, whichever it came in; what is none, as it is."""
    try:
        return str(UUID(id))
    except ValueError:
        return id


def page_limit(query: Mapping[str, list[str]], usual: int = _PAGE, most: int = MAX_PAGE) -> int:
    """How much a page is to hold. Raises InvalidRequest."""
    text = query.get("limit", [str(usual)])[-1]
    if not re.fullmatch(r"\d{1,5}", text, re.ASCII) or not 1 <= int(text) <= most:
        raise InvalidRequest(f"a number from 1 to {most} is wanted", field="limit")
    return int(text)


Word = TypeVar("Word", Kind, PublicStatus)


def chosen(query: Mapping[str, list[str]], name: str, words: Sequence[Word]) -> list[Word]:
    """The values of a parameter that may be given more than once, or with commas."""
    known = {word.value: word for word in words}
    try:
        return [known[word] for text in query.get(name, ()) for word in text.split(",") if word]
    except KeyError:
        raise InvalidRequest(f"one of these is wanted: {', '.join(known)}", field=name) from None


router = Router(
    "/v1",
    route_handlers=[submit, read, cancel, erase, feed],
    before_request=authenticate,
    tags=["Jobs"],
    security=KEYED,
)
