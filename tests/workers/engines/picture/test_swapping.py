"""A face swap as part of a drawing or an edit: done before, after, or both, then restored and enlarged."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from storage.errors import EngineMisproduced, InvalidRequest
from tests.workers.engines.image.looking import apart, picture, pixels, provenance
from tests.workers.engines.picture.conftest import Run
from workers.engines.picture import swap
from workers.engines.picture.faces import find

pytestmark = pytest.mark.usefixtures("face_models")


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def around(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    return image.crop(box).resize((64, 64))


def test_a_near_zero_edit_with_a_swap_changes_the_face_alone(run: Run, astronaut: Path, hopper: Path) -> None:
    inputs = {"image": astronaut, "source_image": hopper}
    made = run("image.edit", inputs, prompt="", denoising_strength=0.01, faceswap={})
    [face] = made.metadata["faces"]
    left, top, right, bottom = face["box"]
    change = np.abs(pixels(picture(made)) - pixels(opened(astronaut))).mean(axis=2)
    assert change[top:bottom, left:right].mean() > 8
    change[max(0, top - 12) : bottom + 12, max(0, left - 12) : right + 12] = 0
    assert change.mean() < 1


def test_a_near_zero_edit_alone_gives_nearly_what_it_was_given(run: Run, astronaut: Path) -> None:
    made = run("image.edit", {"image": astronaut}, prompt="night, heavy snow, watercolor", denoising_strength=0.01)
    assert apart(picture(made), opened(astronaut)) < 2


def test_a_face_is_put_into_what_was_drawn(run: Run, astronaut: Path) -> None:
    if not (prompt := person_with_a_face(run)):
        pytest.skip("without the sprites no drawing has a face")
    plain = run("image.generate", {}, prompt=prompt, width=256, height=256)
    made = run("image.generate", {"source_image": astronaut}, prompt=prompt, width=256, height=256, faceswap={})
    [face] = made.metadata["faces"]
    before, after = (around(picture(one), face["box"]) for one in (plain, made))
    assert apart(before, after) > 8
    assert provenance(made.artifacts[0].path)["made"] == "compositeSynthetic"
    assert made.metadata["engine"] == "illustrator"
    assert "no inswapper model" in made.metadata["method"]


def person_with_a_face(run: Run) -> str | None:
    drawn = picture(run("image.generate", {}, prompt="portrait of a princess", width=256, height=256))
    return "portrait of a princess" if find(drawn, 0.5) else None


def test_a_face_can_be_swapped_before_the_edit(run: Run, astronaut: Path, hopper: Path) -> None:
    inputs, terms = {"image": astronaut, "source_image": hopper}, {"in_source": True, "in_generated": False}
    swapped = picture(run("image.edit", inputs, prompt="watercolor", denoising_strength=0.6, faceswap=terms))
    plain = picture(run("image.edit", {"image": astronaut}, prompt="watercolor", denoising_strength=0.6))
    change = np.abs(pixels(swapped) - pixels(plain)).mean(axis=2)
    assert change[60:180, 100:210].mean() > 5 * change[:, :60].mean()


def test_before_and_after_is_no_swap_that_changed_nothing(run: Run, astronaut: Path, hopper: Path) -> None:
    inputs, terms = {"image": astronaut, "source_image": hopper}, {"in_source": True, "in_generated": True}
    made = run("image.edit", inputs, prompt="", denoising_strength=0.01, faceswap=terms)
    assert len(made.metadata["faces"]) == 1


def test_a_swap_that_is_switched_off_needs_no_source(run: Run, astronaut: Path) -> None:
    off = {"in_source": False, "in_generated": False}
    plain = run("image.edit", {"image": astronaut}, prompt="night")
    assert apart(picture(run("image.edit", {"image": astronaut}, prompt="night", faceswap=off)), picture(plain)) == 0


def test_what_was_swapped_is_enlarged(run: Run, astronaut: Path, hopper: Path) -> None:
    inputs, terms = {"image": astronaut, "source_image": hopper}, {"scale": 1.5, "upscaler": "lanczos"}
    made = run("image.edit", inputs, prompt="", denoising_strength=0.01, width=128, height=192, faceswap=terms)
    assert picture(made).size == (192, 288)
    assert (made.artifacts[0].width_px, made.artifacts[0].height_px) == (192, 288)


def test_the_picture_without_a_face_is_named(run: Run, astronaut: Path, tmp_path: Path) -> None:
    small = {"width": 128, "height": 128}
    scene = Path(run("image.generate", {}, prompt="mountains", **small).artifacts[0].path)
    with pytest.raises(InvalidRequest, match="no face was found in the picture that was made") as refused:
        run("image.generate", {"source_image": astronaut}, prompt="mountains", faceswap={}, **small)
    assert refused.value.field == "target_image"
    with pytest.raises(InvalidRequest, match="no face was found in the source image") as refused:
        run("image.edit", {"image": astronaut, "source_image": scene}, prompt="night", faceswap={})
    assert refused.value.field == "source_image"
    with pytest.raises(InvalidRequest, match="no face was found in the picture to be changed") as refused:
        run("image.edit", {"image": scene, "source_image": astronaut}, prompt="night", faceswap={"in_source": True})
    assert refused.value.field == "target_image"


def test_a_face_in_its_own_place_is_refused(run: Run, astronaut: Path) -> None:
    inputs = {"image": astronaut, "source_image": astronaut}
    with pytest.raises(InvalidRequest, match="nothing to swap"):
        run("image.edit", inputs, prompt="", denoising_strength=0.01, faceswap={})


def test_a_swap_that_changes_nothing_is_no_success(
    run: Run, astronaut: Path, hopper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swap, "_put", lambda source, donor, target, place: target)
    for kind, inputs in (
        ("image.faceswap", {"source_image": hopper, "target_image": astronaut}),
        ("image.edit", {"source_image": hopper, "image": astronaut}),
    ):
        with pytest.raises(EngineMisproduced, match="changed nothing"):
            run(kind, inputs, faceswap={})


def test_an_edit_s_own_face_may_be_put_back(run: Run, astronaut: Path) -> None:
    inputs = {"image": astronaut, "source_image": astronaut}
    assert run("image.edit", inputs, prompt="watercolor", denoising_strength=0.9, faceswap={}).metadata["faces"]


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"scale": 4}, "scale"),
        ({"scale": 5}, "scale"),
        ({"face_index": []}, "face_index"),
        ({"in_source": "yes"}, "in_source"),
        ({"upscaler": "4x"}, "upscaler"),
        ([], "faceswap"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_drawn(
    run: Run, astronaut: Path, terms: object, field: str
) -> None:
    size = {"width": 2048, "height": 2048}
    with pytest.raises(InvalidRequest) as refused:
        run("image.generate", {"source_image": astronaut}, prompt="a princess", faceswap=terms, **size)
    assert refused.value.field == field


def test_a_swap_without_a_source_is_refused(run: Run) -> None:
    with pytest.raises(InvalidRequest, match="source_image is missing"):
        run("image.generate", {}, prompt="a princess", faceswap={})
