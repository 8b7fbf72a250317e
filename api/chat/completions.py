"""OpenAI's chat completions as jobs, by the built-in model or at accounts: whole, or as they are made; and the rest of
a stream, for whoever comes back."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec
from litestar import Router, get, post
from litestar.params import FromPath
from litestar.types import ASGIApp

from api.admission import NewJob, admit
from api.chat import examples
from api.chat.stream import HEARTBEAT, STREAM_ID, answering, going_on
from api.dialects import chat, chat_elsewhere
from api.dialects.chat import Completion
from api.openapi import KEYED
from api.operation import Caller, Operation, found_at, outcome, rendered
from api.reply import Header, job_headers, json_reply
from api.scope import header
from api.services import Call, Services, authenticate
from api.sse import EventStream
from api.upstreams import DIALECTS
from api.validation import parse_body
from api.wait import patience
from storage.catalog import ELSEWHERE, TALK, Model
from storage.completions import completion
from storage.errors import InvalidRequest, UnknownModel
from storage.job import Job

MAX_BODY_BYTES = 20_000_000
"""Pictures are refused by name, and not for their size."""

_LAST = "Last-Event-ID"
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


@post(
    "/completions",
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
    summary="Create chat completion",
    operation_class=examples.COMPLETE,
)
async def complete(request: Call) -> ASGIApp:
    """One or more answers; with `stream`, word by word. An answer that takes too long is a job by then."""
    caller = Caller.of(request)
    patient = patience(request.scope, caller.services.settings.wait_s)
    body = b"".join([chunk async for chunk in request.stream()])

    async def understand(raw: bytes) -> NewJob:
        return await _understood(caller, raw)

    job, replayed = await admit(request, body, understand)
    del body
    if job.request.get("streamed") is not True:
        return await outcome(request, COMPLETE, caller, job, patient, replayed=replayed)
    headers = [*job_headers(job, replayed=replayed), *patient.headers]
    if not job.ended:
        await caller.services.store.chats.begin(job.id, job.owner)
    if patient.wait_s <= 0:
        headers += [*found_at(caller, job), *_stream_id(caller, job)]
        return json_reply(await rendered(caller, job), status=202, headers=headers)
    return EventStream(answering(caller.services, job, headers), heartbeat=HEARTBEAT)


@get("/completions/{stream_id:str}/events", summary="Continue a stream", operation_class=examples.CONTINUE)
async def go_on(request: Call, stream_id: FromPath[str]) -> ASGIApp:
    """The events of a stream after one of them (`after`, or `Last-Event-ID`), for the caller whose stream it is.

    Each has its number as its id. Kept for 600 s after the last; of an answer that is relayed, for 120 s.
    """
    id = stream_id.removeprefix("chatcmpl-")
    return EventStream(going_on(Services.of(request), id, request.user.id, _after(request)))


def _after(request: Call) -> int:
    """The number of the last event that the caller has had. Raises InvalidRequest."""
    query = parse_qs(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    field = "after" if "after" in query else _LAST
    text = query["after"][-1] if "after" in query else header(request.scope, _LAST.lower().encode()) or "0"
    if not _NUMBER.fullmatch(text):
        raise InvalidRequest("the number of an event is wanted, 0 for all of them", field=field)
    return int(text)


class _Named(msgspec.Struct):
    model: Any = None


_named = msgspec.json.Decoder(_Named).decode
_content = msgspec.json.Decoder(dict[str, Any]).decode


async def _understood(caller: Caller, raw: bytes) -> NewJob:
    try:
        verbatim = _content(raw) if goes_elsewhere(caller, msgspec.structs.asdict(_named(raw))) else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # which is said better below
        verbatim = None
    return await conversation(caller, parse_body(Completion, raw) if verbatim is None else verbatim)


async def conversation(caller: Caller, body: Completion | Mapping[str, Any]) -> NewJob:
    """The job of a chat; of one that `goes_elsewhere`, by what was sent. Raises UnknownModel, InvalidRequest,
    ContextTooLong, TooLarge."""
    if isinstance(body, Completion):
        if _elsewhere(caller, body.model):
            raise InvalidRequest("the body cannot be passed on as JSON")
        return chat.converse(body, caller.services.catalog)
    found = _elsewhere(caller, body.get("model"))
    if found is None:  # it was served there a moment ago
        raise UnknownModel("nothing serves this model any more", field="model")
    return chat_elsewhere.converse(body, *found)


def goes_elsewhere(caller: Caller, body: Mapping[str, Any]) -> bool:
    """Whether accounts answer a chat. Raises InvalidRequest if there are some for its model, and none of them chats."""
    return _elsewhere(caller, body.get("model")) is not None


def _elsewhere(caller: Caller, named: Any) -> tuple[str, Model] | None:
    """A model that accounts serve, in the catalog or not."""
    catalog = caller.services.catalog
    if not isinstance(named, str | None):
        return None
    try:
        name, model = catalog.find(named, TALK)
    except UnknownModel:
        if not named or named in catalog.models:
            return None
        name, model = named, Model(TALK, ELSEWHERE)
    serving = caller.services.accounts.serving(name)
    if serving and not any(each.adapter in DIALECTS for each in serving):
        raise InvalidRequest("what serves this model does not chat", field="model")
    return (name, msgspec.structs.replace(model, engine=ELSEWHERE)) if serving else None


async def _answer(_caller: Caller, job: Job, _replayed: bool) -> dict[str, Any]:
    return completion(job)


def _stream_id(_caller: Caller, job: Job) -> list[Header]:
    return [(STREAM_ID, job.id.encode())] if job.request.get("streamed") is True else []


COMPLETE = Operation("/v1/chat/completions", _understood, _answer, headers=_stream_id, waits=True)
"""As a line of a batch has it: never as a stream."""

router = Router(
    "/v1/chat",
    route_handlers=[complete, go_on],
    before_request=authenticate,
    tags=["Chat"],
    security=KEYED,
)
