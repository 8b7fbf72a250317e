"""OpenAI's words about speech: requests in, jobs out. No I/O.

Null means missing, and so does an empty text. Fields nobody knows are ignored, as compatible servers do; `language` is
ours.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field

from api.admission import NewJob
from api.dialects.body import Body
from storage.catalog import SPEECH, Catalog
from storage.errors import InvalidRequest
from storage.job import Job, Kind, Output
from storage.voices import FASTEST, LANGUAGES, LONGEST, SLOWEST, WHEN_NONE_IS_NAMED, known, language_tag

DIALECT = "openai"

CONTENT_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
"""Source: shared/protocols/openai.md §6. What is stored of opus says audio/ogg, which browsers play."""


class NamedVoice(BaseModel):
    """The newer way to name a voice."""

    id: str


def _name(value: Any) -> Any:
    """The name in either way of naming a voice; what is neither, for pydantic to refuse."""
    return value["id"] if isinstance(value, dict) and isinstance(value.get("id"), str) else value


class Speech(Body):
    """The body of a speech request."""

    input: str = Field(min_length=1, max_length=LONGEST, description="What to say")
    model: str | None = Field(default=None, max_length=200, description="The catalog's default for speech, if missing")
    voice: Annotated[str, BeforeValidator(_name, json_schema_input_type=str | NamedVoice)] = Field(
        default=WHEN_NONE_IS_NAMED, description="One of OpenAI's or of the engine's own: `GET /v1/audio/voices`"
    )
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = Field(
        default="mp3", description="`pcm`: 16-bit little-endian mono at 24 kHz"
    )
    speed: float = Field(default=1.0, ge=SLOWEST, le=FASTEST, strict=True)
    stream_format: Literal["audio", "sse"] = Field(default="audio", description="`sse`: Base64 in server-sent events")
    instructions: str | None = Field(default=None, description="Accepted, and of no effect: the voice has one manner")
    language: str | None = Field(
        default=None, description=f"Ours: one of {', '.join(LANGUAGES)}. If missing, the text and the voice tell"
    )


def speak(body: Speech, catalog: Catalog, *, streamed: bool = False) -> NewJob:
    """A text read aloud; `streamed`: to somebody who listens meanwhile. Raises UnknownModel, InvalidRequest."""
    name, model = catalog.find(body.model, SPEECH)
    if not body.input.strip():
        raise InvalidRequest("a text is wanted; this one is blank", field="input")
    request: dict[str, Any] = {
        "input": body.input,
        "voice": known(body.voice),
        "response_format": body.response_format,
        "speed": body.speed,
        DIALECT: {"stream_format": body.stream_format},
    }
    if body.language:
        request["language"] = language_tag(body.language)
    if streamed:
        request["streamed"] = True
    return NewJob(Kind.SPEECH, DIALECT, name, model, request, 1)


def content_type(job: Job) -> str:
    """What OpenAI calls the sound that a job makes."""
    return CONTENT_TYPES[job.request["response_format"]]


def wants_events(job: Job) -> bool:
    """Whether the sound is to come in server-sent events."""
    return bool(job.request[DIALECT]["stream_format"] == "sse")


def usage(job: Job) -> dict[str, int]:
    """What was used. There are no tokens here: a character counts as one, and nothing is counted of the sound."""
    characters = len(job.request["input"])
    return {"input_tokens": characters, "output_tokens": 0, "total_tokens": characters}


def answer(job: Job, output: Output, url: str) -> dict[str, Any]:
    """The sound where an answer can be JSON only: in a batch. OpenAI has no shape for it; this one is ours."""
    about = output.metadata
    return {
        "url": url,
        "content_type": output.content_type,
        "duration_s": output.duration_s,
        "size_bytes": output.size_bytes,
        "voice": about.get("voice"),
        "language": about.get("language"),
        "usage": usage(job),
    }
