"""Image-to-image: the strength, the style, the mask and the resize modes do what they say."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from storage.errors import InvalidRequest
from tests.workers.engines.image.looking import apart, picture, pixels, provenance, share_of
from tests.workers.engines.picture.conftest import Run


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def outside(mask: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    with Image.open(mask) as image:
        return np.asarray(image.convert("L")) == 0


def test_the_more_denoising_the_further_from_the_original(run: Run, astronaut: Path) -> None:
    before = opened(astronaut)
    changes = [
        apart(
            before, picture(run("image.edit", {"image": astronaut}, prompt="watercolor", denoising_strength=strength))
        )
        for strength in (0.2, 0.5, 0.75)
    ]
    assert 1 < changes[0] < changes[1] < changes[2]


def test_no_denoising_gives_the_picture_back(run: Run, astronaut: Path) -> None:
    made = run("image.edit", {"image": astronaut}, prompt="a cat", denoising_strength=0)
    assert apart(opened(astronaut), picture(made)) == 0


def test_what_is_in_the_picture_stays_recognisable(run: Run, astronaut: Path) -> None:
    for style in ("oil painting", "watercolor", "anime", "van gogh", ""):
        made = picture(run("image.edit", {"image": astronaut}, prompt=style, denoising_strength=0.6))
        small = [pixels(image.resize((20, 20))).mean(axis=2).ravel() for image in (opened(astronaut), made)]
        assert np.corrcoef(*small)[0, 1] > 0.6, style


def test_night_darkens_and_a_colour_colours(run: Run, astronaut: Path) -> None:
    before = pixels(opened(astronaut))
    night = pixels(picture(run("image.edit", {"image": astronaut}, prompt="at night")))
    blue = pixels(picture(run("image.edit", {"image": astronaut}, prompt="blue")))
    assert night.mean() < 0.6 * before.mean()
    assert share_of("blue", blue) > share_of("blue", before) + 0.25


def test_the_same_edit_twice_gives_the_same_pixels(run: Run, astronaut: Path) -> None:
    one, two = (picture(run("image.edit", {"image": astronaut}, prompt="watercolor, snow")) for _ in range(2))
    assert apart(one, two) == 0


def test_what_an_edit_made_is_told(run: Run, astronaut: Path) -> None:
    made = run("image.edit", {"image": astronaut}, prompt="sketch", model="sd")
    assert provenance(made.artifacts[0].path)["made"] == "algorithmicallyEnhanced"
    assert made.metadata["engine"] == "illustrator"
    assert "no diffusion model" in made.metadata["method"]


@pytest.mark.parametrize("fill", [0, 1, 2, 3])
@pytest.mark.parametrize("prompt", ["a red balloon", "sea at sunset", ""])
def test_outside_the_mask_not_a_pixel_changes(run: Run, astronaut: Path, ellipse: Path, fill: int, prompt: str) -> None:
    inputs = {"image": astronaut, "mask": ellipse}
    made = picture(run("image.edit", inputs, prompt=prompt, inpainting_fill=fill, mask_blur=8, denoising_strength=1))
    kept = outside(ellipse)
    assert np.array_equal(pixels(made)[kept], pixels(opened(astronaut))[kept])
    if prompt or fill != 1:
        assert np.abs(pixels(made) - pixels(opened(astronaut)))[~kept].mean() > 4


def test_what_the_prompt_names_is_drawn_inside_the_mask(run: Run, astronaut: Path, ellipse: Path) -> None:
    inputs = {"image": astronaut, "mask": ellipse}
    shares = {
        colour: share_of(
            colour, pixels(picture(run("image.edit", inputs, prompt=f"a {colour} balloon")))[20:120, 230:300]
        )
        for colour in ("red", "blue")
    }
    original = pixels(opened(astronaut))[20:120, 230:300]
    assert shares["red"] > share_of("red", original) + 0.2
    assert shares["blue"] > share_of("blue", original) + 0.2


def test_an_inverted_mask_keeps_its_inside(run: Run, astronaut: Path, ellipse: Path) -> None:
    inputs = {"image": astronaut, "mask": ellipse}
    made = pixels(picture(run("image.edit", inputs, prompt="night", inpainting_mask_invert=1, inpainting_fill=1)))
    inside = ~outside(ellipse)
    with Image.open(ellipse) as mask:
        inside = np.asarray(mask) == 255
    assert np.array_equal(made[inside], pixels(opened(astronaut))[inside])
    assert apart(Image.fromarray(made.astype(np.uint8)), opened(astronaut)) > 5


def test_a_mask_may_be_the_transparent_part(run: Run, astronaut: Path, ellipse: Path, tmp_path: Path) -> None:
    holed = opened(astronaut).convert("RGBA")
    with Image.open(ellipse) as mask:
        holed.putalpha(mask.point(lambda value: 255 - value))
    holed.save(tmp_path / "holed.png")
    made = picture(run("image.edit", {"image": tmp_path / "holed.png"}, prompt="a cat", mask_from_alpha=True))
    kept = outside(ellipse)
    assert np.array_equal(pixels(made)[kept], pixels(opened(astronaut))[kept])
    with pytest.raises(InvalidRequest, match="transparent"):
        run("image.edit", {"image": astronaut}, mask_from_alpha=True)


def test_an_empty_mask_changes_nothing(run: Run, astronaut: Path, tmp_path: Path) -> None:
    Image.new("L", (320, 330), 0).save(tmp_path / "empty.png")
    made = run("image.edit", {"image": astronaut, "mask": tmp_path / "empty.png"}, prompt="a cat")
    assert apart(picture(made), opened(astronaut)) == 0


@pytest.mark.parametrize("mode", [0, 1, 2, 3])
def test_resize_modes_give_the_size_asked_for(run: Run, astronaut: Path, mode: int) -> None:
    made = run("image.edit", {"image": astronaut}, width=400, height=200, resize_mode=mode, denoising_strength=0)
    assert picture(made).size == (400, 200)


def test_cropping_keeps_proportions_and_filling_keeps_all(run: Run, tmp_path: Path) -> None:
    circle = Image.linear_gradient("L").convert("RGB").resize((200, 200))
    circle.paste((255, 0, 0), (80, 80, 120, 120))
    circle.save(tmp_path / "square.png")
    widths = {}
    for mode in (0, 1, 2):
        size = {"width": 400, "height": 200, "resize_mode": mode, "denoising_strength": 0}
        red = pixels(picture(run("image.edit", {"image": tmp_path / "square.png"}, **size)))
        rows, columns = np.nonzero((red[..., 0] > 200) & (red[..., 1] < 80))
        widths[mode] = (int(np.ptp(columns)), int(np.ptp(rows)))
    assert widths[0] == pytest.approx((79, 39), abs=4)
    assert widths[1] == pytest.approx((79, 79), abs=4)
    assert widths[2] == pytest.approx((39, 39), abs=4)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"denoising_strength": 1.01}, "denoising_strength"),
        ({"resize_mode": 4}, "resize_mode"),
        ({"inpainting_fill": -1}, "inpainting_fill"),
        ({"inpaint_full_res": "yes"}, "inpaint_full_res"),
        ({"width": 4096}, "width"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(
    run: Run, astronaut: Path, fields: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        run("image.edit", {"image": astronaut}, **fields)
    assert refused.value.field == field


def test_an_edit_needs_a_picture(run: Run) -> None:
    with pytest.raises(InvalidRequest) as refused:
        run("image.edit", {}, prompt="a cat")
    assert refused.value.field == "image"


def test_an_empty_prompt_gives_a_related_picture_and_each_seed_another(run: Run, astronaut: Path) -> None:
    before = opened(astronaut)
    made = [picture(run("image.edit", {"image": astronaut}, seed=seed, denoising_strength=0.5)) for seed in range(1, 6)]
    for index, one in enumerate(made):
        assert apart(before, one) > 8
        small = [pixels(image.resize((20, 20))).mean(axis=2).ravel() for image in (before, one)]
        assert np.corrcoef(*small)[0, 1] > 0.8
        assert all(apart(one, other) > 6 for other in made[:index])


def test_words_that_say_nothing_of_looks_are_as_good_as_none(run: Run, astronaut: Path) -> None:
    described, empty = (
        picture(run("image.edit", {"image": astronaut}, prompt=prompt, denoising_strength=0.5))
        for prompt in ("an astronaut, portrait", "")
    )
    assert apart(opened(astronaut), described) > 8
    assert apart(described, empty) > 4


def test_a_mask_that_is_transparent_nowhere_is_refused(run: Run, astronaut: Path, tmp_path: Path) -> None:
    mask = tmp_path / "opaque.png"
    Image.new("RGBA", (64, 64), (0, 0, 0, 255)).save(mask)
    with pytest.raises(InvalidRequest, match="no transparent part") as caught:
        run("image.edit", {"image": astronaut, "mask": mask}, mask_from_alpha=True)
    assert caught.value.field == "mask"
