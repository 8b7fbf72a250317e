"""A message of Anthropic's as a chat completion of OpenAI's. Source: shared/protocols/anthropic.md §1, §5."""

import time
from typing import Any

import msgspec

from storage.errors import UpstreamMalformed
from storage.wire.anthropic_errors import Failure, meaning
from storage.wire.reading import UNREADABLE

_REASONS = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class Tokens(msgspec.Struct, frozen=True):
    """As Anthropic counts: what was cached is not in `input_tokens`. None: not told."""

    input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens: int | None = None

    def later(self, told: "Tokens | None") -> "Tokens":
        """With what has been told since, which counts from the beginning."""
        if told is None:
            return self
        news = {name: value for name, value in msgspec.structs.asdict(told).items() if value is not None}
        return msgspec.structs.replace(self, **news)

    @property
    def counts(self) -> tuple[int, int] | None:
        """Of the prompt, and of the answer."""
        if self.input_tokens is None and self.output_tokens is None:
            return None
        cached = (self.cache_creation_input_tokens or 0) + (self.cache_read_input_tokens or 0)
        return (self.input_tokens or 0) + cached, self.output_tokens or 0

    def told(self) -> dict[str, Any] | None:
        """In OpenAI's words."""
        if self.counts is None:
            return None
        prompt, completion = self.counts
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": self.cache_read_input_tokens or 0},
        }


class _Block(msgspec.Struct):
    type: str = ""
    text: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")


class _Kind(msgspec.Struct):
    type: str = ""


class _Message(msgspec.Struct):
    """`error`: instead of it all."""

    type: str = ""
    id: str = ""
    content: list[msgspec.Raw] = []
    stop_reason: str | None = None
    usage: Tokens = Tokens()
    error: Failure | None = None


_message = msgspec.json.Decoder(_Message).decode
_kind = msgspec.json.Decoder(_Kind).decode
_block = msgspec.json.Decoder(_Block).decode


def reason(said: str | None) -> str:
    """Why it ended, in OpenAI's words; of a word that nobody knows, that it did."""
    return _REASONS.get(said or "", "stop")


def completion_id(id: str) -> str:
    return f"chatcmpl-{id.removeprefix('msg_')}"


def completion(body: bytes, model: str) -> tuple[dict[str, Any], Tokens]:
    """A good answer in OpenAI's words, and what it took. `model`: what callers call it. Raises UpstreamMalformed, or
    what an error with a good status means."""
    try:
        said = _message(body)
        blocks = [_block(block) for block in said.content if _kind(block).type in ("text", "tool_use")]
    except UNREADABLE as error:
        raise UpstreamMalformed("the upstream answered 200 with something that is no message") from error
    if said.error:
        raise meaning(said.error)
    if said.type != "message":
        raise UpstreamMalformed("the upstream answered 200 with something that is no message")
    answer: dict[str, Any] = {
        "id": completion_id(said.id),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [
            {"index": 0, "message": _said(blocks), "logprobs": None, "finish_reason": reason(said.stop_reason)}
        ],
    }
    if usage := said.usage.told():
        answer["usage"] = usage
    return answer, said.usage


def _said(blocks: list[_Block]) -> dict[str, Any]:
    calls = [
        {"id": block.id, "type": "function", "function": {"name": block.name, "arguments": _arguments(block.input)}}
        for block in blocks
        if block.type == "tool_use"
    ]
    text = "".join(block.text for block in blocks)
    message: dict[str, Any] = {"role": "assistant", "content": text or (None if calls else ""), "refusal": None}
    if calls:
        message["tool_calls"] = calls
    return message


def _arguments(told: msgspec.Raw) -> str:
    """As the upstream has written them."""
    written = bytes(told).decode()
    return written if written.startswith("{") else "{}"
