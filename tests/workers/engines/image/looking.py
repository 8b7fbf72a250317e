"""Measurements on pictures: what an eye would say of them, in numbers."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.engines.base import Made
from workers.engines.image.subjects import Subject, subjects
from workers.engines.picture.engine import Pictures

Pixels = NDArray[np.float32]


def request(seed: int = 1, **fields: object) -> dict[str, Any]:
    """A task of the kind image.generate, small enough to be quick."""
    return {"kind": "image.generate", "request": {"width": 288, "height": 192, **fields}, "seed": seed}


def made(task: dict[str, Any], folder: Path) -> Made:
    return Pictures().generate(task, folder, lambda _: None)


def picture(made: Made) -> Image.Image:
    with Image.open(made.artifacts[0].path) as image:
        return image.convert("RGB")


def pixels(image: Image.Image) -> Pixels:
    return np.asarray(image.convert("RGB"), np.float32)


def brightness(part: Pixels) -> float:
    return float(part.mean())


def sky(image: Image.Image) -> Pixels:
    return pixels(image)[: image.height // 3]


def share_of(colour: str, part: Pixels) -> float:
    """How much of a part is decidedly of this colour."""
    red, green, blue = part[..., 0], part[..., 1], part[..., 2]
    decided = {
        "red": (red > 1.5 * green) & (red > 1.5 * blue),
        "green": (green > 1.15 * red) & (green > 1.15 * blue),
        "blue": (blue > 1.2 * red) & (blue > 1.08 * green),
        "orange": (red > 1.05 * green) & (green > 1.05 * blue),
        "white": (part.min(axis=2) > 170) & (np.ptp(part, axis=2) < 40),
    }[colour]
    return float(decided.mean())


def apart(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures, in 0..255."""
    return float(np.abs(pixels(one) - pixels(other)).mean())


def sharpness(image: Image.Image) -> float:
    """How much neighbouring pixels differ."""
    grey = pixels(image).mean(axis=2)
    return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean())


def subject(name: str) -> Subject:
    return next(one for one in subjects() if name in one.words)


def likeness(image: Image.Image, box: tuple[int, int, int, int], figure: Image.Image) -> float:
    """How well a cut-out fits what is in a box, either way round: the correlation of their grey values, -1..1."""
    part = pixels(image.crop(box)).mean(axis=2)
    found = []
    for turned in (figure, figure.transpose(Image.Transpose.FLIP_LEFT_RIGHT)):
        model = np.asarray(turned.resize((box[2] - box[0], box[3] - box[1])), np.float32)
        inside = model[..., 3] > 200
        found.append(float(np.corrcoef(model[..., :3].mean(axis=2)[inside], part[inside])[0, 1]))
    return max(found)


def provenance(path: str) -> dict[str, Any]:
    """What a PNG says of itself."""
    with Image.open(path) as image:
        image.load()
        return dict(json.loads(image.text["provenance"]))  # type: ignore[attr-defined]


def xmp(path: str) -> dict[str, str]:
    """The facts of the XMP packet in any of our formats."""
    packet = re.search(rb"<rdf:Description.*?/>", Path(path).read_bytes(), re.DOTALL)
    assert packet
    return dict(re.findall(r'(?:gateway|Iptc4xmpExt):(\w+)="([^"]*)"', packet[0].decode()))
