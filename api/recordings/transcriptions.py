"""OpenAI's recordings: written down, or translated into English."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from litestar import Router, post
from litestar.types import ASGIApp
from pydantic import BaseModel

from api.admission import NewJob
from api.dialects import transcriptions
from api.draining import draining
from api.inputs import Input
from api.openapi import KEYED
from api.operation import Caller, Operation
from api.recordings import examples
from api.recordings.forms import Reader, Surface, respond
from api.recordings.stream import telling
from api.reply import Encoded
from api.results import read_transcript
from api.services import Call, authenticate
from api.sse import EventStream
from storage.catalog import Catalog
from storage.job import Job, Kind


@post(
    "/transcriptions",
    status_code=200,
    request_max_body_size=None,
    summary="Create transcription",
    operation_class=examples.TRANSCRIBE,
)
async def transcribe(request: Call) -> ASGIApp:
    """What is said in a recording. The answer comes when it is written down, or after 300 s as the job that does it."""
    return await respond(request, _TRANSCRIPTIONS, instead=_told)


@post(
    "/translations",
    status_code=200,
    request_max_body_size=None,
    summary="Create translation",
    operation_class=examples.TRANSLATE,
)
async def translate(request: Call) -> ASGIApp:
    """What is said in a recording, in English."""
    return await respond(request, _TRANSLATIONS)


async def _written(caller: Caller, job: Job, _replayed: bool) -> Encoded:
    return await asyncio.to_thread(transcriptions.answer, job, await read_transcript(caller, job))


def _told(caller: Caller, job: Job, replayed: bool) -> ASGIApp | None:
    """The stream of a transcript, where one is wanted."""
    wanted = job.request[transcriptions.DIALECT].get("stream")
    return EventStream(telling(caller, job, replayed=replayed)) if wanted else None


def _transcription(body: Any, recording: Input, catalog: Catalog, _name: str) -> NewJob:
    return transcriptions.transcribe(body, recording, catalog)


def _translation(body: Any, recording: Input, catalog: Catalog, _name: str) -> NewJob:
    return transcriptions.translate(body, recording, catalog)


def _reader(body: type[Any], job: Callable[[Any, Input, Catalog, str], NewJob]) -> Reader:
    return Reader("file", body, job, transcriptions.check, transcriptions.LISTS)


_TASKS = _reader(transcriptions.Task, _transcription)
_TRANSCRIBE, _TRANSLATE = (
    _reader(transcriptions.Transcription, _transcription),
    _reader(transcriptions.Translation, _translation),
)
TRANSCRIBE = Operation("/v1/audio/transcriptions", _TRANSCRIBE.understand, _written, waits=True)
TRANSLATE = Operation("/v1/audio/translations", _TRANSLATE.understand, _written, waits=True)
OPERATIONS = (TRANSCRIBE, TRANSLATE)
_TRANSCRIPTIONS, _TRANSLATIONS = Surface(TRANSCRIBE, _TRANSCRIBE), Surface(TRANSLATE, _TRANSLATE)

READERS: Mapping[Kind, tuple[type[BaseModel], Callable[[Caller, Any], Awaitable[NewJob]]]] = {
    Kind.TRANSCRIPTION: (transcriptions.Task, _TASKS.read)
}

router = Router(
    "/v1/audio",
    route_handlers=[transcribe, translate],
    before_request=authenticate,
    middleware=[draining],
    tags=["Audio"],
    security=KEYED,
)
