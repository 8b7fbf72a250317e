"""What tests of the fakes that talk have in common: tools to give them, and a reader of their streams."""

from typing import Any

import msgspec

PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}
OPENAI_TOOLS: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": "weather", "description": "Of a city.", "parameters": PARAMETERS}},
    {"type": "function", "function": {"name": "clock"}},
]


def events_of(stream: bytes) -> list[Any]:
    """The data of each whole event: JSON, or a text as it is if it is none."""
    found = []
    for block in stream.replace(b"\r\n", b"\n").split(b"\n\n")[:-1]:
        data = [line.removeprefix(b"data: ") for line in block.split(b"\n") if line.startswith(b"data: ")]
        if data:
            found.append(_read(b"\n".join(data)))
    return found


def _read(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        return data.decode()
