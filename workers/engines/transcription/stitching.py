"""The transcripts of a recording's parts made into one."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from storage.transcripts import UNKNOWN, Segment, Transcript, language_name
from workers.engines.transcription.checks import in_order

_MOST_TEXT = 10_000  # characters of the text that are told beside the file


def stitched(parts: Sequence[Transcript], duration_s: float) -> Transcript:
    """`parts` in order, their times already those of the whole recording, which lasts `duration_s`.

    The language is the one spoken longest; its probability the mean of the parts that agree, weighted by their length.
    """
    segments = in_order((one for part in parts for one in part.segments), 0.0, duration_s)
    code, probability = _language(parts)
    return Transcript(
        text=text_of(segments),
        language=code,
        language_name=language_name(code),
        language_probability=round(probability, 4),
        duration_s=round(duration_s, 3),
        segments=segments,
        task=parts[0].task if parts else "transcribe",
    )


def facts(said: Transcript, loops: int) -> dict[str, Any]:
    """What is worth knowing of a transcript beside its file; the text only where it is no book."""
    told = {"language": said.language, "duration": said.duration_s, "loops": loops}
    return told | ({"text": said.text} if len(said.text) <= _MOST_TEXT else {})


def text_of(segments: Iterable[Segment]) -> str:
    return "".join(one.text for one in segments).strip()


def _language(parts: Sequence[Transcript]) -> tuple[str, float]:
    spoken: dict[str, float] = defaultdict(float)
    sure: dict[str, float] = defaultdict(float)
    for part in parts:
        weight = sum(one.end - one.start for one in part.segments)
        if part.language != UNKNOWN and weight:
            spoken[part.language] += weight
            sure[part.language] += weight * part.language_probability
    if not spoken:
        return (parts[0].language, parts[0].language_probability) if parts else (UNKNOWN, 0.0)
    code = max(spoken, key=lambda one: spoken[one])
    return code, sure[code] / spoken[code]
