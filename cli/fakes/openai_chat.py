"""The chat of the fake of OpenAI: what is asked, checked as strictly, and the answer whole or in chunks.

Source: shared/protocols/openai.md §2, §3. What is said, and what a token is: `cli/fakes/talk.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from cli.fakes.family import Refusal
from cli.fakes.openai_words import CHATTERS, refuse
from cli.fakes.streams import Events
from cli.fakes.talk import Said, Tool, Wanted, digest, said, tokens

_KNOWN = set(
    "model messages stream stream_options max_tokens max_completion_tokens temperature top_p n stop tools tool_choice "
    "parallel_tool_calls response_format seed presence_penalty frequency_penalty logit_bias logprobs top_logprobs user "
    "metadata store reasoning_effort modalities audio service_tier safety_identifier prompt_cache_key verbosity "
    "prediction functions function_call".split()
)
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_PARTS = ("text", "image_url", "input_audio", "file", "refusal")
_A_MESSAGE = 4
_A_PICTURE = 85


class Chat:
    """One request. Raises Refusal for what OpenAI would refuse."""

    def __init__(self, body: dict[str, Any], created: int) -> None:
        _check(body)
        self.body, self.created = body, created
        self.streams = bool(body.get("stream"))
        self.with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        self.choices = [said(self._wanted(n)) for n in range(body.get("n") or 1)]
        self.id = f"chatcmpl-{digest(body)[:24]}"

    def whole(self, *, finished: bool) -> dict[str, Any]:
        """The answer. `finished`: whether it says why it is at its end."""
        choices = [
            {
                "index": n,
                "message": _message(one),
                "logprobs": None,
                "finish_reason": _reason(one) if finished else None,
            }
            for n, one in enumerate(self.choices)
        ]
        return {**self._head("chat.completion"), "choices": choices, "usage": self.usage()}

    def events(self, failure: Refusal, *, finished: bool) -> Events:
        """The same as a stream."""
        chunks = [chunk for n, one in enumerate(self.choices) for chunk in self._chunks(n, one, finished=finished)]
        if self.with_usage:
            chunks = [{**chunk, "usage": None} for chunk in chunks]
            chunks.append({**self._head("chat.completion.chunk"), "choices": [], "usage": self.usage()})
        return Events(
            [*map(_event, chunks), b"data: [DONE]\n\n"],
            _event(failure.body),
            lambda text: _event(self._chunk(0, {"content": text})),
        )

    def usage(self) -> dict[str, Any]:
        prompt, completion = _prompt_tokens(self.body), sum(one.tokens for one in self.choices)
        details = {"reasoning_tokens": 0, "audio_tokens": 0}
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {**details, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
        }

    def _head(self, kind: str) -> dict[str, Any]:
        about = {"model": self.body["model"], "system_fingerprint": "fp_fake", "service_tier": "default"}
        return {"id": self.id, "object": kind, "created": self.created, **about}

    def _chunk(self, n: int, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": n, "delta": delta, "logprobs": None, "finish_reason": reason}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}

    def _chunks(self, n: int, one: Said, *, finished: bool) -> Iterator[dict[str, Any]]:
        silent = one.tools and not one.pieces
        yield self._chunk(n, {"role": "assistant", "content": None if silent else "", "refusal": None})
        for piece in one.pieces:
            yield self._chunk(n, {"content": piece})
        for at, tool in enumerate(one.tools):
            yield self._chunk(n, {"tool_calls": [{"index": at, **_call(tool, "")}]})
            for fragment in tool.fragments:
                yield self._chunk(n, {"tool_calls": [{"index": at, "function": {"arguments": fragment}}]})
        yield self._chunk(n, {}, _reason(one) if finished else None)

    def _wanted(self, n: int) -> Wanted:
        body = self.body
        asks = [body["messages"], body.get("seed"), body.get("temperature"), n]
        stop = body.get("stop") or []
        tools = {tool["function"]["name"]: tool["function"].get("parameters") or {} for tool in body.get("tools") or ()}
        forced = None
        match body.get("tool_choice"):
            case "none":
                tools = {}
            case "required":
                forced = ""
            case {"function": {"name": str(name)}}:
                forced = name
            case _:
                pass
        last = body["messages"][-1]
        return Wanted(
            digest(asks),
            _text(last) if last["role"] == "user" else "",
            tools,
            forced,
            body.get("parallel_tool_calls") is not False,
            _schema(body.get("response_format")),
            body.get("max_completion_tokens") or body.get("max_tokens"),
            [stop] if isinstance(stop, str) else stop,
        )


def _event(body: Any) -> bytes:
    return b"data: " + msgspec.json.encode(body) + b"\n\n"


def _message(one: Said) -> dict[str, Any]:
    told: dict[str, Any] = {"role": "assistant", "content": one.text or (None if one.tools else ""), "refusal": None}
    if one.tools:
        told["tool_calls"] = [_call(tool, "".join(tool.fragments) or "{}") for tool in one.tools]
    return told


def _call(tool: Tool, arguments: str) -> dict[str, Any]:
    return {"id": f"call_{tool.key}", "type": "function", "function": {"name": tool.name, "arguments": arguments}}


def _reason(one: Said) -> str:
    if one.cut:
        return "length"
    return "tool_calls" if one.tools else "stop"


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(part["text"] for part in content if part.get("type") == "text")
    return content or ""


def _schema(format: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if not format or format.get("type") not in ("json_object", "json_schema"):
        return None
    told: Mapping[str, Any] = format.get("json_schema") or {}
    return told.get("schema") or {"type": "object"}


def _prompt_tokens(body: Mapping[str, Any]) -> int:
    """Words, four for each message, 85 for each picture."""
    messages: Sequence[Mapping[str, Any]] = body["messages"]
    parts = [part for message in messages if isinstance(message.get("content"), list) for part in message["content"]]
    pictures = len([part for part in parts if part["type"] == "image_url"])
    return sum(tokens(_text(message)) + _A_MESSAGE for message in messages) + _A_PICTURE * pictures


def _check(body: Mapping[str, Any]) -> None:
    for name in body:
        if name not in _KNOWN:
            raise refuse(f"Unrecognized request argument supplied: {name}", name, "unknown_parameter")
    if not isinstance(body.get("model"), str):
        raise refuse("you must provide a model parameter", "model")
    if body["model"] not in CHATTERS:
        raise refuse(f"The model `{body['model']}` does not exist.", "model", "model_not_found", 404)
    if body.get("stream_options") and not body.get("stream"):
        raise refuse("'stream_options' is only allowed when 'stream' is enabled.", "stream_options")
    for name, (least, most) in {"temperature": (0, 2), "top_p": (0, 1), "n": (1, 128)}.items():
        value = body.get(name)
        if value is not None and not (isinstance(value, int | float) and least <= value <= most):
            raise refuse(f"Invalid '{name}': expected a value from {least} to {most}.", name)
    _check_messages(body.get("messages"))
    if body.get("tool_choice") not in (None, "none") and not body.get("tools"):
        raise refuse("'tool_choice' is only allowed when 'tools' are specified.", "tool_choice")


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise refuse("Invalid 'messages': empty array.", "messages", "empty_array")
    due: set[str] = set()
    for at, message in enumerate(messages):
        where = f"messages[{at}]"
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            raise refuse(f"Invalid value for '{where}.role'.", f"{where}.role")
        if message["role"] == "tool":
            if message.get("tool_call_id") not in due:
                raise refuse("messages with role 'tool' must follow the 'tool_calls' they answer.", f"{where}.role")
            due.discard(message["tool_call_id"])
        elif due:
            raise refuse("'tool_calls' must be followed by tool messages for each 'tool_call_id'.", f"{where}.role")
        _check_content(message, where)
        due |= {call["id"] for call in message.get("tool_calls") or ()}
    if due:
        raise refuse("'tool_calls' must be followed by tool messages for each 'tool_call_id'.", "messages")


def _check_content(message: Mapping[str, Any], where: str) -> None:
    content = message.get("content")
    if content is None and message["role"] == "assistant" and message.get("tool_calls"):
        return
    if isinstance(content, list) and content:
        for n, part in enumerate(content):
            if not isinstance(part, dict) or part.get("type") not in _PARTS or part["type"] not in part:
                raise refuse(f"Invalid value for '{where}.content[{n}].type'.", f"{where}.content[{n}].type")
    elif not isinstance(content, str):
        raise refuse(f"Invalid type for '{where}.content'.", f"{where}.content", "invalid_type")
