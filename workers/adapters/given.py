"""What the caller sent with a job, in the shape that an upstream reads: a pure function of bytes."""

import struct
from io import BytesIO

from PIL import Image, ImageOps

from storage.errors import InvalidRequest
from workers.adapters.base import Field, Given

_PNG = b"\x89PNG\r\n\x1a\n"
_RATE, _BYTES = 16_000, 2  # of PCM without a head. Source: shared/protocols/whisper-asr.md §2


def turned(given: Given, data: bytes) -> bytes:
    """Raises InvalidRequest for what is no picture where one has to be, and for a mask that leaves nothing to do."""
    match given.turn:
        case None:
            return data
        case "wav":
            return _with_head(data)
        case "png":
            return data if data.startswith(_PNG) else _png(_opened(given, data))
        case "white_where_clear":
            mask = ImageOps.invert(_opened(given, data).convert("RGBA").getchannel("A"))
            if not mask.getbbox():
                raise InvalidRequest("the mask has no transparent part", field=given.name)
            return _png(mask)
        case "clear_where_white" | "clear_where_black":
            light = _opened(given, data).convert("L")
            alpha = ImageOps.invert(light) if given.turn == "clear_where_white" else light
            return _png(Image.merge("LA", (Image.new("L", light.size), alpha)).convert("RGBA"))


def _opened(given: Given, data: bytes) -> Image.Image:
    try:
        with Image.open(BytesIO(data)) as image:
            return ImageOps.exif_transpose(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidRequest(f"{given.name} is no picture that can be read", field=given.name) from error


def _png(image: Image.Image) -> bytes:
    data = BytesIO()
    (image if image.mode in ("L", "LA", "RGB", "RGBA") else image.convert("RGBA")).save(data, "PNG")
    return data.getvalue()


def _with_head(pcm: bytes) -> bytes:
    """16-bit mono PCM at 16 kHz as a WAV."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, _RATE, _RATE * _BYTES, _BYTES, 8 * _BYTES)
    rest = b"WAVE" + form + struct.pack("<4sI", b"data", len(pcm)) + pcm
    return struct.pack("<4sI", b"RIFF", len(rest)) + rest


_KINDS = (
    (0, b"RIFF", ".wav", "audio/wav"),
    (0, b"fLaC", ".flac", "audio/flac"),
    (0, b"OggS", ".ogg", "audio/ogg"),
    (0, b"ID3", ".mp3", "audio/mpeg"),
    (4, b"ftypM4A", ".m4a", "audio/mp4"),
    (4, b"ftyp", ".mp4", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", ".webm", "video/webm"),
)


def titled(field: Field, data: bytes) -> tuple[str | None, str | None]:
    """What to call the file of a part, and its type: services go by the end of a name, which callers may have left out.

    `data`: the beginning of the file. What it is said to be already stays.
    """
    if field.file_name is None or "." in field.file_name:
        return field.file_name, field.content_type
    for at, mark, end, kind in _KINDS:
        if data[at : at + len(mark)] == mark:
            return field.file_name + end, kind
    if len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 in (0xE2, 0xE4, 0xE6):  # a frame of layer III, II or I
        return field.file_name + ".mp3", "audio/mpeg"
    return field.file_name, field.content_type
