"""What is said to upstreams of chat and by them: wire/<dialect>/<what>/<name>.json.

Each file says what it is about, its source and its date. `requests`: what a caller `asked` becomes what is sent
(`sends`), with these `options`. `streams`: `events` become the `deltas` of chunks, and end for a `reason`, with this
`usage`. `answers`: an `answer` is what it `gives`, but for the second it was made in.
"""

import json
from pathlib import Path
from typing import Any

WIRE = Path(__file__).parent / "wire"


def names(what: str, dialect: str = "anthropic") -> list[str]:
    found = [str(path.relative_to(WIRE).with_suffix("")) for path in sorted((WIRE / dialect / what).glob("*.json"))]
    assert found
    return found


def load(name: str) -> dict[str, Any]:
    saved: dict[str, Any] = json.loads((WIRE / f"{name}.json").read_text())
    assert all(saved[each] for each in ("about", "source", "date"))
    return saved


def events(saved: dict[str, Any]) -> bytes:
    """A stream of Anthropic's."""
    return b"".join(
        f"event: {each['type']}\ndata: {json.dumps(each, ensure_ascii=False)}\n\n".encode() for each in saved["events"]
    )
