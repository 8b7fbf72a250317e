"""Seeded randomness: generators by name, and fractal noise as a field of values 0..1."""

from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.floating[Any]]
"""Values by row and column, or colours: by row, column and channel."""


_COARSE = 6.0
"""The radius in pixels from which a blur is done on a smaller field."""
_BUMP_PX = 8
"""The size in pixels from which bumps of noise are drawn on a field of half the size."""


def generator(*of: object) -> np.random.Generator:
    """The generator that belongs to these words and numbers, and to no others."""
    digest = sha256("\x1f".join(map(str, of)).encode(errors="replace")).digest()
    return np.random.default_rng(int.from_bytes(digest[:16]))


def fractal(
    width: int, height: int, rng: np.random.Generator, *, cells: float, octaves: int = 6, stretch: float = 1.0
) -> Field:
    """Noise with `cells` bumps per height of the picture, each `stretch` times as wide as high; its mean is 0.5.

    The octaves whose bumps are large are summed on a field of half the size: there is nothing in them that it loses.
    """
    half = ((width + 1) // 2, (height + 1) // 2)
    coarse, fine = np.zeros(half[::-1], np.float32), np.zeros((height, width), np.float32)
    weight, weights = np.float32(1.0), np.float32(0.0)
    for octave in range(octaves):
        rows = cells * 2**octave
        columns = rows * width / height / stretch
        grid = rng.random((int(rows) + 3, int(columns) + 3), np.float32) * weight
        if octave and max(rows, columns) > 2 * max(width, height):
            break
        if rows * _BUMP_PX <= height and columns * _BUMP_PX <= width:
            coarse += enlarged(grid, *half, (columns, rows))
        else:
            fine += enlarged(grid, width, height, (columns, rows))
        weights += weight
        weight *= np.float32(0.52)
    fine += np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR), np.float32)
    return fine / weights


def enlarged(grid: Field, width: int, height: int, box: tuple[float, float]) -> Field:
    """The first `box` (columns, rows) cells of a grid, smoothly spread over a picture."""
    shifted = (1.0, 1.0, max(1.01, box[0]) + 1, max(1.01, box[1]) + 1)
    shifted = (1.0, 1.0, min(shifted[2], grid.shape[1]), min(shifted[3], grid.shape[0]))
    return np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC, box=shifted), np.float32)


def ridged(field: Field) -> Field:
    """The same noise with sharp crests, 0..1."""
    return (1 - np.abs(field * 2 - 1)) ** 2


def line(width: int, rng: np.random.Generator, *, cells: float, octaves: int = 6) -> Field:
    """A noise profile along the picture, stretched to fill 0..1."""
    values = np.zeros(width, np.float32)
    weight = 1.0
    for octave in range(octaves):
        count = cells * 2**octave
        if octave and count > width:
            break
        knots = rng.random(int(count) + 3)
        at = np.linspace(0, count, width) + 0.5
        whole = at.astype(int)
        t = at - whole
        t = t * t * (3 - 2 * t)
        values += (weight * (knots[whole] * (1 - t) + knots[whole + 1] * t)).astype(np.float32)
        weight *= 0.5
    low, high = float(values.min()), float(values.max())
    return (values - low) / max(high - low, 1e-6)


def smooth(low: float, high: float, values: Field) -> Field:
    """0 below `low`, 1 above `high`, and softly between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def blurred(field: Field, radius: float) -> Field:
    """A field of values, averaged three times over boxes: close to a Gaussian of this radius in pixels."""
    if radius >= _COARSE:  # nothing fine is left of it, so it is done on a smaller one
        height, width = field.shape
        shrink = int(radius / _COARSE * 2)
        small = Image.fromarray(np.asarray(field, np.float32)).reduce(shrink)
        soft = blurred(np.asarray(small, np.float32), radius / shrink)
        return np.asarray(Image.fromarray(soft).resize((width, height), Image.Resampling.BILINEAR), np.float32)
    size = max(1, round(radius * 1.88))
    for _ in range(3):
        for axis in (0, 1):
            field = _boxed(field, size, axis)
    return field


def moved(field: Field, down: int, right: int) -> Field:
    """The field moved so far, its edges repeated."""
    rows = np.clip(np.arange(field.shape[0]) - down, 0, field.shape[0] - 1)
    columns = np.clip(np.arange(field.shape[1]) - right, 0, field.shape[1] - 1)
    return field[rows][:, columns]


def _boxed(field: Field, size: int, axis: int) -> Field:
    before, after = (size - 1) // 2, size - 1 - (size - 1) // 2
    padding = [(0, 0)] * field.ndim
    padding[axis] = (before + 1, after)
    sums = np.cumsum(np.pad(field, padding, mode="edge"), axis=axis, dtype=np.float64)
    high = np.take(sums, range(size, sums.shape[axis]), axis=axis)
    low = np.take(sums, range(sums.shape[axis] - size), axis=axis)
    return ((high - low) / size).astype(np.float32)
