"""What a batch's file asks for: each line checked, and written anew as the gateway takes it, before anything is sent.

A line is one of OpenAI's (`custom_id`, `method`, `url`, `body`), a submission (`kind`, `input`, …), or plain fields of
an input, with its kind beside them or given for all.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b, sha256
from typing import IO, Any, NamedTuple

import msgspec
from pydantic import ValidationError

from api.batches.lines import JOBS, MAX_CUSTOM_ID, OPENAI
from api.endpoints import normal
from api.jobs_body import Submission
from cli.batch_records import METADATA, SPECIAL, Record, csv_records, json_records
from cli.batch_source import Defaults, Fault
from cli.fields import UnknownKind, fields_of

_SUBMIT = "/v1/jobs"
"""What submissions are lines for."""

FORMATS: Mapping[str, Callable[[IO[bytes]], Iterator[Record | Fault]]] = {"jsonl": json_records, "csv": csv_records}
_FAULTS_KEPT = 1_000


class Prepared(NamedTuple):
    """A whole file, checked.

    `form`: that of its lines (`api/batches/lines.py`). `numbers`: where in the file each line that is sent stands.
    `alike`: some `custom_id`s differ in the case of their letters only. `faults`: the first of `faulty`. `unknown`:
    fields that their kinds do not have, and are sent all the same.
    """

    form: str
    endpoint: str
    lines: int
    kinds: Mapping[str, int]
    sha256: str
    size_bytes: int
    numbers: "array[int]"
    alike: bool
    faults: list[Fault]
    faulty: int
    unknown: Mapping[str, int]


class Refusal(ValueError):
    """A line is not as it should be."""


def prepare(file: IO[bytes], format: str, defaults: Defaults, to: IO[bytes]) -> Prepared:
    """Check a file, and write its lines to another as they are to be sent."""
    return _Reading(defaults, to).all(FORMATS[format](file))


class _Reading:
    """One pass over a file."""

    def __init__(self, defaults: Defaults, to: IO[bytes]) -> None:
        self._defaults, self._to = defaults, to
        self._form = self._endpoint = ""
        self._kinds: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._digest = sha256()
        self._size = 0
        self._numbers = array("L")
        self._seen: set[bytes] = set()
        self._folded: set[bytes] = set()
        self._faults: list[Fault] = []
        self._faulty = 0

    def all(self, records: Iterator[Record | Fault]) -> Prepared:
        for record in records:
            try:
                if isinstance(record, Fault):
                    raise Refusal(record.message)
                self._keep(record.number, self._line(record))
            except Refusal as error:
                self._faulty += 1
                if len(self._faults) < _FAULTS_KEPT:
                    self._faults.append(Fault(record.number, str(error)))
        self._digest.update(f"{self._form} {self._endpoint}".encode())
        return Prepared(
            form=self._form,
            endpoint=self._endpoint,
            lines=len(self._numbers),
            kinds=self._kinds,
            sha256=self._digest.hexdigest(),
            size_bytes=self._size,
            numbers=self._numbers,
            alike=len(self._folded) < len(self._seen),
            faults=self._faults,
            faulty=self._faulty,
            unknown=self._unknown,
        )

    def _keep(self, number: int, line: bytes) -> None:
        self._to.write(line + b"\n")
        self._digest.update(line + b"\n")
        self._size += len(line) + 1
        self._numbers.append(number)

    def _line(self, record: Record) -> bytes:
        """The line as it is sent. Raises Refusal."""
        if "url" in record.fields and "body" in record.fields and not record.texts:
            return self._request(record)
        line = self._submission(record)
        self._is_for(JOBS, _SUBMIT)
        self._new_id(line["custom_id"])
        self._kinds[line["kind"]] += 1
        return msgspec.json.encode(line)

    def _request(self, record: Record) -> bytes:
        """One of OpenAI's: the gateway knows what its body must be."""
        match record.fields:
            case {"custom_id": str(id), "url": str(url), "body": dict(), **rest} if rest.get("method") == "POST":
                self._is_for(OPENAI, normal(url))
                self._new_id(id)
                self._kinds[url] += 1
                return record.raw
        raise Refusal('a request is {"custom_id": "…", "method": "POST", "url": "/v1/…", "body": {…}}')

    def _submission(self, record: Record) -> dict[str, Any]:
        fields = dict(record.fields)
        line: dict[str, Any] = {"custom_id": fields.pop("custom_id", f"line-{record.number}")}
        if isinstance(fields.get("input"), dict):  # a field of that name would be a text
            line |= fields
            line.setdefault("kind", self._defaults.kind)
        else:
            line |= _plain(fields, record.texts)
            kind = self._kind(line.setdefault("kind", self._defaults.kind))
            line["input"] = self._read(kind, fields) if record.texts else fields
        for name in ("model", "priority"):
            if (value := getattr(self._defaults, name)) is not None:
                line.setdefault(name, value)
        self._check(line)
        return line

    def _kind(self, kind: Any) -> str:
        if kind is None:
            raise Refusal("there is no kind: give each line one, or all of them by --kind")
        try:
            fields_of(str(kind))
        except UnknownKind as error:
            raise Refusal(str(error)) from None
        return str(kind)

    def _read(self, kind: str, texts: dict[str, str]) -> dict[str, Any]:
        try:
            return {name: fields_of(kind).value(name, text) for name, text in texts.items()}
        except ValueError as error:
            raise Refusal(str(error)) from None

    def _check(self, line: dict[str, Any]) -> None:
        kind = self._kind(line["kind"])
        try:
            Submission.model_validate({name: value for name, value in line.items() if name != "custom_id"})
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            raise Refusal("; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found)) from None
        if faults := fields_of(kind).faults(line["input"]):
            raise Refusal("; ".join(faults))
        self._unknown.update(f"{name} ({kind})" for name in line["input"] if name not in fields_of(kind).names)

    def _is_for(self, form: str, endpoint: str) -> None:
        if self._form and form != self._form:
            raise Refusal("requests (with method, url and body) and submissions do not go into one file")
        if self._endpoint not in ("", endpoint):
            raise Refusal(f"url: this line is for {endpoint}, but those before it for {self._endpoint}")
        self._form, self._endpoint = form, endpoint

    def _new_id(self, id: Any) -> None:
        if not isinstance(id, str) or not 0 < len(id) <= MAX_CUSTOM_ID:
            raise Refusal(f"custom_id: a text of 1 to {MAX_CUSTOM_ID} characters is wanted")
        digest = _digest(id)
        if digest in self._seen:
            raise Refusal(f"custom_id: {id!r} is there twice")
        self._seen.add(digest)
        self._folded.add(_digest(id.casefold()))


def _plain(fields: dict[str, Any], texts: bool) -> dict[str, Any]:
    """What is beside the input in plain fields, taken out of them."""
    line = {name: fields.pop(name) for name in sorted(SPECIAL & fields.keys())}
    if texts:
        metadata = {name: fields.pop(name) for name in list(fields) if name.startswith(METADATA)}
        if metadata:
            line["metadata"] = {name.removeprefix(METADATA): value for name, value in metadata.items()}
        if "priority" in line:
            line["priority"] = _whole_number("priority", line["priority"])
    elif "metadata" in fields:
        line["metadata"] = fields.pop("metadata")
    return line


def _whole_number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Refusal(f"{name}: a whole number is wanted") from None


def _digest(id: str) -> bytes:
    return blake2b(id.encode(), digest_size=16).digest()
