"""How large the pictures are that a caller sent."""

from collections.abc import Mapping
from pathlib import Path

from PIL import Image


def sizes_of(given: Mapping[str, Path]) -> dict[str, tuple[int, int]]:
    """Width and height in pixels, by name; of what is no picture, nothing. Reads the files' heads; blocks."""
    found = {}
    for name, path in given.items():
        try:
            with Image.open(path) as image:
                found[name] = image.size
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue
    return found
