import pytest

from workers.engines.speech.kokoro import windows
from workers.engines.speech.sentences import LONGEST, pieces

LONG = "The committee, which had met every week, decided after a debate that lasted until midnight, " * 6


def words(text: str) -> str:
    return "".join(text.split()).rstrip(".,。")


def test_sentences_are_spoken_one_by_one_with_pauses_between() -> None:
    cut = pieces("It rained all day. Was nobody there?\n\nThen the sun came out!")
    assert [piece.text for piece in cut] == ["It rained all day.", "Was nobody there?", "Then the sun came out!"]
    assert cut[1].pause_s > cut[0].pause_s > 0
    assert cut[2].pause_s == 0


def test_a_long_first_sentence_gives_its_first_clause_first() -> None:
    cut = pieces("When the rain had stopped, everybody went out into the garden to see what was left of the roses.")
    assert cut[0].text == "When the rain had stopped,"


def test_short_sentences_go_together() -> None:
    assert [piece.text for piece in pieces("No. Yes. Hm.")] == ["No. Yes. Hm."]


@pytest.mark.parametrize("text", [LONG, "word " * 800, "x" * 4096, "一" * 4096, "今天，" * 1000, "1234567890 " * 300])
def test_nothing_is_lost_and_nothing_is_too_long(text: str) -> None:
    cut = pieces(text)
    assert words("".join(piece.text for piece in cut)) == words(text)
    assert max(piece.weight for piece in cut) <= LONGEST


def test_figures_and_names_do_not_end_a_sentence() -> None:
    assert len(pieces("It grew by 3.5 percent in ai.example and stayed there.")) == 1


def test_what_the_network_cannot_take_is_parted_at_a_mark_or_a_space() -> None:
    symbols = "abc def, " * 200
    parts = windows(symbols)
    assert max(map(len, parts)) <= 510
    assert "".join(parts).replace(" ", "") == symbols.replace(" ", "")
    assert all(part.endswith(",") for part in parts)
    assert [len(part) for part in windows("a" * 1200)] == [510, 510, 180]
