"""OpenAI's speech: a text read aloud, heard while the rest of it is being made."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp

from api.admission import NewJob, admit
from api.dialects import speech
from api.dialects.speech import Speech
from api.media import Download
from api.openapi import KEYED
from api.operation import Caller, Operation, found_at, rendered, why_not
from api.ranges import File
from api.reply import Header, job_headers, json_reply
from api.scope import header
from api.services import Call, Services, authenticate
from api.speech import examples
from api.speech.stream import AudioStream, Sound, spoken
from api.sse import HEADERS, EventStream
from api.validation import parse_body
from api.wait import patience
from storage.job import Job, Status
from storage.voices import voices

MAX_BODY_BYTES = 1_000_000

_VOICES = {"object": "list", "voices": voices()}
_JSON = {"", "application/json", "text/json", "text/plain", "application/octet-stream"}


@post(
    "/speech",
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
    before_request=authenticate,
    security=KEYED,
    summary="Create speech",
    operation_class=examples.SPEAK,
)
async def speak(request: Call) -> ASGIApp:
    """The sound of a text, from its first sentence on; after 300 s without one, the job that makes it."""
    caller = Caller.of(request)
    patient = patience(request.scope, caller.services.settings.wait_s)
    _check_kind(request)
    body = b"".join([chunk async for chunk in request.stream()])
    understand = partial(_understood, caller, streamed=patient.wait_s > 0)
    job, replayed = await admit(request, body, understand)
    sound = Sound(caller.services, job)
    begun = await sound.begin(request.receive, patient.wait_s)
    headers = [*job_headers(sound.job, replayed=replayed), *patient.headers]
    if begun or sound.job.status == Status.SUCCEEDED:
        return await _heard(caller.services, sound, headers, begun=begun)
    if sound.job.ended:
        raise why_not(sound.job)
    return json_reply(await rendered(caller, sound.job), status=202, headers=[*headers, *found_at(caller, sound.job)])


def _check_kind(request: Call) -> None:
    kind = (header(request.scope, b"content-type") or "").partition(";")[0].strip().lower()
    if kind not in _JSON and not kind.endswith("+json"):
        raise HTTPException(status_code=415, detail="send application/json")


async def _heard(services: Services, sound: Sound, headers: Sequence[Header], *, begun: bool) -> ASGIApp:
    """The sound in the way that was asked for: as it comes, or whole, if it is whole already."""
    job = sound.job
    if speech.wants_events(job):
        return EventStream(spoken(sound, headers))
    headers = [*headers, (b"content-type", speech.content_type(job).encode())]
    if begun:
        return AudioStream(sound, [*headers, *HEADERS])
    key = str(job.output(1).object_key)
    info = await services.objects.head(key)
    return Download(services.objects, key, File(info.size_bytes, f'"{info.etag}"', info.modified_at), None, [*headers])


async def _understood(caller: Caller, body: bytes, *, streamed: bool = False) -> NewJob:
    return speech.speak(parse_body(Speech, body), caller.services.catalog, streamed=streamed)


async def spoken_text(caller: Caller, body: Speech) -> NewJob:
    """The job for a text that nobody listens to yet. Raises UnknownModel, InvalidRequest."""
    return speech.speak(body, caller.services.catalog)


async def _answer(caller: Caller, job: Job, _replayed: bool) -> dict[str, Any]:
    output = job.output(1)
    return speech.answer(job, output, caller.services.public.url(job, output, caller.base_url))


SPEAK = Operation("/v1/audio/speech", _understood, _answer, waits=True)
"""As a line of a batch has it: the answer to the request itself is the sound."""


@get("/voices", summary="List voices", operation_class=examples.VOICES)
async def list_voices(request: Request[None, None, State]) -> ASGIApp:
    """Who can speak. No key is needed: some clients ask for this list without one, and it is the same for everybody."""
    del request
    return json_reply(_VOICES)


router = Router(
    "/v1/audio",
    route_handlers=[speak, list_voices],
    tags=["Audio"],
)
