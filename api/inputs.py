"""Media that come with a request: judged by their first bytes before anything is decoded, stored before the job is.

Inline (Base64, with or without a data URI around it), as an http(s) URL, which is fetched when the job is admitted, or
as an object of the store: one of the caller's files, or what has come with the request and lies in its place already.
"""

import asyncio
import base64
import binascii
import warnings
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from io import BytesIO
from typing import NamedTuple

from PIL import Image

from storage.addresses import Guard
from storage.errors import InvalidRequest, ObjectMissing, TooLarge, UpstreamError
from storage.media import inputs_prefix
from storage.objects import Objects
from storage.outbound import Outbound

MAX_INLINE_BYTES = MAX_PICTURE_BYTES = 50_000_000
MAX_PIXELS = 40_000_000
MAX_BODY_BYTES = 70_000_000
"""Of a request that carries pictures: one of the largest fits, in Base64."""

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
_ANY = "application/octet-stream"
_FETCH_S = 30.0
_TYPES = ("image/*", "application/octet-stream", "binary/octet-stream")


_STORED_AT_ONCE = 8


class Medium(NamedTuple):
    """A sort of input: how long it may take to fetch, how much of it, of which content types (any, if none is named);
    and what makes of its bytes, as they come, those to be stored. That raises what is wrong, naming the field."""

    name: str
    limit_bytes: int
    fetch_s: float
    types: tuple[str, ...]
    judged: Callable[[AsyncIterable[bytes], str], AsyncIterator[bytes]]


async def _whole_picture(chunks: AsyncIterable[bytes], field: str) -> AsyncIterator[bytes]:
    yield picture_bytes(b"".join([chunk async for chunk in chunks]), field).data


PICTURE = Medium("picture", MAX_PICTURE_BYTES, _FETCH_S, _TYPES, _whole_picture)


class Input(NamedTuple):
    """What a request carries under the name of `field`: the bytes, or where they are (`key`: in the object store)."""

    field: str
    data: bytes = b""
    url: str = ""
    key: str = ""
    medium: Medium = PICTURE


def picture(text: str, field: str, guard: Guard) -> Input:
    """A picture as JSON carries it. Raises InvalidRequest, TooLarge, AddressRefused."""
    if text[:8].lower().startswith(("http://", "https://")):
        guard.check_url(text, field=field)
        return Input(field, url=text)
    return picture_bytes(decoded(text, field), field)


def decoded(text: str, field: str, name: str = PICTURE.name) -> bytes:
    """What Base64 says, whether a data URI is around it or not. `name`: of what it should be.

    Raises InvalidRequest, TooLarge.
    """
    if text[:5].lower() == "data:":
        head, comma, text = text.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise InvalidRequest("a data URI has to be Base64: data:…;base64,…", field=field)
    if len(text) > MAX_INLINE_BYTES * 4 // 3 + 4:
        raise TooLarge(f"inline, a {name} may have {MAX_INLINE_BYTES} bytes at most", field=field)
    try:
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error:  # mended: line breaks, and an end without its padding
            text = "".join(text.split())
            return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest(f"a {name} is wanted: Base64, a data URI, or an http(s) URL", field=field) from None


def picture_bytes(data: bytes, field: str) -> Input:
    """A picture as it is. Raises InvalidRequest, TooLarge."""
    if not data:
        raise InvalidRequest("the picture is empty", field=field)
    if len(data) > MAX_PICTURE_BYTES:
        raise _too_large(field)
    width, height = _size(data, field)
    if width * height > MAX_PIXELS:
        raise InvalidRequest(
            f"the picture has {width} × {height} pixels; the limit is {MAX_PIXELS // 1_000_000} megapixels", field=field
        )
    return Input(field, data)


def _size(data: bytes, field: str) -> tuple[int, int]:
    """Width and height, from the head of the file. None of it is decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit is ours to draw
            with Image.open(BytesIO(data), formats=FORMATS) as found:
                return found.size
    except Image.DecompressionBombError:
        raise InvalidRequest(
            f"the picture has far more pixels than the limit of {MAX_PIXELS // 1_000_000} megapixels", field=field
        ) from None
    except Exception:  # noqa: BLE001 - Pillow's parsers raise whatever a broken file makes them
        kinds = ", ".join(FORMATS)
        raise InvalidRequest(f"this is no picture that can be read; known formats: {kinds}", field=field) from None


def _too_large(field: str) -> TooLarge:
    return TooLarge(f"the picture is larger than the limit of {MAX_PICTURE_BYTES} bytes", field=field)


class InputStore:
    """Where inputs go: an object each, under a prefix of their job's own."""

    def __init__(self, objects: Objects, outbound: Outbound) -> None:
        self._objects, self._outbound = objects, outbound
        self._at_once = asyncio.Semaphore(_STORED_AT_ONCE)  # each holds two parts of a stream in memory

    async def store(self, job: str, inputs: Mapping[str, Input]) -> dict[str, str]:
        """Store the inputs of a job, fetching what is elsewhere. Returns their objects' keys.

        Raises InvalidRequest, TooLarge and AddressRefused about what was fetched, ObjectsUnavailable.
        """
        keys: dict[str, str] = {}
        for name, given in inputs.items():
            keys[name] = inputs_prefix(job) + name
            if given.data:
                await self._objects.put_bytes(keys[name], given.data, content_type=_ANY)
            elif given.key != keys[name]:
                async with self._at_once, self._chunks(given) as chunks:
                    judged = given.medium.judged(chunks, given.field)
                    await self._objects.put_stream(keys[name], judged, content_type=_ANY)
        return keys

    @asynccontextmanager
    async def _chunks(self, given: Input) -> AsyncIterator[AsyncIterable[bytes]]:
        if given.url:
            async with self._fetching(given) as reading:
                yield reading
            return
        try:
            async with self._objects.read(given.key) as stored:
                yield stored
        except ObjectMissing as error:
            raise InvalidRequest("this file has been deleted", field=given.field) from error

    @asynccontextmanager
    async def _fetching(self, given: Input) -> AsyncIterator[AsyncIterable[bytes]]:
        medium, could_not = given.medium, f"the {given.medium.name} could not be fetched"
        try:
            async with self._outbound.stream(
                given.url,
                timeout_s=medium.fetch_s,
                limit_bytes=medium.limit_bytes,
                types=medium.types,
                field=given.field,
            ) as reading:
                if not 200 <= reading.status < 300:
                    raise InvalidRequest(f"{could_not}: {reading.status}", field=given.field)
                yield reading
        except UpstreamError as error:  # of the caller's choosing, and so the caller's to mend
            raise InvalidRequest(f"{could_not}: {error}", field=given.field) from error
