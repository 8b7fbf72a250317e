"""A request for a chat, as Anthropic's messages. Source: shared/protocols/anthropic.md §1, §4.

What cannot be said raises InvalidRequest with the caller's own field. What has no counterpart and changes little is
left out: seed, penalties, logit_bias, logprobs, store, metadata, service_tier, prediction, and whatever nobody knows.
"""

import json
from collections.abc import Mapping
from typing import Any

from storage.errors import InvalidRequest
from storage.wire.anthropic_messages import Conversation
from storage.wire.anthropic_options import LEAST_THOUGHT, Options

Body = dict[str, Any]

_LONGEST_USER = 256
_EFFORTS = {"minimal": "low", "xhigh": "high"}
_JSON = "Answer with one JSON object and nothing else: no words before or after it, no code fence."
_BY_SCHEMA = "Answer with JSON that fits this schema and nothing else: no words before or after it, no code fence."


def request(body: Mapping[str, Any], model: str, options: Options, *, stream: bool) -> Body:
    """The body to send: of a caller's, for what the account calls `model`. Raises InvalidRequest."""
    _refuse(body)
    conversation = Conversation(body.get("messages"))
    sent: Body = {"model": model, "max_tokens": _most(body) or options.max_tokens, "messages": conversation.turns}
    system, config = [*conversation.system], _format(body, options)
    if isinstance(config, str):
        system.append(config)
    elif config:
        sent["output_config"] = {"format": config}
    if system:
        sent["system"] = "\n".join(system)
    if stops := _stops(body):
        sent["stop_sequences"] = stops
    if stream:
        sent["stream"] = True
    if user := body.get("user") or body.get("safety_identifier"):
        sent["metadata"] = {"user_id": str(user)[:_LONGEST_USER]}
    sent |= _tools(body, conversation)
    _think(body, sent, conversation, options)
    if "thinking" not in sent and options.samples:
        sent |= _sampling(body)
    return sent


def _refuse(body: Mapping[str, Any]) -> None:
    """What changes the shape of the answer, and cannot be had."""
    if _whole(body, "n", 1, 128) not in (None, 1):
        raise InvalidRequest("this model answers with one choice", field="n")
    modalities = body.get("modalities")
    if isinstance(modalities, list) and "audio" in modalities:
        raise InvalidRequest("this model does not speak", field="modalities")
    for name in ("functions", "function_call"):
        if body.get(name):
            raise InvalidRequest("functions are tools by now: say tools and tool_choice", field=name)


def _most(body: Mapping[str, Any]) -> int | None:
    newer = _whole(body, "max_completion_tokens", 1)
    return newer if newer is not None else _whole(body, "max_tokens", 1)


def _whole(body: Mapping[str, Any], name: str, least: int, most: int | None = None) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < least or (most is not None and value > most):
        raise InvalidRequest(f"has to be a whole number from {least}" + (f" to {most}" if most else ""), field=name)
    return value


def _number(body: Mapping[str, Any], name: str, most: float) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
        raise InvalidRequest(f"has to be a number from 0 to {most:g}", field=name)
    return value


def _sampling(body: Mapping[str, Any]) -> Body:
    """One way of it at the most: newer models refuse two."""
    temperature, top_p = _number(body, "temperature", 2), _number(body, "top_p", 1)
    if temperature is not None:
        return {"temperature": min(1, temperature)}
    return {} if top_p is None else {"top_p": top_p}


def _stops(body: Mapping[str, Any]) -> list[str]:
    """Those that may be said: white space alone may not."""
    stop = body.get("stop")
    stops = [stop] if isinstance(stop, str) else stop or []
    if not isinstance(stops, list) or not all(isinstance(one, str) for one in stops):
        raise InvalidRequest("has to be a text, or a list of texts", field="stop")
    return [one for one in stops if one.strip()]


def _format(body: Mapping[str, Any], options: Options) -> Body | str | None:
    """What asks for the form of the answer: a line of the system's words, or `output_config.format`."""
    match body.get("response_format"):
        case None | {"type": "text"}:
            return None
        case {"type": "json_object"}:
            return _JSON
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            if options.schemas == "output_config":
                return {"type": "json_schema", "schema": schema}
            return f"{_BY_SCHEMA}\n{json.dumps(schema, ensure_ascii=False)}"
        case {"type": "json_schema", "json_schema": dict()}:
            return _JSON
        case {"type": "json_schema"}:
            raise InvalidRequest("has to be there", field="response_format.json_schema")
        case _:
            raise InvalidRequest("is one of: text, json_object, json_schema", field="response_format.type")


def _tools(body: Mapping[str, Any], conversation: Conversation) -> Body:
    """Tools, and which of them is to be used. Those of calls long made have to be there, though none is called now."""
    tools = body.get("tools") or []
    if not isinstance(tools, list):
        raise InvalidRequest("has to be a list", field="tools")
    told = [_tool(tool, f"tools.{at}") for at, tool in enumerate(tools)]
    if not told:
        known = [{"name": name, "input_schema": {"type": "object"}} for name in conversation.called]
        return {"tools": known, "tool_choice": {"type": "none"}} if known else {}
    choice = _choice(body.get("tool_choice"))
    if body.get("parallel_tool_calls") is False and (choice or {}).get("type") != "none":
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    return {"tools": told, **({"tool_choice": choice} if choice else {})}


def _tool(tool: Any, field: str) -> Body:
    match tool:
        case {"type": "function", "function": {"name": str(name), **function}}:
            told: Body = {"name": name, "input_schema": _schema(function.get("parameters"), field)}
            if function.get("description"):
                told["description"] = str(function["description"])
            return told
        case {"type": "function"}:
            raise InvalidRequest("has to be there", field=f"{field}.function.name")
        case _:
            raise InvalidRequest("this model has tools of the type function only", field=f"{field}.type")


def _schema(parameters: Any, field: str) -> Body:
    if parameters is None:
        return {"type": "object", "properties": {}}
    if not isinstance(parameters, dict):
        raise InvalidRequest("has to be a JSON schema", field=f"{field}.function.parameters")
    return {"type": "object", **parameters}


def _choice(choice: Any) -> Body | None:
    match choice:
        case None:
            return None
        case "auto" | "none":
            return {"type": choice}
        case "required":
            return {"type": "any"}
        case {"type": "function", "function": {"name": str(name)}}:
            return {"type": "tool", "name": name}
        case _:
            raise InvalidRequest("is none, auto, required, or a function", field="tool_choice")


def _think(body: Mapping[str, Any], sent: Body, conversation: Conversation, options: Options) -> None:
    """As much as the operator has for the caller's word. A call that is forced goes with none."""
    word = body.get("reasoning_effort")
    if options.effort and isinstance(word, str) and word != "none":
        sent.setdefault("output_config", {})["effort"] = _EFFORTS.get(word, word)
    budget = _budgets(options).get(str(word))
    if budget is None or not conversation.may_think or sent.get("tool_choice", {}).get("type") in ("any", "tool"):
        return
    if most := _most(body):  # half of it is left for the answer, if there can be
        budget = min(budget, most - 1, max(LEAST_THOUGHT, most // 2))
    else:
        sent["max_tokens"] += budget
    if budget >= LEAST_THOUGHT:
        sent["thinking"] = {"type": "enabled", "budget_tokens": budget}


def _budgets(options: Options) -> Mapping[str, int]:
    return {str(word): budget for word, budget in options.thinking.items()}
