"""Covers show what a title names, else what suits the genre; drawn here with our own shapes."""

import pytest

from tests.workers.engines.image.looking import apart, pixels
from workers.engines.image import cover
from workers.engines.image.brief import Brief
from workers.engines.image.vocabulary import COVERS
from workers.engines.music.styles import STYLES

SMALL = (128, 108)


def names(brief: Brief) -> list[str]:
    return [one.subject.name for one in brief.wanted]


def test_every_genre_of_the_composer_has_scenes() -> None:
    assert set(COVERS) == set(STYLES)


@pytest.mark.parametrize("genre", sorted(COVERS))
def test_every_genre_has_covers_that_show_something(genre: str) -> None:
    for seed in (1, 2):
        art = cover.draw("Untitled", "", genre, seed, SMALL)
        assert art.size == SMALL
        assert pixels(art).std() > 10


def test_what_the_title_names_is_shown_in_the_genre_s_place() -> None:
    for seed in range(5):
        brief = cover.scene("The Castle", "", "metal", seed)
        assert names(brief) == ["castle"]
        assert brief.places & {"volcano", "mountain", "forest"}


def test_the_title_s_own_place_time_and_colour_come_first() -> None:
    brief = cover.scene("Red Sunset over the Ocean", "in the city at night", "edm", 1)
    assert brief.places == {"sea"}
    assert brief.time == "sunset"
    assert brief.colours == ("red",)


def test_a_cup_is_not_put_into_a_street() -> None:
    assert all("plain" in cover.scene("Coffee for Two", "", "hiphop", seed).places for seed in range(4))


def test_of_the_lyrics_only_where_and_when_are_taken() -> None:
    brief = cover.scene("Alive", "Baby, my heart is on fire\nIn the forest at dawn", "pop", 1)
    assert names(brief) == []
    assert brief.places == {"forest"}
    assert brief.time == "sunrise"


def test_a_dark_song_has_no_noon() -> None:
    assert all(cover.scene("", "", "pop", seed, dark=True).time in ("dusk", "night") for seed in range(8))


def test_without_sprites_nothing_is_shown_as_something_else() -> None:
    assert names(cover.scene("Wild Horses", "", "classical", 1)) == []
    for genre in COVERS:
        for seed in range(8):
            for one in cover.scene("", "", genre, seed).wanted:
                assert one.subject.shape in one.subject.words


def test_another_title_or_seed_gives_another_cover_and_the_same_the_same() -> None:
    base = cover.draw("A", "", "jazz", 1, SMALL)
    assert apart(base, cover.draw("B", "", "jazz", 1, SMALL)) > 5
    assert apart(base, cover.draw("A", "", "jazz", 2, SMALL)) > 5
    assert base.tobytes() == cover.draw("A", "", "jazz", 1, SMALL).tobytes()


def test_a_large_cover_is_drawn_small_and_has_its_size() -> None:
    assert cover.draw("Moon", "", "ambient", 1, (1024, 856)).size == (1024, 856)
