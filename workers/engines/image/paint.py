"""A whole picture: from a brief to pixels, from back to front."""

from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.engines.image import backdrops, city, land, looks, sky, staging, water, weather
from workers.engines.image.brief import Brief
from workers.engines.image.noise import Field
from workers.engines.image.scene import Scene
from workers.engines.image.staging import Placed

Report = Callable[[float], None]
Pixels = Field | NDArray[np.uint8]
Show = Callable[[Pixels], None]
"""Called a few times with the pixels so far, floats around 0..1 or bytes; it must not keep them."""
_COMMON_STEPS = 20


def _unseen(_: Pixels) -> None:
    """Nobody watches."""


class Painted(NamedTuple):
    """A picture, and where in it each subject stands."""

    image: Image.Image
    placed: list[Placed]


def paint(
    brief: Brief,
    seed: str,
    size: tuple[int, int],
    report: Report,
    show: Show = _unseen,
    *,
    steps: int = _COMMON_STEPS,
    cfg: float = 7.0,
) -> Painted:
    """The picture of a brief, `size` wide and high. `steps` buys detail up to 23; `cfg` says how far colours go."""
    width, height = size
    scene = Scene(brief, seed, width, height, min(1.0, 0.1 + steps / 25), min(2.0, max(0.1, cfg / 7)))
    _behind(scene, report, show)
    show(scene.pixels)
    report(0.55)
    placed = staging.stage(scene)
    report(0.70)
    if not scene.has("indoor"):
        weather.fall(scene)
    graded = grade(scene)
    show(graded)
    report(0.80)
    styled = looks.apply(
        graded, brief.styles, scene.rng("look"), strength=1.0, report=lambda done: report(0.80 + 0.10 * done)
    )
    return Painted(styled, placed)


def identity(prompt: str, negative: str, seed: int) -> str:
    """What the randomness of a picture hangs on."""
    return f"{sha256(prompt.encode(errors='replace')).hexdigest()[:16]}:{negative.strip().lower()}:{seed}"


def _behind(scene: Scene, report: Report, show: Show) -> None:
    """Everything that the subjects stand before."""
    if scene.has("abstract") and len(scene.brief.places) == 1:
        backdrops.abstract(scene)
    elif scene.has("space"):
        sky.space(scene)
        scene.horizon = round(scene.height * 0.9)
    elif scene.has("underwater"):
        water.underwater(scene)
        scene.horizon = round(scene.height * 0.74)
    elif scene.has("plain"):
        backdrops.plain(scene)
    else:
        _outdoors(scene, report, show)


def _outdoors(scene: Scene, report: Report, show: Show) -> None:
    sky.paint(scene)
    show(scene.pixels)
    report(0.20)
    if scene.has("indoor"):
        weather.fall(scene)
        backdrops.indoor(scene)
        return
    land.paint(scene)
    report(0.40)
    if scene.has("city", "street"):
        city.paint(scene)
    if scene.has("sea", "beach", "lake"):
        water.paint(scene)
    land.foreground(scene)
    weather.fog(scene)


def grade(scene: Scene) -> NDArray[np.uint8]:
    """Highlights rolled off, a vignette, unwanted hues taken out, a little grain; as bytes."""
    pixels: Field = np.clip(scene.pixels, 0, None)
    pixels = np.where(pixels > 0.8, 0.8 + 0.2 * np.tanh((pixels - 0.8) / 0.28), pixels)
    away = np.hypot(scene.columns / scene.width - 0.5, scene.rows / scene.height - 0.5)
    pixels = pixels * (1 - 0.42 * away**2.2)[..., None]
    unwanted = [word.name for word in scene.brief.unwanted if word.kind == "colour"]
    pixels = without(pixels, unwanted) if unwanted else pixels
    grain = scene.rng("film").standard_normal((scene.height, scene.width), np.float32)
    pixels = np.clip(pixels, 0, 1) ** 0.92 + grain[..., None] * 0.006
    return (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)


_HUES = {"red": 0, "orange": 28, "brown": 25, "gold": 45, "yellow": 55, "green": 120, "teal": 180, "blue": 220,
         "purple": 280, "pink": 330}  # fmt: skip


def without(pixels: Field, colours: list[str]) -> Field:
    """The picture with these hues turned to grey."""
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    hue = np.degrees(np.arctan2(1.7320508 * (green - blue), 2 * red - green - blue)) % 360
    grey = pixels.mean(axis=2, keepdims=True)
    for name in colours:
        if name in _HUES:
            apart = np.abs((hue - _HUES[name] + 180) % 360 - 180)
            gone = np.clip(1.5 - apart / 34, 0, 1)[..., None]
            pixels = pixels + (grey - pixels) * gone * 0.92
    return pixels
