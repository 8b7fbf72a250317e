"""How a job's items stand, as it is kept between two looks: forward only, whatever later replies say."""

from collections.abc import Sequence
from typing import Any

import msgspec

from storage.errors import UpstreamError, UpstreamMalformed, by_code
from storage.job import Failure
from workers.adapters.base import Done, Failed, File, Item, Pending


def kept(items: Sequence[Item]) -> list[dict[str, Any]]:
    """As JSON. Raises UpstreamMalformed for a result that is no address: what comes in a poll's reply is not kept."""
    return [_kept(item) for item in items]


def again(rows: Sequence[dict[str, Any]]) -> tuple[Item, ...]:
    """The items again."""
    return tuple(map(_again, rows))


def forward(before: Sequence[Item], now: Sequence[Item]) -> tuple[Item, ...]:
    """Each item as it was seen last: what has ended stays, what has begun goes on, progress never falls."""
    if len(before) != len(now):
        return tuple(now)
    return tuple(map(_later, before, now))


def _later(before: Item, now: Item) -> Item:
    if not isinstance(before, Pending) or not isinstance(now, Pending):
        return before if not isinstance(before, Pending) else now
    known = [each for each in (before.progress, now.progress) if each is not None]
    return Pending(before.begun or now.begun, max(known) if known else None, now.after_s)


def _kept(item: Item) -> dict[str, Any]:
    match item:
        case Pending():
            return {"pending": {"begun": item.begun, "progress": item.progress}}
        case Failed():
            return {"failed": msgspec.to_builtins(Failure.of(item.error)), "id": item.id}
        case Done():
            if any(file.url is None for file in item.files):
                raise UpstreamMalformed("the upstream gave bytes where it should have given an address")
            files = [[file.part, file.url, file.content_type] for file in item.files]
            return {"done": files, "id": item.id, "metadata": item.metadata}


def _again(row: dict[str, Any]) -> Item:
    if "pending" in row:
        return Pending(**row["pending"])
    if "failed" in row:
        failure = msgspec.convert(row["failed"], Failure)
        error = by_code(failure.code)
        kind = error if issubclass(error, UpstreamError) else UpstreamError
        return Failed(kind(failure.message), row["id"])
    files = tuple(File(part, url, content_type=kind) for part, url, kind in row["done"])
    return Done(files, row["id"], row["metadata"])
