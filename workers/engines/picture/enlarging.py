"""image.upscale: by a factor, or until a size is reached."""

from pathlib import Path

from PIL import Image

from workers.engines.base import Made, Report
from workers.engines.picture import upscale as networks
from workers.engines.picture.asked import Asked
from workers.engines.picture.output import Output, check_size
from workers.engines.picture.reading import flattened
from workers.engines.picture.writing import Provenance

_SMALLEST, _LARGEST = 16, 8192
_MOST_TIMES = 4


def upscale(asked: Asked, folder: Path, report: Report) -> Made:
    """scale (1..4), or width and height, and crop; upscaler. Input: image.

    With a width and a height the picture grows until it covers both, in its own shape; `crop` cuts off the rest. With
    only one of them, until it reaches that.
    """
    scale, output = asked.number("scale", 2, 1, _MOST_TIMES), Output(asked, folder)
    upscaler = asked.choice("upscaler", networks.NETWORK, networks.UPSCALERS)
    wanted = (asked.whole("width", 0, _SMALLEST, _LARGEST), asked.whole("height", 0, _SMALLEST, _LARGEST))
    crop = asked.flag("crop", True)
    before = flattened(asked.picture("image"))
    size = _covering(before.size, wanted) if any(wanted) else _times(before.size, scale)
    check_size(*size, "width" if wanted[0] else "height" if wanted[1] else "scale")
    report(0.02)
    after = enlarged(before, size, upscaler, lambda done: report(0.02 + 0.88 * done))
    after = _cropped(after, wanted) if crop and all(wanted) else after
    about = Provenance("upscaler", asked.model(upscaler), "algorithmicallyEnhanced")
    times = size[0] / before.width
    method = upscaler if times > 1 or upscaler != networks.NETWORK else networks.LANCZOS
    made = output.write(after, about, method, {"scale": round(times, 3)}, before, may_stay=after.size == before.size)
    report(1.0)
    return made


def enlarged(image: Image.Image, size: tuple[int, int], upscaler: str, report: Report) -> Image.Image:
    """The picture in this size: by the smallest factor that reaches it, and the rest by resampling."""
    times = max(size[0] / image.width, size[1] / image.height)
    if times > 1:
        factor = 2 if times <= 2 else 3 if times <= 3 else _MOST_TIMES
        image = networks.upscale(image, factor, upscaler, report)
    nearest = upscaler == networks.NEAREST
    return (
        image
        if image.size == size
        else image.resize(size, Image.Resampling.NEAREST if nearest else Image.Resampling.LANCZOS)
    )


def _times(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _covering(size: tuple[int, int], wanted: tuple[int, int]) -> tuple[int, int]:
    """The size, of the picture's own shape, at which it reaches what is wanted on both sides."""
    times = max(wanted[0] / size[0], wanted[1] / size[1])
    width, height = _times(size, times)
    return max(width, wanted[0]), max(height, wanted[1])


def _cropped(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Its middle."""
    left, top = (image.width - size[0]) // 2, (image.height - size[1]) // 2
    return image.crop((left, top, left + size[0], top + size[1]))
