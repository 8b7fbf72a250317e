"""The sky: its gradient, sun or moon, stars, clouds, rainbow, aurora; and space, which is all sky."""

import numpy as np

from workers.engines.image.noise import Field, blurred, fractal, moved, smooth
from workers.engines.image.scene import Colour, Scene, rgb


def paint(scene: Scene) -> None:
    gradient(scene)
    veiled = scene.weather("rain", "storm", "clouds")
    if scene.brief.time == "night" and not veiled and not scene.brief.lacks("time", "night"):
        stars(scene, density=1.0)
        _milky_way(scene)
    if not veiled:
        _sun(scene)
    if scene.weather("aurora"):
        _aurora(scene)
    if not scene.weather("clear") and not scene.brief.lacks("weather", "clouds"):
        _clouds(scene, heavy=veiled)
    if scene.weather("rainbow"):
        _rainbow(scene)
    if scene.weather("storm"):
        _lightning(scene)


def gradient(scene: Scene) -> None:
    """From the top of the sky through its middle to the horizon, and on below it."""
    light = scene.light
    down = np.clip(scene.rows / scene.horizon, 0, 1)
    upper = smooth(0.0, 0.62, down)[..., None]
    lower = (smooth(0.45, 1.0, down) ** 1.2)[..., None]
    sky = light.top + (light.middle - light.top) * upper
    sky = sky + (light.low - sky) * lower
    scene.pixels[:] = sky
    away = np.abs(scene.columns - scene.sun_x) / scene.width  # brighter on the sun's side
    scene.pixels *= (1.05 - 0.16 * away)[..., None]


def stars(scene: Scene, density: float) -> None:
    rng = scene.rng("stars")
    count = round(520 * density * scene.width / scene.height)
    limit = scene.height if scene.has("space") else scene.horizon
    size = max(1.0, scene.height / 620)
    glow = np.zeros((scene.height, scene.width), np.float32)
    xs, ys = rng.integers(0, scene.width, count), (rng.random(count) ** 1.1 * limit).astype(int)
    power = rng.random(count) ** 3
    for x, y, bright in zip(xs.tolist(), ys.tolist(), power.tolist(), strict=True):
        _dot(glow, x, y, size * (0.55 + 1.1 * bright), 0.35 + 0.9 * bright)
    scene.pixels += glow[..., None] * rgb(0.95, 0.96, 1.0)


def _dot(field: Field, x: int, y: int, radius: float, bright: float) -> None:
    reach = max(1, round(radius * 2.2))
    top, left = max(0, y - reach), max(0, x - reach)
    part = field[top : y + reach + 1, left : x + reach + 1]
    rows = np.arange(top, top + part.shape[0], dtype=np.float32)[:, None] - y
    columns = np.arange(left, left + part.shape[1], dtype=np.float32)[None, :] - x
    np.maximum(part, bright * np.exp(-(rows**2 + columns**2) / radius**2), out=part)


def _milky_way(scene: Scene) -> None:
    rng = scene.rng("milky way")
    slope, base = rng.uniform(-0.7, 0.7), rng.uniform(0.25, 0.6)
    middle = scene.horizon * base + slope * (scene.columns - scene.width / 2) * scene.horizon / scene.width
    band = np.exp(-(((scene.rows - middle) / (scene.height * 0.16)) ** 2))
    dust = smooth(0.40, 0.72, scene.noise("dust", 5))
    scene.pixels += (band * (0.05 + 0.22 * dust))[..., None] * rgb(0.62, 0.66, 1.0)


def _sun(scene: Scene) -> None:
    light = scene.light
    away = np.hypot(scene.columns - scene.sun_x, scene.rows - scene.sun_y) / scene.height
    scene.pixels += (light.shine * np.exp(-((away / 0.26) ** 1.1)))[..., None] * light.sun
    if scene.brief.lacks("time", "day"):
        return
    night = scene.brief.time == "night"
    radius = 0.05 if night else 0.056 if light.sun_height < 0.3 else 0.040
    disc = np.clip((radius - away) * scene.height / 1.5 + 0.5, 0, 1)
    face: Colour | Field = light.sun * 0.55 + 0.85
    if night:
        face = light.sun * (0.80 + 0.32 * scene.noise("moon", 22)[..., None])
    scene.lay(disc, face)


def _clouds(scene: Scene, *, heavy: bool) -> None:
    """Banks of vapour, thinner towards the zenith, lit from the sun's side."""
    field = scene.noise("clouds", 3.4, 8, 2.1)
    amount = 0.42 if heavy else 0.535 if scene.brief.time in ("day", "sunrise", "sunset") else 0.57
    down = np.clip(scene.rows / scene.horizon, 0, 1)
    body = smooth(amount, amount + 0.17, field + 0.05 * (down - 0.5)) * (1 - 0.35 * down**4)
    if scene.brief.time == "night" and not heavy:
        body *= 0.55
    if not heavy:  # the sun, or the moon, burns a hole
        away = np.hypot(scene.columns - scene.sun_x, scene.rows - scene.sun_y) / scene.height
        body *= 0.12 + 0.88 * smooth(0.045, 0.14, away)
    step = max(2, scene.height // 50)
    across = step if scene.sun_x < scene.width / 2 else -step
    towards = moved(field, step, across)
    lit = np.clip(0.55 + 4.2 * (field - towards), 0, 1)[..., None]
    light = scene.light
    white = (light.low * 0.35 + light.sun * 0.72) * (0.30 + 0.72 * light.ambient)
    shade = (light.middle * 0.55 + light.low * 0.30) * (0.62 if heavy else 0.95)
    if heavy:
        white = white * 0.72 + shade * 0.2
    scene.lay(body * (0.92 if heavy else 0.88), shade + (white - shade) * lit)


def _rainbow(scene: Scene) -> None:
    away = np.hypot(scene.columns - scene.width * 0.5, (scene.rows - scene.horizon * 1.08) * 1.05) / scene.height
    inner = 0.50 * max(1.0, scene.width / scene.height / 1.5)
    across = (away - inner) / 0.075
    bands = np.clip(1 - np.abs(across - 0.5) * 2, 0, 1) ** 0.6
    hue = np.clip(1 - across, 0, 1)[..., None]
    peaks = np.array([0.0, 0.48, 0.88], np.float32)
    colours = np.clip(1.25 - np.abs(hue - peaks) * 3.0, 0, 1)
    scene.pixels += (colours * (1 - scene.pixels) - 0.12 * scene.pixels) * (bands * 0.72)[..., None]


def _aurora(scene: Scene) -> None:
    for index, colour in enumerate((rgb(0.15, 0.95, 0.55), rgb(0.20, 0.75, 0.80), rgb(0.60, 0.30, 0.90))):
        base = scene.horizon * (0.30 + 0.16 * index) + scene.height * 0.22 * (
            scene.profile(f"aurora {index}", 1.6, 4) - 0.5
        )
        rays = 0.35 + 0.65 * scene.profile(f"rays {index}", 26, 4)
        above = (base[None, :] - scene.rows) / (scene.height * 0.30)
        veil = np.where(above > 0, np.exp(-np.abs(above) * 2.4), np.exp(-np.abs(above) * 26)) * rays[None, :]
        scene.pixels += veil[..., None] * colour * (0.55 if scene.brief.time in ("night", "dusk") else 0.28)


def _lightning(scene: Scene) -> None:
    rng = scene.rng("lightning")
    glow = np.zeros((scene.height, scene.width), np.float32)
    x = float(rng.uniform(0.2, 0.8) * scene.width)
    for y in range(round(scene.horizon * 0.05), scene.horizon):
        x += float(rng.normal(0, scene.height / 190))
        if rng.random() < 12 / scene.height:
            x += float(rng.normal(0, scene.height / 22))
        if 0 <= x < scene.width - 2:
            glow[y, int(x) : int(x) + max(1, scene.height // 320)] = 1
    halo = blurred(glow, scene.height / 40)
    scene.pixels += (halo * 6)[..., None] * rgb(0.55, 0.60, 1.0)
    scene.pixels += np.clip(blurred(glow, 0.8) * 1.8 + glow, 0, 1)[..., None]


def space(scene: Scene) -> None:
    """Nebulae, stars, and a planet whose place is the seed's choice."""
    light = scene.light
    deep = (light.top * 0.25 if scene.brief.colours else rgb(0.01, 0.012, 0.035)) * np.float32(0.6)
    scene.pixels[:] = deep
    rng = scene.rng("nebula")
    hues = [rgb(0.55, 0.18, 0.80), rgb(0.10, 0.42, 0.85), rgb(0.90, 0.30, 0.45), rgb(0.10, 0.65, 0.62)]
    chosen = [hues[int(index)] for index in rng.permutation(len(hues))[:2]]
    if scene.brief.colours:
        chosen = [light.low, light.middle]
    for index, colour in enumerate(chosen):
        warp = scene.noise(f"warp {index}", 2.2, 4)
        cloud = smooth(0.42, 0.82, scene.noise(f"nebula {index}", 2.6 + index) * 0.75 + warp * 0.25)
        scene.pixels += (cloud * 0.85)[..., None] * colour
        scene.pixels += (cloud**4 * 0.35)[..., None]
    stars(scene, density=2.2)
    _planet(scene)


def _planet(scene: Scene) -> None:
    rng = scene.rng("planet")
    radius = scene.height * rng.uniform(0.13, 0.21)
    x, y = scene.width * rng.choice([0.17, 0.83]), scene.height * rng.uniform(0.2, 0.34)
    across, down = (scene.columns - x) / radius, (scene.rows - y) / radius
    inside = across**2 + down**2
    disc = np.clip((1 - np.sqrt(inside)) * radius / 1.5 + 0.5, 0, 1)
    depth = np.sqrt(np.clip(1 - inside, 0, 1))
    lit = np.clip(-0.62 * across - 0.42 * down + 0.62 * depth, 0.03, 1)
    bands = fractal(scene.width, scene.height, rng, cells=9, octaves=5, stretch=7)
    hue = np.array(rng.permutation([0.85, 0.58, 0.36]), np.float32)
    scene.lay(disc, (hue * (0.55 + 0.9 * bands[..., None])) * lit[..., None])
    rim = np.exp(-(((np.sqrt(inside) - 1) / 0.06) ** 2)) * np.clip(-0.6 * across - 0.4 * down, 0, 1)
    scene.pixels += (rim * 0.5)[..., None] * hue
