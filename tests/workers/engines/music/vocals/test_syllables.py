from itertools import pairwise

import pytest

from workers.engines.music.vocals.syllables import FRAME_S, LEAD_S, count, syllables


@pytest.mark.parametrize(
    ("symbols", "notes"),
    [
        ("wˈɔkɪŋ ɪnðə sˈʌməɹ ɹˈAn.", 7),  # Walking in the summer rain
        ("ɥe↘kwa→ŋ lwo↘ma↗n wo↓tɤ ɕi→n", 7),  # 月光落满我的心
        ("pja↗ntʰjɛ↗n xau↓tɤ", 4),  # a diphthong is one note
        ("la lˈuna bɾˈiʝa", 5),
        ("mˈmm", 0),
        ("", 0),
    ],
)
def test_every_vowel_takes_a_note(symbols: str, notes: int) -> None:
    assert count(symbols) == notes
    assert len(syllables(symbols, [2] * (len(symbols) + 2))) == notes


def test_syllables_follow_each_other_in_the_recording() -> None:
    symbols = "wˈɔkɪŋ ɪnðə sˈʌməɹ, ɹˈAn."
    found = syllables(symbols, [20, *range(1, len(symbols) + 1), 5])
    for one in found:
        assert one.starts <= one.vowel < one.coda <= one.ends
    for one, other in pairwise(found):
        assert one.ends <= other.starts + 1e-9


def test_a_vowel_is_where_its_count_is_heard() -> None:
    (only,) = syllables("tˈɑp", [10, 3, 1, 4, 2, 6])
    assert only.vowel == pytest.approx(13 * FRAME_S - LEAD_S)  # with the mark of its stress
    assert only.coda == pytest.approx(18 * FRAME_S - LEAD_S)
    assert only.starts == pytest.approx(10 * FRAME_S - LEAD_S)
    assert only.ends == pytest.approx(20 * FRAME_S - LEAD_S)


def test_a_word_keeps_its_first_consonants() -> None:
    one, other = syllables("at stɑ", [4, 4, 4, 2, 4, 4, 4, 4])
    assert one.ends == pytest.approx(12 * FRAME_S - LEAD_S)
    assert other.starts == pytest.approx(12 * FRAME_S - LEAD_S)  # the space is heard as its first consonant
    assert other.vowel == pytest.approx(22 * FRAME_S - LEAD_S)


def test_a_pause_belongs_to_neither_side() -> None:
    one, other = syllables("ɑ, tɑ", [4, 4, 10, 2, 4, 4, 4])
    assert other.starts - one.ends >= 10 * FRAME_S - 1e-9


def test_diphthongs_glide() -> None:
    assert [one.glides for one in syllables("ɹAn ɑ xau↓", [3] * 12)] == [True, False, True]
