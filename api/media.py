"""Results, served through the gateway: a link works for as long as its file is kept, and from before it is made.

Nobody is asked for a key here. The token in the path proves that we made the link, and names one output.
"""

from typing import cast

from litestar import Request, Router, get, route
from litestar.datastructures import State
from litestar.exceptions import ServiceUnavailableException
from litestar.params import FromPath
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from api import examples, media_formats
from api.ranges import File, Span, Unsatisfiable, http_date, unchanged, wanted
from api.reply import Encoded, Header, Reply, job_headers, reply
from api.scope import header
from api.services import Services
from api.wait import while_connected
from storage.errors import Gone, NotFound
from storage.ids import OutputId, output_id
from storage.job import Job, Output, OutputStatus
from storage.media import content_type_of, extension, file_name, object_key, output_prefix
from storage.objects import ObjectInfo, Objects

_CORS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"accept-ranges, content-length, content-range, etag, x-job-id, x-request-id"),
]
_PREFLIGHT = [
    *_CORS,
    (b"access-control-allow-methods", b"GET, HEAD"),
    (b"access-control-allow-headers", b"range, if-range, if-none-match, if-modified-since"),
    (b"access-control-max-age", b"86400"),
]
_NO_FILE = "there is no such file, or it is kept no longer"


@get("/{token:str}/{name:str}", summary="Media", operation_class=examples.MEDIA)
async def media(request: Request[None, None, State], token: FromPath[str], name: FromPath[str]) -> ASGIApp:
    """The bytes of a result; of a transcript also in another `format`. While it is being made, the answer waits for
    it, a minute at most."""
    del name  # for people, and for what they save it as
    return await _found(request, token)


@route("/{token:str}/{name:str}", http_method="HEAD", include_in_schema=False)
async def media_head(request: Request[None, None, State], token: FromPath[str]) -> ASGIApp:
    return await _found(request, token)


@route("/{token:str}/{name:str}", http_method="OPTIONS", include_in_schema=False)
async def media_preflight() -> ASGIApp:
    return Reply(status=204, headers=_PREFLIGHT)


# the preflight goes first: Litestar answers OPTIONS itself for a path that has no operation for it yet
router = Router("/media", route_handlers=[media_preflight, media, media_head], tags=["Media"])


async def _found(request: Request[None, None, State], token: str) -> ASGIApp:
    services = Services.of(request)
    format = media_formats.wanted(request.scope["query_string"])
    output = services.links.read(token)
    if output is None:
        raise NotFound(_NO_FILE)
    wait_s = services.settings.media_wait_s
    job = await services.waits.job_when(lambda job: _settled(job, output), output.job, request.receive, wait_s)
    key = _key(_output(job, output), job, output) if job else await _kept_key(services.objects, output)
    info = await services.objects.head(key)
    if format:
        text = await media_formats.written(services.objects, key, format)
        return _answer_text(request, text, f"{info.etag}-{format}", _name(key, output, format), job)
    return _answer(request, services.objects, key, info, output, job)


def _output(job: Job, output: OutputId) -> Output:
    try:
        return job.output(output.item, output.part)
    except KeyError:
        raise NotFound(_NO_FILE) from None


def _settled(job: Job, output: OutputId) -> bool:
    """Whether waiting any longer would change nothing."""
    return job.ended or _output(job, output).status in (OutputStatus.STORED, OutputStatus.FAILED)


def _key(found: Output, job: Job, output: OutputId) -> str:
    """Where the file is. Raises Gone if it will never be, ServiceUnavailableException if it is not there yet."""
    if found.status == OutputStatus.STORED:
        return found.object_key or object_key(output, extension(found.content_type, found.role))
    if found.status == OutputStatus.FAILED or job.ended:
        failure = found.error or job.error
        why = f"{failure.message} ({failure.code})" if failure else f"its job is {job.public_status}"
        raise Gone(f"this file was not made: {why}")
    raise ServiceUnavailableException(f"this file is being made; its job is {job.public_status}")


async def _kept_key(objects: Objects, output: OutputId) -> str:
    """Where the file of a job is whose record has expired; its extension went with the record."""
    async for key in objects.list_keys(output_prefix(output)):
        return key
    raise NotFound(_NO_FILE)


def _name(key: str, output: OutputId, format: str = "") -> str:
    name = file_name(output_id(output.job, output.item), output.part, content_type_of(key), "")
    return f"{name.rpartition('.')[0]}.{media_formats.ENDINGS[format]}" if format else name


def _answer_text(request: Request[None, None, State], text: Encoded, etag: str, name: str, job: Job | None) -> Reply:
    """What a file says, written anew. It is small, and comes as a whole."""
    headers = [(b"etag", f'"{etag}"'.encode()), *_headers(name), *(job_headers(job) if job else ())]
    if etag in (header(request.scope, b"if-none-match") or ""):
        return Reply(status=304, headers=headers)
    return reply(text, headers=headers)


def _headers(name: str) -> list[Header]:
    return [
        (b"cache-control", b"private, max-age=31536000, immutable"),
        (b"content-disposition", f'inline; filename="{name}"'.encode()),
        (b"x-content-type-options", b"nosniff"),
        *_CORS,
    ]


def _answer(
    request: Request[None, None, State], objects: Objects, key: str, info: ObjectInfo, output: OutputId, job: Job | None
) -> ASGIApp:
    file = File(info.size_bytes, f'"{info.etag}"', info.modified_at)
    headers = [
        (b"etag", file.etag.encode()),
        (b"last-modified", http_date(file.modified).encode()),
        (b"accept-ranges", b"bytes"),
        *_headers(_name(key, output)),
        *(job_headers(job) if job else ()),
    ]

    def sent(field: bytes) -> str | None:
        return header(request.scope, field)

    if unchanged(sent, file):
        return Reply(status=304, headers=headers)
    try:
        span = wanted(sent, file) if request.method == "GET" else None
    except Unsatisfiable:
        return Reply(status=416, headers=[*headers, (b"content-range", b"bytes */%d" % file.size_bytes)])
    headers.append((b"content-type", info.content_type.encode("latin-1")))
    return Download(objects, key, file, span, headers)


class Download:
    """A file, or a span of it, on its way from the store to the client, never more than a chunk of it in memory."""

    def __init__(self, objects: Objects, key: str, file: File, span: Span | None, headers: list[Header]) -> None:
        self._objects, self._key = objects, key
        self._status = 206 if span else 200
        self._started = False
        self._span = span or Span(0, file.size_bytes - 1)
        self._headers = [*headers, (b"content-length", b"%d" % self._span.size_bytes)]
        if span:
            extent = b"bytes %d-%d/%d" % (span.first, span.last, file.size_bytes)
            self._headers.append((b"content-range", extent))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if cast(HTTPScope, scope)["method"] != "HEAD" and self._span.size_bytes:
            await self._send_file(receive, send)
        else:
            await self._send_start(send)
        if self._started:  # else the client has left before it began
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_start(self, send: Send) -> None:
        self._started = True
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})

    async def _send_file(self, receive: Receive, send: Send) -> None:
        async with (
            while_connected(receive),
            self._objects.read(self._key, start=self._span.first, end=self._span.last) as reading,
        ):
            await self._send_start(send)
            async for chunk in reading:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
