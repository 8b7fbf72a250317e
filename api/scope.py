"""What a request says of itself, read from its ASGI scope without building anything around it."""

import re
import secrets
from typing import Any, cast

from litestar.types import HTTPScope, Message, Scope

_SANE_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_SANE_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9a-fA-F:.]+\](:\d{1,5})?")


def header(scope: Any, name: bytes) -> str | None:
    """The first header called `name` (lower case), or None."""
    for key, value in scope["headers"]:
        if key == name:
            return cast(bytes, value).decode("latin-1")
    return None


def request_id(scope: Scope) -> str:
    """The caller's own `x-request-id` if it is fit to be repeated, else one of ours; the same for the whole request."""
    state = scope["state"]
    if "request_id" not in state:
        sent = header(scope, b"x-request-id")
        state["request_id"] = sent if sent and _SANE_ID.fullmatch(sent) else f"req_{secrets.token_hex(12)}"
    return cast(str, state["request_id"])


async def stamp(message: Message, scope: Scope) -> None:
    """Put `x-request-id` on an answer that is about to be sent."""
    if message["type"] == "http.response.start":
        message["headers"] = [*message["headers"], (b"x-request-id", request_id(scope).encode("latin-1"))]


def base_url(scope: HTTPScope, configured: str | None) -> str:
    """What links in the answer start with, without a slash at the end.

    A proxy's `X-Forwarded-Proto` and `-Host` are believed: whoever sets them sees no one's links but their own.
    """
    if configured:
        return configured.rstrip("/")
    scheme = (header(scope, b"x-forwarded-proto") or scope["scheme"]).partition(",")[0].strip()
    host = (header(scope, b"x-forwarded-host") or header(scope, b"host") or "").partition(",")[0].strip()
    if scheme not in ("http", "https") or not _SANE_HOST.fullmatch(host):
        return ""  # links relative to this server
    return f"{scheme}://{host}"
