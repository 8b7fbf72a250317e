from itertools import pairwise

import pytest

from workers.engines.music.vocals.laying import Sung, fitted, lay
from workers.engines.music.vocals.syllables import syllables

SYMBOLS = "wˈɔkɪŋ ɪnðə sˈʌməɹ, ɹˈAn."
FRAMES = [20, *[3] * len(SYMBOLS), 5]
SPOKEN = syllables(SYMBOLS, FRAMES)


def notes(count: int, each_s: float, sounding: float = 1.0) -> list[Sung]:
    return [Sung(number * each_s, each_s * sounding, 60 + number) for number in range(count)]


@pytest.mark.parametrize("each_s", [0.12, 0.2, 0.3, 0.5, 1.5])
def test_a_vowel_begins_on_its_note(each_s: float) -> None:
    laid = lay(SPOKEN, notes(7, each_s), -0.3)
    for syllable, note, (start, stop) in zip(SPOKEN, notes(7, each_s), laid.vowels, strict=True):
        assert start == pytest.approx(note.at)
        assert stop - start >= 0.25 * each_s
        assert any(
            knot.at == pytest.approx(start) and knot.source == pytest.approx(syllable.vowel) for knot in laid.knots
        )


@pytest.mark.parametrize("each_s", [0.12, 0.3, 1.5])
@pytest.mark.parametrize("sounding", [0.4, 1.0])
@pytest.mark.parametrize("count", [1, 4, 7, 11])
def test_time_runs_forward_in_the_song_and_in_the_recording(each_s: float, sounding: float, count: int) -> None:
    laid = lay(SPOKEN, notes(count, each_s, sounding), -0.3)
    for one, other in pairwise(laid.knots):
        assert one.at < other.at
        assert one.source <= other.source + 1e-6


def test_the_first_consonants_come_before_the_bar() -> None:
    laid = lay(SPOKEN, notes(7, 0.3), -0.3)
    assert -0.3 <= laid.knots[0].at < 0


def test_nothing_sounds_before_a_song() -> None:
    laid = lay(SPOKEN, notes(7, 0.3), 0.0)
    assert laid.knots[0].at >= 0
    assert laid.vowels[0][0] == 0


def test_a_rest_between_notes_is_silent() -> None:
    laid = lay(SPOKEN, notes(7, 1.0, sounding=0.5), -0.3)
    silent = [(one.at, other.at) for one, other in pairwise(laid.knots) if one.jumps]
    assert len(silent) == 6
    assert all(start == pytest.approx(number + 0.5) for number, (start, _) in enumerate(silent))


def test_syllables_without_a_note_share_the_longest() -> None:
    assert fitted([Sung(0, 1, 60), Sung(1, 2, 62)], 3) == [(0, 1), (1, 2), (2, 3)]


def test_notes_without_a_syllable_are_sung_on_the_last() -> None:
    assert fitted(notes(4, 1.0), 2) == [(0, 1), (1, 4)]
