"""Results: written with their provenance inside, read back, and checked before anybody calls them done."""

from hashlib import sha256
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import msgspec
import numpy as np
from PIL import Image, ImageStat
from PIL.PngImagePlugin import PngInfo

from storage.errors import EngineMisproduced
from workers.engines.base import Artifact

FORMATS = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_BLANK = 1.2
"""The standard deviation of a picture, in 0..255, below which nothing can be seen in it."""
_UNCHANGED = 0.15
"""The mean difference of two pictures, in 0..255, below which they are the same but for the encoder's doing."""


class Provenance(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a picture comes from, as written into it. `made` is a word of IPTC's Digital Source Type vocabulary."""

    engine: str
    model: str
    made: str
    seed: int | None = None
    prompt_sha256: str | None = None


def prompt_hash(prompt: str) -> str:
    return sha256(prompt.encode(errors="replace")).hexdigest()


def write(image: Image.Image, folder: Path, *, format: str, quality: int, about: Provenance) -> Artifact:
    """The picture as a file in `folder`."""
    path = folder / f"image.{format}"
    xmp = _xmp(about)
    if format == "png":
        chunks = PngInfo()
        chunks.add_text("Software", "ai-gateway")
        chunks.add_itxt("provenance", msgspec.json.encode(about).decode())
        chunks.add_itxt("XML:com.adobe.xmp", xmp.decode())
        image.save(path, "PNG", pnginfo=chunks, compress_level=4)
    elif format == "jpeg":
        image.save(path, "JPEG", quality=quality, subsampling=0, xmp=xmp)
    else:
        image.save(path, "WEBP", quality=quality, method=3, xmp=xmp)
    return Artifact("main", str(path), FORMATS[format], width_px=image.width, height_px=image.height)


def check(artifact: Artifact, before: Image.Image | None = None, *, may_stay: bool = False) -> None:
    """Raises EngineMisproduced unless the file can be decoded, has its size, shows something, and is not `before`."""
    try:
        with Image.open(artifact.path) as image:
            made = image.convert("RGB")
    except (OSError, ValueError) as error:
        raise EngineMisproduced("the picture made cannot be read back") from error
    if made.size != (artifact.width_px, artifact.height_px):
        raise EngineMisproduced(f"the picture made is {made.width} × {made.height} pixels, which nobody asked for")
    if is_blank(made) and (before is None or not is_blank(before)):
        raise EngineMisproduced("the picture made is blank")
    if before is not None and not may_stay and difference(made, before) < _UNCHANGED:
        raise EngineMisproduced("the picture made is the one that was given")


def is_blank(image: Image.Image) -> bool:
    return max(ImageStat.Stat(image.convert("RGB")).stddev) < _BLANK


def difference(one: Image.Image, other: Image.Image) -> float:
    """How far two pictures differ: the mean over all pixels, in 0..255; infinite if their sizes do."""
    if one.size != other.size:
        return float("inf")
    apart = np.asarray(one.convert("RGB"), np.int16) - np.asarray(other.convert("RGB"), np.int16)
    return float(np.abs(apart).mean())


def _xmp(about: Provenance) -> bytes:
    """An XMP packet. Source: ISO 16684-1; IPTC Photo Metadata Standard, "Digital Source Type"."""
    told: dict[str, Any] = {
        "xmp:CreatorTool": "ai-gateway",
        "Iptc4xmpExt:DigitalSourceType": _SOURCE_TYPES + about.made,
        "gateway:engine": about.engine,
        "gateway:model": about.model,
        "gateway:seed": about.seed,
        "gateway:promptSha256": about.prompt_sha256,
    }
    facts = " ".join(f"{name}={quoteattr(str(value))}" for name, value in told.items() if value is not None)
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        f' xmlns:gateway="urn:ai-gateway:provenance:1" {facts}/></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()
