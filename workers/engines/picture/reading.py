"""Pictures that callers send, opened with care: the pixels are counted before any of them is decoded."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from storage.errors import InvalidRequest, TooLarge

MOST_PIXELS = 40_000_000
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
_SIDE = 16
Image.MAX_IMAGE_PIXELS = MOST_PIXELS


def opened(path: Path, field: str) -> Image.Image:
    """The picture in a file, turned as its EXIF says, in RGB or RGBA. Of a moving picture, the first frame.

    Raises TooLarge beyond 40 megapixels, InvalidRequest for what is not a whole picture; both name `field`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damage that Pillow gets over
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                _check_size(image, field)
                image.load()
                turned = _eight_bits(ImageOps.exif_transpose(image))
                return turned.convert("RGBA" if _has_alpha(turned) else "RGB")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooLarge(f"{field} may have {MOST_PIXELS // 10**6} megapixels at most", field=field) from error
    except UnidentifiedImageError as error:
        raise InvalidRequest(f"{field} is not a picture: send {', '.join(_FORMATS)}", field=field) from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise InvalidRequest(
            f"{field} is broken: the picture ends early, or its data is damaged", field=field
        ) from error


def _check_size(image: Image.Image, field: str) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise TooLarge(
            f"{field} has {image.width} × {image.height} pixels; it may have {MOST_PIXELS // 10**6} megapixels at most",
            field=field,
        )
    if min(image.size) < _SIDE:
        raise InvalidRequest(f"{field} must be {_SIDE} pixels wide and high at least", field=field)


def _eight_bits(image: Image.Image) -> Image.Image:
    """A grey picture of more than eight bits in eight; any other as it is. Pillow's own conversion cuts off what is
    above 255."""
    if image.mode[0] not in "IF":
        return image
    values = np.nan_to_num(np.asarray(image, np.float32), posinf=0, neginf=0)
    highest = float(values.max())
    white = 1.0 if image.mode == "F" and highest <= 1 else 255.0 if highest <= 255 else 65535.0
    return Image.fromarray(np.asarray(np.clip(values / white, 0, 1) * 255 + 0.5, np.uint8))


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


def flattened(image: Image.Image) -> Image.Image:
    """In RGB; what was transparent is white."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    ground = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(ground, image).convert("RGB")
