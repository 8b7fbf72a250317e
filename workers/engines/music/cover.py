"""Cover art drawn from the song: its genre chooses the composition, its mood the palette, its seed and title the rest.

Drawn at twice the large size and scaled down, so edges are smooth. Coordinates are parts of the picture's side, 0..1.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import msgspec
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from workers.engines.base import Artifact
from workers.engines.music import lettering
from workers.engines.music.plan import Plan
from workers.engines.music.theory import rng

LARGE, SMALL = 1024, 512
SIDE = 2 * LARGE

Color = tuple[int, int, int]
Points = Sequence[tuple[float, float]]


class Palette(msgspec.Struct, frozen=True):
    """From the back of the picture to its front; `ink` is for lines and small accents."""

    far: Color
    near: Color
    shapes: tuple[Color, Color, Color]
    ink: Color


HUES = {
    "pop": (335, 30), "rock": (8, 40), "metal": (0, 200), "jazz": (215, 35), "lofi": (265, 25), "edm": (285, 180),
    "ambient": (195, 250), "classical": (40, 220), "folk": (95, 35), "hiphop": (30, 340), "trap": (275, 350),
    "blues": (222, 205), "reggae": (130, 50), "synthwave": (300, 190), "country": (28, 200), "funk": (25, 320),
    "latin": (12, 165), "rnb": (320, 260), "guofeng": (170, 12),
}  # fmt: skip
"""Main and second hue of each genre, in degrees."""


class Canvas:
    """A picture being painted: shapes with opacity, in parts of its side."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self._draw = ImageDraw.Draw(image, "RGBA")

    def circle(self, x: float, y: float, r: float, color: Color, alpha: float = 1.0) -> None:
        self._draw.ellipse(_box(x, y, r), fill=_seen(color, alpha))

    def ring(self, x: float, y: float, r: float, width: float, color: Color, alpha: float = 1.0) -> None:
        self._draw.ellipse(_box(x, y, r), outline=_seen(color, alpha), width=_pixels(width))

    def polygon(self, points: Points, color: Color, alpha: float = 1.0) -> None:
        self._draw.polygon(_scaled(points), fill=_seen(color, alpha))

    def line(self, points: Points, width: float, color: Color, alpha: float = 1.0) -> None:
        self._draw.line(_scaled(points), fill=_seen(color, alpha), width=_pixels(width), joint="curve")

    def pill(self, left: float, top: float, right: float, bottom: float, color: Color, alpha: float) -> None:
        box = (left * SIDE, top * SIDE, right * SIDE, bottom * SIDE)
        self._draw.rounded_rectangle(box, radius=(right - left) / 2 * SIDE, fill=_seen(color, alpha))

    def stripes(self, x: float, y: float, r: float, gaps: Sequence[tuple[float, float]], color: Color) -> None:
        """A disc with level gaps cut out of it."""
        mask = Image.new("L", self.image.size, 0)
        draw = ImageDraw.Draw(mask)
        draw.ellipse(_box(x, y, r), fill=255)
        for top, bottom in gaps:
            draw.rectangle((0, top * SIDE, SIDE, bottom * SIDE), fill=0)
        self.image.paste(color, (0, 0), mask)

    def glow(self, shape: str, at: Sequence[float], blur: float, color: Color, alpha: float) -> None:
        """A blurred "ellipse" or "rectangle" with the corners `at`: drawn small, as nothing of it is sharp."""
        side = SIDE // 16
        mask = Image.new("L", (side, side), 0)
        getattr(ImageDraw.Draw(mask), shape)([value * side for value in at], fill=round(255 * alpha))
        blurred = mask.filter(ImageFilter.GaussianBlur(blur * side)).resize(self.image.size, Image.Resampling.BICUBIC)
        self.image.paste(color, (0, 0), blurred)

    def halo(self, x: float, y: float, r: float, blur: float, color: Color, alpha: float) -> None:
        self.glow("ellipse", (x - r, y - r, x + r, y + r), blur, color, alpha)


def write(plan: Plan, folder: Path) -> list[Artifact]:
    """Both covers as JPEG files in `folder`."""
    large = paint(plan)
    made = []
    for part, side in (("cover_large", LARGE), ("cover", SMALL)):
        path = folder / f"{part}.jpg"
        picture = large if side == LARGE else large.resize((side, side), Image.Resampling.LANCZOS)
        picture.save(path, quality=90, subsampling=0)
        made.append(Artifact(part, str(path), "image/jpeg", width_px=side, height_px=side))
    return made


def paint(plan: Plan) -> Image.Image:
    """The large cover."""
    movement = plan.movements[0]
    chance = rng(movement.seed, "cover", plan.title, plan.tags)
    energy = sum(section.energy for section in movement.sections) / len(movement.sections)
    colors = palette(movement.genre, movement.dark, energy, chance)
    canvas = Canvas(_gradient(colors, chance))
    COMPOSITIONS[movement.genre](canvas, colors, chance)
    image = _grained(canvas.image.reduce(2), chance)
    caption = f"{movement.genre} · {round(movement.bpm)} bpm"
    return lettering.set_title(image, plan.title, caption, colors.near)


def palette(genre: str, dark: bool, energy: float, chance: Random) -> Palette:
    first, second = (hue + chance.uniform(-16, 16) for hue in HUES[genre])
    rich = 0.55 + 0.35 * energy - (0.12 if dark else 0.0)
    turn = -20 if 15 < first < 80 else 22  # a yellow ground turns to amber, not to olive
    if dark:
        far, near = _hsl(first, rich * 0.8, 0.27), _hsl(first + turn, rich * 0.9, 0.07)
        shapes = (_hsl(second, rich, 0.52), _hsl(first - 15, rich, 0.38), _hsl((first + second) / 2, rich, 0.62))
        return Palette(far, near, shapes, _hsl(second, 0.5, 0.86))
    far, near = _hsl(first, rich * 0.85, 0.82), _hsl(first + turn, rich, 0.4)
    shapes = (_hsl(second, rich, 0.58), _hsl(first, rich, 0.48), _hsl(second + 28, rich, 0.7))
    return Palette(far, near, shapes, _hsl(second, 0.4, 0.96))


def _sun(canvas: Canvas, colors: Palette, chance: Random) -> None:
    """A striped sun over a grid that runs to the horizon."""
    x, y, r = chance.uniform(0.36, 0.64), chance.uniform(0.34, 0.42), chance.uniform(0.2, 0.26)
    horizon = 0.6
    canvas.halo(x, y, r * 1.5, 0.1, colors.shapes[0], 0.5)
    stripes = [(y + r * k, y + r * k + 0.007 + 0.005 * n) for n, k in enumerate((0.0, 0.2, 0.38, 0.54, 0.68, 0.82))]
    canvas.stripes(x, y, r, stripes, colors.shapes[2])
    canvas.polygon(_ridge(chance, horizon - 0.02, 0.09, 14), colors.near, 0.85)
    canvas.polygon([(0, horizon), (1, horizon), (1, 1), (0, 1)], colors.near, 0.92)
    down = [[(x + (k / 9) * 0.5, horizon), (x + (k / 9) * 4.5, 1.0)] for k in range(-22, 23)]
    levels = [horizon + (1 - horizon) * t**2.2 for t in np.linspace(0, 1, 11).tolist()]
    across = [[(0.0, level), (1.0, level)] for level in levels]
    grid: list[Points] = [*down, *across]
    for points in grid:
        canvas.line(points, 0.0022, colors.shapes[0], 0.75)


def _ridges(canvas: Canvas, colors: Palette, chance: Random) -> None:
    """Hills behind hills in thinning air, a sun or moon above."""
    x, y, r = chance.uniform(0.25, 0.75), chance.uniform(0.2, 0.34), chance.uniform(0.07, 0.13)
    canvas.halo(x, y, r * 2.4, 0.09, colors.shapes[2], 0.55)
    canvas.circle(x, y, r, colors.ink, 0.95)
    count = 6
    for layer in range(count):
        t = layer / (count - 1)
        color = _between(colors.shapes[1], colors.near, 0.15 + 0.85 * t)
        canvas.polygon(_ridge(chance, 0.42 + 0.095 * layer, 0.11 * (1 - 0.35 * t), 30), color, 0.55 + 0.45 * t)


def _rings(canvas: Canvas, colors: Palette, chance: Random) -> None:
    """A record, half out of the picture, with light across its grooves."""
    x, y, r = chance.uniform(0.52, 0.72), chance.uniform(0.3, 0.44), chance.uniform(0.4, 0.47)
    canvas.halo(x + 0.02, y + 0.03, r, 0.03, colors.near, 0.6)
    canvas.circle(x, y, r, _between(colors.near, (8, 8, 12), 0.6))
    for step in range(40):
        canvas.ring(x, y, r * (0.42 + 0.56 * step / 40), 0.0012, colors.shapes[2], 0.10 + 0.2 * chance.random())
    turn = chance.uniform(0, 6.3)
    for angle in (turn, turn + math.pi):
        for step in range(24):
            a, b = angle + step * 0.024, angle + (step + 1) * 0.024
            light = 0.2 * math.sin(math.pi * (step + 0.5) / 24)
            edge = [(x + r * 0.98 * math.cos(t), y + r * 0.98 * math.sin(t)) for t in (a, b)]
            canvas.polygon([(x, y), *edge], colors.ink, light)
    canvas.circle(x, y, r * 0.36, colors.shapes[0])
    canvas.circle(x, y, r * 0.25, colors.shapes[2], 0.6)
    canvas.circle(x, y, r * 0.045, colors.near)


def _bars(canvas: Canvas, colors: Palette, chance: Random) -> None:
    """The levels of a spectrum, mirrored on their base line, lit from within."""
    count, base = chance.choice((17, 23, 29)), 0.5
    phase, bump = chance.uniform(0, 6), chance.uniform(1.2, 2.4)
    canvas.glow("rectangle", (0.1, base - 0.16, 0.9, base + 0.1), 0.08, colors.shapes[1], 0.6)
    for index in range(count):
        t = (index + 0.5) / count
        height = 0.06 + 0.27 * abs(math.sin(phase + t * math.pi * bump)) * (0.45 + 0.55 * chance.random())
        color = _between(colors.shapes[0], colors.shapes[2], t)
        left, right = 0.07 + 0.86 * index / count, 0.07 + 0.86 * (index + 0.68) / count
        canvas.pill(left, base - height, right, base - 0.008, color, 0.97)
        canvas.pill(left, base + 0.008, right, base + max(0.03, height * 0.6), color, 0.45)
    canvas.line([(0.05, base), (0.95, base)], 0.002, colors.ink, 0.7)


def _circles(canvas: Canvas, colors: Palette, chance: Random) -> None:
    """Flat overlapping discs and one bar, in the way of a sixties record sleeve."""
    for index in range(5):
        r = chance.uniform(0.1, 0.27)
        x, y = chance.uniform(0.12, 0.88), chance.uniform(0.12, 0.6)
        canvas.circle(x, y, r, colors.shapes[index % 3], 0.78)
        if chance.random() < 0.6:
            canvas.ring(x, y, r * chance.uniform(0.45, 0.8), 0.004, colors.ink, 0.8)
    tilt = chance.uniform(-0.25, 0.25)
    top = chance.uniform(0.2, 0.5)
    canvas.polygon([(0, top), (1, top + tilt), (1, top + tilt + 0.035), (0, top + 0.035)], colors.ink, 0.85)
    for index in range(9):
        canvas.circle(0.1 + 0.1 * index, top + tilt * (0.1 + 0.1 * index) + 0.09, 0.012, colors.ink, 0.85)


def _shards(canvas: Canvas, colors: Palette, chance: Random) -> None:
    """Splinters that burst from one point."""
    x, y = chance.uniform(0.4, 0.6), chance.uniform(0.36, 0.48)
    canvas.halo(x, y, 0.3, 0.12, colors.shapes[0], 0.6)
    angle = chance.uniform(0, 1)
    while angle < 2 * math.pi + 0.2:
        spread, near, far = chance.uniform(0.05, 0.22), chance.uniform(0.02, 0.12), chance.uniform(0.35, 0.95)
        points = [
            (x + near * math.cos(angle), y + near * math.sin(angle)),
            (x + far * math.cos(angle - spread), y + far * math.sin(angle - spread)),
            (
                x + far * chance.uniform(0.75, 1.1) * math.cos(angle + spread / 3),
                y + far * math.sin(angle + spread / 3),
            ),
        ]
        canvas.polygon(points, chance.choice([*colors.shapes, colors.near]), chance.uniform(0.55, 0.95))
        angle += spread * chance.uniform(0.9, 1.8)
    canvas.halo(x, y, 0.06, 0.02, colors.ink, 0.9)


def _waves(canvas: Canvas, colors: Palette, chance: Random) -> None:
    """Bands of swell under a low sun."""
    canvas.circle(chance.uniform(0.3, 0.7), 0.3, 0.16, colors.shapes[2], 0.95)
    for layer in range(8):
        t = layer / 7
        phase, waves = chance.uniform(0, 6.3), chance.uniform(1.0, 2.2)
        crest = [(x, 0.36 + 0.085 * layer + 0.035 * math.sin(phase + x * waves * 6.3)) for x in np.linspace(0, 1, 60)]
        color = _between(colors.shapes[layer % 2], colors.near, 0.15 + 0.8 * t)
        canvas.polygon([*crest, (1, 1), (0, 1)], color, 0.9)
        canvas.line(crest, 0.002, colors.ink, 0.5 * (1 - t))


def _arcs(canvas: Canvas, colors: Palette, chance: Random) -> None:
    """Fine arcs that fan out like strings, and the five lines of a staff with a few notes on them."""
    x, y = chance.uniform(-0.05, 0.2), chance.uniform(0.95, 1.1)
    for step in range(46):
        r = 0.3 + step * 0.021
        canvas.ring(x, y, r, 0.0016 + 0.002 * (step % 5 == 0), _between(colors.shapes[0], colors.ink, step / 46), 0.75)
    tilt = chance.uniform(-0.12, 0.02)
    level = chance.uniform(0.24, 0.36)
    wave = chance.uniform(0.02, 0.05)

    def staff(at: float, line: int) -> float:
        return level + tilt * at + wave * math.sin(at * 6.3) + line * 0.022

    for line in range(5):
        canvas.line([(t, staff(t, line)) for t in np.linspace(0, 1, 50)], 0.002, colors.ink, 0.9)
    for index in range(7):
        t = 0.12 + index * 0.125
        center = staff(t, 0) + chance.randrange(0, 9) / 2 * 0.022
        canvas.circle(t, center, 0.012, colors.ink)
        canvas.line([(t + 0.011, center), (t + 0.011, center - 0.075)], 0.0028, colors.ink)


def _drift(canvas: Canvas, colors: Palette, chance: Random) -> None:
    """Soft bodies of light, thin orbits and dust."""
    for index in range(6):
        spot = chance.random(), chance.uniform(0.05, 0.75), chance.uniform(0.14, 0.3)
        canvas.halo(*spot, 0.08, colors.shapes[index % 3], 0.55)
    x, y, r = chance.uniform(0.35, 0.65), chance.uniform(0.34, 0.46), chance.uniform(0.11, 0.16)
    canvas.circle(x, y, r, colors.ink, 0.92)
    canvas.halo(x + r * 0.35, y + r * 0.25, r, 0.03, colors.shapes[0], 0.55)
    for step in range(4):
        canvas.ring(x, y, r * (1.5 + 0.55 * step), 0.0016, colors.ink, 0.6 - 0.12 * step)
    for _ in range(90):
        canvas.circle(chance.random(), chance.random() * 0.9, chance.uniform(0.0008, 0.003), colors.ink, 0.8)


def _ink(canvas: Canvas, colors: Palette, chance: Random) -> None:
    """Mountains in mist and a red sun, as on a scroll."""
    x, y = chance.uniform(0.6, 0.8), chance.uniform(0.2, 0.3)
    canvas.circle(x, y, 0.095, (196, 52, 40), 0.95)
    for layer in range(5):
        ridge = _ridge(chance, 0.4 + 0.1 * layer, 0.2 - 0.02 * layer, 34)
        canvas.polygon(ridge, _between(colors.shapes[1], colors.near, 0.2 * layer), 0.9)
        canvas.glow("rectangle", (-0.1, 0.52 + 0.1 * layer, 1.1, 0.57 + 0.1 * layer), 0.025, colors.far, 0.5)
    for _ in range(4):
        bird_x, bird_y = chance.uniform(0.15, 0.5), chance.uniform(0.14, 0.3)
        wings = [(bird_x - 0.018, bird_y - 0.008), (bird_x, bird_y), (bird_x + 0.018, bird_y - 0.01)]
        canvas.line(wings, 0.003, colors.near)


COMPOSITIONS: dict[str, Callable[[Canvas, Palette, Random], None]] = {
    "pop": _circles, "rock": _shards, "metal": _shards, "jazz": _circles, "lofi": _rings, "edm": _bars,
    "ambient": _drift, "classical": _arcs, "folk": _ridges, "hiphop": _rings, "trap": _bars, "blues": _rings,
    "reggae": _waves, "synthwave": _sun, "country": _ridges, "funk": _circles, "latin": _waves, "rnb": _drift,
    "guofeng": _ink,
}  # fmt: skip


def _gradient(colors: Palette, chance: Random) -> Image.Image:
    """A slanted blend of the two ground colours with a faint light in it, drawn small and enlarged."""
    size = 128
    ys, xs = np.mgrid[0:size, 0:size] / size
    slant = chance.uniform(-0.5, 0.5)
    t = np.clip(ys * 0.95 + (xs - 0.5) * slant, 0, 1) ** 1.3
    glow = np.exp(-((xs - chance.random()) ** 2 + (ys - chance.uniform(0, 0.5)) ** 2) / 0.08)
    ground = np.array(colors.far) * (1 - t[..., None]) + np.array(colors.near) * t[..., None]
    lit = ground + (np.array(colors.shapes[2]) - ground) * (0.28 * glow[..., None])
    small = Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))
    return small.resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def _grained(image: Image.Image, chance: Random) -> Image.Image:
    """Paper grain, which also hides the steps of the gradients."""
    noise = np.random.default_rng(chance.getrandbits(64)).standard_normal(image.size[::-1], np.float32)
    pixels = np.asarray(image, np.float32) + noise[..., None] * np.float32(4.5)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _ridge(chance: Random, level: float, height: float, points: int) -> Points:
    """The outline of a range of hills down to the lower edge: sines of falling size, and a little roughness."""
    waves = [(chance.uniform(0, 6.3), 1.7**octave * chance.uniform(0.8, 1.3), 0.55**octave) for octave in range(6)]
    line = [
        (x, level - height * sum(size * math.sin(phase + x * 6.3 * rate) for phase, rate, size in waves) / 1.6)
        for x in np.linspace(0, 1, points * 6).tolist()
    ]
    return [*line, (1.0, 1.0), (0.0, 1.0)]


def _box(x: float, y: float, r: float) -> tuple[float, float, float, float]:
    return (x - r) * SIDE, (y - r) * SIDE, (x + r) * SIDE, (y + r) * SIDE


def _seen(color: Color, alpha: float) -> tuple[int, int, int, int]:
    return (*color, round(255 * alpha))


def _pixels(width: float) -> int:
    return max(1, round(width * SIDE))


def _scaled(points: Points) -> list[tuple[float, float]]:
    return [(x * SIDE, y * SIDE) for x, y in points]


def _between(a: Color, b: Color, t: float) -> Color:
    return (round(a[0] + (b[0] - a[0]) * t), round(a[1] + (b[1] - a[1]) * t), round(a[2] + (b[2] - a[2]) * t))


def _hsl(hue: float, saturation: float, lightness: float) -> Color:
    """Source of the formula: CSS Color Module Level 4, "HSL colors to sRGB"."""

    def channel(n: int) -> int:
        k = (n + hue / 30) % 12
        a = saturation * min(lightness, 1 - lightness)
        return round(255 * max(0.0, min(1.0, lightness - a * max(-1.0, min(k - 3, 9 - k, 1.0)))))

    return channel(0), channel(8), channel(4)
