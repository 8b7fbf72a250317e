"""A turned stream, read as callers read it."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from api.upstreams.base import Turned


class Heard(NamedTuple):
    """What came of a stream. `chunks`: its events but for the mark of the end; `done`: whether that was there."""

    chunks: list[dict[str, Any]]
    done: bool

    @property
    def text(self) -> str:
        return "".join(choice["delta"].get("content") or "" for choice in self.choices)

    @property
    def choices(self) -> list[dict[str, Any]]:
        return [choice for chunk in self.chunks for choice in chunk.get("choices", ())]

    @property
    def reason(self) -> str | None:
        return next((choice["finish_reason"] for choice in self.choices if choice["finish_reason"]), None)

    @property
    def calls(self) -> list[tuple[str, str, str]]:
        """Id, name and arguments of each, put together as clients do."""
        found: dict[int, list[str]] = {}
        for choice in self.choices:
            for call in choice["delta"].get("tool_calls", ()):
                parts = found.setdefault(call["index"], ["", "", ""])
                parts[0] += call.get("id", "")
                parts[1] += call["function"].get("name", "")
                parts[2] += call["function"].get("arguments", "")
        return [(id, name, arguments) for id, name, arguments in found.values()]

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = self.chunks[-1].get("error", {}) if self.chunks else {}
        return found

    @property
    def usage(self) -> Any:
        return self.chunks[-1].get("usage")


def heard(turned: Turned, pieces: Iterable[bytes], *, ends: bool = True) -> Heard:
    """Has it turn the pieces, and then, if it is not over, the end of the connection."""
    said = b"".join([turned.feed(piece) for piece in pieces])
    return read(said + (turned.end() if ends else b""))


def read(said: bytes) -> Heard:
    assert not said or said.endswith(b"\n\n")
    events = [event.removeprefix(b"data: ") for event in said.split(b"\n\n") if event]
    done = bool(events) and events[-1] == b"[DONE]"
    return Heard([msgspec.json.decode(event) for event in (events[:-1] if done else events)], done)
