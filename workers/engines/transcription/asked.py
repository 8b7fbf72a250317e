"""What a transcription asks for: each field checked, and refused by its name and its limit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from storage.errors import InvalidRequest
from storage.transcripts import language_code

TASKS = ("transcribe", "translate", "detect", "split")
LONGEST_S = 24 * 3600.0
_LONGEST_PROMPT = 20_000


class Asked(msgspec.Struct, frozen=True):
    """`start_s`, `end_s`: only this part of the file. `offset_s`: where the file begins in a longer recording, of which
    it `is_part`, and may be silent then. `divide_from_s`: longer recordings are split rather than transcribed."""

    file: Path
    task: str
    language: str | None
    prompt: str
    temperature: float
    word_timestamps: bool
    encode: bool
    vad_filter: bool
    start_s: float
    end_s: float | None
    offset_s: float
    part_s: float
    is_part: bool
    divide_from_s: float | None


def asked(task: Mapping[str, Any]) -> Asked:
    """Raises InvalidRequest, naming the field."""
    request, inputs = task.get("request"), task.get("inputs")
    if not isinstance(request, Mapping):
        raise InvalidRequest("the request must be an object", field="request")
    path = inputs.get("file") if isinstance(inputs, Mapping) else None
    if not path or not Path(path).is_file():
        raise InvalidRequest("file is missing", field="file")
    start = _number(request, "start_s", 0.0, LONGEST_S) or 0.0
    end = _number(request, "end_s", 0.0, LONGEST_S)
    if end is not None and end <= start:
        raise InvalidRequest("end_s must be greater than start_s", field="end_s")
    return Asked(
        file=Path(path),
        task=_task(request),
        language=_language(request),
        prompt=_text(request, "prompt"),
        temperature=_number(request, "temperature", 0.0, 1.0) or 0.0,
        word_timestamps=_flag(request, "word_timestamps", False),
        encode=_flag(request, "encode", True),
        vad_filter=_flag(request, "vad_filter", True),
        start_s=start,
        end_s=end,
        offset_s=_number(request, "offset_s", 0.0, LONGEST_S) or 0.0,
        part_s=_number(request, "part_s", 30.0, 3600.0) or 180.0,
        is_part=_flag(request, "is_part", False),
        divide_from_s=_number(request, "divide_from_s", 0.0, LONGEST_S),
    )


def _task(request: Mapping[str, Any]) -> str:
    named = request.get("task") or "transcribe"
    if named not in TASKS:
        raise InvalidRequest(f"task must be one of {', '.join(TASKS)}", field="task")
    return str(named)


def _language(request: Mapping[str, Any]) -> str | None:
    named = _text(request, "language")
    if not named.strip():
        return None
    code = language_code(named)
    if code is None:
        raise InvalidRequest(
            f"language {named[:40]!r} is not one the model knows: send an ISO-639-1 code, such as en", field="language"
        )
    return code


def _text(request: Mapping[str, Any], name: str) -> str:
    value = request.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidRequest(f"{name} must be a string", field=name)
    if value and len(value) > _LONGEST_PROMPT:
        raise InvalidRequest(f"{name} may have {_LONGEST_PROMPT} characters at most", field=name)
    return value or ""


def _number(request: Mapping[str, Any], name: str, low: float, high: float) -> float | None:
    value = request.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidRequest(f"{name} must be a number from {low:g} to {high:g}", field=name)
    return float(value)


def _flag(request: Mapping[str, Any], name: str, default: bool) -> bool:
    value = request.get(name)
    if value is None:
        return default
    if value not in (0, 1):
        raise InvalidRequest(f"{name} must be true or false", field=name)
    return bool(value)
