"""A song's cover: the illustrator's picture of it, with the title set on it."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageStat

from workers.engines.base import Artifact
from workers.engines.image import cover as art
from workers.engines.music import lettering
from workers.engines.music.plan import Plan
from workers.engines.music.theory import rng

LARGE, SMALL = 1024, 512
_FOOT = 168
"""Pixels at the foot of a large cover that the title's shade hides: nothing is drawn there."""


def write(plan: Plan, folder: Path) -> list[Artifact]:
    """Both covers as JPEG files in `folder`."""
    large = paint(plan)
    made = []
    for part, side in (("cover_large", LARGE), ("cover", SMALL)):
        path = folder / f"{part}.jpg"
        picture = large if side == LARGE else large.reduce(LARGE // SMALL)
        picture.save(path, quality=90, subsampling=0)
        made.append(Artifact(part, str(path), "image/jpeg", width_px=side, height_px=side))
    return made


def paint(plan: Plan) -> Image.Image:
    """The large cover."""
    movement = plan.movements[0]
    lettered = LARGE - _FOOT if lettering.drawable(plan.title) else LARGE
    size = (LARGE, lettered)
    drawn = art.draw(plan.title, movement.lyrics, movement.genre, movement.seed, size, dark=movement.dark)
    image = Image.new("RGB", (LARGE, LARGE))
    image.paste(drawn)
    if lettered < LARGE:
        image.paste(drawn.crop((0, lettered - 8, *size)).resize((LARGE, _FOOT)), (0, lettered))
    red, green, blue = (round(part * 0.45) for part in ImageStat.Stat(drawn.crop((0, LARGE // 2, *size))).mean)
    caption = f"{movement.genre} · {round(movement.bpm)} bpm"
    return lettering.set_title(_grained(image, plan), plan.title, caption, (red, green, blue))


def _grained(image: Image.Image, plan: Plan) -> Image.Image:
    """Paper grain, which also hides that the picture was enlarged."""
    chance = rng(plan.movements[0].seed, "grain", plan.title)
    noise = np.random.default_rng(chance.getrandbits(64)).standard_normal(image.size[::-1], np.float32)
    pixels = np.asarray(image, np.float32) + noise[..., None] * np.float32(3)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
