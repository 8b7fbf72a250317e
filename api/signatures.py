"""What a file surely is, by its first bytes, if that is no recording: it is refused before the rest has come.

Bytes that nobody knows pass: whoever decodes the file says what they are. Sources: the file signatures of PNG (W3C),
JPEG (ITU T.81), GIF89a, BMP (Windows GDI), TIFF 6.0, ISO 14496-12 (`ftyp`), RIFF (Microsoft), PDF (ISO 32000), ZIP
(APPNOTE 4.3), RFC 1952, RFC 8878, ELF, PE (Microsoft), Mach-O (Apple), WebAssembly; WHATWG MIME Sniffing (HTML); RFC
8216 (`#EXTM3U`); WebVTT (W3C). Recordings that begin like one of these are told apart by more bytes: AMR's `#!AMR`
from a script's `#!/`, a WAV's RIFF from a WebP's, an M4A's `ftyp` from a HEIC's.
"""

import re

HEAD_BYTES = 512
"""As many bytes as are looked at."""

_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "an image (PNG)"),
    (b"\xff\xd8\xff", "an image (JPEG)"),
    (b"GIF87a", "an image (GIF)"),
    (b"GIF89a", "an image (GIF)"),
    (b"II*\x00", "an image (TIFF)"),
    (b"MM\x00*", "an image (TIFF)"),
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive, or a document"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x1f\x8b\x08", "compressed (gzip)"),
    (b"BZh", "compressed (bzip2)"),
    (b"\xfd7zXZ\x00", "compressed (xz)"),
    (b"\x28\xb5\x2f\xfd", "compressed (Zstandard)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\x00", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\xcf\xfa\xed\xfe", "a program"),
    (b"\x00asm", "a program"),
    (b"#!/", "a script"),
    (b"SQLite format 3\x00", "a database"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a document of Microsoft Office"),
)
_MARKS: tuple[tuple[str, str], ...] = (
    (r"#EXTM3U|\[playlist\]|<asx\b|<smil\b", "a playlist; send what it leads to"),
    (r"<!doctype html|<html\b|<head\b|<body\b", "a web page (HTML)"),
    (r"<\?xml|<svg\b|<\?php", "XML"),
    (r"WEBVTT\b|1\r?\n\d\d:\d\d:\d\d,\d{3} -->", "subtitles already"),
    (r"""\{\s*(["}])|\[\s*[\[{"\]]""", "JSON"),
    (r"data:[\w.+-]+/[\w.+-]+[;,]|https?://", "an address or a data URI, which goes in a field without a file's name"),
)
_TEXTS = [(re.compile(rf"\s*(?:{mark})".encode(), re.IGNORECASE), name) for mark, name in _MARKS]
_PICTURES = {b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis"}
_BOM = b"\xef\xbb\xbf"


def no_recording(head: bytes) -> str | None:
    """What a file with these first bytes is, if it is surely no recording; `head` may be all of it."""
    for beginning, name in _BEGINNINGS:
        if head.startswith(beginning):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "an image (WebP)"
    if head[4:8] == b"ftyp" and head[8:12] in _PICTURES:
        return "an image (HEIF)"
    if head[:2] == b"BM" and head[6:10] == bytes(4) and head[14:18] in (b"\x28\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0"):
        return "an image (BMP)"
    return _text(head)


def _text(head: bytes) -> str | None:
    head = head.removeprefix(_BOM)
    return next((name for mark, name in _TEXTS if mark.match(head)), None)
