"""Replies of upstreams, and what they are to be read as: wire/<adapter>/<name>.json.

Each file says what it is about, its source and its date. They were written from the sheet of the protocol, not
recorded. `reads` names the method, `options` the account's, `kind`, `items` and `request` the job's. `gives` or
`raises` says what it is read as; where both are missing, a test of the adapter's own does.
"""

from importlib import import_module
from pathlib import Path
from typing import Any, cast

import msgspec

from storage.errors import UpstreamError
from storage.job import Kind
from storage.wire.reply import Reply
from tests.workers.adapters.tasks import task
from workers.adapters import ADAPTERS
from workers.adapters.base import Adapter, CalledBack, Done, File, Item, Pending, Prepaid, Watched
from workers.adapters.suno_clips import unix_ms

WIRE = Path(__file__).parent / "wire"
CHARGING: dict[str, dict[str, Any]] = {"webui": {"paid": True}, "whisper_asr": {"paid": True}}
"""Options with which an account pays, for upstreams that are one's own otherwise."""


class Saved(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    about: str
    source: str
    date: str
    reads: str
    reply: dict[str, Any]
    gives: Any = msgspec.UNSET
    raises: Any = msgspec.UNSET
    options: dict[str, Any] = {}
    kind: Kind | None = None
    items: int | None = None
    request: dict[str, Any] = {}
    since: str = ""

    @property
    def says(self) -> bool:
        """Whether it says what it is read as."""
        return self.gives is not msgspec.UNSET or self.raises is not msgspec.UNSET

    def received(self) -> Reply:
        return reply(self.reply.get("status", 200), self.body, self.reply.get("headers", {}))

    @property
    def body(self) -> bytes:
        return msgspec.json.encode(self.reply["json"]) if "json" in self.reply else self.reply["text"].encode()


def reply(status: int, body: bytes, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, headers or {}, body)


def adapter(name: str, options: dict[str, Any] | None = None) -> Adapter:
    """An adapter by its name in the registry, of an account that pays."""
    module, _, kind = ADAPTERS[name].partition(":")
    return cast(Adapter, getattr(import_module(module), kind)({**CHARGING.get(name, {}), **(options or {})}))


def usual(speaks: Adapter) -> Kind:
    """The kind that a reply is about, if it does not say."""
    return (
        Kind.MUSIC_GENERATE
        if Kind.MUSIC_GENERATE in speaks.kinds
        else min(speaks.kinds - {Kind.CHAT}, default=Kind.CHAT)
    )


def names(*reads: str) -> list[str]:
    """Of the saved replies that one of these methods reads (of all), "adapter/name"."""
    paths = sorted(WIRE.glob("*/*.json"))
    return [f"{path.parent.name}/{path.stem}" for path in paths if not reads or load_path(path).reads in reads]


def load(name: str) -> Saved:
    return load_path(WIRE / f"{name}.json")


def load_path(path: Path) -> Saved:
    return msgspec.json.decode(path.read_bytes(), type=Saved)


def read(name: str, saved: Saved, received: Reply) -> Any:
    """Has the adapter read the reply, and tells what it made of it as the files tell it. Raises UpstreamError."""
    speaks = adapter(name, saved.options)
    about = task(saved.kind or usual(speaks), items=saved.items, **saved.request)
    match saved.reads:
        case "taken":
            taken = speaks.taken(about, received)
            items = {"items": [_item(item) for item in taken.items]} if taken.items else {}
            return {"ids": [*taken.ids], **items}
        case "read":
            return told(speaks.read(received))
        case "found":
            since = unix_ms(saved.since)
            assert since
            return [[*one.ids] for one in speaks.found(about, since, received)]
        case "heard":
            assert isinstance(speaks, CalledBack)
            return told(speaks.heard(received.body))
        case "watched":
            assert isinstance(speaks, Watched)
            return _item(speaks.watched(received))
        case "balance":
            assert isinstance(speaks, Prepaid)
            return speaks.balance(received)
    return getattr(speaks, saved.reads)(received)


def told(found: dict[str, tuple[Item, ...]]) -> dict[str, Any]:
    return {id: [_item(item) for item in items] for id, items in found.items()}


def _item(item: Item) -> dict[str, Any]:
    match item:
        case Pending():
            shown = {"is": "pending", "begun": item.begun, "progress": item.progress, "after_s": item.after_s}
        case Done():
            files = {file.part: _file(file) for file in item.files}
            shown = {"is": "done", "id": item.id, "files": files, "metadata": dict(item.metadata)}
        case _:
            shown = {"is": "failed", "id": item.id, **error(item.error)}
    return {name: value for name, value in shown.items() if value not in (None, False)}


def _file(file: File) -> Any:
    """A link as it is, JSON as what it says, a picture as the word for it."""
    if file.data is None:
        return file.url
    if file.content_type == "application/json":
        return msgspec.json.decode(file.data)
    return "a PNG" if file.data.startswith(b"\x89PNG") else f"{len(file.data)} bytes"


def error(error: UpstreamError) -> dict[str, Any]:
    return {
        "code": error.code,
        "says": str(error),
        "in_doubt": error.in_doubt,
        "retry_after_s": error.retry_after_s,
    }


def agrees(found: Any, wanted: Any) -> bool:
    """Whether what was found is what a file says, which leaves out what it does not care about: the rest of a text, and
    keys of objects."""
    match wanted:
        case dict():
            ours = isinstance(found, dict) and ("is" in wanted or "code" in wanted or found.keys() == wanted.keys())
            return ours and all(
                value in str(found.get(name)) if name == "says" else agrees(found.get(name), value)
                for name, value in wanted.items()
            )
        case list():
            return (
                isinstance(found, list)
                and len(found) == len(wanted)
                and all(agrees(*both) for both in zip(found, wanted, strict=True))
            )
    return bool(found == wanted)
