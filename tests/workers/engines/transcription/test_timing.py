import pytest

from storage.transcripts import Segment, Word
from workers.engines.transcription.speech import Region
from workers.engines.transcription.timing import trimmed

SPOKEN = [Region(2.0, 4.0), Region(4.5, 6.0), Region(20.0, 21.0)]


def segment(start: float, end: float, words: list[Word] | None = None) -> Segment:
    return Segment(0, 0, start, end, " words", [], 0.0, -0.3, 1.0, 0.0, words)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ((0.5, 8.0), (1.9, 6.1)),  # silence around it
        ((2.2, 5.5), (2.2, 5.5)),  # within speech
        ((3.0, 4.3), (3.0, 4.1)),
        ((3.9, 5.5), (4.4, 5.5)),  # the end of what was said before
        ((7.0, 9.0), (7.0, 9.0)),  # nobody was heard to speak: Whisper is believed
    ],
)
def test_silence_at_either_end_is_cut_off(given: tuple[float, float], kept: tuple[float, float]) -> None:
    after = trimmed(segment(*given), SPOKEN)
    assert (after.start, after.end) == kept


def test_words_are_cut_likewise() -> None:
    after = trimmed(segment(0.5, 8.0, [Word(" a", 0.5, 2.5, 0.9), Word(" b", 5.0, 8.0, 0.9)]), SPOKEN)
    assert after.words
    assert [(one.start, one.end) for one in after.words] == [(1.9, 2.5), (5.0, 6.1)]


def test_where_speech_was_not_looked_for_nothing_changes() -> None:
    assert trimmed(segment(0.5, 8.0), []) == segment(0.5, 8.0)
