from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from storage.errors import EngineFailed, InvalidRequest
from tests.workers.engines.image.looking import apart, picture, pixels, sharpness
from tests.workers.engines.picture.conftest import Run
from workers.engines.picture import upscale


@pytest.fixture
def small(astronaut: Path, tmp_path: Path) -> Path:
    with Image.open(astronaut) as image:
        image.crop((90, 50, 218, 146)).save(tmp_path / "small.png")
    return tmp_path / "small.png"


@pytest.mark.parametrize("scale", [2, 3, 4, 1.5])
@pytest.mark.parametrize("upscaler", upscale.UPSCALERS)
def test_the_size_is_exact(run: Run, small: Path, scale: float, upscaler: str) -> None:
    made = run("image.upscale", {"image": small}, scale=scale, upscaler=upscaler)
    assert picture(made).size == (round(128 * scale), round(96 * scale))
    assert made.metadata["method"] == upscaler


def test_the_network_is_sharper_than_resampling_and_shows_the_same(run: Run, small: Path) -> None:
    network, lanczos = (
        picture(run("image.upscale", {"image": small}, scale=4, upscaler=name)) for name in upscale.UPSCALERS[:2]
    )
    assert apart(network, lanczos) < 12
    edges = [np.quantile(np.abs(np.diff(pixels(image).mean(axis=2), axis=1)), 0.99) for image in (network, lanczos)]
    assert edges[0] > 1.25 * edges[1]
    assert sharpness(network) > 0


def test_tiles_leave_no_seam(monkeypatch: pytest.MonkeyPatch, small: Path) -> None:
    with Image.open(small) as image:
        whole = upscale.upscale(image.convert("RGB"), 2, upscale.NETWORK, lambda _: None)
        monkeypatch.setattr(upscale, "_TILE", 40)
        tiled = upscale.upscale(image.convert("RGB"), 2, upscale.NETWORK, lambda _: None)
    assert np.abs(pixels(whole) - pixels(tiled)).max() <= 12
    assert apart(whole, tiled) < 0.2


def test_progress_is_told_tile_by_tile(monkeypatch: pytest.MonkeyPatch, small: Path) -> None:
    told: list[float] = []
    monkeypatch.setattr(upscale, "_TILE", 40)
    with Image.open(small) as image:
        upscale.upscale(image.convert("RGB"), 2, upscale.NETWORK, told.append)
    assert told == sorted(told)
    assert len(told) == 12


def test_too_much_is_refused_before_anything_is_made(run: Run, tmp_path: Path) -> None:
    Image.new("RGB", (2200, 2200)).save(tmp_path / "large.png")
    with pytest.raises(InvalidRequest) as refused:
        run("image.upscale", {"image": tmp_path / "large.png"}, scale=4)
    assert refused.value.field == "scale"


def test_an_upscaler_nobody_knows_is_refused_by_name(run: Run, small: Path) -> None:
    with pytest.raises(InvalidRequest, match="realesr-animevideov3, lanczos, nearest"):
        run("image.upscale", {"image": small}, upscaler="ESRGAN_4x")


def test_without_its_packages_it_says_what_to_install(
    run: Run, small: Path, astronaut: Path, ellipse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.engines.assets.find_spec", lambda _: None)
    upscale._network.cache_clear()
    with pytest.raises(EngineFailed, match=r"ncnn, which is not here: the operator installs ai-gateway\[image\]"):
        run("image.upscale", {"image": small}, scale=2)
    with pytest.raises(EngineFailed, match="closing a hole in a picture needs cv2"):
        run("image.edit", {"image": astronaut, "mask": ellipse}, prompt="")
