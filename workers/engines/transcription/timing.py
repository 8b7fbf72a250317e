"""When a phrase is said: Whisper's times reach into the pauses around it, by up to two seconds."""

from collections.abc import Sequence

import msgspec

from storage.transcripts import Segment, Word
from workers.engines.transcription.speech import Region

_LEAD_S = 0.1
_TOUCH_S = 0.2  # what only reaches so far into another's speech has nothing to do with it


def trimmed(segment: Segment, spoken: Sequence[Region]) -> Segment:
    """The segment and its words without the silence they begin and end with. Times never grow, words never vanish."""
    start, end = _within(segment.start, segment.end, spoken)
    words = segment.words and [_word(one, spoken) for one in segment.words]
    return msgspec.structs.replace(segment, start=start, end=end, words=words)


def _word(word: Word, spoken: Sequence[Region]) -> Word:
    start, end = _within(word.start, word.end, spoken)
    return msgspec.structs.replace(word, start=start, end=end)


def _within(start: float, end: float, spoken: Sequence[Region]) -> tuple[float, float]:
    inside = [one for one in spoken if one.start_s < end and one.end_s > start]
    inside = [one for one in inside if min(end, one.end_s) - max(start, one.start_s) > _TOUCH_S] or inside
    if not inside:
        return start, end
    return (
        round(max(start, min(inside[0].start_s - _LEAD_S, end)), 3),
        round(min(end, inside[-1].end_s + _LEAD_S), 3),
    )
