"""OpenAI's messages as Anthropic's turns. Source: shared/protocols/anthropic.md §1, §4.

What one side says in several messages is one turn. All that the system says goes before them. Results of tools come
first in theirs, and answer all that was called in the turn before.
"""

import re
from hashlib import sha256
from typing import Any

import msgspec

from storage.errors import InvalidRequest
from storage.wire.anthropic_parts import Block, blocks, spoken
from storage.wire.reading import UNREADABLE

_ID = re.compile(r"[a-zA-Z0-9_-]+")


class Conversation:
    """`called`: the names of all tools that were ever called, in their order. Raises InvalidRequest."""

    def __init__(self, messages: Any) -> None:
        self.system: list[str] = []
        self.turns: list[dict[str, Any]] = []
        self.called: dict[str, None] = {}
        self._due: dict[str, str] = {}
        self._legacy = 0
        if not isinstance(messages, list):
            raise InvalidRequest("has to be a list", field="messages")
        for at, message in enumerate(messages):
            if not isinstance(message, dict):
                raise InvalidRequest("has to be an object", field=f"messages.{at}")
            self._hear(message, f"messages.{at}")
        self._check_due()
        self._check_turns()

    @property
    def may_think(self) -> bool:
        """Whether the model begins anew. It does not if it is told what came of its calls, for what it thought before
        them would have to be sent along, and callers never get it; nor if it goes on from words put in its mouth."""
        last = self.turns[-1]
        return bool(last["role"] == "user" and last["content"][0]["type"] != "tool_result")

    def _hear(self, message: dict[str, Any], field: str) -> None:
        match message.get("role"):
            case "system" | "developer":
                if text := "\n".join(spoken(message.get("content"), f"{field}.content")):
                    self.system.append(text)
            case "user":
                self._say("user", blocks(message.get("content"), f"{field}.content"))
            case "assistant":
                self._answer(message, field)
            case "tool":
                self._result(message, str(message.get("tool_call_id")), field, "tool_call_id")
            case "function":
                self._result(message, f"function_{self._legacy}", field, "name")
            case _:
                raise InvalidRequest(
                    "is one of: system, developer, user, assistant, tool, function", field=f"{field}.role"
                )

    def _answer(self, message: dict[str, Any], field: str) -> None:
        """What the model said: words, then calls."""
        if not self.turns or self.turns[-1]["role"] == "user":
            self._check_due()
        texts = spoken(message.get("content"), f"{field}.content")
        said: list[Block] = [{"type": "text", "text": text} for text in texts]
        calls = message.get("tool_calls") or []
        if not isinstance(calls, list):
            raise InvalidRequest("has to be a list", field=f"{field}.tool_calls")
        for at, call in enumerate(calls):
            where = f"{field}.tool_calls.{at}"
            match call:
                case {"id": str(id), "function": {"name": str(name), **function}}:
                    said.append(self._call(id, name, function.get("arguments"), where, f"{where}.function"))
                case _:
                    raise InvalidRequest("has to have an id and the name of a function", field=where)
        match message.get("function_call"):
            case {"name": str(name), **function}:
                self._legacy += 1
                where = f"{field}.function_call"
                said.append(self._call(f"function_{self._legacy}", name, function.get("arguments"), where, where))
            case _:
                pass
        self._say("assistant", said)

    def _call(self, id: str, name: str, arguments: Any, field: str, function: str) -> Block:
        """`field`: of the call; `function`: of what is called, with its arguments."""
        self.called[name] = None
        self._due[id] = field
        return {"type": "tool_use", "id": _id(id), "name": name, "input": _object(arguments, f"{function}.arguments")}

    def _result(self, message: dict[str, Any], id: str, field: str, name: str) -> None:
        if self._due.pop(id, None) is None:
            raise InvalidRequest("answers no call of the turn before", field=f"{field}.{name}")
        content = blocks(message.get("content"), f"{field}.content", ("text", "image_url"))
        block: Block = {"type": "tool_result", "tool_use_id": _id(id)}
        if [part["type"] for part in content] == ["text"]:
            block["content"] = content[0]["text"]
        elif content:
            block["content"] = content
        self._say("user", [block])

    def _say(self, role: str, said: list[Block]) -> None:
        if not said:
            return
        if self.turns and self.turns[-1]["role"] == role:
            self.turns[-1]["content"] += said
        else:
            self.turns.append({"role": role, "content": said})

    def _check_due(self) -> None:
        """All calls have been answered."""
        if self._due:
            raise InvalidRequest("is not answered by a message of the role tool", field=next(iter(self._due.values())))

    def _check_turns(self) -> None:
        """The order of what is in them; and that the user has the first word, and nobody a blank as the last."""
        for turn in self.turns:
            turn["content"].sort(key=lambda block: block["type"] != "tool_result")
        if self.turns and self.turns[-1]["role"] == "assistant":
            last = self.turns[-1]["content"][-1]
            if last["type"] == "text":
                last["text"] = last["text"].rstrip()
        if not self.turns or self.turns[0]["role"] != "user":
            raise InvalidRequest("the first to speak, after the system, has to be the user", field="messages")


def _id(id: str) -> str:
    """As it is if it will do, else one that stands for it."""
    return id if _ID.fullmatch(id) else f"call_{sha256(id.encode()).hexdigest()[:24]}"


def _object(arguments: Any, field: str) -> Any:
    """Arguments as JSON that is passed on as it is written."""
    try:
        return msgspec.json.decode(str(arguments or "{}"), type=dict[str, msgspec.Raw])
    except UNREADABLE as error:
        raise InvalidRequest("has to be a JSON object, written as a text", field=field) from error
