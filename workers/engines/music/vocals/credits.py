"""What a clip's metadata says of its voice."""

from collections.abc import Sequence
from typing import Any

from workers.engines.music.plan import Line, Movement


def credited(movements: Sequence[Movement]) -> dict[str, Any]:
    """`vocals` is "sung", "partly_sung", "lead_instrument" or "none"; then in what, by whom, and why a line was not."""
    lines = [line for part in movements for line in _heard(part)]
    sung = [line.vocal for line in lines if line.vocal]
    if not lines:
        return {"vocals": "lead_instrument" if any(part.vocal for part in movements) else "none"}
    if not sung:
        return {"vocals": "lead_instrument", **_why(lines)}
    told = {
        "vocals": "sung" if len(sung) == len(lines) else "partly_sung",
        "vocals_languages": _each(vocal.language for vocal in sung),
        "vocals_voices": _each(vocal.voice for vocal in sung),
        "vocals_lines": {"sung": len(sung), "played": len(lines) - len(sung)},
    }
    return told | _why(lines)


def _heard(movement: Movement) -> list[Line]:
    """The lines that begin in bars which are played."""
    found, bar = [], 0
    for section in movement.sections:
        at = bar
        for line in section.lines:
            found += [line] if at < movement.play else []
            at += line.bars
        bar += section.bars
    return found


def _why(lines: Sequence[Line]) -> dict[str, str]:
    reasons = _each(line.unsung for line in lines if not line.vocal and line.unsung)
    return {"vocals_why": "; ".join(reasons)} if reasons else {}


def _each(names: Any) -> list[str]:
    return list(dict.fromkeys(names))
