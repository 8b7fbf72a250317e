"""Where the subjects stand: set into the scene in its light, with shadows, mirrored by water."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from workers.engines.image import sprites
from workers.engines.image.brief import Wanted
from workers.engines.image.noise import Field
from workers.engines.image.scene import Scene


class Placed(NamedTuple):
    """A subject in the picture; the box is left, top, right, bottom in pixels."""

    name: str
    box: tuple[int, int, int, int]


class _Spot(NamedTuple):
    """Where one figure goes: the middle of its foot, and its height in pixels."""

    x: float
    foot: float
    tall: float
    stand: str


def stage(scene: Scene) -> list[Placed]:
    """Set every subject into the scene, the farthest first."""
    figures = [one for one in scene.brief.wanted for _ in range(one.count)]
    spots = [_spot(scene, figure, index, len(figures)) for index, figure in enumerate(figures)]
    order = sorted(range(len(figures)), key=lambda index: (spots[index].foot, -index))
    placed = {index: _set(scene, figures[index], spots[index], index) for index in order}
    return [placed[index] for index in range(len(figures))]


_AHEAD = (0.5, 0.24, 0.77, 0.11, 0.90, 0.37, 0.63)
_PAIR = (0.36, 0.70)


def _spot(scene: Scene, wanted: Wanted, index: int, of: int) -> _Spot:
    """The first in the middle and largest, the others to both sides and further away."""
    rng = scene.rng("spot", index)
    subject = wanted.subject
    main = index == 0 or wanted is scene.brief.wanted[0]
    share = subject.size * (1.0 if of == 1 else 0.86 if main else 0.62) * (0.9 if of > 3 else 1.0)
    if of == 1 and subject.stand == "bust" and scene.has("plain"):
        share = 0.84
    tall = scene.height * share * rng.uniform(0.95, 1.06)
    tall = min(tall, scene.width * (0.72 if of == 1 else 0.46))
    ahead = _PAIR[index] if of == 2 else _AHEAD[index % len(_AHEAD)]
    x = scene.width * (ahead + (rng.uniform(-0.06, 0.06) if of > 1 else rng.uniform(-0.07, 0.07)))
    stand = _stand(scene, subject.stand)
    return _Spot(x, _foot(scene, stand, tall, main, rng), tall, stand)


def _stand(scene: Scene, stand: str) -> str:
    """How a subject can be in this place: what stands on the ground floats in space, and a boat on land stands."""
    if scene.has("space"):
        return "space"
    if scene.has("underwater"):
        return "sea"
    if scene.has("abstract", "plain") and len(scene.brief.places) == 1:
        return "bust" if stand == "bust" else "plain"
    if scene.has("indoor"):
        return "bust" if stand == "bust" else "indoor"
    if stand == "afloat" and not scene.has("sea", "beach", "lake"):
        return "ground"
    if stand == "space":
        return "air"
    if stand == "sea" and scene.has("sea", "lake", "beach"):
        return "afloat"
    return {"head": "ground", "tall": "tall", "sea": "ground", "object": "ground"}.get(stand, stand)


def _foot(scene: Scene, stand: str, tall: float, main: bool, rng: np.random.Generator) -> float:
    """The row a figure's foot is on."""
    below = scene.height - scene.horizon
    near = 0.86 if main else 0.50
    rows = {
        "ground": scene.horizon + below * near,
        "tall": scene.horizon + below * (0.34 if main else 0.22),
        "afloat": scene.horizon + below * (0.42 if main else 0.26),
        "air": max(tall * 1.04, scene.horizon * (0.80 if main else 0.62)),
        "space": scene.height * (0.5 if main else 0.42) + tall / 2,
        "sea": scene.height * (0.46 if main else 0.40) + tall / 2,
        "indoor": scene.height * 0.90,
        "plain": scene.height * 0.84 if tall < scene.height * 0.8 else scene.height * 0.97,
        "bust": scene.height * 1.01,
    }
    if stand in ("ground", "tall") and scene.has("beach"):
        return scene.horizon + below * (0.92 if main else 0.84)
    jitter = 0.0 if stand == "bust" else rng.uniform(-0.02, 0.02) * scene.height
    return float(rows[stand] + jitter)


def _set(scene: Scene, wanted: Wanted, spot: _Spot, index: int) -> Placed:
    figure = sprites.cut_out(wanted.subject, wanted.colour)
    tall = max(8, round(spot.tall))
    wide = max(8, round(tall * figure.width / figure.height))
    most = scene.width * 0.62
    if wide > most:
        wide, tall = round(most), max(8, round(tall * most / wide))
    figure = figure.resize((wide, tall), Image.Resampling.LANCZOS)
    if scene.rng("turn", index).random() < 0.35 and wanted.subject.stand != "object":
        figure = figure.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    left, top = round(spot.x - wide / 2), round(spot.foot - tall)
    left = max(round(-0.05 * wide), min(scene.width - round(0.95 * wide), left))
    if spot.stand in ("ground", "plain", "tall", "indoor"):
        _shadow(scene, left + wide / 2, spot.foot, wide, 0.50 if spot.stand != "tall" else 0.34)
    if spot.stand in ("ground", "tall") and scene.has("sea", "lake") and not scene.has("beach"):
        _islet(scene, left + wide / 2, spot.foot, wide)
    if spot.stand == "afloat":
        _mirror(scene, figure, left, round(spot.foot))
    _blend(scene, figure, left, top, _distance(scene, spot))
    right, bottom = min(scene.width, left + wide), min(scene.height, top + tall)
    return Placed(wanted.subject.name, (max(0, left), max(0, top), right, bottom))


def _distance(scene: Scene, spot: _Spot) -> float:
    """How much of the air lies before a figure."""
    if spot.stand in ("plain", "bust", "space"):
        return 0.0
    return 0.30 if scene.weather("fog") else 0.16 if spot.stand in ("tall", "sea") else 0.05


def _shadow(scene: Scene, x: float, foot: float, wide: float, depth: float) -> None:
    """A soft dark oval under the figure."""
    across, down = (scene.columns - x) / (wide * 0.46), (scene.rows - foot + wide * 0.02) / (wide * 0.085)
    scene.pixels *= (1 - depth * np.exp(-(across**2 + down**2)))[..., None]


def _islet(scene: Scene, x: float, foot: float, wide: float) -> None:
    """A rock in the water, for what cannot stand on water."""
    rough = 0.75 + 0.5 * scene.profile("islet", 9, 5)
    away = np.clip(1 - np.abs(np.arange(scene.width, dtype=np.float32) - x) / (wide * 0.85), 0, 1) ** 0.6
    top = foot + wide * 0.10 - wide * 0.17 * away * rough
    cover = np.clip(scene.rows - top[None, :], 0, 1) * np.clip(foot + wide * 0.10 - scene.rows, 0, 1)
    stone = np.array((0.36, 0.34, 0.33), np.float32) * (0.45 + 0.9 * scene.noise("stone", 26, 5))[..., None]
    scene.lay(cover, stone * (0.3 + 0.7 * scene.light.ambient))


def _mirror(scene: Scene, figure: Image.Image, left: int, foot: int) -> None:
    """The figure upside down in the water below it, broken by ripples and fading."""
    turned = np.asarray(figure.transpose(Image.Transpose.FLIP_TOP_BOTTOM), np.float32) / 255
    rows = np.arange(turned.shape[0])
    push = (np.sin(rows / scene.height * 160 + 2 * np.sin(rows / scene.height * 47)) * scene.height * 0.006).astype(int)
    columns = np.clip(np.arange(turned.shape[1])[None, :] + push[:, None], 0, turned.shape[1] - 1)
    turned = turned[rows[:, None], columns]
    turned[..., 3] *= (0.55 * (1 - rows / turned.shape[0]) ** 1.4)[:, None]
    _paste(scene, turned[..., :3] * (0.25 + 0.6 * scene.light.ambient), turned[..., 3], left, foot - 1)


def _blend(scene: Scene, figure: Image.Image, left: int, top: int, distance: float) -> None:
    """The figure in the scene's light: dimmed, warmed from the sun's side, veiled by the air before it."""
    pixels = np.asarray(figure, np.float32) / 255
    light = scene.light
    night = scene.has("space", "plain", "indoor")
    ambient = 0.92 if night else 0.36 + 0.64 * light.ambient
    tone = 0.80 + 0.24 * light.sun if not night else np.float32(1)
    side = np.linspace(-1, 1, pixels.shape[1], dtype=np.float32)[None, :, None]
    towards = -1 if scene.sun_x < left + pixels.shape[1] / 2 else 1
    lit = pixels[..., :3] * ambient * tone * (1 + 0.16 * side * towards)
    lit = lit * (1 - distance) + light.low * distance
    _paste(scene, lit, pixels[..., 3], left, top)


def _paste(scene: Scene, colours: Field, cover: Field, left: int, top: int) -> None:
    """Lay a small picture on the scene, as far as it lies inside."""
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(scene.width, left + cover.shape[1]), min(scene.height, top + cover.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    under = scene.pixels[y0:y1, x0:x1]
    under += (colours[part] - under) * cover[part][..., None]


def fill(scene: Scene, box: tuple[int, int, int, int]) -> None:
    """Set the subjects side by side into a box of the picture, each as large as fits."""
    figures = [one for one in scene.brief.wanted for _ in range(one.count)]
    wide = (box[2] - box[0]) / max(1, len(figures))
    for index, one in enumerate(figures):
        figure = sprites.cut_out(one.subject, one.colour)
        scale = 0.94 * min(wide / figure.width, (box[3] - box[1]) / figure.height)
        size = (max(2, round(figure.width * scale)), max(2, round(figure.height * scale)))
        left = round(box[0] + wide * (index + 0.5) - size[0] / 2)
        foot = box[3] - round(0.02 * (box[3] - box[1]))
        pixels = np.asarray(figure.resize(size, Image.Resampling.LANCZOS), np.float32) / 255
        _paste(scene, pixels[..., :3] * (0.45 + 0.55 * scene.light.ambient), pixels[..., 3], left, foot - size[1])
