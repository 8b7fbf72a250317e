"""The picture of one subject, cut out: an installed sprite, or a shape of our own."""

from functools import lru_cache

import numpy as np
from PIL import Image

from workers.engines import assets
from workers.engines.image import shapes
from workers.engines.image.noise import Field
from workers.engines.image.subjects import Subject
from workers.engines.image.vocabulary import RGB

_DRY = {"26f5": 0.80, "1f6a2": 0.90}
"""How much of a sprite is above the waves that are drawn with it: we have our own."""


def cut_out(subject: Subject, colour: str | None) -> Image.Image:
    """An RGBA picture of the subject, in the colour it is to have, cropped to what is seen of it."""
    image = _found(subject, colour)
    if subject.stand == "head" and installed():
        image = shapes.with_body(image)
    box = image.getchannel("A").point(lambda alpha: 255 if alpha > 24 else 0).getbbox()
    return image.crop(box) if box else image


def installed() -> bool:
    """Whether there are sprites at all."""
    return assets.SPRITES.is_installed()


def _found(subject: Subject, colour: str | None) -> Image.Image:
    if installed() and not subject.code.startswith("own-"):
        image = _sprite(subject.code)
        return coloured(image, colour) if colour else image
    return shapes.drawn(subject.shape, colour or subject.colour)


@lru_cache(maxsize=32)
def _sprite(code: str) -> Image.Image:
    with Image.open(assets.SPRITES.folder() / f"{code}.webp") as image:
        whole = image.convert("RGBA")
    return whole.crop((0, 0, whole.width, round(whole.height * _DRY.get(code, 1))))


def coloured(image: Image.Image, colour: str) -> Image.Image:
    """The sprite in another colour: its light and shade stay, and so do eyes, teeth and tyres."""
    pixels = np.asarray(image, np.float32) / 255
    own, alpha = pixels[..., :3], pixels[..., 3:]
    wanted = np.array(RGB[colour], np.float32)
    bright: Field = own.mean(axis=2, keepdims=True)
    seen = alpha > 0.5
    middle = float(bright[seen].mean()) if seen.any() else 0.5
    relative = bright / max(middle, 0.05)
    toned = np.where(relative < 1, wanted * relative, wanted + (1 - wanted) * np.clip((relative - 1) * 0.62, 0, 1))
    vivid = own.max(axis=2, keepdims=True) - own.min(axis=2, keepdims=True)
    pale = float(vivid[seen].mean()) < 0.25  # nothing in it is coloured, so all of it takes the colour
    share = np.clip((0.85 if pale else 0.04) + vivid * 2.4, 0, 0.92) * np.clip((bright - 0.10) * 6, 0, 1)
    mixed = own + (toned - own) * share
    return Image.fromarray((np.concatenate((np.clip(mixed, 0, 1), alpha), axis=2) * 255 + 0.5).astype(np.uint8))
