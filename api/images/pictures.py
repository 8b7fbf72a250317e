"""The pictures of a request, wherever they are: in it, elsewhere, or among the caller's files."""

import asyncio
import warnings
from io import BytesIO

from PIL import ExifTags, Image

from api.dialects.images import Edit, Pictures, Reference, Variation
from api.inputs import FORMATS, MAX_PICTURE_BYTES, Input, picture, picture_bytes
from api.operation import Caller
from storage.errors import InvalidRequest, NotFound, ObjectMissing, TooLarge

_MOST_LOOKED_AT = 2048 * 2048
"""Pixels. In larger ones the engine, which has to decode them, looks for what is transparent."""

_TURNED = ("JPEG", "TIFF")  # what cameras write; a PNG would have to be decoded to be asked
_ON_ITS_SIDE = range(5, 9)  # Source: Exif 3.0, "Orientation"


async def the_picture(caller: Caller, body: Edit | Variation) -> Input:
    """The one picture there is. Raises InvalidRequest, TooLarge, AddressRefused."""
    return await _found(caller, *body.picture())


async def the_pictures(caller: Caller, body: Edit) -> Pictures:
    """The picture to edit, and where. Raises InvalidRequest, TooLarge, AddressRefused."""
    image = await the_picture(caller, body)
    mask = await _found(caller, body.mask, "mask") if body.mask else None
    if mask:
        await asyncio.to_thread(_check, mask, image)
    return Pictures(image, mask, cut_out=bool(await asyncio.to_thread(_transparent, image)))


async def _found(caller: Caller, reference: Reference, field: str) -> Input:
    if reference.file_id is None:
        return picture(reference.image_url or "", field, caller.services.guard)
    try:
        file = await caller.services.store.files.get(caller.owner, reference.file_id)
    except NotFound as error:
        raise InvalidRequest(str(error), field=field) from error
    if file.growing:
        raise InvalidRequest("this is no picture, but what a batch writes", field=field)
    if file.bytes > MAX_PICTURE_BYTES:
        raise TooLarge(f"the file has {file.bytes} bytes; a picture may have {MAX_PICTURE_BYTES}", field=field)
    try:
        data = await caller.services.objects.get_bytes(file.where, limit_bytes=MAX_PICTURE_BYTES)
    except ObjectMissing as error:
        raise InvalidRequest("this file has been deleted", field=field) from error
    return picture_bytes(data, field)


def _check(mask: Input, image: Input) -> None:
    """Raises InvalidRequest. What is fetched later is judged by the engine alone."""
    wanted, found = _size(image), _size(mask)
    if wanted and found and wanted != found:
        sizes = f"the mask has {found[0]} × {found[1]} pixels, the picture {wanted[0]} × {wanted[1]}"
        raise InvalidRequest(f"{sizes}; they have to be the same", field=mask.field)
    if _transparent(mask) is False:
        raise InvalidRequest(
            "no part of the mask is transparent; transparent is what is to be painted anew", field=mask.field
        )


def _size(given: Input) -> tuple[int, int] | None:
    """Width and height as it is shown; None if they are not known."""
    if not given.data:
        return None
    with _opened(given.data) as found:
        width, height = found.size
        return (height, width) if _lies_on_its_side(found) else (width, height)


def _lies_on_its_side(found: Image.Image) -> bool:
    if found.format not in _TURNED:
        return False
    try:
        return found.getexif().get(ExifTags.Base.Orientation) in _ON_ITS_SIDE
    except Exception:  # noqa: BLE001 - Pillow's parsers raise whatever a broken file makes them
        return False


def _transparent(given: Input) -> bool | None:
    """Whether part of a picture is transparent; None if it is not known."""
    if not given.data:
        return None
    with _opened(given.data) as found:
        if not found.has_transparency_data:
            return False
        if found.width * found.height > _MOST_LOOKED_AT:
            return None
        try:
            opaque = found.convert("RGBA").getchannel("A").getextrema() == (255, 255)
        except Exception as error:  # Pillow's decoders raise whatever a broken file makes them
            raise InvalidRequest("the picture ends early, or its data is damaged", field=given.field) from error
    return not opaque


def _opened(data: bytes) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(BytesIO(data), formats=FORMATS)
