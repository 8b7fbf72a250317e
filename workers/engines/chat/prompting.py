"""A conversation as the model was taught to read one: ChatML. Source: the chat template in its GGUF file."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_UNASKED = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
"""What the template says where nobody gives instructions."""

_ROLES = {"developer": "system"}
_MARKS = re.compile(r"<\|(im_start|im_end|endoftext)\|>")


def prompt(messages: Sequence[Mapping[str, Any]], said: str = "") -> str:
    """The text that the model goes on from; `said` is how its answer begins."""
    told = [*messages]
    if not told or _role(told[0]) != "system":
        told.insert(0, {"role": "system", "content": _UNASKED})
    turns = [f"<|im_start|>{_role(each)}\n{_plain(each['content'])}<|im_end|>\n" for each in told]
    return "".join(turns) + "<|im_start|>assistant\n" + _plain(said)


def _role(message: Mapping[str, Any]) -> str:
    role = str(message["role"])
    return _ROLES.get(role, role)


def _plain(text: str) -> str:
    """Without the marks of turns: nobody may speak in another's name."""
    return _MARKS.sub(r"<\1>", text)
