"""What a picture looks like while it is being made: a small JPEG in the task's folder, always a whole one."""

import math
from pathlib import Path

import numpy as np
from PIL import Image

from workers.engines.image.paint import Pixels

NAME = "preview.jpeg"
SIDE = 256
_QUALITY = 70
_MOST_BYTES = 40_000


class Preview:
    """Call it with the picture so far: its pixels as floats (0..1) or bytes, or the picture itself."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    def __call__(self, picture: Pixels | Image.Image) -> None:
        """Kept under its name once it is written whole; the one before is replaced."""
        small = picture.copy() if isinstance(picture, Image.Image) else _thinned(picture)
        small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
        beside = self._path.with_suffix(".partial")
        for quality in (_QUALITY, 30):  # noise compresses badly
            small.convert("RGB").save(beside, "JPEG", quality=quality)
            if beside.stat().st_size < _MOST_BYTES:
                break
        beside.replace(self._path)


def _thinned(pixels: Pixels) -> Image.Image:
    """Every so many-th pixel: cheap, and good enough to see where a picture is going."""
    step = max(1, math.ceil(max(pixels.shape[:2]) / SIDE))
    few = np.asarray(pixels[::step, ::step])
    if few.dtype != np.uint8:
        few = np.asarray(np.clip(few, 0, 1) * 255 + 0.5, np.uint8)
    return Image.fromarray(np.ascontiguousarray(few))
