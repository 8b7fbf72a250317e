"""A form as the JSON it stands for, so that one reader serves both, and a repeated form is known for what it is.

Each attempt of a client has another boundary. What is made of a form depends on its fields alone: sorted by name, their
values as text (`"2"`, `"true"`: whoever reads them takes those), files as data URIs that claim no type.
"""

import base64
import re
from collections.abc import Collection

import msgspec
from litestar.exceptions import HTTPException

from api.inputs import MAX_BODY_BYTES, MAX_PICTURE_BYTES
from api.scope import header
from api.services import Call
from api.uploads import Part, form_parts
from storage.errors import InvalidRequest, TooLarge

MAX_TEXT_BYTES = 200_000
"""Of a field that is no file: the longest prompt, in any script."""

_LIST = re.compile(r"(.+)\[\d{0,3}\]")
_JSON = {"", "application/json", "text/json", "text/plain", "application/octet-stream"}


async def json_of_form(request: Call, *, many: Collection[str], one: Collection[str]) -> bytes | None:
    """What stands for a form; None for a body that claims to be JSON, or nothing.

    `many` and `one` name the fields that hold files: one of them or several (`image`, `image[]`), and one only.

    Raises InvalidRequest and TooLarge, naming the part; 415 for a body of another kind.
    """
    if not is_form(request):
        return None
    fields = dict[str, str | list[str]]()
    async for part in form_parts(request, MAX_BODY_BYTES):
        name = field_name(part, many)
        value = await _media(part, name) if name in many or name in one else await _text(part, name)
        before = fields.get(name)
        if name in many:
            fields[name] = [*before, value] if isinstance(before, list) else [value]
        elif before is not None:
            raise InvalidRequest("comes more than once", field=name)
        else:
            fields[name] = value
    return msgspec.json.encode(fields, order="sorted")


def is_form(request: Call) -> bool:
    """False if the body claims to be JSON, or nothing. Raises 415 for one of another kind."""
    kind = (header(request.scope, b"content-type") or "").partition(";")[0].strip().lower()
    if kind in _JSON or kind.endswith("+json"):
        return False
    if kind != "multipart/form-data":
        raise HTTPException(status_code=415, detail="send multipart/form-data, or application/json")
    return True


def field_name(part: Part, many: Collection[str]) -> str:
    """What a part is called, whichever way its client writes that there may be more of it."""
    name = part.name or ""
    listed = _LIST.fullmatch(name)
    return listed[1] if listed and listed[1] in many else name


async def _media(part: Part, name: str) -> str:
    """A file as a data URI; text that is none as it is: an address, or Base64."""
    data = await _bytes(part, name, MAX_PICTURE_BYTES)
    if part.file_name is None:
        try:
            return data.decode()
        except UnicodeDecodeError:  # bytes that came without a name
            pass
    return f"data:application/octet-stream;base64,{base64.b64encode(data).decode()}"


async def _text(part: Part, name: str) -> str:
    if part.file_name is not None:
        raise InvalidRequest("no file is taken under this name", field=name)
    try:
        return (await _bytes(part, name, MAX_TEXT_BYTES)).decode()
    except UnicodeDecodeError:
        raise InvalidRequest("is not UTF-8", field=name) from None


async def _bytes(part: Part, name: str, limit_bytes: int) -> bytes:
    value = bytearray()
    async for chunk in part:
        value += chunk
        if len(value) > limit_bytes:
            raise TooLarge(f"may have {limit_bytes} bytes at most", field=name)
    return bytes(value)
