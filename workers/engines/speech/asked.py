"""What a task asks for: each field checked where it is read, and refused by its name and its limit."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from storage.errors import InvalidRequest
from storage.voices import FASTEST, FORMATS, LONGEST, SLOWEST, WHEN_NONE_IS_NAMED, known, language_tag
from workers.engines.speech import tongue, voices
from workers.engines.speech.plain import plain


class Wish(NamedTuple):
    """What is to be done. `text`: the words as they are said; `asked_for`: the voice as the caller named it;
    `streamed`: somebody listens while it is spoken."""

    text: str
    speaker: voices.Speaker
    asked_for: str
    format: str
    speed: float
    streamed: bool = False


def read(task: Mapping[str, Any]) -> Wish:
    """Raises InvalidRequest, naming the field."""
    request = task.get("request")
    if task.get("kind") != "speech":
        raise InvalidRequest(f"the speech engine does not know the kind {str(task.get('kind'))!r}", field="kind")
    if not isinstance(request, Mapping):
        raise InvalidRequest("the request must be an object", field="request")
    format = _choice(request, "response_format", FORMATS[0])
    speed = _speed(request)
    voice = known(_text(request, "voice") or WHEN_NONE_IS_NAMED)
    language = _text(request, "language")
    given = _text(request, "input")
    if not given.strip():
        raise InvalidRequest("input is empty", field="input")
    if len(given) > LONGEST:
        raise InvalidRequest(f"input may have {LONGEST} characters at most; this one has {len(given)}", field="input")
    speaker = _speaker(given, voice, language_tag(language) if language else None)
    words = plain(given, speaker.language)
    if not words:
        raise InvalidRequest("there is nothing to say in input: it has no letters and no figures", field="input")
    return Wish(words, speaker, voice, format, speed, streamed=request.get("streamed") is True)


def _speaker(text: str, voice: str, language: str | None) -> voices.Speaker:
    """A language that is asked for; else the one that the text's letters, the voice's name, or its words speak for."""
    must = tongue.script(text)
    if language:
        return voices.speaker(voice, language)
    if must:
        return voices.speaker(voice, must)
    fixed = voices.fixed_language(voice)
    return voices.speaker(voice, tongue.latin(text) if fixed in (None, "zh", "hi") else str(fixed))


def _text(request: Mapping[str, Any], name: str) -> str:
    value = request.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidRequest(f"{name} must be a string", field=name)
    return value or ""


def _choice(request: Mapping[str, Any], name: str, default: str) -> str:
    value = request.get(name)
    if value is None:
        return default
    if not isinstance(value, str) or value not in FORMATS:
        raise InvalidRequest(f"{name} must be one of {', '.join(FORMATS)}", field=name)
    return value


def _speed(request: Mapping[str, Any]) -> float:
    value = request.get("speed")
    if value is None:
        return 1.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not SLOWEST <= value <= FASTEST:
        raise InvalidRequest(f"speed must be a number from {SLOWEST:g} to {FASTEST:g}", field="speed")
    return float(value)
