"""How schemathesis writes the bodies that it does not know by itself."""

import json
from typing import Any

import schemathesis


@schemathesis.serializer("application/jsonl")
def jsonl(_context: Any, value: Any) -> bytes:
    """A line for each item of a list, or one line."""
    lines = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(each).encode() + b"\n" for each in lines)
