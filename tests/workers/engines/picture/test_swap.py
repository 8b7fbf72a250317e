"""Face swaps: the face changes, the rest does not, and what cannot be swapped is said by name."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from storage.errors import EngineFailed, InvalidRequest
from tests.workers.engines.image.looking import apart, picture, pixels, provenance
from tests.workers.engines.picture.conftest import Run
from workers.engines.picture.faces import find


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


@pytest.fixture
def landscape(tmp_path: Path, run: Run) -> Path:
    return Path(run("image.generate", {}, prompt="mountains", width=320, height=240).artifacts[0].path)


@pytest.fixture
def two(tmp_path: Path, astronaut: Path, hopper: Path) -> Path:
    """Both portraits in one picture, the astronaut on the left."""
    left, right = opened(astronaut), opened(hopper).resize((288, 330))
    both = Image.new("RGB", (left.width + right.width, 330))
    both.paste(left, (0, 0))
    both.paste(right, (left.width, 0))
    both.save(tmp_path / "two.png")
    return tmp_path / "two.png"


@pytest.mark.usefixtures("face_models")
class TestSwap:
    def test_the_face_changes_and_the_rest_does_not(self, run: Run, astronaut: Path, hopper: Path) -> None:
        made = run("image.faceswap", {"source_image": hopper, "target_image": astronaut})
        [face] = made.metadata["faces"]
        left, top, right, bottom = face["box"]
        change = np.abs(pixels(picture(made)) - pixels(opened(astronaut))).mean(axis=2)
        assert change[top:bottom, left:right].mean() > 8
        change[max(0, top - 12) : bottom + 12, max(0, left - 12) : right + 12] = 0
        assert change.max() == 0

    def test_a_shut_mouth_is_not_stretched_over_a_smile(self, run: Run, astronaut: Path, hopper: Path) -> None:
        made = picture(run("image.faceswap", {"source_image": hopper, "target_image": astronaut}))
        [smiling] = find(opened(astronaut), 0.5)
        across, down = ((smiling.mesh[13] + smiling.mesh[14]) / 2).round().astype(int)
        teeth = (across - 6, down - 2, across + 6, down + 2)
        assert apart(made.crop(teeth), opened(astronaut).crop(teeth)) < 20

    def test_the_skin_keeps_the_target_s_tone(self, run: Run, astronaut: Path, hopper: Path) -> None:
        made = run("image.faceswap", {"source_image": hopper, "target_image": astronaut})
        left, top, right, bottom = made.metadata["faces"][0]["box"]
        after, before = (pixels(image)[top:bottom, left:right] for image in (picture(made), opened(astronaut)))
        assert np.abs(after.mean(axis=(0, 1)) - before.mean(axis=(0, 1))).max() < 25

    def test_the_new_face_is_still_a_face(self, run: Run, astronaut: Path, hopper: Path) -> None:
        made = run("image.faceswap", {"source_image": hopper, "target_image": astronaut})
        assert len(find(picture(made), 0.5)) == 1
        assert provenance(made.artifacts[0].path)["engine"] == "faceswap"

    def test_faces_are_counted_from_the_left(self, run: Run, two: Path, hopper: Path, astronaut: Path) -> None:
        assert len(find(opened(two), 0.5)) == 2
        first = run("image.faceswap", {"source_image": hopper, "target_image": two}, face_index=[0])
        other = run("image.faceswap", {"source_image": astronaut, "target_image": two}, face_index=[1])
        assert first.metadata["faces"][0]["box"][2] < 320 < other.metadata["faces"][0]["box"][0]

    def test_both_faces_can_change_places(self, run: Run, two: Path) -> None:
        made = run(
            "image.faceswap",
            {"source_image": two, "target_image": two},
            source_faces_index=[1, 0],
            face_index=[0, 1],
        )
        change = np.abs(pixels(picture(made)) - pixels(opened(two))).mean(axis=2)
        for face in made.metadata["faces"]:
            left, top, right, bottom = face["box"]
            assert change[top:bottom, left:right].mean() > 8

    def test_a_picture_without_a_face_is_named(self, run: Run, astronaut: Path, landscape: Path) -> None:
        for inputs, name in (
            ({"source_image": landscape, "target_image": astronaut}, "source"),
            ({"source_image": astronaut, "target_image": landscape}, "target"),
        ):
            with pytest.raises(InvalidRequest, match=f"no face was found in the {name} image") as refused:
                run("image.faceswap", inputs)
            assert refused.value.field == f"{name}_image"

    def test_a_face_that_is_not_there_is_named(self, run: Run, astronaut: Path, hopper: Path) -> None:
        with pytest.raises(InvalidRequest, match="1 faces, counted from 0: there is no face 3"):
            run("image.faceswap", {"source_image": hopper, "target_image": astronaut}, face_index=[3])

    def test_a_threshold_nothing_reaches_finds_nothing(self, run: Run, astronaut: Path, hopper: Path) -> None:
        with pytest.raises(InvalidRequest, match="no face was found in the source image"):
            run("image.faceswap", {"source_image": hopper, "target_image": astronaut}, det_thresh=0.99)

    def test_a_face_turned_too_far_is_refused(self, run: Run, astronaut: Path, hopper: Path) -> None:
        turned = max(abs(find(opened(path), 0.5)[0].yaw_deg) for path in (astronaut, hopper))
        assert turned < 35
        with pytest.raises(InvalidRequest, match="turned by"):
            run("image.faceswap", {"source_image": hopper, "target_image": astronaut}, max_yaw=turned * 0.6)

    def test_the_same_face_is_nothing_to_swap_with(self, run: Run, astronaut: Path) -> None:
        with pytest.raises(InvalidRequest, match="nothing to swap"):
            run("image.faceswap", {"source_image": astronaut, "target_image": astronaut})

    def test_restoring_redraws_the_face_alone(self, run: Run, astronaut: Path, hopper: Path) -> None:
        inputs = {"source_image": hopper, "target_image": astronaut}
        plain = run("image.faceswap", inputs)
        restored = run("image.faceswap", inputs, restorer_visibility=1)
        left, top, right, bottom = plain.metadata["faces"][0]["box"]
        change = np.abs(pixels(picture(plain)) - pixels(picture(restored))).mean(axis=2)
        assert change[top:bottom, left:right].mean() > 0.5
        change[top:bottom, left:right] = 0
        assert change.max() == 0

    def test_the_result_can_be_larger(self, run: Run, astronaut: Path, hopper: Path) -> None:
        made = run("image.faceswap", {"source_image": hopper, "target_image": astronaut}, scale=2)
        assert picture(made).size == (640, 660)

    def test_what_is_ignored_is_said(self, run: Run, astronaut: Path, hopper: Path) -> None:
        made = run("image.faceswap", {"source_image": hopper, "target_image": astronaut}, gender_source=1)
        assert made.metadata["ignored"] == ["gender_source"]


def test_without_its_models_it_says_how_to_get_them(
    run: Run, astronaut: Path, hopper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers.engines.picture import faces

    monkeypatch.setenv("GATEWAY_MODELS", str(tmp_path / "none"))
    faces._detector.cache_clear()
    with pytest.raises(EngineFailed, match="ai-gateway models install"):
        run("image.faceswap", {"source_image": hopper, "target_image": astronaut})


@pytest.mark.parametrize("indices", [[], [-1], [0, 0], ["0"], "0", [1.0]])
def test_indices_that_are_none_are_refused(run: Run, astronaut: Path, hopper: Path, indices: object) -> None:
    with pytest.raises(InvalidRequest) as refused:
        run("image.faceswap", {"source_image": hopper, "target_image": astronaut}, face_index=indices)
    assert refused.value.field == "face_index"
