"""Calls sent as they are, over HTTP: what the worker's steps will do, without their care for addresses and limits."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from storage.wire.reply import Reply
from workers.adapters.base import Call, Field, Given
from workers.adapters.given import titled, turned

PATIENCE_S = 60.0


async def sent(
    call: Call,
    url: str,
    files: Mapping[str, bytes] | None = None,
    *,
    auth: str = "none",
    key: str = "",
    to: Path | None = None,
) -> Reply:
    """What comes back. `files`: what the caller sent; `key`: the credential, "user:password" if `auth` is basic; `to`:
    where a good answer goes, if it is a file."""
    files = files or {}
    request: dict[str, Any] = {}
    if call.form:
        request["files"] = [_part(field, files) for field in call.form]
    elif call.json is not None:
        request["json"] = _filled(call.json, files)
    async with httpx.AsyncClient(trust_env=False, timeout=min(PATIENCE_S, call.timeout_s)) as http:
        answer = await http.request(
            call.method,
            url + call.path,
            params=call.query or None,
            headers=call.headers | _credential(auth, key),
            **request,
        )
    path = None
    if call.to_file and to is not None and answer.is_success:
        path = to / "answer"
        path.write_bytes(answer.content)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Reply(answer.status_code, headers, b"" if path else answer.content, path)


def _credential(auth: str, key: str) -> dict[str, str]:
    match auth:
        case "bearer":
            return {"authorization": f"Bearer {key}"}
        case "basic":
            return {"authorization": f"Basic {base64.b64encode(key.encode()).decode()}"}
        case "header":
            return {"x-api-key": key}
        case _:
            return {}


def _part(field: Field, files: Mapping[str, bytes]) -> tuple[str, tuple[str | None, bytes, str | None]]:
    if isinstance(field.value, Given):
        data = turned(field.value, files[field.value.name])
    else:
        data = field.value.encode() if isinstance(field.value, str) else field.value
    name, kind = titled(field, data)
    return field.name, (name, data, kind)


def _filled(value: Any, files: Mapping[str, bytes]) -> Any:
    if isinstance(value, Given):
        text = base64.b64encode(turned(value, files[value.name])).decode()
        return f"data:application/octet-stream;base64,{text}" if value.data_uri else text
    if isinstance(value, dict):
        return {name: _filled(inner, files) for name, inner in value.items()}
    return [_filled(inner, files) for inner in value] if isinstance(value, list) else value
