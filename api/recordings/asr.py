"""whisper-asr-webservice's surface, and a SenseVoice server's: at the root too, where their clients look."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Router, post
from litestar.types import ASGIApp

from api.admission import NewJob
from api.dialects import asr
from api.draining import draining
from api.inputs import Input
from api.openapi import KEYED
from api.operation import Caller, Operation
from api.recordings import asr_examples as examples
from api.recordings.forms import Reader, Surface, respond
from api.reply import Encoded, Header
from api.results import read, read_transcript
from api.services import Call, authenticate
from api.settings import ApiSettings
from storage.catalog import Catalog
from storage.job import Job

ENGINE = b"faster_whisper"
"""What the service would call the engine that comes with the gateway; its JSON is that engine's."""


@post("/asr", status_code=200, request_max_body_size=None, summary="asr", operation_class=examples.ASR)
async def transcribe(request: Call) -> ASGIApp:
    """What is said in a recording, as text or subtitles. Waits for an hour, as its clients do, before it answers with
    the job. A client that sends the same again finds the job that it has brought."""
    return await respond(request, _ASR)


@post(
    "/detect-language",
    status_code=200,
    request_max_body_size=None,
    summary="detect-language",
    operation_class=examples.DETECT,
)
async def detect_language(request: Call) -> ASGIApp:
    """Which language is spoken in a recording."""
    return await respond(request, _DETECT)


@post(
    "/api/v1/asr",
    status_code=200,
    request_max_body_size=None,
    summary="asr (SenseVoice)",
    operation_class=examples.SENSEVOICE,
)
async def sensevoice(request: Call) -> ASGIApp:
    """Inferred: in the shape of a SenseVoice server, for one file. No page of this operation has been found."""
    return await respond(request, _SENSEVOICE)


async def _written(caller: Caller, job: Job, _replayed: bool) -> Encoded:
    return await asyncio.to_thread(asr.answer, job, await read_transcript(caller, job))


async def _detected(caller: Caller, job: Job, _replayed: bool) -> dict[str, Any]:
    return asr.detected(msgspec.json.decode(await read(caller, job.output(1))))


async def _results(caller: Caller, job: Job, _replayed: bool) -> dict[str, Any]:
    return asr.results(job, await read_transcript(caller, job))


def _headers(_caller: Caller, job: Job) -> Sequence[Header]:
    return [(b"asr-engine", ENGINE), (b"content-disposition", asr.disposition(job).encode())]


def _as_its_clients_s(settings: ApiSettings) -> float:
    return settings.asr_wait_s


def _detection(body: Any, recording: Input, catalog: Catalog, _name: str) -> NewJob:
    return asr.detect(body, recording, catalog)


_ASR_READER = Reader("audio_file", asr.Asr, asr.transcribe, asr.check, in_query=True)
_DETECT_READER = Reader("audio_file", asr.Detect, _detection, in_query=True)
_SENSEVOICE_READER = Reader("files", asr.SenseVoice, asr.sensevoice, asr.check_sensevoice)
ASR = Operation(
    "/v1/asr",
    _ASR_READER.understand,
    _written,
    headers=_headers,
    waits=True,
    wait_s=_as_its_clients_s,
    fields={"file": "audio_file", "prompt": "initial_prompt"},
)
DETECT = Operation(
    "/v1/detect-language",
    _DETECT_READER.understand,
    _detected,
    waits=True,
    wait_s=_as_its_clients_s,
    fields={"file": "audio_file"},
)
SENSEVOICE = Operation(
    "/v1/api/v1/asr",
    _SENSEVOICE_READER.understand,
    _results,
    waits=True,
    fields={"file": "files", "language": "lang"},
)
OPERATIONS = (ASR, DETECT, SENSEVOICE)
_ASR, _DETECT = Surface(ASR, _ASR_READER, once=True), Surface(DETECT, _DETECT_READER, once=True)
_SENSEVOICE = Surface(SENSEVOICE, _SENSEVOICE_READER)

ROUTERS = [
    Router(
        path,
        route_handlers=[transcribe, detect_language, sensevoice],
        before_request=authenticate,
        middleware=[draining],
        tags=["ASR"],
        security=KEYED,
        include_in_schema=path != "/",
    )
    for path in ("/v1", "/")
]
