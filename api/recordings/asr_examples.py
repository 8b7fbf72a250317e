"""The operations of whisper-asr-webservice, and the one in SenseVoice's shape, as the documentation shows them."""

from typing import Any

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Parameter
from pydantic import BaseModel

from api.dialects.asr import Asr, Detect, SenseVoice
from api.openapi import json_content, operation, query, schema_of, success
from api.recordings.examples import LATER, PARAMETERS, form

_ID = "file-0197e1f26c3a7b1d9e425f8a3c210000"
_MISSING = {"detail": [{"loc": ["body", "audio_file"], "msg": "Field required: the recording", "type": "missing"}]}
_WHEN = {
    401: "No API key, or not a good one",
    410: "The job was deleted meanwhile",
    413: "The recording is too large; the limit is named",
    415: "Neither a form nor JSON",
    422: "A field is missing or wrong, or this is no recording; it is named",
}
_ERRORS = {status: OpenAPIResponse(said, content=json_content(_MISSING)) for status, said in _WHEN.items()}
_BARE = OpenAPIResponse(
    "It could not be done, and not for what was sent; `Service Unavailable` with `Retry-After`",
    content={"text/plain": OpenAPIMediaType(example="Internal Server Error")},
)
_RESPONSES = {202: LATER, **_ERRORS, 500: _BARE, 503: _BARE}
_TEXT = OpenAPIResponse(
    "What was said. `text/plain` whatever the output",
    content={"text/plain": OpenAPIMediaType(example="1\n00:00:00,000 --> 00:00:02,640\nPlease call me tomorrow.\n\n")},
)


def _in_query(body: type[BaseModel]) -> list[Parameter]:
    """All fields but the recording."""
    found = []
    for name, schema in schema_of(body)["properties"].items():
        if name != "audio_file":
            plain: dict[str, Any] = {key: value for key, value in schema.items() if key not in ("description", "title")}
            found.append(query(name, schema.get("description", name), **plain))
    return found


ASR = operation(
    body=Asr,
    examples={
        "Subtitles of a film elsewhere": {"audio_file": "https://recordings.example/film.mkv", "output": "srt"},
        "One of your files, as JSON": {"audio_file": _ID, "output": "json", "word_timestamps": True},
    },
    content={"multipart/form-data": form(Asr, "audio_file", [])},
    parameters=[*_in_query(Asr), *PARAMETERS],
    responses={200: _TEXT, **_RESPONSES},
)
DETECT = operation(
    body=Detect,
    examples={"A film elsewhere": {"audio_file": "https://recordings.example/film.mkv"}},
    content={"multipart/form-data": form(Detect, "audio_file", [])},
    parameters=[*_in_query(Detect), *PARAMETERS],
    responses={
        200: success("The language", {"detected_language": "english", "language_code": "en", "confidence": 0.98}),
        **_RESPONSES,
    },
)
SENSEVOICE = operation(
    body=SenseVoice,
    examples={"A recording elsewhere": {"files": "https://recordings.example/a.wav", "keys": "a", "lang": "auto"}},
    content={"multipart/form-data": form(SenseVoice, "files")},
    parameters=PARAMETERS,
    responses={
        200: success("What was said", {"result": [dict.fromkeys(("key", "text", "raw_text", "clean_text"), "…")]}),
        **_RESPONSES,
    },
)
