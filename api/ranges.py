"""Which part of a file a request wants, if any. Pure; RFC 9110, sections 13 and 14."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import NamedTuple

_MOST_DIGITS = 19
"""Any number longer than that lies beyond every file."""


class File(NamedTuple):
    """What is known of a stored file. `etag` with its quotes."""

    size_bytes: int
    etag: str
    modified: datetime


class Span(NamedTuple):
    """Bytes `first` to `last`, both included."""

    first: int
    last: int

    @property
    def size_bytes(self) -> int:
        return self.last - self.first + 1


class Unsatisfiable(Exception):
    """The range lies outside the file."""


Headers = Callable[[bytes], str | None]


def http_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def unchanged(header: Headers, file: File) -> bool:
    """Whether the client's copy is still good."""
    known = header(b"if-none-match")
    if known is not None:
        tags = re.findall(r'(?:W/)?("[^"]*")', known)
        return known.strip() == "*" or file.etag in tags
    since = _date(header(b"if-modified-since"))
    return since is not None and file.modified.replace(microsecond=0) <= since


def wanted(header: Headers, file: File) -> Span | None:
    """The one range asked for; None for the whole file, as also for what is no range, or more than one.

    Raises Unsatisfiable.
    """
    asked = re.fullmatch(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", header(b"range") or "", re.ASCII | re.IGNORECASE)
    if not asked or not (asked[1] or asked[2]) or not _still_same(header(b"if-range"), file):
        return None
    if not asked[1]:
        first, last = max(0, file.size_bytes - _number(asked[2])), file.size_bytes - 1
    else:
        first, last = _number(asked[1]), _number(asked[2]) if asked[2] else file.size_bytes - 1
        if last < first and asked[2]:
            return None
    if first > last or first >= file.size_bytes:
        raise Unsatisfiable
    return Span(first, min(last, file.size_bytes - 1))


def _number(digits: str) -> int:
    """The number; of one beyond every file only as much as is still beyond: Python reads 4300 digits at most."""
    return int(digits.lstrip("0")[:_MOST_DIGITS] or "0")


def _still_same(condition: str | None, file: File) -> bool:
    """If-Range: only a strong tag, or the exact date, will do."""
    if condition is None:
        return True
    if condition.strip().startswith(('"', "W/")):
        return condition.strip() == file.etag
    return _date(condition) == file.modified.replace(microsecond=0)


def _date(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # no date, or one whose year or offset no clock can show
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
