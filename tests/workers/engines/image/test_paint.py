"""The illustrator does as it is told: judged by measuring the pictures."""

import numpy as np
import pytest
from PIL import Image

from tests.workers.engines.image.looking import (
    apart,
    brightness,
    likeness,
    pixels,
    share_of,
    sharpness,
    sky,
    subject,
)
from workers.engines.image import sprites
from workers.engines.image.brief import understand
from workers.engines.image.looks import LOOKS
from workers.engines.image.paint import Painted, identity, paint

SIZE = (288, 192)


def drawn(prompt: str, negative: str = "", seed: int = 1, size: tuple[int, int] = SIZE, **how: float) -> Painted:
    brief = understand(prompt, negative)
    cfg, steps = float(how.get("cfg", 7)), int(how.get("steps", 20))
    return paint(brief, identity(prompt, negative, seed), size, lambda _: None, steps=steps, cfg=cfg)


def image(prompt: str, negative: str = "", seed: int = 1) -> Image.Image:
    return drawn(prompt, negative, seed).image


def test_the_same_words_and_seed_give_the_same_bytes() -> None:
    for prompt in ("a cat on the beach, watercolor", "city at night, rain", "xyzzy"):
        assert image(prompt).tobytes() == image(prompt).tobytes()


def test_another_seed_gives_another_picture_of_the_same_things() -> None:
    one, other = drawn("a castle, mountains"), drawn("a castle, mountains", seed=2)
    assert apart(one.image, other.image) > 10
    assert [placed.name for placed in one.placed] == [placed.name for placed in other.placed] == ["castle"]


def test_two_prompts_look_different() -> None:
    prompts = [
        "a cat on the beach",
        "city at night",
        "desert at sunset",
        "forest, snow",
        "space",
        "underwater",
        "xyzzy",
    ]
    pictures = [image(prompt) for prompt in prompts]
    for index, one in enumerate(pictures):
        for other in pictures[index + 1 :]:
            assert apart(one, other) > 25


@pytest.mark.parametrize("size", [(64, 64), (2048, 64), (64, 700), (333, 217)])
@pytest.mark.parametrize(
    "prompt", ["a cat in the city, rain", "a boat on the sea", "a whale in space", "a cup in a room"]
)
def test_any_size_is_exact(size: tuple[int, int], prompt: str) -> None:
    assert drawn(prompt, size=size).image.size == size


def test_the_sky_is_as_bright_as_the_time_of_day() -> None:
    noon, dusk, night = (brightness(sky(image(f"meadow, {time}"))) for time in ("noon", "dusk", "night"))
    assert noon > 1.6 * dusk
    assert dusk > 1.15 * night


def test_a_sunset_is_warmer_than_noon() -> None:
    warm, cold = pixels(image("sea at sunset")), pixels(image("sea at noon"))
    assert warm[..., 0].mean() > 1.25 * warm[..., 2].mean()
    assert cold[..., 2].mean() > 1.1 * cold[..., 0].mean()


@pytest.mark.parametrize(("ground", "colour"), [("meadow", "green"), ("sea", "blue"), ("desert", "orange")])
def test_the_ground_is_what_was_asked_for(ground: str, colour: str) -> None:
    lower = {place: pixels(image(place))[130:] for place in ("meadow", "sea", "desert")}
    shares = {place: share_of(colour, part) for place, part in lower.items()}
    assert shares[ground] > 0.5
    assert all(shares[place] < 0.3 for place in shares if place != ground)


def test_weather_changes_the_picture() -> None:
    clear = image("meadow")
    assert sharpness(image("meadow, heavy rain")) > 1.15 * sharpness(clear)
    assert share_of("white", pixels(image("meadow, snow"))[100:]) > share_of("white", pixels(clear)[100:]) + 0.3
    foggy = pixels(image("mountains, fog"))
    assert foggy[60:120].std() < 0.75 * pixels(image("mountains"))[60:120].std()


@pytest.mark.parametrize("name", ["cat", "castle", "sailboat", "rocket", "robot", "tulip", "car"])
def test_the_subject_is_where_the_picture_says_and_nowhere_without_it(name: str) -> None:
    figure = sprites.cut_out(subject(name), None)
    shown = drawn(f"a {name} in a meadow")
    [placed] = shown.placed
    left, top, right, bottom = placed.box
    assert (right - left) * (bottom - top) > 0.03 * SIZE[0] * SIZE[1]
    found, without = (likeness(one, placed.box, figure) for one in (shown.image, image("a meadow")))
    assert found > 0.75
    assert found > without + 0.15


def test_a_subject_has_the_colour_asked_for() -> None:
    for colour in ("red", "blue", "green"):
        shown = drawn(f"a {colour} car on the beach")
        [placed] = shown.placed
        inside = pixels(shown.image.crop(placed.box))
        others = {other: share_of(other, inside) for other in ("red", "blue", "green")}
        assert max(others, key=lambda name: others[name]) == colour


def test_as_many_are_drawn_as_are_asked_for() -> None:
    for words, count in (("a cat", 1), ("two cats", 2), ("五只猫", 5)):
        assert len(drawn(f"{words}, meadow").placed) == count


def test_a_palette_is_followed_and_cfg_says_how_far() -> None:
    def redness(cfg: float) -> float:
        shown = pixels(drawn("sea, red", cfg=cfg).image)
        return float((shown[..., 0] - shown[..., 2]).mean())

    assert redness(1) < redness(7) < redness(14)
    assert share_of("red", pixels(image("abstract, red"))) > share_of("red", pixels(image("abstract, blue"))) + 0.2


def test_steps_buy_detail() -> None:
    few, many = (sharpness(drawn("mountains, clouds", steps=steps, size=(480, 480)).image) for steps in (1, 30))
    assert many > 1.05 * few


def test_the_negative_prompt_takes_things_out() -> None:
    assert drawn("a cat and a dog", "dog").placed[0].name == "cat"
    with_red, without = pixels(image("sea at sunset")), pixels(image("sea at sunset", "red, orange, pink"))
    assert np.ptp(without, axis=2).mean() < 0.6 * np.ptp(with_red, axis=2).mean()


@pytest.mark.parametrize("name", sorted(LOOKS))
def test_every_style_changes_the_picture_and_keeps_it_recognisable(name: str) -> None:
    plain = drawn("a boat on a lake at sunset")
    styled = paint(
        understand("a boat on a lake at sunset", styles=[{"mono": "monochrome", "gogh": "van gogh"}.get(name, name)]),
        identity("a boat on a lake at sunset", "", 1),
        SIZE,
        lambda _: None,
    )
    assert apart(plain.image, styled.image) > 3
    middles = [one.image.crop((24, 24, 264, 168)).resize((20, 12)) for one in (plain, styled)]  # inside a paper's edge
    small = [pixels(middle).mean(axis=2).ravel() for middle in middles]
    assert np.corrcoef(*small)[0, 1] > 0.5


def test_black_and_white_has_no_colour_and_pixel_art_has_few() -> None:
    assert np.ptp(pixels(image("a city, black and white")), axis=2).max() <= 2
    colours = image("a castle, pixel art").getcolors(1 << 20)
    assert colours
    assert len(colours) <= 28
