import pytest

from storage.transcripts import Segment, Word
from workers.engines.transcription.checks import in_order, without_loops


def segment(
    start: float, end: float, text: str = " words", ratio: float = 1.2, words: list[Word] | None = None
) -> Segment:
    return Segment(0, 0, start, end, text, [], 0.0, -0.3, ratio, 0.0, words)


def test_segments_are_numbered_in_order_and_within_the_recording() -> None:
    kept = in_order([segment(-1, 2), segment(1.5, 4), segment(3, 9), segment(9, 12)], 0.0, 8.0)
    assert [(one.id, one.start, one.end) for one in kept] == [(0, 0, 2), (1, 2, 4), (2, 4, 8)]


def test_what_says_nothing_is_left_out() -> None:
    assert in_order([segment(0, 1, "  ")], 0.0, 8.0) == []


def test_words_stay_within_their_segment() -> None:
    words = [Word(" a", 0.5, 1.2, 0.9), Word(" b", 1.1, 3.0, 0.9)]
    [kept] = in_order([segment(1, 2, words=words)], 0.0, 8.0)
    assert kept.words
    assert [(one.start, one.end) for one in kept.words] == [(1, 1.2), (1.1, 2)]


@pytest.mark.parametrize(
    "text", [" the end the end the end the end the end the end", "谢谢观看谢谢观看谢谢观看谢谢观看谢谢观看谢谢观看"]
)
def test_a_stuck_window_is_left_out(text: str) -> None:
    assert without_loops([segment(0, 1), segment(1, 9, text, ratio=4.0)]) == ([segment(0, 1)], 1)


def test_a_phrase_said_again_and_again_by_a_stuck_model_stays_once() -> None:
    said = [segment(at, at + 1, " Thank you.", ratio=5.0) for at in range(6)]
    assert without_loops(said) == (said[:1], 5)


def test_people_may_repeat_themselves() -> None:
    said = [segment(0, 1, " no no no no no no"), segment(1, 2, " no no no no no no")]
    assert without_loops(said) == (said, 0)
