"""A batch's file read record by record, in bounded memory: JSON Lines or CSV, whatever their line ends and marks."""

import csv
from collections.abc import Iterator
from itertools import chain
from typing import IO, Any, NamedTuple

import msgspec

from api.batches.lines import MAX_LINE_BYTES
from cli.batch_source import Fault

SPECIAL = {"custom_id", "kind", "model", "priority"}
"""Columns that are not fields of the input; `metadata.x` are the others."""

METADATA = "metadata."
_DELIMITERS = ",;\t"
_TOO_LONG = f"the line is longer than the limit of {MAX_LINE_BYTES} bytes"


class Record(NamedTuple):
    """What a line holds. `raw`: its bytes, where the file is JSON Lines; `texts` if its values are still texts."""

    number: int
    fields: dict[str, Any]
    raw: bytes = b""
    texts: bool = False


def json_records(file: IO[bytes]) -> Iterator[Record | Fault]:
    """Blank lines are passed over."""
    decoder = msgspec.json.Decoder()
    for number, line in enumerate(_lines(file), start=1):
        if line is None:
            yield Fault(number, _TOO_LONG)
        elif line.strip():
            try:
                fields = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                yield Fault(number, f"not JSON: {error}")
                continue
            if isinstance(fields, dict):
                yield Record(number, fields, line.strip())
            else:
                yield Fault(number, "an object is wanted")


def csv_records(file: IO[bytes]) -> Iterator[Record | Fault]:
    """The first row names the fields. Commas, semicolons or tabs part the cells; empty ones are left out."""
    csv.field_size_limit(MAX_LINE_BYTES)
    texts = _texts(file)
    number = 1
    try:
        first = next(texts, "")
        rows = csv.reader(chain([first], texts), delimiter=max(_DELIMITERS, key=first.count), strict=True)
        header = [name.strip() for name in next(rows, [])]
        if fault := _header_fault(header):
            yield Fault(1, fault)
            return
        number = rows.line_num + 1
        for row in rows:
            if row:
                yield _row(number, header, row)
            number = rows.line_num + 1
    except csv.Error as error:
        yield Fault(number, f"not CSV: {error}")
    except _NoText as error:
        yield error.fault


def _row(number: int, header: list[str], row: list[str]) -> Record | Fault:
    if len(row) != len(header):
        return Fault(number, f"there are {len(row)} cells, but {len(header)} columns")
    return Record(number, {name: cell for name, cell in zip(header, row, strict=True) if cell}, texts=True)


def _header_fault(header: list[str]) -> str:
    if not header:
        return "the file is empty: its first row must name the columns"
    if not all(header):
        return f"column {header.index('') + 1} has no name"
    twice = next((name for name in header if header.count(name) > 1), "")
    return f"column {twice!r} is there twice" if twice else ""


class _NoText(Exception):
    """A line that cannot be read; where rows may go on over lines, nothing after it can."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


def _texts(file: IO[bytes]) -> Iterator[str]:
    for number, line in enumerate(_lines(file), start=1):
        if line is None:
            raise _NoText(Fault(number, _TOO_LONG))
        try:
            yield line.decode()
        except UnicodeDecodeError:
            raise _NoText(Fault(number, "not UTF-8")) from None


def _lines(file: IO[bytes]) -> Iterator[bytes | None]:
    """Lines without a byte order mark; None for one that is too long."""
    mark = b"\xef\xbb\xbf"
    while line := file.readline(MAX_LINE_BYTES + 2):
        if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            while (more := file.readline(MAX_LINE_BYTES)) and not more.endswith(b"\n"):
                pass
            yield None
        else:
            yield line.removeprefix(mark)
        mark = b""
