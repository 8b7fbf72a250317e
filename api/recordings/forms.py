"""Requests that carry a recording, in every dialect: in a form, which is read part by part, or named in JSON.

A form's file goes to the object store as it comes: never more than two parts of it are in memory. What comes before it
is judged before it is read, and so are its own first bytes.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import aclosing, suppress
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec
from litestar.types import ASGIApp

from api.admission import NewJob, admit, header_webhook, idempotency_key
from api.forms import field_name, is_form
from api.inputs import MAX_BODY_BYTES, Input
from api.operation import Caller, Operation, outcome
from api.recordings.sources import medium, the_recording, too_large
from api.scope import header
from api.services import Call
from api.uploads import MAX_FIELD_BYTES, Part, body_chunks, file_name, form_parts
from api.validation import FieldError, InvalidFields, parse_body, parse_value
from api.wait import patience
from storage.catalog import Catalog
from storage.errors import Gone, InvalidRequest, ObjectsUnavailable, RequestError
from storage.ids import new_job_id
from storage.job import Job, Status
from storage.jobs import Admission, Idempotency, Jobs
from storage.media import inputs_prefix
from storage.objects import Stored

_FORM_BYTES = 2_000_000  # what a form may be larger than its file
_LONGEST_UPLOAD_S = 86_400.0
_MOST_ANEW = 16
_INPUT = "file"
_REFERENCES = (b"http://", b"https://", b"data:", b"file-")


def _fine(_body: Any, _catalog: Catalog) -> None:
    """Nothing can be wrong with it."""


class Reader(NamedTuple):
    """How a dialect says what is to be done with a recording.

    `part`: what the recording is called, in forms and in JSON. `job` makes a job of a body, the recording, the catalog,
    and of what the file is called; `check` says what is wrong with a body whatever else may come. `lists`: fields that
    a form may repeat. `in_query`: all but the recording is in the query, and a form's other fields mean nothing.
    """

    part: str
    body: type[Any]
    job: Callable[[Any, Input, Catalog, str], NewJob]
    check: Callable[[Any, Catalog], None] = _fine
    lists: Collection[str] = ()
    in_query: bool = False

    async def understand(self, caller: Caller, raw: bytes) -> NewJob:
        """A body in JSON."""
        return await self.read(caller, parse_body(self.body, raw))

    async def read(self, caller: Caller, body: Any) -> NewJob:
        """A body that names its recording. Raises InvalidFields, InvalidRequest, TooLarge, AddressRefused."""
        source = getattr(body, self.part)
        if source is None:
            raise InvalidFields([FieldError(("body", self.part), "Field required: the recording", "missing")])
        recording = await the_recording(caller, source, self.part, raw=is_raw(body))
        named = urlsplit(source.url or "").path if recording.url else source.file_id
        return self.job(body, recording, caller.services.catalog, file_name(named))


class Surface(NamedTuple):
    """A path that takes recordings. `once`: without an Idempotency-Key, a form with a file stands for one itself."""

    operation: Operation
    reader: Reader
    once: bool = False


def is_raw(body: Any) -> bool:
    return not getattr(body, "encode", True)


def _nothing(_caller: Caller, _job: Job, _replayed: bool) -> None:
    """The answer comes in one piece."""


async def respond(
    request: Call, surface: Surface, *, instead: Callable[[Caller, Job, bool], ASGIApp | None] = _nothing
) -> ASGIApp:
    """Admit what the request asks for, and answer it; or `instead` does, for a caller who waits at all."""
    caller, operation = Caller.of(request), surface.operation
    patient = patience(request.scope, operation.wait_s(caller.services.settings))
    job, replayed = await admitted(request, surface)
    if patient.wait_s and (answer := instead(caller, job, replayed)):
        return answer
    return await outcome(request, operation, caller, job, patient, replayed=replayed)


async def admitted(request: Call, surface: Surface) -> Admission:
    """The job of a request. Raises what `admit` does."""
    caller, reader = Caller.of(request), surface.reader
    given = _query(request, reader) if reader.in_query else {}
    if is_form(request):
        return await _posted(request, surface, given)
    raw = b"".join([chunk async for chunk in body_chunks(request, MAX_BODY_BYTES)])
    return await admit(request, _joined(given, raw), partial(reader.understand, caller))


def _query(request: Call, reader: Reader) -> dict[str, Any]:
    """The fields that are in the query; all others there are ignored."""
    query = parse_qs(request.scope["query_string"].decode("latin-1"))
    return {name: query[name][-1] for name in reader.body.model_fields if name in query and name != reader.part}


def _joined(given: Mapping[str, Any], raw: bytes) -> bytes:
    """A body in JSON with what the query says besides."""
    raw = raw or b"{}"
    if not given:
        return raw
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return raw
    return msgspec.json.encode({**given, **value}, order="sorted") if isinstance(value, dict) else raw


async def _posted(request: Call, surface: Surface, given: dict[str, Any]) -> Admission:
    key = idempotency_key(header(request.scope, b"idempotency-key"))
    header_webhook(request)  # which may be wrong, and is told before anything is read
    form = _Form(Caller.of(request), surface.reader, new_job_id(), given)
    try:
        body = await form.read(request)
        seen = None
        if surface.once and form.has_file and not key:
            seen = await _itself(form.caller.services.store.jobs, request.user.id, surface.operation.path, body)
        admission = await admit(request, body, form.understand, id=form.id, seen=seen)
    except (RequestError, InvalidFields):
        await form.erase()
        raise
    if admission.job.id != form.id:
        await form.erase()
    return admission


async def _itself(jobs: Jobs, owner: str, path: str, body: bytes) -> Idempotency | None:
    """What stands for a request's key: itself, and how often its jobs have failed, or been deleted, of late."""
    digest = sha256(body).hexdigest()
    for failed in range(_MOST_ANEW):
        seen = Idempotency.of(f"the same {path} {digest} {failed}", body)  # no caller's key has a space
        with suppress(Gone):
            first = await jobs.replayed(owner, seen)
            if first is None or not _in_vain(first.job):
                return seen
    return None


def _in_vain(job: Job) -> bool:
    return job.ended and job.status != Status.SUCCEEDED


class _Form:
    """A form on its way: its fields, and its file, which is stored where job `id` will look for it."""

    def __init__(self, caller: Caller, reader: Reader, id: str, given: dict[str, Any]) -> None:
        self.caller, self.reader, self.id, self.fields = caller, reader, id, given
        self._stored: Stored | None = None
        self._file_name = ""
        self._limit_bytes = caller.services.settings.file_max_bytes

    async def read(self, request: Call) -> bytes:
        """All of it. Returns what it says apart from how it was sent: by that it is known again.

        Raises InvalidRequest, InvalidFields, TooLarge, UnknownModel, ObjectsUnavailable, RedisUnavailable.
        """
        part_name = self.reader.part
        announced = header(request.scope, b"content-length") or ""
        most = self._limit_bytes + _FORM_BYTES
        if announced.isdecimal() and int(announced[:20]) > most:
            raise too_large(self._limit_bytes, part_name)
        self._check()
        async with aclosing(form_parts(request, most)) as parts:
            async for part in parts:
                await self._part(part)
        told = {**self.fields, part_name: self._stored.sha256} if self._stored else self.fields
        return msgspec.json.encode(told, order="sorted")

    async def understand(self, _body: bytes) -> NewJob:
        """What the form asks for, once all of it has been read."""
        body = self._parsed()
        if self._stored is None:
            return await self.reader.read(self.caller, body)
        recording = Input(self.reader.part, key=inputs_prefix(self.id) + _INPUT, medium=self._medium(body))
        return self.reader.job(body, recording, self.caller.services.catalog, self._file_name)

    @property
    def has_file(self) -> bool:
        """Whether the recording came with it."""
        return self._stored is not None

    async def erase(self) -> None:
        """Of a request that made no job, nothing is kept."""
        if self._stored:
            with suppress(ObjectsUnavailable):  # upkeep erases it once more in any case
                await self.caller.services.objects.delete_prefix(inputs_prefix(self.id))

    def _medium(self, body: Any) -> Any:
        return medium(self._limit_bytes, raw=is_raw(body))

    def _parsed(self) -> Any:
        return parse_value(self.reader.body, self.fields, part="query" if self.reader.in_query else "body")

    def _check(self) -> Any:
        body = self._parsed()
        self.reader.check(body, self.caller.services.catalog)
        return body

    async def _part(self, part: Part) -> None:
        wanted = self.reader.part
        name = field_name(part, [*self.reader.lists, wanted])
        if name == wanted:
            await self._take(part)
        elif part.file_name is not None:
            raise InvalidRequest(f"the recording goes in {wanted}, not in {name[:64]!r}", field=wanted)
        elif not self.reader.in_query:
            self._keep(name, await part.text())

    def _keep(self, name: str, text: str) -> None:
        before = self.fields.get(name)
        if name in self.reader.lists:
            self.fields[name] = [*before, text] if isinstance(before, list) else [text]
        elif before is not None:
            raise InvalidRequest("comes more than once", field=name)
        else:
            self.fields[name] = text

    async def _take(self, part: Part) -> None:
        field, services = self.reader.part, self.caller.services
        if self._stored or field in self.fields:
            raise InvalidRequest("one recording at a time is taken", field=field)
        head, chunks = await _begun(part)
        if part.file_name is None and head.lower().startswith(_REFERENCES):
            self.fields[field] = await _text(chunks, field)
            return
        judged = self._medium(self._check()).judged(chunks, field)
        self._file_name = file_name(part.file_name)
        await services.store.jobs.expect_inputs(self.id, _LONGEST_UPLOAD_S)
        where = inputs_prefix(self.id) + _INPUT
        self._stored = await services.objects.put_stream(where, judged, content_type="application/octet-stream")


async def _begun(part: Part) -> tuple[bytes, AsyncIterator[bytes]]:
    """The first bytes of a part, enough to know a reference by, and all of it."""
    chunks = aiter(part)
    head = b""
    while len(head) < max(map(len, _REFERENCES)) and (chunk := await anext(chunks, b"")):
        head += chunk

    async def whole() -> AsyncIterator[bytes]:
        yield head
        async for chunk in chunks:
            yield chunk

    return head, whole()


async def _text(chunks: AsyncIterator[bytes], field: str) -> str:
    value = b""
    async for chunk in chunks:
        value += chunk
        if len(value) > MAX_FIELD_BYTES:
            raise InvalidRequest(f"an address has at most {MAX_FIELD_BYTES} bytes; send the file itself", field=field)
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise InvalidRequest("is not UTF-8", field=field) from None
