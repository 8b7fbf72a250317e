"""A skyline with lit windows, and a street that runs into it."""

import numpy as np

from workers.engines.image.noise import Field, blurred, smooth
from workers.engines.image.scene import Colour, Scene, rgb

_WARM, _COOL = rgb(1, 0.82, 0.48), rgb(0.72, 0.88, 1)
_NEON = np.array([(1, 0.16, 0.62), (0.10, 0.90, 1), (0.62, 0.22, 1), (1, 0.62, 0.10)], np.float32)


def paint(scene: Scene) -> None:
    for layer in range(3):
        _row(scene, layer)
    _street(scene)


def neon(scene: Scene) -> bool:
    return "neon" in scene.brief.styles


def _row(scene: Scene, layer: int) -> None:
    """One row of buildings; the nearest is the darkest and has the largest windows."""
    rng = scene.rng("buildings", layer)
    foot = scene.horizon + round(scene.height * 0.012 * (layer + 1))
    x = -scene.width * 0.02
    mist = (0.62, 0.34, 0.06)[layer]
    while x < scene.width:
        wide = scene.height * rng.uniform(0.055, 0.13) * (0.8 + 0.25 * layer)
        tall = (
            scene.height * float(rng.choice([rng.uniform(0.14, 0.30), rng.uniform(0.26, 0.48)])) * (1.08 - 0.20 * layer)
        )
        hue = rgb(*(0.42 + 0.16 * rng.random(3)))
        _building(scene, (round(x), round(foot - tall), round(x + wide), foot), hue, mist, rng)
        x += wide * rng.uniform(0.92, 1.25)


def _building(scene: Scene, box: tuple[int, int, int, int], hue: Colour, mist: float, rng: np.random.Generator) -> None:
    left, top, right, bottom = max(0, box[0]), max(0, box[1]), min(scene.width, box[2]), min(scene.height, box[3])
    if rng.random() < 0.35 and box[2] - box[0] > 6:  # a mast, or a step in the roof
        middle, thin = (box[0] + box[2]) // 2, max(1, (box[2] - box[0]) // 14)
        tip = max(0, top - (bottom - top) // 5)
        scene.pixels[tip:top, max(0, middle - thin) : max(0, middle + thin)] = hue * scene.light.ambient * 0.4
    if right - left < 2 or bottom - top < 2:
        return
    wall = hue * (0.10 + 0.62 * scene.light.ambient) * (0.74 + 0.26 * scene.light.sun)
    across = np.linspace(0, 1, right - left, dtype=np.float32)[None, :]
    side = 1.12 - 0.34 * (across if scene.sun_x < scene.width / 2 else 1 - across)
    body = wall * side[..., None] * (1 - mist) + scene.light.low * mist * 0.85
    body = np.broadcast_to(body, (bottom - top, right - left, 3)).copy()
    _windows(scene, body, mist, rng)
    scene.pixels[top:bottom, left:right] = body


def _windows(scene: Scene, body: Field, mist: float, rng: np.random.Generator) -> None:
    """Rows and columns of panes: dark glass by day, some of them lit at night."""
    pitch = max(4, round(scene.height * (0.020 - 0.008 * mist)))
    rows, columns = np.arange(body.shape[0]) // pitch, np.arange(body.shape[1]) // max(3, round(pitch * 0.72))
    row_in, column_in = np.arange(body.shape[0]) % pitch / pitch, np.arange(body.shape[1]) % max(3, round(pitch * 0.72))
    pane = ((row_in > 0.30) & (row_in < 0.80))[:, None] & (column_in > max(1, pitch * 0.2))[None, :]
    lamp = rng.random((rows[-1] + 1, columns[-1] + 1), np.float32)[rows][:, columns]
    share = {"night": 0.52, "dusk": 0.46, "sunset": 0.30}.get(scene.brief.time, 0.0)
    lit = pane & (lamp < share)
    hue = np.where((lamp < share * 0.75)[..., None], _WARM, _COOL)
    if neon(scene):
        hue = np.where((lamp < share * 0.4)[..., None], hue, _NEON[(lamp * 997).astype(int) % len(_NEON)])
    dark = pane & ~lit
    body[dark] = body[dark] * 0.72 + scene.light.low * 0.10
    body[lit] = hue[lit] * (0.98 - 0.45 * mist)


def _street(scene: Scene) -> None:
    """Asphalt to the horizon between two pavements, with a dashed line; wet when it rains."""
    span = max(1, scene.height - scene.horizon)
    down = np.clip((scene.rows - scene.horizon) / span, 0, 1)
    middle = scene.width * 0.5
    half = scene.height * (0.04 + 0.78 * down)
    aside = np.abs(scene.columns - middle) / half
    grain = 0.84 + 0.32 * scene.noise("asphalt", 40, 4)
    ambient = (0.30 + 0.70 * scene.light.ambient) * (0.7 + 0.3 * scene.light.sun)
    under = np.broadcast_to((scene.rows >= scene.horizon).astype(np.float32), aside.shape)
    scene.lay(under, rgb(0.42, 0.42, 0.44) * grain[..., None] * ambient * 0.82)
    road = under * np.clip((1 - aside) * half / 2 + 0.5, 0, 1)
    scene.lay(road, rgb(0.19, 0.195, 0.215) * grain[..., None] * ambient)
    dash = (np.sin(1 / (down + 0.06) * 5.2) > 0.1) & (aside < 0.018 + 0 * down)
    scene.lay(road * dash * 0.75, rgb(0.88, 0.86, 0.74) * ambient)
    edge = (np.abs(aside - 0.93) < 0.012).astype(np.float32)
    scene.lay(road * edge * 0.6, rgb(0.85, 0.85, 0.82) * ambient)
    if scene.weather("rain", "storm") or neon(scene):
        _gloss(scene, under)


def _gloss(scene: Scene, under: Field) -> None:
    """Lights drawn out downwards on wet ground."""
    span = scene.height - scene.horizon
    mirrored = scene.pixels[np.clip(2 * scene.horizon - np.arange(scene.height), 0, scene.horizon - 1)]
    bright = np.stack([blurred(mirrored[..., channel], scene.height / 130) for channel in range(3)], axis=-1)
    puddle = 0.25 + 0.75 * smooth(0.40, 0.62, scene.noise("puddles", 7, 5, 2.6))
    fade = np.clip(1 - (scene.rows - scene.horizon) / span, 0, 1) ** 0.6
    scene.pixels += bright * (under * puddle * fade * 0.62)[..., None]
