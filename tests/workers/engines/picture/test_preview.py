"""What is seen of a picture while it is being made."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.workers.engines.image.looking import apart, picture
from workers.engines.picture.engine import Pictures
from workers.engines.picture.preview import NAME, SIDE, Preview


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        assert image.format == "JPEG"
        return image.convert("RGB")


def watched(task: dict[str, Any], folder: Path) -> tuple[list[tuple[float, Image.Image]], Image.Image]:
    """Each preview there was, with the progress at which it was first seen, and the picture that came of it."""
    seen: dict[bytes, tuple[float, Image.Image]] = {}

    def look(reached: float) -> None:
        if (folder / NAME).exists():
            seen.setdefault((folder / NAME).read_bytes(), (reached, opened(folder / NAME)))

    made = Pictures().generate(task, folder, look)
    return sorted(seen.values(), key=lambda one: one[0]), picture(made)


def test_a_drawing_is_seen_growing(tmp_path: Path) -> None:
    request = {"prompt": "a castle in the mountains at sunset", "width": 320, "height": 192}
    previews, drawn = watched({"kind": "image.generate", "request": request, "seed": 1}, tmp_path)
    assert len(previews) in (2, 3, 4)
    assert previews[-1][0] < 0.9
    assert all(preview.size == (160, 96) for _, preview in previews)
    distances = [apart(preview, drawn.resize(preview.size)) for _, preview in previews]
    assert distances[-1] < 12
    assert distances[-1] < distances[0]


@pytest.mark.parametrize("mask", [False, True])
def test_an_edit_is_seen_changing(tmp_path: Path, astronaut: Path, ellipse: Path, mask: bool) -> None:
    inputs = {"image": str(astronaut), **({"mask": str(ellipse)} if mask else {})}
    request = {"prompt": "a red balloon" if mask else "night, watercolor", "denoising_strength": 0.8}
    previews, made = watched({"kind": "image.edit", "request": request, "seed": 1, "inputs": inputs}, tmp_path)
    assert len(previews) in (2, 3, 4)
    assert apart(previews[0][1], opened(astronaut).resize(previews[0][1].size)) < 12
    assert apart(previews[-1][1], made.resize(previews[-1][1].size)) < 12


@pytest.mark.parametrize("shape", [(512, 512, 3), (64, 2048, 3), (2048, 64, 3), (70, 90, 3)])
def test_a_preview_is_small_whatever_it_shows(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    Preview(tmp_path)(np.random.default_rng(1).normal(0.5, 0.6, shape).astype(np.float32))
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert max(opened(tmp_path / NAME).size) <= SIDE
    assert (tmp_path / NAME).stat().st_size < 40_000


def test_bytes_floats_and_pictures_are_shown_alike(tmp_path: Path, astronaut: Path) -> None:
    original = opened(astronaut)
    shown = []
    for form in (original, np.asarray(original), np.asarray(original, np.float32) / 255):
        Preview(tmp_path)(form)
        shown.append(opened(tmp_path / NAME).resize((100, 100)))
    assert apart(shown[1], shown[2]) < 0.5
    assert apart(shown[0], shown[1]) < 8
