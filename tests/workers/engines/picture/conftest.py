"""Pictures to change: two portraits in the public domain, and what the image extra and `models install` bring.

astronaut.jpg: Eileen Collins, NASA, as shipped by scikit-image; hopper.jpg: Grace Hopper, U.S. Navy, as shipped by
matplotlib. Both cropped and made smaller.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from workers.engines import assets
from workers.engines.base import Made
from workers.engines.picture.engine import Pictures

FACES = Path(__file__).parent / "faces"
Run = Callable[..., Made]


@pytest.fixture
def astronaut() -> Path:
    return FACES / "astronaut.jpg"


@pytest.fixture
def hopper() -> Path:
    return FACES / "hopper.jpg"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Carry out a task of a kind; `inputs` are paths, all else is the request."""

    def carried_out(kind: str, inputs: dict[str, Path], seed: int = 3, **request: Any) -> Made:
        folder = tmp_path / f"out {len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        task = {"kind": kind, "request": request, "seed": seed, "inputs": {k: str(v) for k, v in inputs.items()}}
        return Pictures().generate(task, folder, lambda _: None)

    return carried_out


@pytest.fixture
def face_models() -> None:
    if not assets.FACES.is_installed():
        pytest.skip(f"no face models in {assets.FACES.folder()}: run `ai-gateway models install`")


@pytest.fixture
def ellipse(tmp_path: Path) -> Path:
    """A mask over the upper right of the astronaut's picture."""
    from PIL import ImageDraw

    mask = Image.new("L", (320, 330), 0)
    ImageDraw.Draw(mask).ellipse((215, 10, 310, 140), fill=255)
    path = tmp_path / "mask.png"
    mask.save(path)
    return path
