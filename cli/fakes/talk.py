"""What a fake model says: the same to the same request, and what the last message asks for in plain words.

    say: TEXT         that line, word for word
    30 words          that many
    call NAME         calls this tool, if it is given; several names are several calls, before which only `say:` speaks

Otherwise it is a dozen words, not all of them in English. A token is a word, for want of a better rule.
"""

import json
import random
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

_WORDS = "the boat drifts slowly past naïve façades of 漢字 and 🦜 feathers while über rain grows Ω louder".split()
_USUAL = 12
_MOST_WORDS = 100_000
_FRAGMENT = 7
_PIECE = re.compile(r"\s*\S+|\s+$")


class Wanted(NamedTuple):
    """`seed`: whatever makes requests differ. `prompt`: what the last message says, if it is a user's. `tools`: those
    that may be called, with the schemas of their arguments. `forced`: the one that must be; "" is any. `schema`: of
    the JSON to answer with. `most`: tokens."""

    seed: str
    prompt: str = ""
    tools: Mapping[str, Mapping[str, Any]] = {}
    forced: str | None = None
    parallel: bool = True
    schema: Mapping[str, Any] | None = None
    most: int | None = None
    stops: Sequence[str] = ()


class Tool(NamedTuple):
    """A call. `key`: of it alone, for ids. `fragments`: its arguments as JSON, in the pieces they are streamed in."""

    key: str
    name: str
    arguments: dict[str, Any]
    fragments: Sequence[str]


class Said(NamedTuple):
    """`pieces`: of the text, a token each. `cut`: there was no room for the rest. `stop`: the sequence it ended at."""

    pieces: Sequence[str]
    tools: Sequence[Tool] = ()
    cut: bool = False
    stop: str | None = None

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def tokens(self) -> int:
        return len(self.pieces) + sum(len(tool.fragments) for tool in self.tools)


def said(wanted: Wanted) -> Said:
    names = _called(wanted)
    text = _text(wanted, silent=bool(names))
    stop = min((stop for stop in wanted.stops if stop in text), key=text.index, default=None)
    if stop is not None:
        text = text[: text.index(stop)]
    pieces = _PIECE.findall(text)
    if wanted.most is not None and len(pieces) > wanted.most:
        return Said(pieces[: wanted.most], cut=True)
    if stop is not None:
        return Said(pieces, stop=stop)
    return Said(pieces, [_tool(wanted, at, name) for at, name in enumerate(names)])


def digest(*parts: object) -> str:
    return sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()


def tokens(text: str) -> int:
    return len(text.split())


def filled(schema: Mapping[str, Any], seed: str) -> Any:
    """A value that fits a JSON schema, as far as types, enums, properties and items go."""
    if "const" in schema or schema.get("enum"):
        return schema.get("const", next(iter(schema.get("enum") or ()), None))
    match schema.get("type", "object" if "properties" in schema else "string"):
        case "object":
            inside = schema.get("properties") or {}
            return {name: filled(inner, f"{seed}.{name}") for name, inner in inside.items()}
        case "array":
            return [filled(schema.get("items") or {}, f"{seed}.0")]
        case "integer" | "number":
            return int(digest(seed)[:2], 16)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return random.Random(seed).choice(_WORDS)


def _called(wanted: Wanted) -> list[str]:
    asked = [name for name in re.findall(r"\bcall ([\w-]+)", wanted.prompt) if name in wanted.tools]
    if wanted.forced is not None:
        asked = [name for name in asked if wanted.forced in ("", name)] or [wanted.forced or next(iter(wanted.tools))]
    return asked if wanted.parallel else asked[:1]


def _text(wanted: Wanted, *, silent: bool) -> str:
    if told := re.search(r"\bsay: ?(.*)", wanted.prompt):
        return told[1]
    if silent:
        return ""
    if wanted.schema is not None:
        made = filled(wanted.schema, wanted.seed) or {"answer": filled({}, wanted.seed)}
        return json.dumps(made, ensure_ascii=False)
    many = re.search(r"\b(\d{1,6}) words\b", wanted.prompt)
    count = min(int(many[1]), _MOST_WORDS) if many else _USUAL
    return " ".join(random.Random(wanted.seed).choices(_WORDS, k=count))


def _tool(wanted: Wanted, at: int, name: str) -> Tool:
    arguments = filled({**wanted.tools[name], "type": "object"}, f"{wanted.seed}.{at}")
    told = json.dumps(arguments, ensure_ascii=False) if arguments else ""
    fragments = [told[begin : begin + _FRAGMENT] for begin in range(0, len(told), _FRAGMENT)]
    return Tool(digest(wanted.seed, at, name)[:24], name, arguments, fragments)
