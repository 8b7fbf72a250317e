"""Files, as OpenAI's clients keep them here: inputs of batches, and what batches write.

Bytes go to the object store as they come, and come from it as they are read; none of a file's size is ever in memory.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qs, quote

from litestar import Router, delete, get, post, route
from litestar.params import FromPath
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from api.admission import idempotency_key
from api.batches import examples
from api.jobs import page_limit
from api.openapi import KEYED
from api.ranges import File as RangedFile
from api.ranges import Span, Unsatisfiable, unchanged, wanted
from api.reply import Header, Reply, json_reply
from api.scope import header
from api.services import Call, Services, authenticate
from api.settings import ApiSettings
from api.uploads import Part, file_name, form_parts
from api.wait import while_connected
from storage.errors import InvalidRequest, ObjectsUnavailable, RequestError, TooLarge
from storage.files import BATCH, BATCH_OUTPUT, File, Segment
from storage.ids import is_file_id, minted_ms, new_file_id
from storage.jobs import Idempotency
from storage.objects import Objects, Stored

PURPOSES = (BATCH, "assistants", "evals", "fine-tune", "user_data", "vision")
"""What callers may upload for. All but the first are kept, and mean nothing here."""

MAX_PAGE = 10_000
_FORM_BYTES = 1_000_000  # what a form may be larger than its file
_LIFE_S = range(3_600, 2_592_000 + 1)  # Source: OpenAI's reference, "expires_after"


@post("/files", status_code=200, request_max_body_size=None, summary="Upload a file", operation_class=examples.UPLOAD)
async def upload(request: Call) -> ASGIApp:
    """A form with `purpose` and `file`. It is stored as it comes, and known once it is whole."""
    services = Services.of(request)
    key = idempotency_key(header(request.scope, b"idempotency-key"))
    id = new_file_id()
    where = await services.store.files.begin(request.user.id, id)
    try:
        file = await _received(request, id, where)
        said = (file.purpose, file.filename, file.sha256, str(file.expires and file.expires - minted_ms(id)))
        seen = Idempotency.of(key, b"/v1/files", *(word.encode() for word in said)) if key else None
        made, replayed = await services.store.files.add(file, seen)
    except RequestError:
        await _erase(services.objects, where)
        raise
    if replayed:
        await _erase(services.objects, where)
    return json_reply(rendered(made), headers=[(b"idempotent-replayed", b"true")] if replayed else [])


@get("/files", summary="List files", operation_class=examples.FILES)
async def list_files(request: Call) -> ASGIApp:
    """The caller's files, newest first."""
    query = parse_qs(request.scope["query_string"].decode("latin-1"))
    after = query.get("after", [None])[-1]
    if after is not None and not is_file_id(after):
        raise InvalidRequest("this is not the id of a file", field="after")
    order = query.get("order", ["desc"])[-1]
    if order not in ("asc", "desc"):
        raise InvalidRequest("is asc or desc", field="order")
    page = await Services.of(request).store.files.page(
        request.user.id,
        after=after,
        limit=page_limit(query, MAX_PAGE, MAX_PAGE),
        newest_first=order == "desc",
        purpose=query.get("purpose", [None])[-1],
    )
    return json_reply(listed([rendered(file) for file in page.files], more=page.more))


@get("/files/{file_id:str}", summary="Read a file's record", operation_class=examples.FILE)
async def read(request: Call, file_id: FromPath[str]) -> ASGIApp:
    """What is known of a file."""
    return json_reply(rendered(await Services.of(request).store.files.get(request.user.id, file_id)))


@delete("/files/{file_id:str}", status_code=200, summary="Delete a file", operation_class=examples.DELETE)
async def remove(request: Call, file_id: FromPath[str]) -> ASGIApp:
    """Its record and its bytes; refused while a batch reads or writes it."""
    services = Services.of(request)
    file = await services.store.files.remove(request.user.id, file_id)
    await _erase(services.objects, file.where)
    return json_reply({"id": file.id, "object": "file", "deleted": True})


@get("/files/{file_id:str}/content", summary="Read a file", operation_class=examples.CONTENT)
async def content(request: Call, file_id: FromPath[str]) -> ASGIApp:
    """Its bytes, or a range of them. Of a file that a batch still writes those that are there: go on from their end."""
    return await _content(request, file_id)


@route("/files/{file_id:str}/content", http_method="HEAD", include_in_schema=False)
async def content_head(request: Call, file_id: FromPath[str]) -> ASGIApp:
    return await _content(request, file_id)


router = Router(
    "/v1",
    route_handlers=[upload, list_files, read, remove, content, content_head],
    before_request=authenticate,
    tags=["Files"],
    security=KEYED,
)


def rendered(file: File) -> dict[str, Any]:
    """A file as OpenAI's clients know it."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": file.created // 1000,
        "expires_at": file.expires // 1000 or None,
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }


def listed(data: Sequence[Mapping[str, Any]], *, more: bool) -> dict[str, Any]:
    """A page as OpenAI's clients know it."""
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return {"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": more}


# --- what comes ---


async def _received(request: Call, id: str, where: str) -> File:
    """The file of the form, stored. Raises RequestError, ObjectsUnavailable."""
    services = Services.of(request)
    settings, fields = services.settings, dict[str, str]()
    stored: Stored | None = None
    name = ""
    async for part in form_parts(request, settings.file_max_bytes + _FORM_BYTES):
        if part.name != "file":
            fields[part.name or ""] = await part.text()
        elif stored:
            raise InvalidRequest("one file at a time is taken", field="file")
        else:
            name = file_name(part.file_name)
            limited = _limited(part, _most(settings, fields.get("purpose")))
            stored = await services.objects.put_stream(where, limited, content_type="application/octet-stream")
    if stored is None:
        raise InvalidRequest("a part with a file is wanted", field="file")
    purpose = _purpose(fields)
    if stored.size_bytes > _most(settings, purpose):  # the file came first, and what it is for after it
        raise _too_large(_most(settings, purpose))
    life_s = _life_s(fields)
    return File(
        id=id,
        owner=request.user.id,
        purpose=purpose,
        filename=name,
        bytes=stored.size_bytes,
        sha256=stored.sha256,
        expires=minted_ms(id) + life_s * 1000 if life_s else 0,
        where=where,
    )


async def _limited(part: Part, most: int) -> AsyncIterator[bytes]:
    size_bytes = 0
    async for chunk in part:
        size_bytes += len(chunk)
        if size_bytes > most:
            raise _too_large(most)
        yield chunk


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"a file has at most {most} bytes", field="file")


def _most(settings: ApiSettings, purpose: str | None) -> int:
    return min(settings.file_max_bytes, settings.batch_max_bytes) if purpose == BATCH else settings.file_max_bytes


def _purpose(fields: Mapping[str, str]) -> str:
    purpose = fields.get("purpose", "")
    if purpose not in PURPOSES:
        raise InvalidRequest(f"is one of: {', '.join(PURPOSES)}", field="purpose")
    return purpose


def _life_s(fields: Mapping[str, str]) -> int:
    anchor, seconds = (fields.get(f"expires_after[{name}]") for name in ("anchor", "seconds"))
    if anchor is None and seconds is None:
        return 0
    return life_s(anchor, seconds, "expires_after")


def life_s(anchor: Any, seconds: Any, field: str) -> int:
    """How long something is to be kept after it was made. Raises InvalidRequest."""
    if anchor != "created_at":
        raise InvalidRequest("is created_at", field=f"{field}.anchor")
    if not re.fullmatch(r"\d{1,9}", str(seconds), re.ASCII) or int(seconds) not in _LIFE_S:
        raise InvalidRequest(f"a number from {_LIFE_S.start} to {_LIFE_S.stop - 1} is wanted", field=f"{field}.seconds")
    return int(seconds)


async def _erase(objects: Objects, where: str) -> None:
    with suppress(ObjectsUnavailable):  # upkeep erases it once more in any case
        await objects.delete_prefix(where)


# --- what goes out ---


async def _content(request: Call, file_id: str) -> ASGIApp:
    services = Services.of(request)
    file = await services.store.files.get(request.user.id, file_id)
    etag = f'"{file.id}-{file.bytes}"' if file.growing else f'"{file.sha256}"'
    ranged = RangedFile(file.bytes, etag, datetime.fromtimestamp(file.created / 1000, UTC))
    kind = "application/jsonl" if file.purpose == BATCH_OUTPUT else "application/octet-stream"
    headers = [
        (b"etag", etag.encode()),
        (b"accept-ranges", b"bytes"),
        (b"content-disposition", f"attachment; filename*=UTF-8''{quote(file.filename, safe='')}".encode()),
        (b"x-content-type-options", b"nosniff"),
    ]

    def sent(field: bytes) -> str | None:
        # the time that is known is not that of the file's last change
        return None if field == b"if-modified-since" else header(request.scope, field)

    if unchanged(sent, ranged):
        return Reply(status=304, headers=headers)
    try:
        span = wanted(sent, ranged) if request.method == "GET" else None
    except Unsatisfiable:
        return Reply(status=416, headers=[*headers, (b"content-range", b"bytes */%d" % file.bytes)])
    headers.append((b"content-type", kind.encode()))
    return Content(services.objects, await services.store.files.segments(file), ranged, span, headers)


class _Stretch(NamedTuple):
    """Bytes `first` to `last` of an object, both included."""

    key: str
    first: int
    last: int


def stretches(segments: Sequence[Segment], span: Span) -> list[_Stretch]:
    """What of which objects makes up a span of the file that consists of them."""
    found, start = list[_Stretch](), 0
    for segment in segments:
        first, last = max(span.first - start, 0), min(span.last - start, segment.size_bytes - 1)
        if first <= last:
            found.append(_Stretch(segment.key, first, last))
        start += segment.size_bytes
    return found


class Content:
    """A file, or a span of it, on its way to the client, never more than a chunk of it in memory."""

    def __init__(
        self, objects: Objects, segments: Sequence[Segment], file: RangedFile, span: Span | None, headers: list[Header]
    ) -> None:
        whole = span or Span(0, file.size_bytes - 1)
        self._objects, self._stretches = objects, stretches(segments, whole)
        self._status = 206 if span else 200
        self._headers = [*headers, (b"content-length", b"%d" % whole.size_bytes)]
        if span:
            self._headers.append((b"content-range", b"bytes %d-%d/%d" % (span.first, span.last, file.size_bytes)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: Any = {"type": "http.response.start", "status": self._status, "headers": self._headers}
        if cast(HTTPScope, scope)["method"] == "GET":
            async with while_connected(receive):
                for key, first, last in self._stretches:
                    async with self._objects.read(key, start=first, end=last) as reading:
                        if start:  # not before the first of it is there: else it could not be refused any more
                            await send(start)
                            start = None
                        async for chunk in reading:
                            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if start:
            await send(start)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
