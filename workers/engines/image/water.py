"""Water that mirrors what is above it, the beach before it, and the world under it."""

import numpy as np

from workers.engines.image.land import SAND, below
from workers.engines.image.noise import ridged, smooth
from workers.engines.image.scene import Scene, rgb


def paint(scene: Scene) -> None:
    """From the horizon to the lower edge, or to a beach."""
    span = max(1, scene.height - scene.horizon)
    down = np.clip((scene.rows - scene.horizon) / span, 0, 1)
    calm = scene.has("lake")
    swell = scene.noise("swell", 9, 5, 6)
    phase = scene.rows / span * 34 / (0.10 + down) ** 0.55 + swell * 22
    push = np.sin(phase) * (0.0015 + (0.006 if calm else 0.016) * down) * scene.height
    source = np.clip(2 * scene.horizon - scene.rows - np.abs(push) * 1.4, 0, scene.horizon - 1).astype(int)
    source = np.broadcast_to(source, (scene.height, scene.width))
    aside = np.clip(scene.columns + push, 0, scene.width - 1).astype(int)
    mirror = scene.pixels[source, aside]
    deep = (scene.light.top * 0.45 + rgb(0.02, 0.17, 0.25)) * (0.25 + 0.75 * scene.light.ambient)
    share = (0.24 + (0.16 if calm else 0.40) * down**0.7)[..., None]
    sea = mirror * (1 - share) + deep * share
    crest = smooth(0.72, 0.98, ridged(scene.noise("waves", 20, 5, 6)) * (0.72 + 0.28 * np.sin(phase)))
    foam = crest * (0.10 if calm else 0.34) * (0.25 + down)
    sea = sea + foam[..., None] * (scene.light.low * 0.6 + scene.light.sun * 0.4)
    across = (scene.columns - scene.sun_x) / (scene.height * (0.05 + 0.16 * down))
    glitter = np.exp(-(across**2)) * smooth(0.15, 0.95, np.sin(phase * 1.7 + swell * 30)) * scene.light.shine
    sea = sea + (glitter * (0.9 - 0.4 * down))[..., None] * scene.light.sun
    scene.lay(np.broadcast_to((scene.rows >= scene.horizon).astype(np.float32), glitter.shape), sea)
    if scene.has("beach"):
        _beach(scene)


def _beach(scene: Scene) -> None:
    """Sand at the lower edge, wet and edged with foam where it meets the water."""
    edge = scene.horizon + (scene.height - scene.horizon) * (0.36 + 0.26 * scene.profile("shore", 0.9, 4))
    ambient = scene.light.ambient * (0.74 + 0.30 * scene.light.sun)
    surf = scene.height * 0.022 * (0.5 + scene.profile("surf", 7, 4))
    scene.lay(below(scene, edge - surf) * 0.85, rgb(0.95, 0.97, 0.98) * (0.3 + 0.7 * ambient))
    grain = 0.80 + 0.24 * scene.noise("sand", 30, 6) + 0.18 * scene.noise("heaps", 5, 4, 3)
    wet = smooth(0.0, 0.10, (scene.rows - edge[None, :]) / scene.height)
    scene.lay(below(scene, edge), SAND * (grain * (0.68 + 0.34 * wet))[..., None] * ambient)


def underwater(scene: Scene) -> None:
    """Blue that deepens, shafts of light from above, a sea bed with coral."""
    light = scene.light.low if scene.brief.colours else rgb(0.30, 0.78, 0.86)
    down = (scene.rows / scene.height)[..., None]
    shine = 0.25 + 0.75 * scene.light.ambient
    scene.pixels[:] = (light * (1 - down) ** 1.3 + rgb(0.01, 0.12, 0.30) * down**0.7) * shine
    slant = scene.columns / scene.height + scene.rows / scene.height * 0.35
    rays = scene.profile("rays", 5, 4)[np.clip((slant * scene.height).astype(int), 0, scene.width - 1)]
    scene.pixels += (smooth(0.45, 1.0, rays) * (1 - down[..., 0]) ** 1.4 * 0.42 * shine)[..., None] * rgb(0.8, 1, 1)
    for layer in range(3):
        _reef(scene, layer, shine)
    _bubbles(scene)


def _reef(scene: Scene, layer: int, shine: float) -> None:
    edge = scene.height * (0.80 + 0.07 * layer - (0.20 - 0.05 * layer) * scene.profile(f"reef {layer}", 2.4, 7) ** 2)
    hues = [rgb(0.10, 0.36, 0.48), rgb(0.72, 0.30, 0.42), rgb(0.84, 0.70, 0.46)]
    lit = 0.62 + 0.75 * ridged(scene.noise(f"coral {layer}", 16, 5))
    mixed = scene.noise(f"hue {layer}", 6, 3)[..., None]
    hue = hues[layer] + (rgb(0.85, 0.50, 0.20) - hues[layer]) * smooth(0.50, 0.62, mixed) * 0.7
    far = (0.62, 0.30, 0.06)[layer]
    scene.lay(below(scene, edge), (hue * lit[..., None] * (1 - far) + rgb(0.10, 0.42, 0.58) * far) * shine)


def _bubbles(scene: Scene) -> None:
    rng = scene.rng("bubbles")
    for _ in range(round(34 * scene.width / scene.height)):
        x, y = rng.random() * scene.width, rng.random() * scene.height * 0.9
        radius = scene.height * (0.003 + 0.010 * rng.random() ** 2)
        reach = int(radius * 1.6) + 2
        top, left = max(0, int(y) - reach), max(0, int(x) - reach)
        part = scene.pixels[top : int(y) + reach, left : int(x) + reach]
        rows = np.arange(top, top + part.shape[0], dtype=np.float32)[:, None] - y
        columns = np.arange(left, left + part.shape[1], dtype=np.float32)[None, :] - x
        away = np.hypot(rows, columns) / radius
        rim = np.exp(-(((away - 0.85) / 0.16) ** 2)) * 0.42 + np.exp(
            -(((rows + columns) / radius + 0.8) ** 2 + away**2) * 3
        )
        part += np.clip(rim, 0, 0.8)[..., None] * rgb(0.85, 1, 1)
