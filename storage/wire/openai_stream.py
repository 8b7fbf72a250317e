"""The chunks of a stream, put together as clients do: what would have been answered without one.

Whatever upstreams send may be in them. What does not look like a chunk says nothing.
Source: shared/protocols/openai.md §2, §3.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from storage.wire.openai_chat import ABOUT, DONE
from storage.wire.reading import UNREADABLE

_END = b"\n\n"


def put_together(events: Iterable[bytes], usage: Mapping[str, int] | None = None) -> dict[str, Any]:
    """The completion that whole events come to, some or many in each of these. `usage`: where they do not tell it."""
    whole: dict[str, Any] = {"object": "chat.completion"}
    choices: dict[int, _Choice] = {}
    for chunk in map(_chunk, b"".join(events).split(_END)):
        whole |= {name: chunk[name] for name in ABOUT if name in chunk}
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"] if isinstance(chunk.get("choices"), list) else ():
            if isinstance(choice, dict):
                choices.setdefault(_index(choice), _Choice()).grow(choice)
    whole["choices"] = [{"index": index, **choice.whole()} for index, choice in sorted(choices.items())]
    return {**whole, "usage": usage} if usage else whole


def _chunk(event: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(event.removeprefix(b"data: ") or b"{}") if event + _END != DONE else {}
    except UNREADABLE:
        return {}
    return found if isinstance(found, dict) else {}


def _index(said: Mapping[str, Any], usual: int = 0) -> int:
    index = said.get("index")
    return index if isinstance(index, int) else usual


class _Choice:
    """One of the answers, as far as it has come."""

    def __init__(self) -> None:
        self._message: dict[str, Any] = {"role": "assistant", "content": None}
        self._calls: dict[int, dict[str, Any]] = {}
        self._logprobs: dict[str, Any] = {}
        self._rest: dict[str, Any] = {"finish_reason": None}

    def grow(self, chunk: Mapping[str, Any]) -> None:
        for name, value in chunk.items():
            match name, value:
                case "delta", dict():
                    self._say(value)
                case "logprobs", dict():
                    _add(self._logprobs, value)
                case (("index" | "delta" | "logprobs"), _):
                    pass
                case _, None:
                    pass
                case _:
                    self._rest[name] = value

    def whole(self) -> dict[str, Any]:
        calls = {"tool_calls": [call for _, call in sorted(self._calls.items())]} if self._calls else {}
        return {"message": {**self._message, **calls}, "logprobs": self._logprobs or None, **self._rest}

    def _say(self, delta: Mapping[str, Any]) -> None:
        _add(self._message, {name: value for name, value in delta.items() if name != "tool_calls"})
        for call in delta["tool_calls"] if isinstance(delta.get("tool_calls"), list) else ():
            if isinstance(call, dict):
                at = _index(call, len(self._calls))
                _add(self._calls.setdefault(at, {}), {name: value for name, value in call.items() if name != "index"})


_SAID_ONCE = ("role", "id", "type", "name")


def _add(told: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Texts and lists go on, objects grow; of all else the last word counts."""
    for name, value in more.items():
        match told.get(name), value:
            case str(before), str() if name not in _SAID_ONCE:
                told[name] = before + value
            case list(before), list():
                told[name] = before + value
            case dict(before), dict():
                _add(before, value)
            case before, None if before is not None:
                pass
            case _:
                told[name] = dict(value) if isinstance(value, dict) else value
