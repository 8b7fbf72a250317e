"""image.upscale until a size is reached: what WebUI's second resize mode does."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from storage.errors import InvalidRequest
from tests.workers.engines.image.looking import apart, picture, pixels
from tests.workers.engines.picture.conftest import Run


@pytest.fixture
def dotted(tmp_path: Path) -> Path:
    """96 by 48 pixels, a red square in the middle of it and black at both ends."""
    image = Image.new("RGB", (96, 48), "white")
    image.paste((255, 0, 0), (40, 16, 56, 32))
    for left in (0, 84):
        image.paste((0, 0, 0), (left, 0, left + 12, 48))
    image.save(tmp_path / "dotted.png")
    return tmp_path / "dotted.png"


def upscaled(run: Run, path: Path, **fields: object) -> Image.Image:
    return picture(run("image.upscale", {"image": path}, **{"upscaler": "lanczos", **fields}))


def red(image: Image.Image) -> tuple[int, int]:
    part = pixels(image)
    rows, columns = np.nonzero((part[..., 0] > 200) & (part[..., 1] < 80))
    return int(np.ptp(columns)), int(np.ptp(rows))


@pytest.mark.parametrize("upscaler", ["lanczos", "nearest", "realesr-animevideov3"])
def test_cropped_to_exactly_what_was_asked_for(run: Run, dotted: Path, upscaler: str) -> None:
    made = upscaled(run, dotted, width=120, height=120, upscaler=upscaler)
    assert made.size == (120, 120)
    assert red(made) == pytest.approx((39, 39), abs=3)
    assert pixels(made)[:, :4].min() > 60, "the black ends are cut off"


def test_uncropped_it_covers_the_size_in_its_own_shape(run: Run, dotted: Path) -> None:
    made = upscaled(run, dotted, width=120, height=120, crop=False)
    assert made.size == (240, 120)
    assert pixels(made)[:, :4].max() < 60


@pytest.mark.parametrize(("wanted", "size"), [({"width": 192}, (192, 96)), ({"height": 120}, (240, 120))])
def test_one_side_is_enough(run: Run, dotted: Path, wanted: dict[str, int], size: tuple[int, int]) -> None:
    assert upscaled(run, dotted, **wanted).size == size


def test_beyond_what_the_network_reaches_the_rest_is_resampled(run: Run, dotted: Path) -> None:
    made = run("image.upscale", {"image": dotted}, width=576, height=288)
    assert picture(made).size == (576, 288)
    assert made.metadata["scale"] == 6


def test_a_larger_picture_is_made_smaller(run: Run, astronaut: Path) -> None:
    made = upscaled(run, astronaut, width=64, height=64)
    assert made.size == (64, 64)
    with Image.open(astronaut) as image:
        assert apart(made, image.resize((64, 66)).crop((0, 1, 64, 65))) < 6


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"width": 8, "height": 64}, "width"),
        ({"width": 64, "height": 8193}, "height"),
        ({"width": 8192, "height": 8192}, "width"),
        ({"height": 8192}, "height"),
        ({"width": 64, "height": 64, "crop": "yes"}, "crop"),
    ],
)
def test_sizes_that_cannot_be_had_are_refused_by_name(
    run: Run, dotted: Path, fields: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        upscaled(run, dotted, **fields)
    assert refused.value.field == field
