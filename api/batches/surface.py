"""Batches: OpenAI's surface over every POST that makes a job, and our own, which takes the jobs line by line."""

import re
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing, suppress
from typing import Any
from urllib.parse import parse_qs

import msgspec
from litestar import Router, get, post
from litestar.params import FromPath
from litestar.types import ASGIApp

from api.admission import header_webhook, idempotency_key
from api.batches import examples
from api.batches.body import WINDOW, NewBatch
from api.batches.lines import JOBS, OPENAI, Validation, groups, stored_chunks
from api.endpoints import endpoint
from api.files import life_s, listed
from api.jobs import SUBMIT, page_limit
from api.openapi import KEYED
from api.operation import Caller, Operation
from api.reply import json_reply
from api.scope import header
from api.services import Call, Services, authenticate
from api.uploads import body_chunks, file_name
from api.validation import parse_body
from storage.batches import Batch, BatchStatus, LineError
from storage.errors import AlreadyEnded, InvalidRequest, NotFound, ObjectsUnavailable, RequestError
from storage.files import BATCH, File
from storage.ids import new_batch_id, new_file_id
from storage.jobs import Idempotency

MAX_PAGE = 100
LINES = (
    "application/jsonl",
    "application/x-ndjson",
    "application/x-jsonlines",
    "text/plain",
    "application/octet-stream",
)
_PAGE = 20
_LONGEST_WINDOW_S = 7 * 86_400
_TIMES = ("in_progress_at", "finalizing_at", "completed_at", "failed_at", "expired_at", "cancelling_at", "cancelled_at")


@post("/batches", status_code=200, summary="Create a batch", operation_class=examples.CREATE)
async def create(request: Call) -> ASGIApp:
    """Many requests out of one file. All lines are judged before the first one is submitted."""
    raw, key = await request.body(), idempotency_key(header(request.scope, b"idempotency-key"))
    asked, caller = parse_body(NewBatch, raw), Caller.of(request)
    operation = endpoint(asked.endpoint)
    try:
        file = await _input(caller, asked.input_file_id)
    except NotFound:
        if asked.dry_run or not key:  # with a key it may be a repetition, whose file has been deleted since
            raise
    else:
        if asked.dry_run:
            chunks = stored_chunks(caller.services.objects, file.where, file.bytes)
            return await _dry_run(caller, operation, OPENAI, chunks)
    keep = asked.output_expires_after
    batch = Batch(
        id=new_batch_id(),
        owner=caller.owner,
        endpoint=operation.path,
        form=OPENAI,
        input_file=asked.input_file_id,
        window=asked.completion_window,
        keep_s=life_s(keep.anchor, keep.seconds, "output_expires_after") if keep else 0,
        metadata=asked.metadata or {},
        base_url=caller.base_url,
        webhook=header_webhook(request),
    )
    made, replayed = await _accepted(caller, batch, _seen(key, b"/v1/batches", raw))
    return _answer(made, replayed=replayed)


@post(
    "/jobs/batch",
    status_code=202,
    request_max_body_size=None,
    summary="Submit many jobs",
    operation_class=examples.SUBMIT_MANY,
)
async def submit_many(request: Call) -> ASGIApp:
    """A batch of jobs: each line is what `POST /v1/jobs` takes, with a `custom_id` if you like."""
    caller, query = Caller.of(request), parse_qs(request.scope["query_string"].decode("latin-1"))
    lines = _lines(request, caller.services)
    if _is_dry(query):
        return await _dry_run(caller, SUBMIT, JOBS, lines)
    key, hook = idempotency_key(header(request.scope, b"idempotency-key")), header_webhook(request)
    name = query.get("name", [""])[-1]
    file = await _stored(caller, lines, name)
    batch = Batch(
        id=new_batch_id(),
        owner=caller.owner,
        endpoint=SUBMIT.path,
        form=JOBS,
        input_file=file.id,
        window=WINDOW,
        metadata={"name": name[:512]} if name else {},
        base_url=caller.base_url,
        webhook=hook,
    )
    try:
        said = (b"/v1/jobs/batch", file.sha256.encode(), name.encode())
        made, replayed = await _accepted(caller, batch, _seen(key, *said))
    except RequestError:
        await _forget(caller, file)
        raise
    if replayed:
        await _forget(caller, file)
    return _answer(made, replayed=replayed, status=202)


@get("/batches", summary="List batches", operation_class=examples.BATCHES)
async def list_batches(request: Call) -> ASGIApp:
    """The caller's batches, newest first."""
    query = parse_qs(request.scope["query_string"].decode("latin-1"))
    page = await Services.of(request).store.batches.page(
        request.user.id, after=query.get("after", [None])[-1], limit=page_limit(query, _PAGE, MAX_PAGE)
    )
    return json_reply(listed([rendered(batch) for batch in page.batches], more=page.more))


@get("/batches/{batch_id:str}", summary="Read a batch", operation_class=examples.BATCH)
async def read(request: Call, batch_id: FromPath[str]) -> ASGIApp:
    """The batch as it stands. Its files can be read while it runs."""
    return _answer(await Services.of(request).store.batches.get(request.user.id, batch_id))


@post("/batches/{batch_id:str}/cancel", status_code=200, summary="Cancel a batch", operation_class=examples.CANCEL)
async def cancel(request: Call, batch_id: FromPath[str]) -> ASGIApp:
    """Nothing more is submitted, and what runs is canceled. What is done by then stays in the output file."""
    batches = Services.of(request).store.batches
    batch = await batches.get(request.user.id, batch_id)
    if not await batches.cancel(batch) and batch.status != BatchStatus.CANCELLED:
        batch = await batches.get(request.user.id, batch_id)
        raise AlreadyEnded(f"this batch has ended: it is {batch.status}")
    return _answer(await batches.get(request.user.id, batch_id))


router = Router(
    "/v1",
    route_handlers=[create, submit_many, list_batches, read, cancel],
    before_request=authenticate,
    tags=["Batches"],
    security=KEYED,
)


def rendered(batch: Batch) -> dict[str, Any]:
    """A batch as OpenAI's clients know it."""
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "errors": {"object": "list", "data": _told(batch.errors)} if batch.errors else None,
        "input_file_id": batch.input_file,
        "completion_window": batch.window,
        "status": batch.status,
        "output_file_id": batch.output_file or None,
        "error_file_id": batch.error_file or None,
        "created_at": batch.created // 1000,
        "expires_at": batch.expires // 1000,
        **{name: getattr(batch, name) // 1000 or None for name in _TIMES},
        "request_counts": {"total": batch.total, "completed": batch.completed, "failed": batch.failed},
        "metadata": batch.metadata or None,
    }


def _told(errors: list[LineError]) -> list[dict[str, Any]]:
    return [{"code": each.code, "message": each.message, "param": each.param, "line": each.line} for each in errors]


def _answer(batch: Batch, *, replayed: bool = False, status: int = 200) -> ASGIApp:
    headers = [(b"idempotent-replayed", b"true")] if replayed else []
    if status == 202:
        headers.append((b"location", f"{batch.base_url}/v1/batches/{batch.id}".encode()))
    return json_reply(rendered(batch), status=status, headers=headers)


async def _input(caller: Caller, id: str) -> File:
    try:
        file = await caller.services.store.files.get(caller.owner, id)
    except NotFound as error:
        error.field = "input_file_id"
        raise
    if file.purpose != BATCH:
        raise InvalidRequest(f"is a file for {file.purpose}; a batch takes one for {BATCH}", field="input_file_id")
    return file


async def _accepted(caller: Caller, batch: Batch, seen: Idempotency | None) -> tuple[Batch, bool]:
    """The batch, stored; or the one that the same request has brought before."""
    return await caller.services.store.batches.create(batch, _window_s(batch.window), seen)


def _seen(key: str | None, *said: bytes) -> Idempotency | None:
    return Idempotency.of(key, *said) if key else None


def _window_s(window: str) -> int:
    asked = re.fullmatch(r"(\d{1,3})([hd])", window, re.ASCII)
    window_s = int(asked[1]) * {"h": 3600, "d": 86_400}[asked[2]] if asked else 0
    if not 0 < window_s <= _LONGEST_WINDOW_S:
        raise InvalidRequest("hours or days are wanted, such as 24h, and 7d at the most", field="completion_window")
    return window_s


async def _dry_run(caller: Caller, operation: Operation, form: str, chunks: AsyncIterable[bytes]) -> ASGIApp:
    found = Validation(caller, operation, form, most=caller.services.settings.batch_max_lines)
    async with aclosing(groups(chunks)) as lines:
        async for group in lines:
            if not await found.take(group):
                break
    errors = _told(found.errors())
    return json_reply({"object": "batch.dry_run", "lines": found.lines, "kinds": found.kinds, "errors": errors})


def _is_dry(query: dict[str, list[str]]) -> bool:
    text = query.get("dry_run", ["false"])[-1].lower()
    if text not in ("true", "1", "false", "0"):
        raise InvalidRequest("is true or false", field="dry_run")
    return text in ("true", "1")


def _lines(request: Call, services: Services) -> AsyncGenerator[bytes, None]:
    """The body as JSON Lines, in pieces. Raises InvalidRequest for what is written otherwise."""
    kind = (header(request.scope, b"content-type") or "").partition(";")[0].strip().lower()
    if kind in LINES:
        return body_chunks(request, services.settings.batch_max_bytes)
    if kind == "application/json":
        return _unfolded(request, services.settings.max_body_bytes)
    raise InvalidRequest(f"is one of {', '.join(LINES)}, or application/json", field="Content-Type")


async def _unfolded(request: Call, limit_bytes: int) -> AsyncGenerator[bytes, None]:
    """{"jobs": [...]} as lines."""
    body = b"".join([chunk async for chunk in body_chunks(request, limit_bytes)])
    try:
        jobs = msgspec.json.decode(body, type=dict[str, list[msgspec.Raw]])["jobs"]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError) as error:
        raise InvalidRequest('a JSON object is wanted: {"jobs": [...]}', field="jobs") from error
    for job in jobs:
        yield msgspec.json.format(bytes(job), indent=-1) + b"\n"


async def _stored(caller: Caller, lines: AsyncIterable[bytes], name: str) -> File:
    services, id = caller.services, new_file_id()
    where = await services.store.files.begin(caller.owner, id)
    stored = await services.objects.put_stream(where, lines, content_type="application/jsonl")
    file = File(id=id, owner=caller.owner, purpose=BATCH, filename=file_name(name or "jobs.jsonl"), where=where)
    file.bytes, file.sha256 = stored.size_bytes, stored.sha256
    made, _ = await services.store.files.add(file)
    return made


async def _forget(caller: Caller, file: File) -> None:
    """A file that no batch came of."""
    await caller.services.store.files.remove(caller.owner, file.id)
    with suppress(ObjectsUnavailable):
        await caller.services.objects.delete_prefix(file.where)
