"""Recordings: what may be one, and where it is: in a form, elsewhere, or among the caller's files."""

from collections.abc import AsyncIterable, AsyncIterator
from functools import partial

from api.dialects.recording import Source
from api.inputs import Input, Medium, decoded
from api.operation import Caller
from api.signatures import HEAD_BYTES, no_recording
from storage.errors import InvalidRequest, NotFound, TooLarge

NAME = "recording"
_FETCH_S = 3600.0
_WANTED = "send a recording: flac, mp3, mp4, m4a, ogg, opus, wav, webm or another that FFmpeg reads"


def medium(limit_bytes: int, *, raw: bool = False) -> Medium:
    """Recordings. `raw`: samples without a head, which nothing can be told of."""
    return Medium(NAME, limit_bytes, _FETCH_S, (), partial(_judged, limit_bytes=limit_bytes, raw=raw))


async def the_recording(caller: Caller, source: Source, field: str, *, raw: bool = False) -> Input:
    """The recording that JSON names. Raises InvalidRequest, TooLarge, AddressRefused."""
    limit_bytes = caller.services.settings.file_max_bytes
    sort = medium(limit_bytes, raw=raw)
    if source.file_id is not None:
        return Input(field, key=await _uploaded(caller, source.file_id, field, limit_bytes), medium=sort)
    text = source.url or ""
    if text[:8].lower().startswith(("http://", "https://")):
        caller.services.guard.check_url(text, field=field)
        return Input(field, url=text, medium=sort)
    if text[:5].lower() != "data:":
        raise InvalidRequest("an http(s) URL, a data URI or the id of one of your files is wanted", field=field)
    data = decoded(text, field, NAME)
    if len(data) > limit_bytes:
        raise too_large(limit_bytes, field)
    check_head(data[:HEAD_BYTES], field, raw=raw)
    return Input(field, data, medium=sort)


async def _uploaded(caller: Caller, id: str, field: str, limit_bytes: int) -> str:
    try:
        file = await caller.services.store.files.get(caller.owner, id)
    except NotFound as error:
        raise InvalidRequest(str(error), field=field) from error
    if file.growing:
        raise InvalidRequest("this is no recording, but what a batch writes", field=field)
    if file.bytes > limit_bytes:
        raise too_large(limit_bytes, field)
    return file.where


def check_head(head: bytes, field: str, *, raw: bool = False) -> None:
    """Judge a recording by its first bytes, or by all of it. Raises InvalidRequest."""
    if not head:
        raise InvalidRequest("the recording is empty", field=field)
    if not raw and (found := no_recording(head)):
        raise InvalidRequest(f"this is {found}; {_WANTED}", field=field)


def too_large(limit_bytes: int, field: str) -> TooLarge:
    return TooLarge(f"the recording is larger than the limit of {limit_bytes} bytes", field=field)


async def _judged(chunks: AsyncIterable[bytes], field: str, *, limit_bytes: int, raw: bool) -> AsyncIterator[bytes]:
    """The same bytes, none of them before the first have been judged."""
    head, passed, size_bytes = b"", False, 0
    async for chunk in chunks:
        size_bytes += len(chunk)
        if size_bytes > limit_bytes:
            raise too_large(limit_bytes, field)
        if passed:
            yield chunk
            continue
        head += chunk
        if len(head) >= HEAD_BYTES:
            check_head(head[:HEAD_BYTES], field, raw=raw)
            passed = True
            yield head
    if not passed:
        check_head(head, field, raw=raw)
        yield head
