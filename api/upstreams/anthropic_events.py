"""Anthropic's events as OpenAI's chunks. Source: shared/protocols/anthropic.md §3, §6; openai.md §2, §3.

Calls are numbered in the order they begin; texts and thoughts take no number. Pings, thoughts, signatures, citations,
and events that nobody knows say nothing to callers.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import msgspec

from api.sse import line
from api.upstreams.base import Usage
from api.upstreams.envelopes import envelope, event
from api.upstreams.events import Splitter
from storage.errors import UpstreamDisconnected, UpstreamError, UpstreamMalformed
from storage.wire.anthropic_answer import Tokens, completion_id, reason
from storage.wire.anthropic_errors import Failure, meaning
from storage.wire.reading import UNREADABLE

_DONE = b"data: [DONE]\n\n"
_FIRST = ("message_start", "error")


class _Kind(msgspec.Struct):
    type: str = ""


class _Begun(msgspec.Struct):
    id: str = ""
    usage: Tokens = Tokens()


class _Start(msgspec.Struct):
    message: _Begun


class _Block(msgspec.Struct):
    """What matters of it, if it is a call."""

    type: str = ""
    id: Any = ""
    name: Any = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")


class _BlockStart(msgspec.Struct):
    index: int
    content_block: _Block


class _Delta(msgspec.Struct):
    type: str = ""
    text: Any = ""
    partial_json: Any = ""


class _BlockDelta(msgspec.Struct):
    index: int
    delta: _Delta


class _BlockStop(msgspec.Struct):
    index: int


class _Ending(msgspec.Struct):
    stop_reason: str | None = None


class _MessageDelta(msgspec.Struct):
    delta: _Ending
    usage: Tokens | None = None


class _Error(msgspec.Struct):
    error: Failure


class _Call(msgspec.Struct):
    """A call that has begun. `whole`: its arguments, if they came at once; `said`: whether any of them went out."""

    number: int
    whole: bytes
    said: bool = False


_kind = msgspec.json.Decoder(_Kind).decode


class Events:
    """One stream. `model`: what the caller calls it. What is no event of Anthropic's ends it, and is told."""

    def __init__(self, model: str, *, with_usage: bool) -> None:
        self.usage: Usage | None = None
        self.over = False
        self.failed: UpstreamError | None = None
        self._model, self._with_usage = model, with_usage
        self._split = Splitter()
        self._head, self._tail = b"", b""
        self._tokens = Tokens()
        self._calls: dict[int, _Call] = {}
        self._reason: str | None = None

    def feed(self, data: bytes) -> bytes:
        if self.over:
            return b""
        said = bytearray()
        try:
            for payload in self._split.feed(data):
                said += self._turned(payload)
        except UpstreamError as error:
            said += self._fail(error)
        return bytes(said)

    def end(self) -> bytes:
        if self.over:
            return b""
        return self._fail(UpstreamDisconnected("the upstream ended its answer before it was complete"))

    def _turned(self, payload: bytes) -> bytes:
        """What one event comes to. Raises UpstreamError."""
        if self.over:
            return b""
        try:
            name = _kind(payload).type
            if name not in self._heard:
                return b""
            read, turn = self._heard[name]
            said = read(payload)
        except UNREADABLE as error:
            raise UpstreamMalformed("the upstream sent an event that is none of a message") from error
        if not self._head and name not in _FIRST:
            raise UpstreamMalformed("the upstream began its answer in the middle")
        return turn(self, said)

    def _begin(self, said: _Start) -> bytes:
        message = said.message
        if self._head:
            return b""
        about = {"id": completion_id(message.id), "object": "chat.completion.chunk", "created": int(time.time())}
        self._head = b"data: " + line({**about, "model": self._model})[:-1]
        self._tail = b',"usage":null}\n\n' if self._with_usage else b"}\n\n"
        self._count(message.usage)
        return self._chunk(b'{"role":"assistant","content":""}')

    def _start(self, said: _BlockStart) -> bytes:
        block = said.content_block
        if block.type != "tool_use":
            return b""
        call = self._calls[said.index] = _Call(len(self._calls), bytes(block.input))
        function = {"name": str(block.name), "arguments": ""}
        return self._calling({"index": call.number, "id": str(block.id), "type": "function", "function": function})

    def _go_on(self, said: _BlockDelta) -> bytes:
        delta, call = said.delta, self._calls.get(said.index)
        if delta.type == "text_delta" and delta.text:
            return self._chunk(b'{"content":' + line(delta.text) + b"}")
        if delta.type == "input_json_delta" and delta.partial_json and call:
            call.said = True
            return self._calling({"index": call.number, "function": {"arguments": delta.partial_json}})
        return b""

    def _complete(self, said: _BlockStop) -> bytes:
        call = self._calls.get(said.index)
        return self._completed(call) if call else b""

    def _note(self, said: _MessageDelta) -> bytes:
        self._count(self._tokens.later(said.usage))
        self._reason = said.delta.stop_reason or self._reason
        return b""

    def _break(self, said: _Error) -> bytes:
        raise meaning(said.error)

    def _completed(self, call: _Call) -> bytes:
        """A call of which nothing was said is one without arguments, or one that said them as it began."""
        if call.said:
            return b""
        call.said = True
        arguments = call.whole.decode() if call.whole.startswith(b"{") else "{}"
        return self._calling({"index": call.number, "function": {"arguments": arguments}})

    def _stop(self, _said: _Kind) -> bytes:
        self.over = True
        last = [self._completed(call) for call in self._calls.values()]
        last.append(self._chunk(b"{}", b'"%b"' % reason(self._reason).encode()))
        if self._with_usage and (usage := self._tokens.told()):
            last.append(self._head + b',"choices":[],"usage":' + line(usage) + b"}\n\n")
        return b"".join([*last, _DONE])

    def _calling(self, call: dict[str, Any]) -> bytes:
        return self._chunk(b'{"tool_calls":[' + line(call) + b"]}")

    def _chunk(self, delta: bytes, finished: bytes = b"null") -> bytes:
        choice = b'{"index":0,"delta":' + delta + b',"logprobs":null,"finish_reason":' + finished + b"}"
        return self._head + b',"choices":[' + choice + b"]" + self._tail

    def _count(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self.usage = Usage(*tokens.counts) if tokens.counts else None

    def _fail(self, error: UpstreamError) -> bytes:
        self.over, self.failed = True, error
        return event(envelope(error).body)

    _heard: ClassVar[Mapping[str, tuple[Callable[[bytes], Any], Callable[["Events", Any], bytes]]]] = {
        "message_start": (msgspec.json.Decoder(_Start).decode, _begin),
        "content_block_start": (msgspec.json.Decoder(_BlockStart).decode, _start),
        "content_block_delta": (msgspec.json.Decoder(_BlockDelta).decode, _go_on),
        "content_block_stop": (msgspec.json.Decoder(_BlockStop).decode, _complete),
        "message_delta": (msgspec.json.Decoder(_MessageDelta).decode, _note),
        "message_stop": (_kind, _stop),
        "error": (msgspec.json.Decoder(_Error).decode, _break),
    }
    """By the names of events: how one is read, and what it is turned by."""
