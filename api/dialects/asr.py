"""The words of whisper-asr-webservice (/asr, /detect-language), and those of a SenseVoice server (/api/v1/asr). No I/O.

Sources: shared/protocols/whisper-asr.md §2, §3; gateway.md §4.6, whose page is lost: its shape is inferred.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import quote

from pydantic import AliasChoices, Field

from api.admission import NewJob
from api.dialects.body import Body
from api.dialects.recording import MAX_PROMPT, Recording, known_language
from api.inputs import Input
from api.reply import Encoded
from storage import transcripts
from storage.catalog import TRANSCRIPTION, Catalog
from storage.errors import InvalidRequest
from storage.job import Job, Kind
from storage.transcripts import Transcript

DIALECT = "asr"
TEXT = "text/plain; charset=utf-8"
"""Of every output, JSON too: so does the service."""

_WRITERS: Mapping[str, Callable[[Transcript], str]] = {
    "txt": transcripts.asr_txt,
    "vtt": transcripts.asr_vtt,
    "srt": transcripts.asr_srt,
    "tsv": transcripts.asr_tsv,
    "json": transcripts.asr_json,
}
_UNSAID = {"auto", "nospeech"}
_ONE_OF_OURS = {"yue": "zh"}  # Whisper knew Cantonese as Chinese, until its third large model


class _Encoded(Body):
    audio_file: Recording = Field(
        default=None, description="The recording: in a form, a file; in JSON a URL, a data URI or a file's id"
    )
    encode: bool = Field(default=True, description="false: it is headerless PCM, 16 bit, mono, 16 kHz")


class Asr(_Encoded):
    """What /asr takes: in the query, or all of it in JSON."""

    task: Literal["transcribe", "translate"] = "transcribe"
    language: str | None = Field(default=None, max_length=100, description="A code, such as en; else found out")
    initial_prompt: str = Field(default="", max_length=MAX_PROMPT)
    vad_filter: bool | None = Field(default=None, description="false: also what is no speech is listened to")
    word_timestamps: bool = False
    output: str = Field(default="txt", description="txt, vtt, srt, tsv or json; any other is txt")
    diarize: bool = Field(default=False, description="Accepted, and of no effect")


class Detect(_Encoded):
    """What /detect-language takes."""


class SenseVoice(Body):
    """What /api/v1/asr takes."""

    files: Recording = Field(default=None, description="The recording; one")
    keys: str | None = Field(default=None, max_length=1000, description="What to call it in the answer")
    lang: str | None = Field(
        default=None,
        max_length=100,
        validation_alias=AliasChoices("lang", "language"),
        description="auto, zh, en, yue, ja, ko, nospeech, or any that Whisper knows",
    )


def check(body: Asr, catalog: Catalog) -> None:
    """What is wrong whatever else may come. Raises UnknownModel, InvalidRequest."""
    catalog.find(None, TRANSCRIPTION)
    known_language(body.language)


def check_sensevoice(body: SenseVoice, catalog: Catalog) -> None:
    """The same of the other. Raises UnknownModel, InvalidRequest."""
    catalog.find(None, TRANSCRIPTION)
    spoken(body.lang)


def transcribe(body: Asr, recording: Input, catalog: Catalog, name: str) -> NewJob:
    """`name`: what the recording is called. Raises UnknownModel, InvalidRequest."""
    output = body.output if body.output in _WRITERS else "txt"
    request = {
        "task": body.task,
        "language": known_language(body.language),
        "prompt": body.initial_prompt,
        "word_timestamps": body.word_timestamps,
        "encode": body.encode,
        "vad_filter": body.vad_filter,
        DIALECT: {"output": output, "name": name},
    }
    return _job(request, recording, catalog)


def detect(body: Detect, recording: Input, catalog: Catalog) -> NewJob:
    """Raises UnknownModel."""
    return _job({"task": "detect", "encode": body.encode, DIALECT: {}}, recording, catalog)


def sensevoice(body: SenseVoice, recording: Input, catalog: Catalog, name: str) -> NewJob:
    """Raises UnknownModel, InvalidRequest."""
    key = body.keys or name
    if "," in key and body.keys:
        raise InvalidRequest("one file is taken at a time, and one key for it", field="keys")
    return _job({"task": "transcribe", "language": spoken(body.lang), DIALECT: {"key": key}}, recording, catalog)


def spoken(lang: str | None) -> str | None:
    """A language as SenseVoice calls it. Raises InvalidRequest."""
    named = (lang or "auto").strip().lower()
    return None if named in _UNSAID else known_language(_ONE_OF_OURS.get(named, named), "lang")


def _job(request: dict[str, Any], recording: Input, catalog: Catalog) -> NewJob:
    name, model = catalog.find(None, TRANSCRIPTION)
    return NewJob(Kind.TRANSCRIPTION, DIALECT, name, model, {"model": name, **request}, 1, inputs={"file": recording})


def answer(job: Job, said: Transcript) -> Encoded:
    """What /asr answers."""
    return Encoded(_WRITERS[job.request[DIALECT]["output"]](said).encode(), TEXT)


def disposition(job: Job) -> str:
    """What a client would save the answer as."""
    kept = job.request[DIALECT]
    return f'attachment; filename="{quote(kept["name"])}.{kept["output"]}"'


def detected(found: Mapping[str, Any]) -> dict[str, Any]:
    """What /detect-language answers, of what the engine found out."""
    return {
        "detected_language": found["language_name"],
        "language_code": found["language"],
        "confidence": found["probability"],
    }


def results(job: Job, said: Transcript) -> dict[str, Any]:
    """What /api/v1/asr answers. There are no marks of feeling or sound in the text here, so all three are the same."""
    text = said.text.strip()
    return {"result": [{"key": job.request[DIALECT]["key"], "text": text, "raw_text": text, "clean_text": text}]}
