"""How Anthropic words errors, and what a model says, whole and as events. Source: shared/protocols/anthropic.md §1–§3.

Thinking that was asked for is one block before the others, in a dozen words. A text is streamed in its words.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from cli.fakes.family import Refusal
from cli.fakes.faults import Fault
from cli.fakes.streams import Events
from cli.fakes.talk import Said, Wanted, digest, said, tokens

_A_MESSAGE = 4
_A_PICTURE = 85
_PING = {"type": "ping"}


def error(status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> Refusal:
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_fakerefused"}
    return Refusal(status, body, {"request-id": "req_fakerefused", **(headers or {})})


class Message:
    """The answer to a request that is in order. `faults`: those that are on, of what is said."""

    def __init__(self, body: Mapping[str, Any], faults: Mapping[str, Fault | None]) -> None:
        self._body, self._faults = body, faults
        self._said = said(_wanted(body))
        thinks = (body.get("thinking") or {}).get("type") in ("enabled", "adaptive")
        self._thought = said(Wanted(digest("thought", body["messages"]))) if thinks else Said(())
        if faults["silent"]:
            self._said = self._thought = Said(())

    def whole(self) -> dict[str, Any]:
        blocks = [block for block, _ in self._blocks()]
        return {
            **self._head(),
            "content": [{"type": "new_block"}, *blocks] if self._faults["unheard"] else blocks,
            **self._ending(),
            "usage": self._usage(self._tokens()),
        }

    def events(self, failure: Refusal) -> Events:
        return Events(
            [_event(each) for each in self._events()],
            _event({name: value for name, value in failure.body.items() if name != "request_id"}),
            lambda text: _event(_delta(0, {"type": "text_delta", "text": text})),
        )

    def _head(self) -> dict[str, Any]:
        about = {"role": "assistant", "model": self._body["model"]}
        return {"id": f"msg_{digest(self._body)[:24]}", "type": "message", **about}

    def _blocks(self) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
        """Each block, and the deltas it is streamed in."""
        if self._thought.pieces:
            signature = digest(self._thought.text)
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in self._thought.pieces]
            whole = {"type": "thinking", "thinking": self._thought.text, "signature": signature}
            yield whole, [*deltas, {"type": "signature_delta", "signature": signature}]
        if self._said.pieces:
            deltas = [{"type": "text_delta", "text": piece} for piece in self._said.pieces]
            yield {"type": "text", "text": self._said.text}, deltas
        for tool in self._said.tools:
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *tool.fragments)]
            yield {"type": "tool_use", "id": f"toolu_{tool.key}", "name": tool.name, "input": tool.arguments}, deltas

    def _events(self) -> Iterator[dict[str, Any]]:
        beginning: dict[str, Any] = {"content": [], "stop_reason": None, "stop_sequence": None, "usage": self._usage(1)}
        unheard = bool(self._faults["unheard"])
        yield {"type": "message_start", "message": {**self._head(), **beginning}}
        yield _PING
        for index, (block, deltas) in enumerate(self._blocks()):
            yield {"type": "content_block_start", "index": index, "content_block": _emptied(block)}
            for delta in deltas:
                yield _delta(index, delta)
                if unheard:
                    yield {"type": "weather_report", "index": index, "delta": {"type": "text_delta", "text": "no"}}
                    yield _delta(index, {"type": "new_delta", "text": "no"})
            yield {"type": "content_block_stop", "index": index}
        yield _PING
        yield {"type": "message_delta", "delta": self._ending(), "usage": {"output_tokens": self._tokens()}}
        yield {"type": "message_stop"}

    def _ending(self) -> dict[str, Any]:
        if self._faults["unfinished"]:
            return {"stop_reason": None, "stop_sequence": None}
        if told := self._faults["stop_reason"]:
            return {"stop_reason": told.value, "stop_sequence": None}
        reason = "tool_use" if self._said.tools else "stop_sequence" if self._said.stop else "end_turn"
        return {"stop_reason": "max_tokens" if self._said.cut else reason, "stop_sequence": self._said.stop}

    def _tokens(self) -> int:
        return self._said.tokens + self._thought.tokens

    def _usage(self, output: int) -> dict[str, Any]:
        prompt = prompt_tokens(self._body)
        cached = min(prompt, int(self._faults["cached"].number)) if self._faults["cached"] else 0
        return {
            "input_tokens": prompt - cached,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": cached,
            "output_tokens": output,
            "service_tier": "standard",
        }


def prompt_tokens(body: Mapping[str, Any]) -> int:
    """Words, four for each message, 85 for each picture."""
    blocks = [block for message in body["messages"] for block in _blocks_of(message["content"])]
    pictures = len([block for block in blocks if block["type"] == "image"])
    spoken = [*map(_text, blocks), *map(_text, _blocks_of(body.get("system") or []))]
    return sum(map(tokens, spoken)) + _A_MESSAGE * len(body["messages"]) + _A_PICTURE * pictures


def _wanted(body: Mapping[str, Any]) -> Wanted:
    choice = body.get("tool_choice") or {}
    tools = {tool["name"]: tool["input_schema"] for tool in body.get("tools") or ()}
    last = body["messages"][-1]
    spoken = "\n".join(block["text"] for block in _blocks_of(last["content"]) if block["type"] == "text")
    format = (body.get("output_config") or {}).get("format") or {}
    return Wanted(
        digest([body["messages"], body.get("system")]),
        spoken if last["role"] == "user" else "",
        {} if choice.get("type") == "none" else tools,
        {"any": "", "tool": choice.get("name")}.get(choice.get("type", "")),
        not choice.get("disable_parallel_tool_use"),
        format.get("schema"),
        body["max_tokens"],
        body.get("stop_sequences") or (),
    )


def _event(body: Mapping[str, Any]) -> bytes:
    return f"event: {body['type']}\ndata: ".encode() + msgspec.json.encode(body) + b"\n\n"


def _delta(index: int, delta: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _emptied(block: Mapping[str, Any]) -> dict[str, Any]:
    """As a block is when it starts."""
    return {
        **block,
        **{name: type(block[name])() for name in ("text", "thinking", "signature", "input") if name in block},
    }


def _blocks_of(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _text(block: Mapping[str, Any]) -> str:
    """All that is to be read in a block."""
    if block["type"] == "tool_result":
        return " ".join(map(_text, _blocks_of(block.get("content") or [])))
    return str(block.get("text") or block.get("input") or "")
