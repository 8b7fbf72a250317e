"""Pictures without a landscape: a plain backdrop, a room, an abstract composition."""

import numpy as np

from workers.engines.image.noise import Field, blurred, fractal, moved, smooth
from workers.engines.image.scene import Colour, Scene, rgb
from workers.engines.image.vocabulary import RGB


def palette(scene: Scene, count: int) -> list[Colour]:
    """The colours asked for, then harmonious ones of the seed's choice."""
    named = [np.array(RGB[name], np.float32) for name in scene.brief.colours]
    if named:  # in their own light and dark, so that nothing else comes in
        tones = (1.0, 0.62, 1.0, 0.80)
        own = [named[index % len(named)] * tones[index // len(named) % 4] for index in range(count)]
        return [tone + 0.28 * (index // len(named) == 2) for index, tone in enumerate(own)]
    rng = scene.rng("palette")
    turn = rng.random()
    for index in range(count):
        hue = (turn + (0.0, 0.08, 0.5, 0.58, 0.92)[index % 5]) * 2 * np.pi
        wave = np.cos(hue + np.array((0, 2.1, 4.2), np.float32))
        named.append((0.52 + 0.36 * wave * rng.uniform(0.6, 1)).astype(np.float32))
    return named[:count]


def plain(scene: Scene) -> None:
    """A studio backdrop: one colour, lit from behind the subject."""
    first = palette(scene, 1)[0]
    soft = first if scene.brief.colours else first * 0.45 + 0.42
    shine = 0.35 + 0.65 * scene.light.ambient
    across = (scene.columns / scene.width - 0.5) * 1.1
    away = np.hypot(across, scene.rows / scene.height - 0.46)
    glow = np.exp(-((away / 0.46) ** 2))[..., None]
    mottled = 0.94 + 0.12 * scene.noise("backdrop", 3, 5)[..., None]
    scene.pixels[:] = (soft * 0.62 + (soft * 0.5 + 0.52 - soft * 0.62) * glow) * mottled * shine
    table = smooth(0.80, 0.83, np.broadcast_to(scene.rows / scene.height, glow.shape[:2]).astype(np.float32))
    if any(one.subject.stand == "object" for one in scene.brief.wanted):
        scene.lay(table * 0.5, soft * 0.42 * shine)
    scene.horizon = round(scene.height * 0.80)


def indoor(scene: Scene) -> None:
    """A wall with a window to the sky outside, and a wooden floor."""
    scene.horizon = round(scene.height * 0.68)
    sky = scene.pixels.copy()
    wall = palette(scene, 1)[0] * 0.35 + rgb(0.52, 0.46, 0.40)
    warm = rgb(1, 0.86, 0.66) if scene.brief.time in ("night", "dusk") else rgb(1, 0.98, 0.94)
    left, right, top, bottom = (round(part) for part in _window(scene))
    away = np.hypot(scene.columns - (left + right) / 2, scene.rows - (top + bottom) / 2) / scene.height
    shine = 0.42 + 0.50 * np.exp(-((away / 0.7) ** 2))
    scene.pixels[:] = wall * warm * shine[..., None] * (0.95 + 0.1 * scene.noise("wall", 6, 5)[..., None])
    frame = max(3, scene.height // 60)
    scene.pixels[top - frame : bottom + frame, left - frame : right + frame] = rgb(0.90, 0.88, 0.84) * warm * 0.82
    scene.pixels[top:bottom, left:right] = sky[top:bottom, left:right]
    middle = (left + right) // 2
    scene.pixels[top:bottom, middle - frame // 3 : middle + frame // 3] = rgb(0.86, 0.84, 0.80) * warm * 0.8
    across = (top + bottom) // 2
    scene.pixels[across - frame // 3 : across + frame // 3, left:right] = rgb(0.86, 0.84, 0.80) * warm * 0.8
    _floor(scene, warm)
    if any(one.subject.stand == "object" for one in scene.brief.wanted):
        _table(scene, warm)


def _table(scene: Scene, warm: Colour) -> None:
    """A table top across the lower edge, for things that stand on one."""
    edge = scene.height * 0.76
    grain = 0.78 + 0.34 * fractal(scene.width, scene.height, scene.rng("table"), cells=12, octaves=6, stretch=9)
    deep = (scene.rows - edge) / scene.height
    shine = 0.92 + 0.5 * np.exp(-(((deep - 0.05) / 0.05) ** 2)) * 0.4
    cover = np.clip(scene.rows - edge + 0.5, 0, 1) * np.ones_like(scene.columns)
    scene.lay(cover, rgb(0.62, 0.40, 0.24) * warm * (grain * shine * (1.0 - 0.7 * np.clip(deep, 0, 1)))[..., None])


def _window(scene: Scene) -> tuple[float, float, float, float]:
    middle = scene.width * (0.34 if scene.rng("window").random() < 0.5 else 0.66)
    half = min(scene.height * 0.24, scene.width * 0.22)
    return middle - half, middle + half, scene.height * 0.12, scene.height * 0.50


def _floor(scene: Scene, warm: Colour) -> None:
    down = np.clip((scene.rows - scene.horizon) / (scene.height - scene.horizon), 0, 1)
    lane = (scene.columns - scene.width / 2) / (scene.height * (0.10 + 0.12 * down))
    seam = np.clip(np.abs(lane - np.round(lane)) * 26, 0, 1)
    shade = scene.rng("planks").uniform(0.85, 1.1, 64)[np.round(lane).astype(int) % 64].astype(np.float32)
    grain = 0.8 + 0.3 * fractal(scene.width, scene.height, scene.rng("grain"), cells=30, octaves=4, stretch=0.2)
    wood = rgb(0.55, 0.36, 0.22) * warm * (shade * grain * (0.62 + 0.38 * seam) * (0.72 + 0.2 * down))[..., None]
    scene.lay(np.broadcast_to((scene.rows >= scene.horizon).astype(np.float32), seam.shape), wood)
    skirting = (scene.rows >= scene.horizon - scene.height * 0.022) & (scene.rows < scene.horizon)
    scene.lay(np.broadcast_to(skirting.astype(np.float32), seam.shape), rgb(0.86, 0.83, 0.78) * warm * 0.72)


def abstract(scene: Scene) -> None:
    """Sheets of coloured paper cut along flowing lines, each throwing a shadow on the next."""
    colours = palette(scene, 4)
    rng = scene.rng("abstract")
    sheets = int(rng.integers(8, 14))
    x, y = _warped(scene)
    flow = _sampled(scene.noise("flow", rng.uniform(1.1, 2.0), 3, rng.uniform(0.8, 2.2)), x, y)
    low, high = (float(value) for value in np.quantile(flow, (0.02, 0.98)))
    level = np.clip((flow - low) / max(high - low, 1e-3), 0, 0.999) * sheets
    sheet = np.floor(level).astype(np.float32)
    steps = np.linspace(0, len(colours) - 1, sheets)
    table = np.stack([np.interp(steps, range(len(colours)), [c[i] for c in colours]) for i in range(3)], -1)
    table[::2] = table[::2] * 0.86 + 0.04
    throw = blurred(sheet, scene.height / 70)
    above = np.clip(moved(throw, scene.height // 90, scene.height // 120) - sheet, 0, 1.4)
    paper = 0.95 + 0.10 * scene.noise("fibre", 70, 3)
    glow = 0.86 + 0.26 * scene.noise("glow", 1.2, 3)
    mixed = table[sheet.astype(int)] * (paper * glow * (1 - 0.50 * above))[..., None]
    scene.pixels[:] = mixed * (0.45 + 0.55 * scene.light.ambient)
    scene.horizon = round(scene.height * 0.72)


def _warped(scene: Scene) -> tuple[Field, Field]:
    reach = scene.height * 0.75
    across = (scene.noise("warp x", 1.3, 3) - 0.5) * reach
    down = (scene.noise("warp y", 1.3, 3) - 0.5) * reach
    return scene.columns + across, scene.rows + down


def _sampled(field: Field, x: Field, y: Field) -> Field:
    """A field read elsewhere, mirrored at its edges."""
    height, width = field.shape

    def inside(at: Field, size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        turned = np.abs(at.astype(np.int64)) % (2 * size)
        return np.where(turned < size, turned, 2 * size - 1 - turned)

    return field[inside(y, height), inside(x, width)]
