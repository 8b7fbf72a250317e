"""Image-to-image: a picture relit, restyled, and repainted inside a mask, as far as the denoising strength says.

Without a mask, the prompt's light, weather, colours and style are laid on the picture, and its subjects are taken to
describe what is there already; nearer to full strength, the scene the prompt describes comes through. What the prompt
leaves open, the seed decides. Inside a mask, what the prompt names is drawn into the picture. Outside it no pixel
changes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from workers.engines import assets
from workers.engines.base import Report
from workers.engines.image import staging, weather
from workers.engines.image.brief import Brief
from workers.engines.image.noise import Field, generator
from workers.engines.image.paint import Show, paint
from workers.engines.image.scene import LIGHTS, Scene
from workers.engines.image.vocabulary import RGB
from workers.engines.picture import restyle, variation

FILL, ORIGINAL, NOISE, NOTHING = range(4)
FAINT = 0.1
"""The denoising strength up to which a picture may come back as it was given."""
_REDRAWN_FROM = 0.8


class Wish(NamedTuple):
    """How a picture is to be changed. `fill` is what a mask's inside holds before anything is drawn into it."""

    brief: Brief
    seed: str
    strength: float
    fill: int = ORIGINAL
    blur_px: int = 4
    only_masked: bool = True
    padding_px: int = 32


def resized(image: Image.Image, size: tuple[int, int], mode: int) -> Image.Image:
    """0 and 3: stretched; 1: cropped to the shape; 2: whole, its edges drawn out to fill the rest."""
    if image.size == size or mode in (0, 3):
        return image.resize(size, Image.Resampling.LANCZOS) if image.size != size else image
    ratios = (size[0] / image.width, size[1] / image.height)
    ratio = max(ratios) if mode == 1 else min(ratios)
    scaled = image.resize(
        (max(1, round(image.width * ratio)), max(1, round(image.height * ratio))), Image.Resampling.LANCZOS
    )
    left, top = (size[0] - scaled.width) // 2, (size[1] - scaled.height) // 2
    if mode == 1:
        return scaled.crop((-left, -top, size[0] - left, size[1] - top))
    rows = np.clip(np.arange(size[1]) - top, 0, scaled.height - 1)
    columns = np.clip(np.arange(size[0]) - left, 0, scaled.width - 1)
    return Image.fromarray(np.asarray(scaled)[rows][:, columns])


def whole(image: Image.Image, wish: Wish, report: Report, show: Show) -> Image.Image:
    """The picture changed all over."""
    brief, strength = wish.brief, wish.strength
    rng = generator(wish.seed, "variation")
    mood = variation.mood(rng)
    free = strength if _leaves_open(brief) else 0.4 * strength
    scene = _over(variation.moved(image, rng, free) if strength > FAINT else image, wish)
    if not (brief.colours or brief.styles):
        scene.pixels = variation.lit(scene.pixels, mood, free)
    _relight(scene, strength)
    _recolour(scene, strength)
    _weather(scene, strength)
    changed = scene.pixels
    show(changed)
    report(0.3)
    described = brief.wanted or brief.places - {"abstract"}
    redrawn = max(0.0, (strength - _REDRAWN_FROM) / (1 - _REDRAWN_FROM)) if described else 0.0
    if redrawn:
        new = paint(brief, wish.seed, image.size, lambda done: report(0.3 + done * 0.4))
        changed = changed + (np.asarray(new.image, np.float32) / 255 - changed) * redrawn
        show(changed)
    touch = str(rng.choice(variation.TOUCHES)) if _leaves_open(brief) else "oil"
    styled = restyle.apply(
        _bytes(changed), brief.styles, scene.rng("look"), strength=min(1.0, strength * 1.3), touch=touch
    )
    show(np.asarray(styled))
    report(0.85)
    return styled


def _leaves_open(brief: Brief) -> bool:
    """Whether a prompt says nothing of how the picture is to look."""
    return not (brief.colours or brief.styles or brief.weather or brief.time != "day")


def _weather(scene: Scene, strength: float) -> None:
    """What falls from the sky, as thick as the strength says."""
    if scene.brief.weather:
        dry = scene.pixels.copy()
        weather.fall(scene)
        scene.pixels = dry + (scene.pixels - dry) * np.float32(min(1.0, strength * 1.6))


def masked(image: Image.Image, mask: Image.Image, wish: Wish, report: Report, show: Show) -> Image.Image:
    """The picture changed where the mask (L) is white, and as it was to the pixel where it is black."""
    box = mask.point(lambda value: 255 if value > 0 else 0).getbbox()
    if box is None:
        return image
    if not wish.only_masked:
        area = (0, 0, *image.size)
    else:
        pad = wish.padding_px
        area = (
            max(0, box[0] - pad),
            max(0, box[1] - pad),
            min(image.width, box[2] + pad),
            min(image.height, box[3] + pad),
        )
    part, part_mask = image.crop(area), mask.crop(area)
    report(0.1)
    ground = _filled(part, part_mask, wish)
    _show_with(show, image, ground, area)
    report(0.4)
    content = _drawn_into(ground, part_mask, wish)
    if wish.fill == ORIGINAL:
        content = Image.blend(part, content, wish.strength)
    report(0.8)
    out = image.copy()
    out.paste(content, area[:2], _feathered(part_mask, wish.blur_px))
    show(np.asarray(out))
    return out


def _show_with(show: Show, image: Image.Image, part: Image.Image, area: tuple[int, int, int, int]) -> None:
    so_far = image.copy()
    so_far.paste(part, area[:2])
    show(np.asarray(so_far))


def _over(image: Image.Image, wish: Wish) -> Scene:
    """A scene whose pixels are the picture's."""
    scene = Scene(wish.brief, wish.seed, image.width, image.height, 1.0, 1.0)
    scene.pixels = np.asarray(image, np.float32) / 255
    return scene


def _relight(scene: Scene, strength: float) -> None:
    """The light of a time of day, if the brief names one other than the day's; veils, if there is fog."""
    light = LIGHTS[scene.brief.time]
    if scene.brief.time != "day":
        lit = scene.pixels * (0.22 + 0.78 * light.ambient) * (0.62 + 0.38 * light.sun) + light.top * 0.10
        glow = np.exp(-((scene.rows / scene.height) ** 2) * 3)[..., None] * light.low * light.shine * 0.35
        scene.pixels = scene.pixels + (lit + glow - scene.pixels) * np.float32(min(1.0, strength * 1.25))
    if scene.weather("fog"):
        scene.lay(np.full(scene.pixels.shape[:2], 0.5 * strength, np.float32), scene.light.low)


def _recolour(scene: Scene, strength: float) -> None:
    """Turned towards the colours named: their hue, the picture's own light and shade."""
    for name in scene.brief.colours[:2]:
        grey = scene.pixels.mean(axis=2, keepdims=True)
        wanted = np.array(RGB[name], np.float32)
        toned = grey * wanted / max(0.25, float(wanted.mean()))
        scene.pixels = scene.pixels + (toned - scene.pixels) * np.float32(0.55 * strength)


def _filled(image: Image.Image, mask: Image.Image, wish: Wish) -> Image.Image:
    """What the mask's inside holds at first."""
    if wish.fill == ORIGINAL:
        return image
    if wish.fill == FILL:
        return _healed(image, mask)
    rng = np.random.default_rng(int.from_bytes(wish.seed.encode()[-8:]))
    values = rng.normal(0.5, 0.22, (image.height, image.width, 3)) if wish.fill == NOISE else np.full((1, 1, 3), 0.5)
    stuff = Image.fromarray(_bytes(np.asarray(np.broadcast_to(values, (image.height, image.width, 3)), np.float32)))
    return Image.composite(stuff, image, mask.point(lambda value: 255 if value > 0 else 0))


def _healed(image: Image.Image, mask: Image.Image) -> Image.Image:
    """The hole closed from its rim inwards. Source: Telea, 2004; done on 384 pixels, for it is blurred anyway."""
    assets.need("cv2", "closing a hole in a picture")
    import cv2

    scale = min(1.0, 384 / max(image.size))
    small = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    pixels = np.asarray(image.resize(small, Image.Resampling.BOX))
    hole = np.asarray(mask.resize(small, Image.Resampling.BOX).point(lambda value: 255 if value > 0 else 0))
    if hole.min() > 0:  # nothing is left to heal from
        return image.filter(ImageFilter.GaussianBlur(max(image.size) / 6))
    healed = Image.fromarray(cv2.inpaint(pixels, hole, 5, cv2.INPAINT_TELEA)).resize(
        image.size, Image.Resampling.BICUBIC
    )
    return Image.composite(healed, image, mask.point(lambda value: 255 if value > 0 else 0))


def _drawn_into(ground: Image.Image, mask: Image.Image, wish: Wish) -> Image.Image:
    """The brief's subjects on this ground, inside the mask; its scenery, if it has no subjects."""
    brief = wish.brief
    if not brief.wanted and brief.said and brief.places - {"abstract"}:
        return paint(brief, wish.seed, ground.size, lambda _: None).image
    scene = _over(ground, wish)
    if not brief.wanted:
        _relight(scene, wish.strength)
        _recolour(scene, wish.strength)
        _weather(scene, wish.strength)
    box = mask.point(lambda value: 255 if value > 127 else 0).getbbox() or (0, 0, *ground.size)
    staging.fill(scene, box)
    return restyle.apply(
        _bytes(scene.pixels),
        brief.styles,
        scene.rng("look"),
        strength=wish.strength,
        touch="" if brief.wanted else "oil",
    )


def _feathered(mask: Image.Image, blur_px: int) -> Image.Image:
    """The mask with an edge that softens inwards only, so that nothing outside it is touched."""
    soft = mask.filter(ImageFilter.GaussianBlur(blur_px)) if blur_px else mask
    inner = soft.point(lambda value: max(0, min(255, value * 2 - 255)))
    return ImageChops.darker(inner if blur_px and inner.getbbox() else mask, mask)


def _bytes(pixels: Field) -> NDArray[np.uint8]:
    return (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)
