"""The lines of a batch: found in a file that comes in pieces, read, and judged before any of them is submitted.

Two forms: `openai` ({"custom_id", "method", "url", "body"}), and `jobs`, where a line is the body itself and may have a
`custom_id` besides. UTF-8, with or without a byte order mark; lines end with LF or CRLF, the last one may end without;
blank ones are skipped, and counted.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec

from api.admission import NewJob, stored_inputs
from api.endpoints import normal
from api.operation import Caller, Operation
from api.validation import InvalidFields
from storage.batches import START, Cursor, LineError
from storage.errors import InvalidRequest, RequestError, StorageError
from storage.ids import MAX_LINES
from storage.objects import Objects

log = logging.getLogger(__name__)

OPENAI, JOBS = "openai", "jobs"
MAX_LINE_BYTES = 1_000_000
MAX_CUSTOM_ID = 512
MAX_ERRORS = 1_000
"""So many are told; how many more there are is told besides."""

_MAX_MESSAGE = 500
_BLOCK_BYTES = 1 << 20
_GROUP, _GROUP_BYTES = 32, 64 << 10  # what is judged between two looks of the event loop at everybody else
_PAUSE_S = 0.001  # others' requests: p99 17 ms instead of 56, for 11.5 s instead of 8.4 for 100 000 lines
_BOM = b"\xef\xbb\xbf"


class Raw(NamedTuple):
    """A line as it stands in the file: its number from 1, the byte after its end, and its text (None: far too long)."""

    number: int
    end: int
    text: bytes | None


class Line(NamedTuple):
    """A line that could be read. `body` is what the endpoint itself would have got."""

    number: int
    end: int
    custom_id: str
    body: bytes


class BadLine(Exception):
    """A line that could not be read, or whose endpoint refuses it."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.param = code, message[:_MAX_MESSAGE], param


class Splitter:
    """Finds lines in pieces of a file, from `at` on; holds no more than one line, and of a long one nothing."""

    def __init__(self, at: Cursor = START) -> None:
        self._number, self._end = at
        self._held: list[bytes] = []
        self._held_bytes = 0

    def take(self, chunk: bytes) -> Iterator[Raw]:
        """The lines that end in this piece, but for blank ones."""
        *ends, rest = chunk.split(b"\n")
        for piece in ends:
            self._hold(piece)
            yield from self._line(1)
        self._hold(rest)

    def rest(self) -> Iterator[Raw]:
        """The last line, if nothing ends it."""
        if self._held_bytes:
            yield from self._line(0)

    def _hold(self, piece: bytes) -> None:
        self._held_bytes += len(piece)
        if self._held_bytes > MAX_LINE_BYTES:
            self._held.clear()
        else:
            self._held.append(piece)

    def _line(self, newline: int) -> Iterator[Raw]:
        text = b"".join(self._held) if self._held_bytes <= MAX_LINE_BYTES else None
        if text is not None:
            text = (text.removeprefix(_BOM) if self._end == 0 else text).strip()
        self._number += 1
        self._end += self._held_bytes + newline
        self._held, self._held_bytes = [], 0
        if text != b"":
            yield Raw(self._number, self._end, text)


async def groups(chunks: AsyncIterable[bytes], at: Cursor = START) -> AsyncGenerator[list[Raw], None]:
    """The lines of a file from `at` on, in small groups."""
    splitter, group, size_bytes = Splitter(at), list[Raw](), 0
    async for chunk in chunks:
        for raw in splitter.take(chunk):
            group.append(raw)
            size_bytes += len(raw.text or b"")
            if len(group) >= _GROUP or size_bytes >= _GROUP_BYTES:
                yield group
                group, size_bytes = [], 0
    group += splitter.rest()
    if group:
        yield group


async def stored_chunks(objects: Objects, key: str, size_bytes: int, start: int = 0) -> AsyncIterator[bytes]:
    """A stored file from a byte on, a block at a time: whoever is slow with a block keeps no connection waiting."""
    while start < size_bytes:
        async with objects.read(key, start=start, end=min(start + _BLOCK_BYTES, size_bytes) - 1) as reading:
            block = b"".join([chunk async for chunk in reading])
        start += len(block)
        yield block


class _Request(msgspec.Struct):
    """A line of OpenAI's. What is wrong with a field is said in our own words, so each takes anything."""

    custom_id: Any = msgspec.UNSET
    method: Any = msgspec.UNSET
    url: Any = msgspec.UNSET
    body: msgspec.Raw = msgspec.Raw()


_request = msgspec.json.Decoder(_Request).decode
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def read_line(raw: Raw, form: str, path: str) -> Line:
    """What a line asks of the endpoint at `path`. Raises BadLine."""
    if raw.text is None:
        raise BadLine("line_too_long", f"the line has more than {MAX_LINE_BYTES} bytes")
    try:
        text = raw.text.decode()
        return _job(raw, text) if form == JOBS else _openai(raw, text, path)
    except UnicodeDecodeError as error:
        raise BadLine("invalid_utf8", f"the line is not UTF-8 ({error.reason} at byte {error.start})") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadLine("invalid_json_line", f"the line is not a JSON object: {error}") from error


def _openai(raw: Raw, text: str, path: str) -> Line:
    request = _request(text)
    custom_id = _custom_id(request.custom_id)
    if request.method != "POST":
        raise BadLine("invalid_method", "the method has to be POST", "method")
    if not isinstance(request.url, str) or normal(request.url) != path:
        raise BadLine("mismatched_url", f"the url has to be that of the batch, {path}", "url")
    body = bytes(request.body)
    if not body:
        raise BadLine("missing_body", "the line has no body", "body")
    return Line(raw.number, raw.end, custom_id, body)


def _job(raw: Raw, text: str) -> Line:
    fields = _fields(text)
    named = msgspec.json.decode(fields.pop("custom_id", b"null"))
    custom_id = f"line-{raw.number}" if named is None else _custom_id(named)
    return Line(raw.number, raw.end, custom_id, msgspec.json.encode(fields))


def _custom_id(value: Any) -> str:
    if value is msgspec.UNSET:
        raise BadLine("missing_custom_id", "the line has no custom_id", "custom_id")
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_CUSTOM_ID:
        raise BadLine("invalid_custom_id", f"a custom_id is a text of 1 to {MAX_CUSTOM_ID} characters", "custom_id")
    return value


async def understood(caller: Caller, operation: Operation, form: str, line: Line) -> NewJob:
    """What the endpoint makes of a line. Raises BadLine; StorageError if it cannot be told now."""
    with _blamed(form, f"line {line.number} of a batch over {operation.path}"):
        return await operation.understand(caller, line.body)


async def stored(caller: Caller, job: str, form: str, new: NewJob) -> dict[str, str]:
    """Store what a line carries, for its job. Raises BadLine; StorageError if that cannot be done now."""
    with _blamed(form, f"what came with the line of job {job}"):
        return await stored_inputs(caller.services, job, new)


@contextmanager
def _blamed(form: str, what: str) -> Iterator[None]:
    """Where all that is the line's fault becomes BadLine."""
    inside = "" if form == JOBS else "body."
    try:
        yield
    except InvalidFields as error:
        first, more = error.errors[0], len(error.errors) - 1
        param = inside + ".".join(map(str, first.loc[1:]))
        message = first.msg + (f" (and {more} more)" if more else "")
        raise BadLine(InvalidRequest.code, message, param.strip(".") or None) from error
    except RequestError as error:
        raise BadLine(error.code, str(error), inside + error.field if error.field else None) from error
    except StorageError:
        raise
    except Exception as error:
        log.exception("%s could not be understood", what)
        raise BadLine("internal_error", "something went wrong here") from error


class Validation:
    """Judges a batch, line by line: how many there are, of which kinds, and what is wrong with which."""

    def __init__(self, caller: Caller, operation: Operation, form: str, *, most: int) -> None:
        self._caller, self._operation, self._form, self._most = caller, operation, form, most
        self.lines, self.kinds = 0, Counter[str]()
        self._errors: list[LineError] = []
        self._faults = 0
        self._seen: set[int] = set()  # 64 bits each, keyed per process: nobody can make two ids meet

    async def take(self, raws: Sequence[Raw]) -> bool:
        """Judge some more lines. False if the rest need not be looked at."""
        self.lines += len(raws)
        if self.lines > self._most or raws[-1].number > MAX_LINES:
            limits = f"a batch has at most {self._most} lines, and its file {MAX_LINES} with blank ones"
            self._blame(LineError("too_many_lines", limits))
            return False
        await asyncio.gather(*map(self._judge, raws))
        await asyncio.sleep(_PAUSE_S)
        return True

    def errors(self) -> list[LineError]:
        """What is wrong, in the order of the lines, once all have been taken."""
        if not self.lines:
            return [LineError("empty_file", "the file has no lines")]
        found = sorted(self._errors, key=lambda error: error.line or 0)
        if self._faults > len(found):
            found.append(LineError("too_many_errors", f"{self._faults - len(found)} more errors are not listed"))
        return found

    async def _judge(self, raw: Raw) -> None:
        try:
            line = read_line(raw, self._form, self._operation.path)
            if (mark := hash(line.custom_id)) in self._seen:
                raise BadLine("duplicate_custom_id", "an earlier line has this custom_id", "custom_id")
            self._seen.add(mark)
            self.kinds[(await understood(self._caller, self._operation, self._form, line)).kind] += 1
        except BadLine as bad:
            self._blame(LineError(bad.code, bad.message, bad.param, raw.number))

    def _blame(self, error: LineError) -> None:
        self._faults += 1
        if len(self._errors) < MAX_ERRORS:
            self._errors.append(error)
