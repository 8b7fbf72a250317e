"""The image engine drawing from words: files, provenance, refusals."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from storage.errors import InvalidRequest
from tests.workers.engines.image.looking import made, picture, provenance, request, xmp
from workers.engines.picture.engine import Pictures
from workers.engines.picture.writing import prompt_hash


def test_a_picture_says_what_made_it(folder: Path) -> None:
    result = made(request(7, prompt="a cat", model="dall-e-2"), folder)
    [artifact] = result.artifacts
    assert (artifact.content_type, artifact.width_px, artifact.height_px) == ("image/png", 288, 192)
    assert provenance(artifact.path) == {
        "engine": "illustrator",
        "model": "dall-e-2",
        "made": "algorithmicMedia",
        "seed": 7,
        "prompt_sha256": prompt_hash("a cat"),
    }
    assert result.metadata["engine"] == "illustrator"
    assert result.metadata["embedded"] is True
    assert "no diffusion model" in result.metadata["method"]
    assert result.metadata["subjects"][0]["name"] == "cat"


@pytest.mark.parametrize(("format", "pillow"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_every_format_carries_its_provenance(folder: Path, format: str, pillow: str) -> None:
    result = made(request(3, prompt='a "cat" & <dog>', format=format), folder)
    with Image.open(result.artifacts[0].path) as image:
        assert image.format == pillow
    told = xmp(result.artifacts[0].path)
    assert told["engine"] == "illustrator"
    assert told["seed"] == "3"
    assert told["promptSha256"] == prompt_hash('a "cat" & <dog>')
    assert told["DigitalSourceType"].endswith("/algorithmicMedia")


def test_the_same_task_gives_the_same_file(folder: Path) -> None:
    files = []
    for name in ("one", "two"):
        (folder / name).mkdir()
        files.append(Path(made(request(5, prompt="a boat"), folder / name).artifacts[0].path).read_bytes())
    assert files[0] == files[1]


def test_progress_is_told_and_never_falls(folder: Path) -> None:
    told: list[float] = []
    Pictures().generate(request(prompt="a cat in the city"), folder, told.append)
    assert len(told) >= 5
    assert told == sorted(told)
    assert told[-1] == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"width": 63}, "width"),
        ({"width": 2049}, "width"),
        ({"height": 0}, "height"),
        ({"height": "tall"}, "height"),
        ({"width": True}, "width"),
        ({"width": 512.5}, "width"),
        ({"steps": 0}, "steps"),
        ({"cfg_scale": float("nan")}, "cfg_scale"),
        ({"format": "bmp"}, "format"),
        ({"quality": 101}, "quality"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": "a" * 32_001}, "prompt"),
        ({"styles": "oil"}, "styles"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(folder: Path, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        made(request(**{"prompt": "a cat", **fields}), folder)
    assert refused.value.field == field


@pytest.mark.parametrize("prompt", ["", "🦊" * 40, "a\ud800b", "(((", "<lora:" * 50, "的" * 300, "\x00\x1b[31m"])
def test_odd_prompts_are_drawn_all_the_same(folder: Path, prompt: str) -> None:
    assert picture(made(request(prompt=prompt), folder)).size == (288, 192)


def test_a_kind_it_does_not_know_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"image\.paint"):
        made({"kind": "image.paint", "request": {}, "seed": 1}, folder)
