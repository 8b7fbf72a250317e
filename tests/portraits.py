"""The two portraits that face swaps are tried on, and pictures as JSON carries them."""

import base64
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops

FACES = Path(__file__).parent / "workers/engines/picture/faces"


def face(name: str) -> Image.Image:
    with Image.open(FACES / name) as image:
        return image.convert("RGB")


def sent(image: Image.Image) -> str:
    data = BytesIO()
    image.save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


def opened(raw: str) -> Image.Image:
    with Image.open(BytesIO(base64.b64decode(raw, validate=True))) as image:
        image.load()
        return image.copy()


def apart(one: Image.Image, other: Image.Image) -> float:
    """How far two pictures differ, the mean over all pixels, in 0..255."""
    assert one.size == other.size
    return float(np.asarray(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean())
