"""What schemathesis learns from us: a kind of body that it does not know; that some files are pictures, or sound."""

import json
import wave
from io import BytesIO
from typing import Any

import schemathesis
from hypothesis import strategies
from PIL import Image
from schemathesis.transport.serialization import Binary


@schemathesis.serializer("application/jsonl")
def jsonl(_context: Any, value: Any) -> bytes:
    """A line for each item of a list, or one line."""
    lines = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(each).encode() + b"\n" for each in lines)


def picture(mode: str, size: tuple[int, int], kind: str) -> bytes:
    data = BytesIO()
    Image.new(mode, size, "teal").save(data, kind)
    return data.getvalue()


PICTURES = [picture("RGB", (24, 16), "PNG"), picture("RGBA", (16, 16), "PNG"), picture("L", (9, 64), "JPEG")]


def recording() -> bytes:
    data = BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(b"\1\2" * 800)
    return data.getvalue()


KNOWN = [*PICTURES, PICTURES[0][:-30], recording(), recording()[:40]]
FILES = strategies.one_of(strategies.binary(), strategies.sampled_from(KNOWN))
schemathesis.openapi.format("binary", FILES.map(Binary))
