"""A stored transcript, written as its reader wants it: subtitles, text, a table, or JSON in OpenAI's form."""

import asyncio
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

import msgspec

from api.reply import Encoded
from api.results import MOST_BYTES
from storage import transcripts
from storage.errors import InvalidRequest
from storage.objects import Objects
from storage.transcripts import Transcript

_TEXT = "text/plain; charset=utf-8"
_BOTH = ("segment", "word")

FORMATS: Mapping[str, tuple[str, str, Callable[[Transcript], str | bytes]]] = {
    "text": ("txt", _TEXT, transcripts.openai_text),
    "srt": ("srt", "application/x-subrip; charset=utf-8", transcripts.openai_srt),
    "vtt": ("vtt", "text/vtt; charset=utf-8", transcripts.openai_vtt),
    "tsv": ("tsv", "text/tab-separated-values; charset=utf-8", transcripts.asr_tsv),
    "verbose_json": ("json", "application/json", lambda said: transcripts.openai_verbose_json(said, _BOTH)),
}
"""By the names that callers know: how files end, their types, and who writes them."""

ENDINGS = {format: ending for format, (ending, _, _) in FORMATS.items()}


def wanted(query: bytes) -> str | None:
    """The format that a query names, if it does. Raises InvalidRequest."""
    format = parse_qs(query.decode("latin-1")).get("format", [None])[-1]
    if format is not None and format not in FORMATS:
        raise InvalidRequest(f"is one of: {', '.join(FORMATS)}", field="format")
    return format


async def written(objects: Objects, key: str, format: str) -> Encoded:
    """A stored transcript in a format. Raises InvalidRequest for a file that is none, ObjectMissing."""
    if not key.endswith(".json"):
        raise _no_transcript()
    data = await objects.get_bytes(key, limit_bytes=MOST_BYTES)
    return await asyncio.to_thread(_written, data, format)


def _written(data: bytes, format: str) -> Encoded:
    _, kind, write = FORMATS[format]
    try:
        text = write(transcripts.parsed(data))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _no_transcript() from error
    return Encoded(text.encode() if isinstance(text, str) else text, kind)


def _no_transcript() -> InvalidRequest:
    return InvalidRequest("this file is no transcript: it can only be had as it is", field="format")
