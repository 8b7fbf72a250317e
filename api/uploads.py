"""Bodies that are too large to be held: read as they come, in pieces as the connection brings them."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import multipart
from litestar import Request

from api.scope import header
from storage.errors import InvalidRequest, TooLarge

IDLE_S = 60.0
MAX_FIELD_BYTES = 64_000
MAX_PARTS = 100
MAX_NAME = 255
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_BOUNDARY = re.compile(r"""multipart/form-data\s*;.*?\bboundary="?([^";\s]{1,200})""", re.IGNORECASE)


def file_name(sent: str | None) -> str:
    """What a file is called: the name without folders and control characters."""
    return _CONTROLS.sub("", re.split(r"[\\/]", sent or "")[-1])[:MAX_NAME] or "upload"


async def body_chunks(request: Request[Any, Any, Any], limit_bytes: int) -> AsyncGenerator[bytes, None]:
    """The body, in pieces. Raises TooLarge (at once if its length was announced), InvalidRequest if it breaks off."""
    announced = header(request.scope, b"content-length") or ""
    if announced.isdecimal() and int(announced[:20]) > limit_bytes:
        raise _too_large(limit_bytes)
    read_bytes, more = 0, True
    while more:
        try:
            async with asyncio.timeout(IDLE_S):
                event: Any = await request.receive()
        except TimeoutError:
            raise InvalidRequest(f"nothing came of the body for {IDLE_S:g} s") from None
        if event["type"] != "http.request":
            raise InvalidRequest("the body broke off")
        more, chunk = event.get("more_body", False), event.get("body", b"")
        read_bytes += len(chunk)
        if read_bytes > limit_bytes:
            raise _too_large(limit_bytes)
        if chunk:
            yield chunk


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"the body is larger than the limit of {limit_bytes} bytes")


class Part:
    """A part of a form: `async for chunk in part`, once, before the next part is asked for."""

    def __init__(self, segment: multipart.MultipartSegment, events: AsyncIterator[Any]) -> None:
        self.name, self.file_name, self.content_type = segment.name, segment.filename, segment.content_type
        self._events, self._over = events, False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self._over:
            event = await anext(self._events)
            if event is None:
                self._over = True
            else:
                yield bytes(event)

    async def text(self) -> str:
        """A small part as text. Raises TooLarge, InvalidRequest."""
        value = bytearray()
        async for chunk in self:
            value += chunk
            if len(value) > MAX_FIELD_BYTES:
                raise TooLarge(f"a field has at most {MAX_FIELD_BYTES} bytes", field=self.name)
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise InvalidRequest("is not UTF-8", field=self.name) from None


async def form_parts(request: Request[Any, Any, Any], limit_bytes: int) -> AsyncGenerator[Part, None]:
    """The parts of a multipart form as they come. Raises InvalidRequest, TooLarge."""
    events = _events(request, limit_bytes)
    try:
        async for event in events:
            part = Part(event, events)
            yield part
            async for _ in part:  # what nobody wanted
                pass
    finally:
        await events.aclose()


async def _events(request: Request[Any, Any, Any], limit_bytes: int) -> AsyncGenerator[Any, None]:
    """A segment's head, its bytes, None at its end; and so on."""
    found = _BOUNDARY.match(header(request.scope, b"content-type") or "")
    if not found:
        raise InvalidRequest("a form is wanted: multipart/form-data, with its boundary", field="Content-Type")
    try:
        parser = multipart.PushMultipartParser(found[1], max_segment_count=MAX_PARTS)
        async for chunk in body_chunks(request, limit_bytes):
            for event in parser.parse(chunk):
                yield event
        parser.close()
    except multipart.MultipartError as error:
        raise InvalidRequest(f"the body is no multipart form: {error}") from error
