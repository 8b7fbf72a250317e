"""Parts of OpenAI's messages as Anthropic's blocks. Source: shared/protocols/anthropic.md §1, §4.

What a picture is, its first bytes say: Anthropic refuses one whose name is another's, and OpenAI takes it.
"""

import base64
import binascii
import re
from collections.abc import Collection
from typing import Any

from storage.errors import InvalidRequest

Block = dict[str, Any]

_ALL = ("text", "image_url", "file")
_DATA = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w-]+=[^;,]*)*;base64,", re.IGNORECASE)
_PICTURES = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF8": "image/gif",
}
_HEAD = 24
_PDF = "application/pdf"


def blocks(content: Any, field: str, kinds: Collection[str] = _ALL) -> list[Block]:
    """What a message says, without texts that say nothing. `kinds`: of parts that may be. Raises InvalidRequest."""
    if content is None:
        return []
    if isinstance(content, str):
        return _text(content)
    if not isinstance(content, list):
        raise InvalidRequest("has to be a text, or a list of parts", field=field)
    return [block for at, part in enumerate(content) for block in _part(part, f"{field}.{at}", kinds)]


def spoken(content: Any, field: str) -> list[str]:
    """Of those who only have words: the system, and the model, which may have refused. Raises InvalidRequest."""
    return [block["text"] for block in blocks(content, field, ("text", "refusal"))]


def _part(part: Any, field: str, kinds: Collection[str]) -> list[Block]:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind not in kinds:
        told = f"{field}.{kind}" if isinstance(kind, str) and kind in part else f"{field}.type"
        raise InvalidRequest(f"this model cannot be told it here; it can be: {', '.join(kinds)}", field=told)
    match part:
        case {"text": str(text)} | {"refusal": str(text)}:
            return _text(text)
        case {"image_url": {"url": str(url)}}:
            return [{"type": "image", "source": _picture(url, f"{field}.image_url.url")}]
        case {"file": dict(file)}:
            return [_document(file, f"{field}.file")]
        case _:
            raise InvalidRequest("has to be there", field=f"{field}.{kind}")


def _text(text: str) -> list[Block]:
    return [{"type": "text", "text": text}] if text.strip() else []


def _picture(url: str, field: str) -> Block:
    if url.startswith(("https://", "http://")):
        return {"type": "url", "url": url}
    _, data = _data(url, field)
    if kind := _kind(data, field):
        return {"type": "base64", "media_type": kind, "data": data}
    raise InvalidRequest("this model sees JPEG, PNG, GIF and WebP", field=field)


def _kind(data: str, field: str) -> str | None:
    """What a picture is."""
    try:
        head = base64.b64decode(data[:_HEAD])
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("is no Base64", field=field) from error
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _PICTURES.items() if head.startswith(magic)), None)


def _document(file: dict[str, Any], field: str) -> Block:
    """A PDF that is sent along. One by its id is known to OpenAI only."""
    data = file.get("file_data")
    if not isinstance(data, str):
        raise InvalidRequest("this model reads no files but those sent along as file_data", field=f"{field}.file_id")
    kind, data = _data(data, f"{field}.file_data")
    if kind != _PDF:
        raise InvalidRequest("this model reads files of the type application/pdf", field=f"{field}.file_data")
    block: Block = {"type": "document", "source": {"type": "base64", "media_type": _PDF, "data": data}}
    if file.get("filename"):
        block["title"] = str(file["filename"])
    return block


def _data(uri: str, field: str) -> tuple[str, str]:
    """A data URI's type, in small letters, and its Base64."""
    head = _DATA.match(uri)
    if head is None:
        raise InvalidRequest("has to be a URL, or a data URI in Base64", field=field)
    return (head[1] or "").lower(), uri[head.end() :]
