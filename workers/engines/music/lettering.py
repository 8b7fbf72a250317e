"""The title on a cover: set in Pillow's built-in font, as large as it fits, over a shade that keeps it legible.

The font has the letters of ASCII only. Accents are left off, and so are words in other letters: no text is better than
boxes.
"""

import unicodedata

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from storage.errors import EngineFailed

MARGIN = 0.07
LARGEST, SMALLEST = 0.125, 0.045
"""Letter sizes, as parts of the picture's side."""


def set_title(image: Image.Image, title: str, caption: str, shade: tuple[int, int, int]) -> Image.Image:
    """The picture with title and caption at its foot; the picture as it is if the title cannot be drawn."""
    words = drawable(title)
    if not words:
        return image
    side = image.width
    font, lines = _fitted(words, side)
    step = round(font.size * 1.08)
    small = _font(round(side * 0.026))
    top = side - round(side * MARGIN) - round(side * 0.05) - step * len(lines)
    dark = (shade[0] * 3 + shade[1] * 6 + shade[2]) / 10 < 150
    ground = tuple(round(part * (0.45 if dark else 1)) for part in shade)
    shaded = _shaded(image, top / side - 0.12, ground)
    draw = ImageDraw.Draw(shaded)
    color = (255, 252, 245) if dark else (22, 18, 26)
    left = round(side * MARGIN)
    for index, line in enumerate(lines):
        draw.text((left, top + index * step), line, font=font, fill=color)
    baseline = side - round(side * MARGIN) - round(side * 0.02)
    draw.line((left, baseline - side * 0.012, left + side * 0.08, baseline - side * 0.012), fill=color, width=3)
    draw.text((left, baseline), " ".join(caption.upper()), font=small, fill=color)
    return shaded


def drawable(title: str) -> str:
    """The title without accents, without signs the font lacks, and without words that have letters it lacks."""
    spelled = title.translate(_SPELLED)
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(letter))
    apart = "".join(letter if _has(letter) or not _is_ideograph(letter) else f" {letter} " for letter in plain)
    words = [word for word in apart.split() if not any(_is_lost(letter) for letter in word)]
    cleaned = " ".join(filter(None, ("".join(filter(_has, word)) for word in words)))
    return cleaned[:80] if any(letter.isalnum() for letter in cleaned) else ""


_SPELLED = str.maketrans({
    "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d",
    "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i", "’": "'", "‘": "'", "“": '"', "”": '"', "–": "-",
    "—": "-", "…": "...",
})  # fmt: skip
"""Letters that no accent can be taken off, as they are written without them."""


def _is_lost(letter: str) -> bool:
    """Whether a word without this letter would be another word."""
    return not _has(letter) and unicodedata.category(letter)[0] in "LM"


def _is_ideograph(letter: str) -> bool:
    """Chinese and Japanese are written without spaces, and stand next to other letters."""
    return unicodedata.name(letter, "").startswith(("CJK", "HIRAGANA", "KATAKANA"))


def _font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own font. Without FreeType, Pillow has only a bitmap in one size, which would be no title at all."""
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise EngineFailed("This Pillow was built without FreeType, so covers cannot be lettered.")
    return font


def _has(letter: str) -> bool:
    font = _font(32)
    if letter.isspace():
        return True
    if unicodedata.category(letter)[0] == "C":
        return False
    missing = font.getmask("\U0010fffd")
    drawn = font.getmask(letter)
    return bytes(drawn) != bytes(missing) and drawn.getbbox() is not None


def _fitted(words: str, side: int) -> tuple[ImageFont.FreeTypeFont, list[str]]:
    """The largest size at which the title takes three lines at most."""
    size = LARGEST
    while True:
        font = _font(round(side * size))
        lines = _wrapped(words, font, side * (1 - 2 * MARGIN))
        if len(lines) <= (2 if size > 0.09 else 3) or size <= SMALLEST:
            return font, lines[:4]
        size *= 0.9


def _wrapped(words: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    lines = [""]
    for word in words.split():
        joined = f"{lines[-1]} {word}".strip()
        if font.getlength(joined) <= width:
            lines[-1] = joined
            continue
        lines += [word] if lines[-1] else []
        lines[-1] = lines[-1] or word
        while font.getlength(lines[-1]) > width:
            fits = next(n for n in range(len(lines[-1]) - 1, 0, -1) if font.getlength(lines[-1][:n]) <= width)
            lines[-1:] = [lines[-1][:fits], lines[-1][fits:]]
    return lines


def _shaded(image: Image.Image, top: float, color: tuple[int, ...]) -> Image.Image:
    """The foot of the picture sunk into `color`, softly from `top` down."""
    ys = np.linspace(0, 1, image.height, dtype=np.float32)
    t = np.clip((ys - top) / (1 - top) * 1.6, 0, 1)
    depth = (0.88 * t * t * (3 - 2 * t))[:, None, None]
    pixels = np.asarray(image, np.float32)
    return Image.fromarray((pixels * (1 - depth) + np.array(color, np.float32) * depth).astype(np.uint8))
