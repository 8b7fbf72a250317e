"""OpenAI's words for recordings: the bodies of /v1/audio/transcriptions and /translations, and their answers. No I/O.

Source: shared/protocols/openai.md §6. JSON and forms are read alike. Fields nobody knows are ignored, as all of
OpenAI's compatible servers do. `task` is ours, for jobs.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from api.admission import NewJob
from api.dialects.body import Body
from api.dialects.recording import MAX_PROMPT, Recording, Required, known_language
from api.inputs import Input
from api.reply import Encoded
from storage import transcripts
from storage.catalog import TRANSCRIPTION, Catalog
from storage.errors import InvalidRequest
from storage.job import Job, Kind
from storage.transcripts import Transcript

DIALECT = "openai"
LISTS = ("timestamp_granularities", "include", "known_speaker_names", "known_speaker_references")
"""Fields that a form may repeat, with `[]` behind their names or without."""

NEVER_STREAMS = "whisper-1"
_STREAMED = ("json", "text")
_TEXT = "text/plain; charset=utf-8"

_WRITERS: Mapping[str, tuple[str, Callable[[Transcript], str]]] = {
    "text": (_TEXT, transcripts.openai_text),
    "srt": (_TEXT, transcripts.openai_srt),
    "vtt": ("text/vtt; charset=utf-8", transcripts.openai_vtt),
}
"""Texts by the name of their format: the type that they are sent as, by which OpenAI's clients pick a parser."""


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _known_format(value: Any) -> Any:
    if value == "diarized_json":
        raise ValueError("diarized_json is not to be had: voices are not told apart here")
    return value


Format = Annotated[Literal["json", "text", "srt", "verbose_json", "vtt"], BeforeValidator(_known_format)]
Granularities = Annotated[
    list[Literal["word", "segment"]], BeforeValidator(_listed, json_schema_input_type=str | list[str])
]


class _Asked(Body):
    """What both requests may say."""

    file: Recording = Field(
        default=None, description="The recording: in a form, a file; in JSON a URL, a data URI or a file's id"
    )
    model: str | None = Field(default=None, max_length=200, description="`whisper-1`, if missing")
    prompt: str = Field(default="", max_length=MAX_PROMPT, description="Names and terms; or how to write")
    response_format: Format = "json"
    temperature: float | None = Field(default=None, ge=0, le=1)


class Transcription(_Asked):
    """The body of a transcription."""

    language: str | None = Field(default=None, max_length=100, description="ISO-639-1, or its name; else found out")
    timestamp_granularities: Granularities = Field(default=["segment"], description="`word` needs `verbose_json`")
    include: Annotated[list[str], BeforeValidator(_listed, json_schema_input_type=str | list[str])] = Field(
        default=[], description="Nothing can be: probabilities of tokens (`logprobs`) are not to be had"
    )
    stream: bool = Field(default=False, description="Server-sent events; `whisper-1` ignores it")
    chunking_strategy: Any = Field(default=None, description="Accepted, and of no effect: long ones are always cut")


class Translation(_Asked):
    """The body of a translation, which is into English."""


class Task(Transcription):
    """The input of a job."""

    file: Required = Field(description="The recording: a URL, a data URI or a file's id")
    task: Literal["transcribe", "translate", "detect"] = Field(
        default="transcribe", description="`detect` only finds out which language is spoken"
    )


def transcribe(body: Transcription, recording: Input, catalog: Catalog) -> NewJob:
    """Raises UnknownModel, InvalidRequest."""
    check(body, catalog)
    name, model = catalog.find(body.model, TRANSCRIPTION)
    words = "word" in body.timestamp_granularities
    if words and body.response_format != "verbose_json":
        raise InvalidRequest("word needs response_format=verbose_json", field="timestamp_granularities")
    streams = body.stream and name != NEVER_STREAMS
    if streams and body.response_format not in _STREAMED:
        raise InvalidRequest(
            f"events carry text: response_format is one of {', '.join(_STREAMED)}", field="response_format"
        )
    kept = {"format": body.response_format, "granularities": body.timestamp_granularities, "stream": streams}
    request = _request(body, name, kept) | {
        "task": body.task if isinstance(body, Task) else "transcribe",
        "language": known_language(body.language),
        "word_timestamps": words,
    }
    return NewJob(Kind.TRANSCRIPTION, DIALECT, name, model, request, 1, inputs={"file": recording})


def translate(body: Translation, recording: Input, catalog: Catalog) -> NewJob:
    """Raises UnknownModel."""
    name, model = catalog.find(body.model, TRANSCRIPTION)
    request = _request(body, name, {"format": body.response_format}) | {"task": "translate"}
    return NewJob(Kind.TRANSCRIPTION, DIALECT, name, model, request, 1, inputs={"file": recording})


def check(body: _Asked, catalog: Catalog) -> None:
    """What is wrong whatever else may come. Raises UnknownModel, InvalidRequest."""
    catalog.find(body.model, TRANSCRIPTION)
    if isinstance(body, Transcription):
        known_language(body.language)
        if body.include:
            raise InvalidRequest("probabilities of tokens are not to be had; leave it out", field="include")


def _request(body: _Asked, name: str, kept: dict[str, Any]) -> dict[str, Any]:
    return {"model": name, "prompt": body.prompt, "temperature": body.temperature, DIALECT: kept}


def answer(job: Job, said: Transcript) -> Encoded:
    """What was said, in the format asked for."""
    kept = job.request[DIALECT]
    return written(said, kept["format"], kept.get("granularities", ["segment"]))


def written(said: Transcript, format: str, granularities: list[str] | None = None) -> Encoded:
    """A transcript in one of OpenAI's formats."""
    if format in _WRITERS:
        kind, write = _WRITERS[format]
        return Encoded(write(said).encode(), kind)
    if format == "json":
        return Encoded(transcripts.openai_json(said), "application/json")
    return Encoded(transcripts.openai_verbose_json(said, granularities or ["segment"]), "application/json")
