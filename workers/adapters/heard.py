"""What was said, as upstreams tell it, made into a stored `Transcript`: one shape of many.

Sources: shared/protocols/openai.md §6; whisper-asr.md §2, §3, §5. A language is a name or a code; text may have no
segments, segments no ids or text of their own, and words stand beside the segments or in them. What an upstream leaves
out is not made up: without segments there is one, and its end is unknown unless the length of the recording is told.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from storage.errors import UpstreamMalformed
from storage.transcripts import UNKNOWN, Segment, Transcript, Word, language_code, language_name
from workers.adapters.base import File

_MOST_TEXT = 10_000  # characters of the text that are told beside the file
_CLOSE_S = 0.02  # by which a word may begin before its segment


def transcript(answer: Mapping[str, Any], request: Mapping[str, Any], *, in_doubt: bool = False) -> Transcript:
    """Raises UpstreamMalformed for an answer without a text, or with times that are none."""
    try:
        return _transcript(answer, request)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise UpstreamMalformed("the upstream's transcript cannot be read", in_doubt=in_doubt) from error


def stored(said: Transcript) -> tuple[File, dict[str, Any]]:
    """The file to keep, and what is worth knowing beside it, as of transcripts that are made here."""
    facts = {"language": said.language, "duration": said.duration_s}
    text = {"text": said.text} if len(said.text) <= _MOST_TEXT else {}
    return File(data=msgspec.json.encode(said), content_type="application/json"), facts | text


def detected(language: Any, probability: float | None, *, in_doubt: bool = False) -> tuple[File, dict[str, Any]]:
    """Which language is spoken. `probability`: None, if the upstream does not say how sure it is.

    Raises UpstreamMalformed if it says nothing.
    """
    if not isinstance(language, str) or not language.strip():
        raise UpstreamMalformed("the upstream does not say which language is spoken", in_doubt=in_doubt)
    code = language_code(language) or UNKNOWN
    told = {"language": code, "language_name": language_name(code), "probability": probability}
    return File(data=msgspec.json.encode(told), content_type="application/json"), told


def _transcript(answer: Mapping[str, Any], request: Mapping[str, Any]) -> Transcript:
    given = answer.get("segments")
    text = answer.get("text")
    if not isinstance(text, str) and not isinstance(given, list):
        raise ValueError("neither text nor segments")
    segments = [_segment(number, one) for number, one in enumerate(given or ())]
    told, words = _length(answer), [_word(one) for one in answer.get("words") or ()]
    parts = [one.text for one in segments] or [one.word.strip() for one in words]
    text = (text if isinstance(text, str) and text else "".join(map(_spaced, parts))).strip()
    ends = [one.end for one in segments] + [one.end for one in words]
    length = max(ends, default=0.0) if told is None else told
    if not segments and text:
        segments = [_whole(text, length)]
    segments = _with_words(segments, words) if words else segments
    code = _language(answer, request) if text else UNKNOWN  # of silence, Whisper names one all the same
    return Transcript(
        text=text,
        language=code,
        language_name=language_name(code),
        language_probability=1.0 if request.get("language") else 0.0,
        duration_s=round(length, 3),
        segments=segments,
        task=str(request.get("task") or "transcribe"),
    )


def _language(answer: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    """The one spoken. OpenAI tells of a translation what it is written in, which is not that."""
    asked, told = request.get("language"), answer.get("language")
    if request.get("task") == "translate" and answer.get("task") == "translate":
        told = None
    return language_code(str(asked or told or "")) or UNKNOWN


def _length(answer: Mapping[str, Any]) -> float | None:
    """Seconds of the recording, as told by verbose_json, or as charged for."""
    usage = answer.get("usage")
    for value in (answer.get("duration"), usage.get("seconds") if isinstance(usage, dict) else None):
        if value is not None:
            return _seconds(value)
    return None


def _segment(number: int, one: Mapping[str, Any]) -> Segment:
    start = _seconds(one["start"])
    words = [_word(each) for each in one.get("words") or () if each.get("start") is not None]
    return Segment(
        id=int(one.get("id", number)),
        seek=int(one.get("seek") or 0),
        start=start,
        end=max(start, _seconds(one["end"])),
        text=_said(one["text"]),
        tokens=[int(token) for token in one.get("tokens") or ()],
        temperature=_number(one.get("temperature"), 0.0),
        avg_logprob=_number(one.get("avg_logprob"), 0.0),
        compression_ratio=_number(one.get("compression_ratio"), 1.0),
        no_speech_prob=_number(one.get("no_speech_prob"), 0.0),
        words=words or None,
    )


def _whole(text: str, length: float) -> Segment:
    return Segment(0, 0, 0.0, length, text, [], 0.0, 0.0, 1.0, 0.0)


def _word(one: Mapping[str, Any]) -> Word:
    """`score` is whisperx's name for how sure it is. Where nobody says, the segment does (`_with_words`)."""
    sure = one.get("probability", one.get("score"))
    start = _seconds(one["start"])
    return Word(_said(one["word"]), start, max(start, _seconds(one["end"])), _number(sure, -1.0))


def _with_words(segments: Sequence[Segment], words: Sequence[Word]) -> list[Segment]:
    """The words that stand beside the segments, each in the last one that has begun; spaces as the segment has them."""
    shared: list[list[Word]] = [[] for _ in segments]
    at = 0
    for word in sorted(words, key=lambda one: one.start):
        while at + 1 < len(segments) and segments[at + 1].start <= word.start + _CLOSE_S:
            at += 1
        shared[at].append(word)
    return [
        msgspec.structs.replace(segment, words=_placed(segment, own) or None)
        for segment, own in zip(segments, shared, strict=True)
    ]


def _placed(segment: Segment, words: Sequence[Word]) -> list[Word]:
    """Each as it stands in the text, with the space before it and the mark behind it. How sure: as of the segment."""
    sure = round(math.exp(min(0.0, segment.avg_logprob)), 4)
    placed, at = list[Word](), 0
    for number, word in enumerate(words):
        bare = word.word.strip()
        begin = segment.text.find(bare, at)
        if begin < 0:
            text = _spaced(bare)
        else:
            following = words[number + 1].word.strip() if number + 1 < len(words) else ""
            after = segment.text.find(following, begin + len(bare)) if following else len(segment.text)
            end = begin + len(bare)
            while end < (after if after >= 0 else len(segment.text)) and not segment.text[end].isspace():
                end += 1
            text, at = segment.text[at:end] if segment.text[at:begin].isspace() else segment.text[begin:end], end
        placed.append(msgspec.structs.replace(word, word=text, probability=sure))
    return placed


def _spaced(text: str) -> str:
    return text if text[:1].isspace() else f" {text}"


def _said(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _seconds(value: Any) -> float:
    """Raises ValueError for what is no time."""
    found = float(value)  # OpenAI's clients have a duration as text, too
    if not math.isfinite(found) or found < 0:
        raise ValueError("no time")
    return found


def _number(value: Any, default: float) -> float:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else default
