"""The land: mountains, hills, trees in rows, and what the ground is made of."""

import numpy as np
from PIL import Image, ImageDraw

from workers.engines.image.noise import Field, moved, ridged, smooth
from workers.engines.image.scene import Colour, Scene, rgb
from workers.engines.image.vocabulary import RGB

GRASS, SAND, SNOW, EARTH, ROCK = (
    rgb(.27, .46, .16), rgb(.86, .74, .50), rgb(.90, .93, .97), rgb(.34, .27, .20), rgb(.36, .36, .40)
)  # fmt: skip


def paint(scene: Scene) -> None:
    """Everything between the sky and the water or the buildings."""
    if scene.has("mountain", "volcano") or (scene.has("lake") and not scene.has("forest", "city")):
        for layer in range(3):
            _mountains(scene, layer)
    if scene.has("volcano"):
        _volcano(scene)
    if scene.has("hills", "meadow", "forest") or not scene.brief.places:
        for layer in range(3):
            _hills(scene, layer)
    ground(scene)
    if scene.has("volcano"):
        _embers(scene)
    if scene.has("forest"):
        for layer in range(4):
            trees(scene, layer)


def foreground(scene: Scene) -> None:
    """What stands before the ground: flowers in a meadow, blades of grass at the lower edge."""
    if not scene.has("meadow", "hills") or scene.weather("snow"):
        return
    rng = scene.rng("flowers")
    image = Image.new("RGBA", (scene.width, scene.height))
    draw = ImageDraw.Draw(image)
    hues = [(250, 240, 250), (250, 205, 70), (235, 95, 130), (160, 120, 230), (240, 130, 60)]
    for _ in range(round(170 * scene.width / scene.height)):
        depth = float(rng.random()) ** 0.6
        y = scene.horizon + (scene.height - scene.horizon) * (0.12 + 0.9 * depth)
        x, r = float(rng.random()) * scene.width, scene.height * (0.0012 + 0.0048 * depth)
        hue = hues[int(rng.integers(len(hues)))]
        draw.line((x, y, x, y + r * 4), fill=(40, 90, 30, 200), width=max(1, round(r * 0.6)))
        draw.ellipse((x - r * 1.3, y - r, x + r * 1.3, y + r), fill=(*hue, 235))
    lay_image(scene, image)


def lay_image(scene: Scene, image: Image.Image) -> None:
    """An RGBA picture laid over the scene, in the scene's light."""
    over = np.asarray(image, np.float32) / 255
    lit = over[..., :3] * (0.22 + 0.78 * scene.light.ambient) * (0.72 + 0.28 * scene.light.sun)
    scene.lay(over[..., 3], lit)


def below(scene: Scene, edge: Field, top: int = 0) -> Field:
    """The cover of all that lies under a line, its edge softened over a pixel; from row `top` on."""
    return np.clip(scene.rows[top:] - edge[None, :] + 0.5, 0, 1)


def _highest(edge: Field) -> int:
    """The first row that a line reaches: nothing above it need be painted."""
    return max(0, int(edge.min()) - 1)


def _mountains(scene: Scene, layer: int) -> None:
    """One range: three of them, each nearer, lower and darker, lit from the sun's side."""
    profile = scene.profile(f"range {layer}", 1.3 + 0.9 * layer, 8) ** 1.25
    height = scene.height * (0.40 - 0.115 * layer)
    edge = scene.horizon + scene.height * 0.01 * layer - height * profile
    rock = ridged(scene.noise(f"rock {layer}", 5 + 2 * layer, 7, 0.8))
    step = max(1, scene.height // 160)
    across = step if scene.sun_x < scene.width / 2 else -step
    slope = rock - moved(rock, step, across)
    lit = np.clip(0.52 + 1.9 * slope, 0.12, 1.1)[..., None]
    depth = (scene.rows - edge[None, :]) / height
    snowy = scene.weather("snow") or layer == 0
    far = (0.62, 0.38, 0.16)[layer]
    stone = (ROCK * 0.62 + GRASS * 0.22 * layer) * lit * 1.35
    if snowy:
        line = (0.95 if scene.weather("snow") else 0.42) - 0.10 * layer
        snow = smooth(line + 0.16, line - 0.10, depth + 0.55 * (rock - 0.5))[..., None]
        stone = stone + (SNOW * (0.45 + 0.62 * lit) - stone) * snow
    body = stone * scene.light.ambient * (0.70 + 0.36 * scene.light.sun)
    mist = np.clip(far + 0.30 * np.clip(depth, 0, 1), 0, 0.9)[..., None]
    scene.lay(below(scene, edge), body * (1 - mist) + scene.light.low * mist * 0.92)


def _volcano(scene: Scene) -> None:
    """A cone with a glowing mouth, and smoke above it."""
    middle = scene.width * scene.rng("volcano").uniform(0.4, 0.6)
    out = np.abs(np.arange(scene.width, dtype=np.float32) - middle) / scene.height
    flank = scene.profile("flank", 6) * 0.03
    edge = scene.horizon - scene.height * (np.clip(0.46 * np.exp(-out * 2.9) - flank, 0, 0.345))
    rock = ridged(scene.noise("cone", 7, 7, 0.6))[..., None]
    smoke = smooth(0.46, 0.66, scene.noise("smoke", 5, 6, 0.8))
    plume = np.exp(-(((scene.columns - middle) / (scene.height * 0.10 + (scene.horizon - scene.rows) * 0.28)) ** 2))
    scene.lay(
        smoke * plume * (scene.rows < scene.horizon) * 0.85, rgb(0.22, 0.19, 0.20) * (0.4 + scene.light.ambient * 0.6)
    )
    scene.lay(below(scene, edge), rgb(0.20, 0.16, 0.17) * (0.5 + rock) * (0.35 + 0.65 * scene.light.ambient))
    lava = smooth(0.80, 0.98, ridged(scene.noise("lava", 6, 5, 0.35))) * below(scene, edge)
    near = np.exp(-(((scene.columns - middle) / (scene.height * 0.20)) ** 2)) * (scene.rows < scene.horizon * 1.02)
    top = float(edge.min())
    mouth = np.exp(-np.hypot((scene.columns - middle) / 1.4, scene.rows - top) / (scene.height * 0.07))
    glow = np.clip(lava * near * 1.5 + mouth * 0.9, 0, 1)
    scene.pixels += glow[..., None] * rgb(1.0, 0.38, 0.06)


def _embers(scene: Scene) -> None:
    """The glow of a volcano on the land before it, and lava in its cracks."""
    down = np.clip((scene.rows - scene.horizon) / max(1, scene.height - scene.horizon), 0, 1)
    under = (scene.rows >= scene.horizon) * np.exp(-down * 3.0)
    across = np.exp(-(((scene.columns / scene.width - 0.5) / 0.34) ** 2))
    scene.pixels += (under * across * 0.16)[..., None] * rgb(1.0, 0.40, 0.12)
    cracks = (
        smooth(0.90, 0.995, ridged(scene.noise("cracks", 7, 5, 2.4))) * (scene.rows >= scene.horizon) * (0.35 + down)
    )
    scene.pixels += np.clip(cracks, 0, 1)[..., None] * rgb(1.0, 0.36, 0.05)


def _hills(scene: Scene, layer: int) -> None:
    profile = scene.profile(f"hill {layer}", 0.7 + 0.5 * layer, 3)
    edge = scene.horizon + scene.height * (0.02 + 0.035 * layer) - scene.height * (0.13 - 0.03 * layer) * profile
    top = _highest(edge)
    lit = 0.72 + 0.5 * scene.noise(f"turf {layer}", 8 + 6 * layer, 6, 2.2)[top:]
    slope = np.gradient(edge) * (1 if scene.sun_x < scene.width / 2 else -1)
    lit = lit + np.clip(slope, -0.6, 0.6)[None, :] * 0.22
    mist = (0.50, 0.30, 0.12)[layer]
    near = turf(scene) * scene.light.ambient * (0.74 + 0.30 * scene.light.sun) * (1 - mist)
    scene.lay(below(scene, edge, top), lit[..., None] * near + scene.light.low * mist * 0.9, top)


def turf(scene: Scene) -> Colour:
    """What grows, or lies, on the land; in the colour asked for, if any was."""
    own = _natural(scene)
    if scene.brief.land is None:
        return own
    return np.asarray(own * 0.35 + np.array(RGB[scene.brief.land], np.float32) * 0.55, np.float32)


def _natural(scene: Scene) -> Colour:
    if scene.weather("snow"):
        return SNOW
    if scene.has("desert"):
        return SAND
    if scene.has("volcano"):
        return EARTH * 1.1
    if scene.weather("leaves"):
        return rgb(0.52, 0.40, 0.14)
    return GRASS


def ground(scene: Scene) -> None:
    """From the horizon down, coarser as it comes nearer."""
    down = np.clip((scene.rows - scene.horizon) / max(1, scene.height - scene.horizon), 0, 1)
    far = scene.noise("ground far", 26, 5, 5)
    near = scene.noise("ground near", 9, 7, 1.8)
    grain: Field = 0.66 + 0.62 * (far * (1 - down) + near * down)
    if scene.weather("snow"):
        grain = 0.90 + 0.30 * (grain - 0.97)
    if scene.has("desert"):
        grain = _dunes(scene, down)
    edge = np.full(scene.width, float(scene.horizon), np.float32)
    if scene.has("hills"):
        edge += scene.height * (0.05 - 0.03 * scene.profile("edge", 0.6, 3))
    top = _highest(edge)
    own = turf(scene) * (grain * (1.04 - 0.22 * down))[top:, :, None]
    lit = own * (scene.light.ambient * (0.72 + 0.32 * scene.light.sun))
    mist = (0.46 * (1 - down[top:]) ** 2.2)[..., None]
    scene.lay(below(scene, edge, top), lit * (1 - mist) + scene.light.low * mist, top)


def _dunes(scene: Scene, down: Field) -> Field:
    """Long waves of sand with a bright and a dark side, and fine ripples near by."""
    bend = scene.noise("dunes", 1.6, 3, 2.0)
    wave = np.sin((bend * 9 + down**0.6 * 9) * np.float32(np.pi))
    ripple = np.sin((scene.rows / scene.height * 150 + bend * 60) / (0.4 + down)) * 0.035 * down
    return (0.92 + 0.20 * np.tanh(2.4 * wave) + ripple).astype(np.float32)


def trees(scene: Scene, layer: int) -> None:
    """A row of conifers, or of broad trees in a jungle's or an autumn's colours."""
    rng = scene.rng("trees", layer)
    scale = (0.075, 0.12, 0.20, 0.46)[layer]
    foot = scene.horizon + scene.height * (0.03, 0.06, 0.11, 0.30)[layer]
    count = round((70, 46, 24, 5)[layer] * scene.width / scene.height)
    mask = Image.new("L", (scene.width, scene.height))
    draw = ImageDraw.Draw(mask)
    for _ in range(count):
        x = float(rng.random())
        if layer == 3:  # the nearest stand at the sides, and leave the middle open
            x = 0.16 * x if rng.random() < 0.5 else 1 - 0.16 * x
        tall = scene.height * scale * rng.uniform(0.7, 1.25)
        _conifer(draw, x * scene.width, foot + rng.uniform(-0.01, 0.02) * scene.height, float(tall), rng)
    cover = np.asarray(mask, np.float32) / 255
    leaf = rgb(0.62, 0.30, 0.08) if scene.weather("leaves") else rgb(0.10, 0.27, 0.15)
    lit = 0.55 + 0.9 * scene.noise(f"leaf {layer}", 42, 3)
    body = leaf * lit[..., None] * scene.light.ambient * (0.74 + 0.30 * scene.light.sun)
    if scene.weather("snow"):
        top = smooth(0.50, 0.66, scene.noise(f"snowed {layer}", 34, 3, 2.0))[..., None]
        body = body + (SNOW * scene.light.ambient * 0.95 - body) * top * 0.8
    mist = (0.55, 0.34, 0.14, 0.02)[layer]
    scene.lay(cover, body * (1 - mist) + scene.light.low * mist * 0.8)


def _conifer(draw: ImageDraw.ImageDraw, x: float, foot: float, tall: float, rng: np.random.Generator) -> None:
    draw.rectangle((x - tall * 0.018, foot - tall * 0.2, x + tall * 0.018, foot), fill=255)
    tiers = 6
    for tier in range(tiers):
        top = foot - tall * (1 - tier / (tiers + 1.2))
        low = top + tall * 0.27
        wide = tall * (0.05 + 0.034 * (tier + 1)) * rng.uniform(0.85, 1.15)
        points = [(x, top), (x + wide, low), (x + wide * 0.4, low - tall * 0.03), (x, low + tall * 0.01)]
        points += [(x - wide * 0.4, low - tall * 0.03), (x - wide, low)]
        draw.polygon(points, fill=255)
