"""What a transcript must be before it is handed out: inside the recording, in order, and not a stuck record."""

import re
from collections.abc import Iterable

import msgspec

from storage.transcripts import Segment, Word

REPETITIVE = 2.4
"""The compression ratio above which Whisper is taken to repeat itself. Source: openai/whisper, transcribe.py."""
_LOOP = re.compile(r"(.{2,80}?)(?:\W*\1){4,}", re.DOTALL | re.IGNORECASE)
_MOSTLY = 0.6
_SHORTEST_S = 0.02


def in_order(segments: Iterable[Segment], first_s: float, last_s: float) -> list[Segment]:
    """Numbered from 0, each within `first_s`..`last_s` and none before the one it follows; empty ones are left out."""
    kept: list[Segment] = []
    earliest = first_s
    for one in segments:
        start = min(max(one.start, earliest), last_s)
        end = min(max(one.end, start + _SHORTEST_S), last_s)
        if not one.text.strip() or end <= start:
            continue
        words = None if one.words is None else _within(one.words, start, end)
        kept.append(msgspec.structs.replace(one, id=len(kept), start=start, end=round(end, 3), words=words))
        earliest = end
    return kept


def without_loops(segments: list[Segment]) -> tuple[list[Segment], int]:
    """Without the phrases of windows in which the model got stuck, and how many those were.

    A window is stuck if it compresses too well, and its phrase repeats within itself or is what the last one said.
    People repeat themselves too: the first of a run of equal phrases stays.
    """
    kept: list[Segment] = []
    for one in segments:
        stuck = one.compression_ratio > REPETITIVE
        again = bool(kept) and kept[-1].text.strip() == one.text.strip()
        if not stuck or not (again or _is_loop(one.text)):
            kept.append(one)
    return kept, len(segments) - len(kept)


def _is_loop(text: str) -> bool:
    stripped = text.strip()
    repeated = sum(len(match.group()) for match in _LOOP.finditer(stripped))
    return repeated > _MOSTLY * len(stripped)


def _within(words: list[Word], start: float, end: float) -> list[Word]:
    kept: list[Word] = []
    for word in words:
        begins = min(max(word.start, start), end)
        ends = min(max(word.end, begins), end)
        kept.append(msgspec.structs.replace(word, start=begins, end=ends))
        start = begins
    return kept
