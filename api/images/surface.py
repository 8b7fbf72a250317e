"""OpenAI's images: made from words, edited, varied. Pictures come in forms or in JSON; one reader serves both."""

import asyncio
from functools import partial
from typing import Any

from litestar import Router, post
from litestar.types import ASGIApp

from api.admission import NewJob, admit
from api.dialects import images
from api.dialects.images_answer import Shown, answer, inline, pictures
from api.forms import json_of_form
from api.images import examples, stream
from api.images.pictures import the_picture, the_pictures
from api.inputs import MAX_BODY_BYTES
from api.openapi import KEYED
from api.operation import Caller, Operation, respond
from api.results import read_base64
from api.services import Call, authenticate
from api.sse import EventStream
from api.validation import parse_body
from storage.job import Job, Output

MAX_WORDS_BYTES = 1_000_000
"""Of a body that holds no picture."""


@post(
    "/generations",
    status_code=200,
    request_max_body_size=MAX_WORDS_BYTES,
    summary="Create image",
    operation_class=examples.GENERATE,
)
async def generations(request: Call) -> ASGIApp:
    """Pictures from a prompt. The answer comes when they are made, or after 300 s as the job that makes them."""
    return await _answered(request, GENERATE)


@post(
    "/edits",
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
    summary="Create image edit",
    operation_class=examples.EDIT,
)
async def edits(request: Call) -> ASGIApp:
    """A picture changed as a prompt says; with a mask, where that is transparent."""
    return await _answered(request, EDIT, await json_of_form(request, many=["image"], one=["mask"]))


@post(
    "/variations",
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
    summary="Create image variation",
    operation_class=examples.VARY,
)
async def variations(request: Call) -> ASGIApp:
    """Pictures like another."""
    return await respond(request, VARY, await json_of_form(request, many=["image"], one=[]))


async def _answered(request: Call, operation: Operation, form: bytes | None = None) -> ASGIApp:
    """The pictures, or the stream of them; `form`: what stands for the request's own body."""
    body = b"".join([chunk async for chunk in request.stream()]) if form is None else form
    if not stream.is_wanted(body):
        answering = respond(request, operation, body)
        del body, form  # which may be large, and the wait long
        return await answering
    caller = Caller.of(request)
    job, replayed = await admit(request, body, partial(operation.understand, caller))
    return EventStream(stream.making(caller, job, partial(read_base64, caller), replayed=replayed))


async def _generation(caller: Caller, body: bytes) -> NewJob:
    return images.generate(parse_body(images.Generation, body), caller.services.catalog)


async def _edit(caller: Caller, body: bytes) -> NewJob:
    asked = parse_body(images.Edit, body)
    return images.edit(asked, await the_pictures(caller, asked), caller.services.catalog)


async def _variation(caller: Caller, body: bytes) -> NewJob:
    asked = parse_body(images.Variation, body)
    return images.vary(asked, await the_picture(caller, asked), caller.services.catalog)


async def _pictures(caller: Caller, job: Job, _replayed: bool) -> dict[str, Any]:
    return answer(job, await asyncio.gather(*(_shown(caller, job, output) for output in pictures(job))))


async def _shown(caller: Caller, job: Job, output: Output) -> Shown:
    if not inline(job):
        return Shown(output, url=caller.services.public.url(job, output, caller.base_url))
    return Shown(output, b64_json=await read_base64(caller, output))


GENERATE = Operation("/v1/images/generations", _generation, _pictures, waits=True)
EDIT = Operation("/v1/images/edits", _edit, _pictures, waits=True)
VARY = Operation("/v1/images/variations", _variation, _pictures, waits=True)
OPERATIONS = (GENERATE, EDIT, VARY)


router = Router(
    "/v1/images",
    route_handlers=[generations, edits, variations],
    before_request=authenticate,
    tags=["Images"],
    security=KEYED,
)
