"""Infotexts: what WebUI writes into pictures about how they were made, and reads from them again.

The prompt, a line that begins with "Negative prompt: ", and one line of `Name: value` pairs with commas between them; a
value with a comma, a colon or a line break in it is quoted as JSON quotes. In a PNG it is the text `parameters`.
"""

import json
import re
import zlib
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import msgspec
from PIL import Image

from api.inputs import FORMATS

MAX_TEXT = 100_000
NEGATIVE = "Negative prompt: "
KEY = "parameters"
_PAIR = re.compile(r'(\w[\w \-/]{0,60}):\s*("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)')
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEAD = 33
"""Signature and first chunk of a PNG. Another chunk may follow."""


def written(prompt: str, negative: str, pairs: Mapping[str, Any]) -> str:
    """An infotext. Pairs without a value are left out."""
    told = ", ".join(f"{name}: {_quoted(value)}" for name, value in pairs.items() if value is not None)
    return "\n".join([prompt, *([NEGATIVE + negative] if negative else []), told])


def _quoted(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ",:\n") else text


def read(text: str) -> dict[str, str]:
    """The prompts and the pairs of an infotext, by WebUI's names for them."""
    lines = text.strip().split("\n")
    pairs = _PAIR.findall(lines[-1])
    if len(pairs) < 3:  # a prompt's last line may hold a colon too
        pairs = []
    else:
        lines.pop()
    at = next((number for number, line in enumerate(lines) if line.startswith(NEGATIVE)), len(lines))
    found = {
        "Prompt": "\n".join(lines[:at]).strip(),
        "Negative prompt": "\n".join(lines[at:]).removeprefix(NEGATIVE).strip(),
    }
    return found | {name.strip(): _plain(value) for name, value in pairs}


def _plain(value: str) -> str:
    if value[:1] == '"':
        try:
            return str(msgspec.json.decode(value))  # no half characters, which nothing could send on
        except msgspec.DecodeError:
            return value
    return value.strip()


_NUMBERS = {"Steps": "steps", "CFG scale": "cfg_scale", "Seed": "seed", "Denoising strength": "denoising_strength"}
_WORDS = {
    "Prompt": "prompt",
    "Negative prompt": "negative_prompt",
    "Sampler": "sampler_name",
    "Schedule type": "scheduler",
}


def fields(text: str) -> dict[str, Any]:
    """What an infotext says of a request's fields. Not the model: another server may have called it otherwise."""
    found = read(text)
    told: dict[str, Any] = {field: found[name] for name, field in (_WORDS | _NUMBERS).items() if found.get(name)}
    size = re.fullmatch(r"(\d{1,5})x(\d{1,5})", found.get("Size", ""))
    return told | ({"width": int(size[1]), "height": int(size[2])} if size else {})


def with_text(png: bytes, text: str) -> bytes:
    """The picture with an infotext in it; as it is, if it is no PNG."""
    if not png.startswith(_SIGNATURE):
        return png
    try:
        kind, data = b"tEXt", KEY.encode() + b"\0" + text.encode("latin-1")
    except UnicodeEncodeError:
        kind, data = b"iTXt", KEY.encode() + b"\0\0\0\0\0" + text.encode("utf-8", "replace")
    chunk = len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)
    return png[:_HEAD] + chunk + png[_HEAD:]


def texts_of(picture: bytes) -> dict[str, str]:
    """The texts before a picture's pixels, by name, but for very long ones. None of it is decoded."""
    with Image.open(BytesIO(picture), formats=FORMATS) as image:
        texts = {str(name): str(value) for name, value in image.info.items() if isinstance(value, str)}
    return {name: text for name, text in texts.items() if len(name) + len(text) <= MAX_TEXT}
