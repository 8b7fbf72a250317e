"""What an answer must look like, as a grammar that lets no other token through."""

import json
from collections.abc import Mapping
from typing import Any


def grammar(wanted: Mapping[str, Any] | None) -> str | None:
    """The grammar of a `response_format`; None where any text will do."""
    if not wanted or wanted["type"] == "text":
        return None
    import xllamacpp

    schema = tightened(wanted["json_schema"]["schema"]) if wanted["type"] == "json_schema" else {"type": "object"}
    return str(xllamacpp.json_schema_to_grammar(schema))


def tightened(schema: Any) -> Any:
    """A schema whose objects have only the properties it names, unless it says otherwise: a small model that may think
    of more finds no end."""
    if isinstance(schema, list):
        return [tightened(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: value if name in ("enum", "const") else tightened(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type", "object") == "object":
        inner.setdefault("additionalProperties", False)
    return inner


def is_json_so_far(text: str) -> bool:
    """Whether JSON may begin like this."""
    start = text.lstrip()[:1]
    return not start or start in '{["-tfn' or start.isdigit()


def is_whole(text: str) -> bool:
    """Whether it is a JSON document."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
