"""Pictures for fakes: small and fast, real files of real pixels, the same for the same words and seed."""

import base64
import binascii
from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps, PngImagePlugin

_NAMES = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}


class NoPicture(ValueError):
    """What should be a picture is none."""


def drawn(words: str, seed: int, size: tuple[int, int]) -> Image.Image:
    """A picture that words and a seed stand for: light from above in one colour, shapes in others."""
    dice = sha256(f"{words}\n{seed}".encode()).digest()
    light = ImageOps.colorize(Image.linear_gradient("L"), _colour(dice, 0), _colour(dice, 3)).resize(size)
    draw = ImageDraw.Draw(light)
    for at in range(6, 27, 7):
        x, y = dice[at] * size[0] // 256, dice[at + 1] * size[1] // 256
        across = max(4, dice[at + 2] * min(size) // 512)
        draw.ellipse((x - across, y - across, x + across, y + across), fill=_colour(dice, at + 3))
    return light


def changed(image: Image.Image, words: str, seed: int, strength: float, mask: Image.Image | None = None) -> Image.Image:
    """The picture with as much of another in it as the strength says; where there is a mask, where that is white."""
    before = image.convert("RGB")
    after = Image.blend(before, drawn(words, seed, before.size), strength)
    return after if mask is None else Image.composite(after, before, mask.convert("L").resize(before.size))


def swapped(source: Image.Image, target: Image.Image) -> Image.Image:
    """The middle of one picture, as round as a face, in the middle of another."""
    whole = target.convert("RGB")
    size = (max(1, whole.width // 3), max(1, whole.height // 3))
    face, round_ = ImageOps.fit(source.convert("RGB"), size), Image.new("L", size, 0)
    ImageDraw.Draw(round_).ellipse((0, 0, *size), fill=255)
    whole.paste(face, ((whole.width - size[0]) // 2, (whole.height - size[1]) // 2), round_)
    return whole


def unfinished(image: Image.Image) -> Image.Image:
    """As it looks while it is becoming."""
    return image.filter(ImageFilter.GaussianBlur(max(2.0, max(image.size) / 16)))


def mask_by_alpha(image: Image.Image) -> Image.Image | None:
    """White where a picture is transparent; None if it is nowhere."""
    if "A" not in image.getbands():
        return None
    mask = ImageChops.invert(image.getchannel("A"))
    return mask if mask.getbbox() else None


def encoded(image: Image.Image, format: str = "png", text: str = "", quality: int = 80) -> bytes:
    """`text`: what a PNG says of itself as `parameters`."""
    data = BytesIO()
    if _NAMES[format] == "PNG":
        about = PngImagePlugin.PngInfo()
        if text:
            about.add_text("parameters", text)
        image.save(data, "PNG", pnginfo=about, compress_level=1)
    else:
        image.convert("RGB").save(data, _NAMES[format], quality=quality)
    return data.getvalue()


def opened(data: bytes) -> Image.Image:
    """Raises NoPicture."""
    try:
        with Image.open(BytesIO(data)) as image:
            image.load()
            return image.copy()
    except (OSError, ValueError, SyntaxError) as error:
        raise NoPicture from error


def from_text(text: object) -> Image.Image:
    """Of Base64, with a data URI's head or without. Raises NoPicture."""
    if not isinstance(text, str) or not text:
        raise NoPicture
    try:
        return opened(base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True))
    except binascii.Error as error:
        raise NoPicture from error


def spoilt(data: bytes, how: object) -> bytes:
    """The bytes of a picture, as a bad server would send them."""
    pages: Mapping[object, bytes] = {"html": b"<!DOCTYPE html><title>Oops</title>", "empty": b""}
    return pages[how] if how in pages else data[: len(data) // 2]


def _colour(dice: bytes, at: int) -> tuple[int, int, int]:
    red, green, blue = (dice[(at + step) % len(dice)] for step in range(3))
    return red, green, blue
