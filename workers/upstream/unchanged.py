"""A face swap that swapped nothing: servers that find no face answer with the picture as it came, and say nothing.

Told where the picture comes back in its own size: by its pixels, and if it is a JPEG by what becomes of the same pixels
when they are compressed as it was. What was scaled, or went through a network on its way, differs everywhere: that
cannot be told.
"""

from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageChops, ImageOps
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from storage.errors import InvalidRequest
from storage.job import Job, Kind

_ROUNDED = 2
"""By how much of 255 the same pixels may differ: decoders and colour spaces round."""

_SAMPLINGS = 3  # those that Pillow can write


def target_of(job: Job) -> str | None:
    """What the picture is called that a face is to be put into; None if there is none, or none is to be put."""
    if job.kind == Kind.IMAGE_FACESWAP:
        return "target_image"
    return "image" if job.kind == Kind.IMAGE_EDIT and job.request.get("faceswap") else None


def check_swapped(path: Path, job: Job, given: Mapping[str, Path]) -> None:
    """Blocks. Raises InvalidRequest if the picture is the one that was sent, as an engine that runs here would."""
    name = target_of(job)
    if name is None or name not in given:
        return
    with Image.open(given[name]) as sent, Image.open(path) as made:
        if any(_same(before, made) for before in _turned(sent)):
            called = "target image" if job.kind == Kind.IMAGE_FACESWAP else "picture to be changed"
            raise InvalidRequest(
                f"no face was found in the {called}, or in the source image: it came back unchanged", field=name
            )


def _turned(sent: Image.Image) -> Iterator[Image.Image]:
    """As its pixels are stored, and as they are to be shown: servers take it either way."""
    yield sent
    if (shown := ImageOps.exif_transpose(sent)).size != sent.size or shown.getexif() != sent.getexif():
        yield shown


def _same(before: Image.Image, made: Image.Image) -> bool:
    if before.size != made.size:
        return False
    if _most(before, made) <= _ROUNDED:
        return True
    if not isinstance(made, JpegImageFile) or (sampling := get_sampling(made)) not in range(_SAMPLINGS):
        return False
    again = BytesIO()
    before.convert("RGB").save(again, "JPEG", qtables=made.quantization, subsampling=sampling)
    with Image.open(again) as compressed:
        return _most(compressed, made) <= _ROUNDED


def _most(one: Image.Image, other: Image.Image) -> int:
    """The largest difference of any pixel in any colour."""
    extremes = ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getextrema()
    return max(int(high) for _, high in extremes)  # type: ignore[misc]
