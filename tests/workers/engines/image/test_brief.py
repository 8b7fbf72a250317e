import pytest

from workers.engines.image import subjects as table
from workers.engines.image.brief import MOST_SUBJECTS, Brief, understand
from workers.engines.image.shapes import drawn
from workers.engines.image.vocabulary import RGB


def cast(brief: Brief) -> list[tuple[str, int, str | None]]:
    return [(one.subject.name, one.count, one.colour) for one in brief.wanted]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a blue fox in a snowy forest", [("fox", 1, "blue")]),
        ("a red fox", [("fox", 1, None)]),
        ("two white horses and a castle", [("horse", 2, "white"), ("castle", 1, None)]),
        ("three balloons over green hills", [("balloon", 3, None)]),
        ("一只红色的狐狸在雪地森林里", [("fox", 1, "red")]),
        ("两只熊猫和一座城堡", [("panda", 2, None), ("castle", 1, None)]),
        ("(a cat:1.3), <lora:dogs:0.8>, [[masterpiece]]", [("cat", 1, None)]),
        ("wolves, ponies, foxes", [("wolf", 1, None), ("horse", 1, None), ("fox", 1, None)]),
        ("ninety-nine problems", []),
    ],
)
def test_subjects_come_with_their_number_and_colour(prompt: str, expected: list[tuple[str, int, str | None]]) -> None:
    assert cast(understand(prompt)) == expected


@pytest.mark.parametrize(
    ("prompt", "places", "time", "weather"),
    [
        ("a snowy pine forest at sunset, mountains", {"forest", "mountain"}, "sunset", {"snow"}),
        ("雨夜的城市街道", {"city", "street"}, "night", {"rain"}),
        ("misty lake at dawn", {"lake"}, "sunrise", {"fog"}),
        ("夕阳下的大海", {"sea"}, "sunset", set()),
        ("northern lights over a fjord", {"mountain"}, "night", {"aurora"}),
    ],
)
def test_place_time_and_weather_are_understood(prompt: str, places: set[str], time: str, weather: set[str]) -> None:
    brief = understand(prompt)
    assert (brief.places, brief.time, brief.weather) == (places, time, weather)


@pytest.mark.parametrize(
    ("prompt", "place"),
    [
        ("a whale", "sea"),
        ("a shark", "underwater"),
        ("a rocket", "space"),
        ("a red apple", "plain"),
        ("a camel", "desert"),
    ],
)
def test_a_subject_without_a_place_is_where_it_is_at_home(prompt: str, place: str) -> None:
    assert understand(prompt).places == {place}


def test_what_the_negative_prompt_names_is_left_out() -> None:
    brief = understand("a cat and a dog at night in the rain", "dog, rain")
    assert [one.subject.name for one in brief.wanted] == ["cat"]
    assert brief.weather == frozenset()
    assert understand("a cat, night", "night").time == "day"


def test_a_colour_before_the_land_is_the_land_s_and_not_the_sky_s() -> None:
    brief = understand("green hills under a purple sky")
    assert (brief.land, brief.colours) == ("green", ("purple",))


def test_words_nobody_knows_ask_for_something_abstract() -> None:
    assert understand("xyzzy plugh").places == {"abstract"}
    assert understand("").places == {"abstract"}


def test_a_style_is_not_taken_for_another() -> None:
    assert understand("watercolor painting").styles == ("watercolour",)
    assert understand("a boat", styles=["Oil painting"]).styles == ("oil",)


def test_the_number_of_subjects_is_bounded() -> None:
    names = ", ".join(one.words[0] for one in table.subjects()[:30])
    assert len(understand(names).wanted) == MOST_SUBJECTS


def test_every_subject_can_be_drawn_and_no_name_is_taken_twice() -> None:
    names = [word for one in table.subjects() for word in one.words]
    assert len(names) == len(set(names))
    for one in table.subjects():
        assert one.colour in RGB
        assert one.stand in {"ground", "head", "bust", "air", "afloat", "sea", "object", "tall", "space"}
    for shape, colour in {one.shape: one.colour for one in table.subjects()}.items():
        assert drawn(shape, colour).getbbox()
