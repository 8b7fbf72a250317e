"""What a seed alone makes of a picture: the same things, drawn a little differently, in another light and mood.

This is what an edit without a prompt and a variation are. The seed chooses; the strength says how far it goes.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

from workers.engines.image.noise import Field

TOUCHES = ("oil", "watercolour", "soft", "vivid")
_GRID = 6
_TINTS = ((1.20, 1.0, 0.74), (0.80, 0.99, 1.22), (1.12, 0.88, 1.10), (0.86, 1.10, 0.92), (1.18, 0.92, 0.90))
"""Warm, cool, rose, green, red: how much of each channel."""


class Mood(NamedTuple):
    """What the seed chose: the tints of lights and shadows, where the light comes from, how vivid and dark it is."""

    light: tuple[float, float, float]
    shade: tuple[float, float, float]
    from_deg: float
    vivid: float
    gamma: float


def mood(rng: np.random.Generator) -> Mood:
    light, shade = (int(index) for index in rng.permutation(len(_TINTS))[:2])
    return Mood(
        _TINTS[light],
        _TINTS[shade],
        float(rng.uniform(0, 360)),
        float(rng.choice([0.72, 1.38])),
        float(rng.choice([0.78, 1.30])),
    )


def moved(image: Image.Image, rng: np.random.Generator, strength: float) -> Image.Image:
    """The picture from a little nearer, and slightly bent."""
    width, height = image.size
    near = 1 - 0.16 * strength * rng.uniform(0.4, 1.0)
    left, top = (float(value) * (1 - near) for value in rng.random(2))
    bend = 0.016 * strength * min(width, height)
    knots = np.stack(np.meshgrid(np.linspace(0, 1, _GRID + 1), np.linspace(0, 1, _GRID + 1)), axis=-1)
    there = (knots * near + (left, top)) * (width, height)
    inner = slice(1, _GRID)
    there[inner, inner] += rng.uniform(-bend, bend, (_GRID - 1, _GRID - 1, 2))
    rows, columns = np.rint(knots[:, 0, 1] * height).astype(int), np.rint(knots[0, :, 0] * width).astype(int)
    mesh = [
        (
            (int(columns[x]), int(rows[y]), int(columns[x + 1]), int(rows[y + 1])),
            tuple(there[[y, y + 1, y + 1, y], [x, x, x + 1, x + 1]].ravel().tolist()),
        )
        for y in range(_GRID)
        for x in range(_GRID)
    ]
    return image.transform(image.size, Image.Transform.MESH, mesh, Image.Resampling.BICUBIC)


def lit(pixels: Field, chosen: Mood, strength: float) -> Field:
    """The picture (floats, 0..1) in that mood."""
    height, width = pixels.shape[:2]
    angle = np.deg2rad(chosen.from_deg)
    across, down = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    towards = (np.cos(angle) * across[None, :] + np.sin(angle) * down[:, None])[..., None] * np.float32(0.26)
    bright = pixels.mean(axis=2, keepdims=True)
    tint = np.array(chosen.shade, np.float32) * (1 - bright) + np.array(chosen.light, np.float32) * bright
    changed = np.clip(bright + (pixels - bright) * np.float32(chosen.vivid), 0, 1) ** np.float32(chosen.gamma)
    changed = np.clip(changed * tint * (1 + towards), 0, 1)
    return np.asarray(pixels + (changed - pixels) * np.float32(strength), np.float32)
