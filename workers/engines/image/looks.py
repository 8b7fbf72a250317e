"""Styles laid over a finished picture: each a function of its own, in arithmetic alone."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from workers.engines.image.noise import Field, blurred, fractal, moved, smooth

Random = np.random.Generator
Look = Callable[[Field, Random], Field]
Bytes = NDArray[np.uint8]
Report = Callable[[float], None]


def _silent(_: float) -> None:
    """Progress nobody asked for."""


def apply(
    picture: Bytes, styles: Iterable[str], rng: Random, *, strength: float, report: Report = _silent
) -> Image.Image:
    """The picture in every style named that there is, one over the other, as strongly as asked (0..1)."""
    pixels = np.asarray(picture, np.float32) / 255
    chosen = [LOOKS[name] for name in styles if name in LOOKS]
    for number, look in enumerate(chosen):
        styled = np.clip(_sized(look, pixels, rng), 0, 1)
        pixels = pixels + (styled - pixels) * np.float32(strength)
        report((number + 1) / len(chosen))
    return _image(pixels)


def _sized(look: Look, pixels: Field, rng: Random) -> Field:
    """A look, done on a smaller picture if this one is large: strokes and patches have nothing finer in them."""
    height, width = pixels.shape[:2]
    if look not in _COARSE or height <= _COARSE_FROM:
        return look(pixels, rng)
    ratio = _COARSE_FROM / height
    small = _image(pixels).resize((max(16, round(width * ratio)), _COARSE_FROM), Image.Resampling.BOX)
    styled = _image(look(np.asarray(small, np.float32) / 255, rng))
    return np.asarray(styled.resize((width, height), Image.Resampling.LANCZOS), np.float32) / 255


def oil(pixels: Field, rng: Random) -> Field:
    """Patches of even colour with the relief of a brush."""
    flat = _patches(pixels, max(2, pixels.shape[0] // 190))
    height, width = flat.shape[:2]
    bristles = fractal(width, height, rng, cells=70, octaves=3, stretch=3.5) - 0.5
    grey = flat.mean(axis=2) + bristles * 0.10
    relief = grey - np.roll(np.roll(grey, 1, axis=0), 1, axis=1)
    return vivid(flat * (1 + 1.5 * np.clip(relief, -0.12, 0.12)[..., None]), rng)


def watercolour(pixels: Field, rng: Random) -> Field:
    """Washes that pool at their edges, on rough paper that is left white towards the border."""
    height, width = pixels.shape[:2]
    run = (fractal(width, height, rng, cells=14, octaves=4) - 0.5) * height * 0.035
    moved = _moved(pixels, run, np.roll(run, height // 3, axis=0))
    wash = _patches(moved, max(2, height // 150))
    wash = 0.16 + 0.88 * wash + 0.10 * (fractal(width, height, rng, cells=3, octaves=4)[..., None] - 0.5)
    edges = _edges(wash, height / 260)
    paper = 1 - 0.10 * fractal(width, height, rng, cells=150, octaves=3)
    out = wash * (1 - 0.55 * np.clip(edges * 3, 0, 0.6))[..., None]
    border = np.minimum.reduce(np.broadcast_arrays(*_from_sides(height, width))) / height
    ragged = smooth(0.008, 0.055, border + 0.05 * (fractal(width, height, rng, cells=8, octaves=5) - 0.5))[..., None]
    white = np.array((0.98, 0.97, 0.94), np.float32)
    return (white + (out - white) * ragged) * paper[..., None]


def sketch(pixels: Field, rng: Random) -> Field:
    """Pencil: lines where tones meet, hatching in the shade."""
    height, width = pixels.shape[:2]
    grey = pixels.mean(axis=2)
    low, high = (float(value) for value in np.quantile(grey, (0.01, 0.97)))
    tone = np.clip((blurred(grey, height / 300) - low) / max(high - low, 0.05), 0, 1)
    line = np.clip(grey / np.maximum(blurred(grey, max(1.5, height / 130)), 0.02), 0, 1) ** 4
    line *= 1 - np.clip(_edges(pixels, height / 500) * 3.2 - 0.06, 0, 0.85)
    along = np.arange(width, dtype=np.float32)[None, :] + np.arange(height, dtype=np.float32)[:, None]
    wave = 0.5 + 0.5 * np.sin(along * (2 * np.pi * 130 / height) + 5 * fractal(width, height, rng, cells=6, octaves=3))
    hatch = 1 - (1 - tone) ** 1.1 * (0.38 + 0.46 * wave)
    paper = 1 - 0.07 * fractal(width, height, rng, cells=170, octaves=2)
    return np.repeat((0.10 + 0.88 * line * hatch * paper)[..., None], 3, axis=2)


def ink(pixels: Field, rng: Random) -> Field:
    """Diluted ink on rice paper, darkest along the edges of things."""
    height, width = pixels.shape[:2]
    run = (fractal(width, height, rng, cells=16, octaves=4) - 0.5) * height * 0.02
    grey = _patches(_moved(pixels, run, run.T.copy() if height == width else run), max(2, height // 170)).mean(axis=2)
    low, high = np.quantile(grey, (0.02, 0.90))
    tone = np.clip((grey - low) / max(float(high - low), 0.05), 0, 1)
    steps = np.round(tone**0.8 * 5) / 5 * 0.6 + tone**0.8 * 0.4
    dark = np.clip(_edges(pixels, height / 320) * 2.2, 0, 0.75)
    drawn = np.clip(0.14 + 0.86 * steps - dark * 0.7, 0.06, 1)
    paper = (
        np.array((0.97, 0.945, 0.885), np.float32)
        * (1 - 0.06 * fractal(width, height, rng, cells=90, octaves=3))[..., None]
    )
    vermilion = smooth(0.25, 0.45, pixels[..., 0] - pixels[..., 1:].max(axis=2))[
        ..., None
    ]  # seals and flowers keep their red
    red: Field = np.array((0.85, 0.22, 0.16), np.float32)
    inked: Field = paper * (drawn[..., None] * (1 - vermilion) + red * vermilion)
    return inked


def anime(pixels: Field, rng: Random) -> Field:
    """Few even tones in clear colours, outlined."""
    flat = _patches(pixels, max(1, pixels.shape[0] // 260))
    bright = flat.max(axis=2, keepdims=True)
    stepped = (np.floor(bright * 7) + smooth(0.35, 0.65, bright * 7 % 1)) / 7
    toned = flat * (stepped / np.maximum(bright, 0.02))
    line = np.clip(_edges(flat, pixels.shape[0] / 420) * 3.4 - 0.22, 0, 0.85)[..., None]
    return np.asarray(vivid(np.clip(toned * 1.06 + 0.02, 0, 1), rng) * (1 - line), np.float32)


def pixel(pixels: Field, rng: Random) -> Field:
    """Large squares in two dozen colours."""
    height, width = pixels.shape[:2]
    rows = max(16, min(112, height // 5))
    small = _image(vivid(pixels, rng)).resize((max(16, round(rows * width / height)), rows), Image.Resampling.BOX)
    few = small.quantize(28, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB")
    return np.asarray(few.resize((width, height), Image.Resampling.NEAREST), np.float32) / 255


def impressionist(pixels: Field, rng: Random) -> Field:
    """Short separate strokes of lively colour."""
    height, width = pixels.shape[:2]
    return _strokes(pixels, rng, size=height / 62, turn=lambda x, y: 0.5 + 0.9 * np.sin(x / width * 5 + y / height * 4))


def gogh(pixels: Field, rng: Random) -> Field:
    """Long strokes that swirl around the picture's whirls."""
    height, width = pixels.shape[:2]
    field = fractal(width, height, rng, cells=1.8, octaves=2)
    down, across = np.gradient(field)
    angle = np.arctan2(across, -down)

    def turn(x: float, y: float) -> float:
        return float(angle[min(height - 1, int(y)), min(width - 1, int(x))])

    return _strokes(vivid(pixels, rng), rng, size=height / 58, turn=turn, long=2.9)


def mosaic(pixels: Field, rng: Random) -> Field:
    """Facets: each cell of a jittered grid in its mean colour, with dark joints."""
    height, width = pixels.shape[:2]
    side = max(6, height // 34)
    rows, columns = height // side + 2, width // side + 2
    seeds_y = (np.arange(rows)[:, None] + rng.uniform(-0.1, 0.9, (rows, columns)) - 0.5) * side
    seeds_x = (np.arange(columns)[None, :] + rng.uniform(-0.1, 0.9, (rows, columns)) - 0.5) * side
    best = np.full((height, width), np.inf, np.float32)
    second = best.copy()
    owner = np.zeros((height, width), np.int32)
    y, x = np.arange(height)[:, None], np.arange(width)[None, :]
    for step_y in (-1, 0, 1):
        for step_x in (-1, 0, 1):
            row, column = np.clip(y // side + step_y, 0, rows - 1), np.clip(x // side + step_x, 0, columns - 1)
            away = ((seeds_y[row, column] - y) ** 2 + (seeds_x[row, column] - x) ** 2).astype(np.float32)
            nearer = away < best
            second = np.where(nearer, best, np.minimum(second, np.where(row * columns + column == owner, np.inf, away)))
            owner = np.where(nearer, row * columns + column, owner)
            best = np.where(nearer, away, best)
    counts = np.maximum(np.bincount(owner.ravel(), minlength=rows * columns), 1)
    means = np.stack([np.bincount(owner.ravel(), pixels[..., c].ravel(), rows * columns) / counts for c in range(3)], 1)
    joint = smooth(0.0, 2.2, (np.sqrt(second) - np.sqrt(best)) * 420 / height)
    return means[owner].astype(np.float32) ** 0.72 * (0.50 + 0.62 * joint)[..., None]


def sepia(pixels: Field, rng: Random) -> Field:
    """A faded brown print."""
    height, width = pixels.shape[:2]
    grey = (pixels @ np.array((0.35, 0.50, 0.15), np.float32))[..., None] * 0.88 + 0.06
    worn = 0.94 + 0.10 * (fractal(width, height, rng, cells=3, octaves=6)[..., None])
    return np.asarray(np.clip(grey * np.array((1.10, 0.90, 0.66), np.float32), 0, 1) * worn, np.float32)


def mono(pixels: Field, _: Random) -> Field:
    """Black and white, with contrast."""
    grey = pixels @ np.array((0.30, 0.55, 0.15), np.float32)
    return np.repeat(np.clip((grey - 0.48) * 1.22 + 0.50, 0, 1)[..., None], 3, axis=2)


def neon(pixels: Field, _: Random) -> Field:
    """Shadows to violet, lights to magenta and cyan, and a glow around what is bright."""
    grey = pixels.mean(axis=2, keepdims=True)
    cast = np.array((0.30, 0.06, 0.46), np.float32) * (1 - grey) * 0.34
    split = np.array((1.10, 0.92, 1.16), np.float32)
    bright = np.clip(pixels - 0.52, 0, 1)
    glow = np.stack([blurred(bright[..., channel], pixels.shape[0] / 46) for channel in range(3)], axis=-1)
    return np.asarray(pixels * split + cast + glow * np.array((1.5, 0.9, 1.6), np.float32), np.float32)


def poster(pixels: Field, rng: Random) -> Field:
    """A print in ten flat inks."""
    smoothed = _image(
        _patches(_patches(vivid(pixels, rng), max(2, pixels.shape[0] // 50)), max(2, pixels.shape[0] // 80))
    )
    few = smoothed.quantize(10, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB")
    return np.asarray(few.filter(ImageFilter.ModeFilter(5)), np.float32) / 255


def vivid(pixels: Field, _: Random) -> Field:
    grey = pixels.mean(axis=2, keepdims=True)
    return np.asarray(np.clip(grey + (pixels - grey) * 1.42, 0, 1), np.float32)


def soft(pixels: Field, _: Random) -> Field:
    """Paler, and with a bloom."""
    bloom = np.stack([blurred(pixels[..., channel], pixels.shape[0] / 60) for channel in range(3)], axis=-1)
    return np.asarray((pixels * 0.62 + bloom * 0.38) * 0.80 + 0.20, np.float32)


LOOKS: dict[str, Look] = {
    "oil": oil, "watercolour": watercolour, "sketch": sketch, "ink": ink, "anime": anime, "pixel": pixel,
    "impressionist": impressionist, "gogh": gogh, "mosaic": mosaic, "sepia": sepia, "mono": mono, "neon": neon,
    "poster": poster, "vivid": vivid, "soft": soft,
}  # fmt: skip


_COARSE = (oil, watercolour, sketch, ink, anime, impressionist, gogh, mosaic, poster)
_COARSE_FROM = 1024


def _image(pixels: Field) -> Image.Image:
    return Image.fromarray((np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8))


def _patches(pixels: Field, radius: int) -> Field:
    """Kuwahara's filter: each pixel takes the mean of the calmest of the four squares it is a corner of.

    Source: Kuwahara et al., 1976, "Processing of RI-angiocardiographic images".
    """
    grey = pixels.mean(axis=2)
    means = np.stack([_square(pixels[..., channel], radius) for channel in range(3)], axis=-1)
    spread = _square(grey**2, radius) - _square(grey, radius) ** 2
    best = np.full(grey.shape, np.inf, np.float32)
    out = np.empty_like(pixels)
    half = radius // 2 + radius % 2
    for step_y in (-half, half):
        for step_x in (-half, half):
            calm = moved(spread, step_y, step_x)
            better = calm < best
            best = np.where(better, calm, best)
            out = np.where(better[..., None], moved(means, step_y, step_x), out)
    return np.asarray(_image(out).filter(ImageFilter.SMOOTH), np.float32) / 255  # patches meet in steps


def _square(field: Field, radius: int) -> Field:
    """The mean over a square of 2 × (radius // 2) + 1 pixels."""
    reach = max(1, radius // 2)
    padded = np.pad(field, reach, mode="edge").astype(np.float64)
    sums = np.pad(padded.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    side = 2 * reach + 1
    total = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return np.asarray(total / side**2, np.float32)


def _edges(pixels: Field, radius: float) -> Field:
    """How steep the picture is, after blurring so far."""
    grey = blurred(pixels.mean(axis=2), max(0.6, radius))
    down, across = np.gradient(grey)
    return np.asarray(np.hypot(down, across) * pixels.shape[0] / 130, np.float32)


def _moved(pixels: Field, across: Field, down: Field) -> Field:
    height, width = pixels.shape[:2]
    y = np.clip(np.arange(height)[:, None] + down, 0, height - 1).astype(int)
    x = np.clip(np.arange(width)[None, :] + across, 0, width - 1).astype(int)
    return np.asarray(pixels[y, x])


def _from_sides(height: int, width: int) -> tuple[Field, Field]:
    y, x = np.arange(height, dtype=np.float32), np.arange(width, dtype=np.float32)
    return np.minimum(y, height - 1 - y)[:, None], np.minimum(x, width - 1 - x)[None, :]


def _strokes(
    pixels: Field, rng: Random, *, size: float, turn: Callable[[float, float], float], long: float = 1.9
) -> Field:
    """The picture painted over in strokes of its own colours: a coarse layer, then two finer ones."""
    from PIL import ImageDraw

    height, width = pixels.shape[:2]
    canvas = _image(_patches(pixels, max(2, height // 110)))
    draw = ImageDraw.Draw(canvas)
    for scale, cover in ((1.5, 1.0), (0.95, 1.25), (0.55, 1.1)):
        thick = max(2.0, size * scale)
        count = round(width * height / (thick * thick * long) * cover)
        xs, ys = rng.random(count) * width, rng.random(count) * height
        lengths, tints = rng.uniform(0.6, 1.3, count) * thick * long, rng.normal(1, 0.07, (count, 3))
        for x, y, length, tint in zip(xs.tolist(), ys.tolist(), lengths.tolist(), tints, strict=True):
            angle = turn(x, y)
            hue = pixels[min(height - 1, int(y)), min(width - 1, int(x))] * tint
            across, down = np.cos(angle) * length / 2, np.sin(angle) * length / 2
            fill = tuple(int(min(255, max(0, part * 255))) for part in hue)
            draw.line((x - across, y - down, x + across, y + down), fill=fill, width=max(1, round(thick * 0.55)))
    return np.asarray(canvas, np.float32) / 255
