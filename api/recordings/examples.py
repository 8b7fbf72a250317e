"""The operations on recordings, in OpenAI's words, as the documentation shows them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse
from pydantic import BaseModel

from api.dialects.transcriptions import Transcription, Translation
from api.openapi import IDEMPOTENCY, WEBHOOK, openai_errors, operation, request_header, schema_of, success

PREFER = request_header(
    "Prefer", "`wait=N`: the job instead of its result after so many seconds; `respond-async`: at once"
)
PARAMETERS = [IDEMPOTENCY, PREFER, *WEBHOOK]
LATER = success(
    "Not ready in time: the job, found at `Location`",
    {"id": "0197e1f2-6c3a-7b1d-9e42-5f8a3c210000", "object": "job", "kind": "transcription", "status": "running"},
)
_SAID = {"text": "Please call me tomorrow at half past seven.", "usage": {"type": "duration", "seconds": 3}}
_SRT = "1\n00:00:00,000 --> 00:00:02,640\nPlease call me tomorrow at half past seven.\n\n"
_VTT = "WEBVTT\n\n00:00:00.000 --> 00:00:02.640\nPlease call me tomorrow at half past seven.\n\n"


def form(body: type[BaseModel], file: str, fields: Sequence[str] | None = None) -> dict[str, Any]:
    """The same as a form, with a file where JSON has text; `fields`: which others, if not all."""
    properties = {
        name: each
        for name, each in schema_of(body)["properties"].items()
        if name != file and (fields is None or name in fields)
    }
    return {
        "type": "object",
        "properties": {**properties, file: {"type": "string", "format": "binary"}},
        "required": [file],
    }


def texts(description: str, example: Any, **others: str) -> OpenAPIResponse:
    """An answer that is JSON or, if that was asked for, a text: media types (`text_plain`) and their examples."""
    answer = success(description, example)
    assert answer.content is not None  # noqa: S101 - it was put there a line above
    kinds = {kind.replace("_", "/"): OpenAPIMediaType(example=text) for kind, text in others.items()}
    return replace(answer, content={**answer.content, **kinds})


_ERRORS = {
    **openai_errors(400, 401, 404, 410, 413, 503),
    415: replace(openai_errors(400)[400], description="Neither a form nor JSON"),
}
_RESPONSES = {200: texts("What was said", _SAID, text_plain=_SRT, text_vtt=_VTT), 202: LATER, **_ERRORS}

TRANSCRIBE = operation(
    body=Transcription,
    examples={
        "A recording elsewhere": {"file": "https://recordings.example/meeting.m4a", "model": "whisper-1"},
        "Subtitles of one of your files": {
            "file": {"file_id": "file-0197e1f26c3a7b1d9e425f8a3c210000"},
            "response_format": "srt",
            "language": "en",
        },
        "Each word's time": {
            "file": "https://recordings.example/interview.mp3",
            "response_format": "verbose_json",
            "timestamp_granularities": ["word", "segment"],
            "prompt": "Kokoro, Whisper, Redis",
        },
    },
    content={"multipart/form-data": form(Transcription, "file")},
    parameters=PARAMETERS,
    responses=_RESPONSES,
)
TRANSLATE = operation(
    body=Translation,
    examples={"Into English": {"file": "https://recordings.example/entrevista.mp3", "model": "whisper-1"}},
    content={"multipart/form-data": form(Translation, "file")},
    parameters=PARAMETERS,
    responses=_RESPONSES,
)
