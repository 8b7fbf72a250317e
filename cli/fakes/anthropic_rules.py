"""What Anthropic answers 400 to, and a little more of its noes. Source: shared/protocols/anthropic.md §0, §1.

The rules there are from documents; the words here are ours, after the pattern "path: what is wrong".
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from cli.fakes.anthropic_words import error
from cli.fakes.family import Refusal

MODELS = ("claude-opus-4-5-20251101", "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001")
VERSIONS = ("2023-06-01", "2026-10-21")

_KNOWN = set(
    "model max_tokens messages system stop_sequences stream temperature top_p top_k tools tool_choice metadata "
    "thinking output_config service_tier".split()
)
_TOOL = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_MAGIC = {
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n",
    "image/gif": b"GIF8",
    "image/webp": b"RIFF",
}
_BLOCKS = {
    "user": {"text", "image", "document", "tool_result"},
    "assistant": {"text", "tool_use", "thinking", "redacted_thinking"},
}
_CHOICES = {"auto", "any", "tool", "none"}
_LEAST_THOUGHT = 1024


def check(body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """Raises Refusal."""
    version = headers.get("anthropic-version", "")
    if version not in VERSIONS:
        raise invalid("anthropic-version: header is required" if not version else f"anthropic-version: {version}")
    for name in body:
        if name not in _KNOWN:
            raise invalid(f"{name}: Extra inputs are not permitted")
    _require(body, "max_tokens", int)
    _require(body, "model", str)
    _require(body, "messages", list)
    if body["max_tokens"] < 1:
        raise invalid("max_tokens: must be greater than or equal to 1")
    if body["model"] not in MODELS:
        raise error(404, "not_found_error", f"model: {body['model']}")
    _check_sampling(body, version)
    _check_thinking(body)
    _check_tools(body)
    _check_system(body.get("system"))
    _check_messages(body)


def invalid(message: str) -> Refusal:
    return error(400, "invalid_request_error", message)


def _require(body: Mapping[str, Any], name: str, kind: type) -> None:
    if name not in body:
        raise invalid(f"{name}: Field required")
    if not isinstance(body[name], kind) or isinstance(body[name], bool):
        raise invalid(f"{name}: Input should be a valid {kind.__name__}")


def _check_sampling(body: Mapping[str, Any], version: str) -> None:
    for name in ("temperature", "top_p"):
        value = body.get(name)
        if value is not None and not (isinstance(value, int | float) and 0 <= value <= 1):
            raise invalid(f"{name}: range: 0..1")
    if version != VERSIONS[0]:
        for name in ("temperature", "top_p", "top_k"):
            if name in body:
                raise invalid(f"{name}: not supported by this version")
    elif "temperature" in body and "top_p" in body:
        raise invalid("`temperature` and `top_p` cannot both be specified for this model")
    if any(not str(stop).strip() for stop in body.get("stop_sequences") or ()):
        raise invalid("stop_sequences: each stop sequence must contain non-whitespace")


def _check_thinking(body: Mapping[str, Any]) -> None:
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "enabled":
        budget = thinking.get("budget_tokens")
        if not isinstance(budget, int) or not _LEAST_THOUGHT <= budget < body["max_tokens"]:
            raise invalid(f"thinking.budget_tokens: must be at least {_LEAST_THOUGHT} and less than `max_tokens`")
        if body.get("temperature", 1) != 1:
            raise invalid("`temperature` may only be set to 1 when thinking is enabled")


def _check_tools(body: Mapping[str, Any]) -> None:
    tools = body.get("tools") or []
    for at, tool in enumerate(tools):
        if not isinstance(tool.get("name"), str) or not _TOOL.fullmatch(tool["name"]):
            raise invalid(f"tools.{at}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
        if not isinstance(tool.get("input_schema"), dict) or tool["input_schema"].get("type") != "object":
            raise invalid(f"tools.{at}.input_schema.type: Field required")
        if extra := set(tool) - {"name", "description", "input_schema", "cache_control", "type"}:
            raise invalid(f"tools.{at}.{min(extra)}: Extra inputs are not permitted")
    choice = body.get("tool_choice")
    if choice is None:
        return
    if not isinstance(choice, dict) or choice.get("type") not in _CHOICES:
        raise invalid("tool_choice: Input should be one of 'auto', 'any', 'tool' or 'none'")
    if not tools:
        raise invalid("tool_choice: may only be specified while providing tools")
    if choice["type"] == "tool" and choice.get("name") not in [tool["name"] for tool in tools]:
        raise invalid(f"tool_choice.name: Tool '{choice.get('name')}' not found in provided tools")
    if choice["type"] == "none" and "disable_parallel_tool_use" in choice:
        raise invalid("tool_choice.none.disable_parallel_tool_use: Extra inputs are not permitted")


def _check_system(system: Any) -> None:
    if system is None or isinstance(system, str):
        return
    for at, block in enumerate(system):
        if block.get("type") != "text" or not block.get("text"):
            raise invalid(f"system.{at}: text content blocks must be non-empty")


def _check_messages(body: Mapping[str, Any]) -> None:
    messages = body["messages"]
    if not messages:
        raise invalid("messages: at least one message is required")
    turns: list[tuple[str, list[dict[str, Any]]]] = []
    for at, message in enumerate(messages):
        where = f"messages.{at}"
        if not isinstance(message, dict) or message.get("role") not in _BLOCKS:
            raise invalid(f"{where}.role: Input should be 'user' or 'assistant'")
        if extra := set(message) - {"role", "content"}:
            raise invalid(f"{where}.{min(extra)}: Extra inputs are not permitted")
        blocks = _blocks(message, where)
        if turns and turns[-1][0] == message["role"]:
            turns[-1][1].extend(blocks)
        else:
            turns.append((message["role"], [*blocks]))
    due: set[str] = set()
    for at, (_, blocks) in enumerate(turns):
        _check_results(blocks, due, f"messages: turn {at}")
        due = {block["id"] for block in blocks if block["type"] == "tool_use"}
        if due and not body.get("tools"):
            raise invalid("tools: required, since there are `tool_use` blocks in the messages")
    if due:
        raise invalid(f"messages: `tool_use` ids were found without `tool_result` blocks: {min(due)}")
    _check_last(messages[-1])


def _blocks(message: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    """Those of a message, each looked at."""
    content = message.get("content")
    if isinstance(content, str):
        if not content:
            raise invalid(f"{where}: all messages must have non-empty content")
        return [{"type": "text", "text": content}]
    if not isinstance(content, list) or not content:
        raise invalid(f"{where}.content: Input should be a valid list")
    for n, block in enumerate(content):
        _check_block(block, message["role"], f"{where}.content.{n}")
    return content


def _check_block(block: Any, role: str, where: str) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind not in _BLOCKS[role]:
        raise invalid(f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected tags")
    match block:
        case {"type": "text", "text": str(text)} if text.strip():
            return
        case {"type": "text"}:
            raise invalid(f"{where}.text: text content blocks must contain non-whitespace text")
        case {"type": "image" | "document", "source": {**source}}:
            _check_source(dict(source), where, picture=kind == "image")
        case {"type": "tool_use", "id": str(id), "name": str(), "input": dict()} if _ID.fullmatch(id):
            return
        case {"type": "tool_result", "tool_use_id": str()}:
            for n, inner in enumerate(block["content"] if isinstance(block.get("content"), list) else ()):
                _check_block(inner, "user", f"{where}.content.{n}")
        case {"type": "thinking", "thinking": str(), "signature": str()} | {"type": "redacted_thinking", "data": str()}:
            return
        case _:
            raise invalid(f"{where}.{kind}: Field required")


def _check_source(source: dict[Any, Any], where: str, *, picture: bool) -> None:
    match source:
        case {"type": "url", "url": str(url)} if url.startswith(("https://", "http://")):
            return
        case {"type": "base64", "media_type": str(kind), "data": str(text)}:
            data = _decoded(text, where)
            if picture and kind not in _MAGIC:
                raise invalid(f"{where}.source.base64.media_type: Input should be 'image/jpeg', 'image/png', …")
            if not data.startswith(_MAGIC[kind] if picture else b"%PDF"):
                raise invalid(f"{where}.source.base64: the data does not look like the media type {kind}")
        case _:
            raise invalid(f"{where}.source: Field required")


def _decoded(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise invalid(f"{where}.source.base64.data: invalid base64 data") from wrong


def _check_results(blocks: list[dict[str, Any]], due: set[str], where: str) -> None:
    """All that the turn before asked for has to be at the beginning of this one, and nothing else."""
    kinds = [block["type"] for block in blocks]
    given = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
    if unknown := given - due:
        raise invalid(f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {min(unknown)}")
    if missing := due - given:
        raise invalid(f"{where}: `tool_use` ids were found without `tool_result` blocks after: {min(missing)}")
    results = kinds.count("tool_result")
    if "tool_result" in kinds[results:]:
        raise invalid(f"{where}: `tool_result` blocks must come first in the content")


def _check_last(message: Mapping[str, Any]) -> None:
    content = message["content"]
    text = content if isinstance(content, str) else content[-1].get("text", "")
    if message["role"] == "assistant" and text != text.rstrip():
        raise invalid("messages: final assistant content cannot end with trailing whitespace")
