"""Saved requests and replies, and a comparison that knows what differs from run to run.

In a reply `<uuid>`, `<time>`, `<owner>` and `<link .ext>` stand for what they say; everything else is exact, the order
of keys included.
"""

import json
import re
from pathlib import Path
from typing import Any

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_PATTERNS = {
    "<uuid>": _UUID,
    "<time>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "<owner>": r"key_[0-9a-f]{16}",
    "<link .mp3>": rf"http://gateway\.test/media/[\w-]{{43}}/{_UUID}\.mp3",
    "<link .jpeg>": rf"http://gateway\.test/media/[\w-]{{43}}/image_(large_)?{_UUID}\.jpeg",
}


def wire(name: str) -> dict[str, Any]:
    saved: dict[str, Any] = json.loads((Path(__file__).parent / "wire" / f"{name}.json").read_text())
    return saved


def assert_like(actual: Any, saved: Any, where: str = "reply") -> None:
    """Fails where `actual` is not what was saved, saying where."""
    match saved:
        case dict():
            assert isinstance(actual, dict), where
            assert list(actual) == list(saved), where
            for key, value in saved.items():
                assert_like(actual[key], value, f"{where}.{key}")
        case list():
            assert len(actual) == len(saved), where
            for index, value in enumerate(saved):
                assert_like(actual[index], value, f"{where}[{index}]")
        case str() if saved in _PATTERNS:
            assert isinstance(actual, str), where
            assert re.fullmatch(_PATTERNS[saved], actual), f"{where}: {actual!r} is no {saved}"
        case _:
            assert (type(actual), actual) == (type(saved), saved), where
