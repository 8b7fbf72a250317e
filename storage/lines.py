"""JSON for lines: of events, of files."""

from typing import Any

import msgspec


def json_line(value: Any) -> bytes:
    """A value as JSON in one line, also to clients (httpx among them) that end lines where Unicode does."""
    text = msgspec.json.encode(value)
    for sign in ("\u0085", "\u2028", "\u2029"):
        text = text.replace(sign.encode(), b"\\u%04x" % ord(sign))
    return text
