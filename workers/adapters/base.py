"""What an upstream's dialect looks like to the worker: calls are built, replies are read, and nothing is sent.

Whoever sends a `Call` puts the account's address before its path, its credential on it, and what the caller sent with
the job (`Given`) into it. A reply that cannot be read raises UpstreamMalformed; one that says no raises what it means
(`storage/errors.py`), with `in_doubt` where it leaves open whether the upstream took the job (a proxy's 502, say).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import msgspec

from storage.errors import UpstreamError, UpstreamMalformed
from storage.job import Job, Kind
from storage.wire.reply import Reply

Turn = Literal["png", "white_where_clear", "clear_where_white", "clear_where_black", "wav"]


class Given(msgspec.Struct, frozen=True):
    """Stands for what the caller sent with the job under this name: as a part of a form its bytes, in JSON Base64.

    `turn`: what it has to be made into first (`workers/adapters/given.py`), where upstreams and callers differ: any
    picture into a PNG, a mask by transparency into one by brightness and back, PCM without a head into a WAV.
    """

    name: str
    data_uri: bool = False
    turn: Turn | None = None


class Field(msgspec.Struct, frozen=True):
    """A part of a form. `file_name`: of a part that is a file."""

    name: str
    value: str | bytes | Given
    file_name: str | None = None
    content_type: str | None = None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request, without host and credential. `path` begins with a slash; `json` may hold `Given`.

    `pays`: whether it may cost something, so that it is never sent twice blindly. `to_file`: a good answer is a file
    rather than words about one.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    query: dict[str, str] = {}
    json: Any = None
    form: tuple[Field, ...] = ()
    headers: dict[str, str] = {}
    pays: bool = False
    to_file: bool = False
    timeout_s: float = 30.0


class File(msgspec.Struct, frozen=True):
    """A file of a result: its address, its bytes, or where it lies. `part`: what it is to the item ("main", "cover").

    `content_type` is the upstream's claim, and may be none.
    """

    part: str = "main"
    url: str | None = None
    data: bytes | None = None
    path: Path | None = None
    content_type: str | None = None


class Pending(msgspec.Struct, frozen=True):
    """Not there yet. `progress` 0..1, if it is known; `after_s`: when to look again, if the upstream has a say in that.
    `begun`: it is being made, and no longer only waits."""

    begun: bool = False
    progress: float | None = None
    after_s: float | None = None


class Done(msgspec.Struct, frozen=True):
    """There. `metadata`: what is worth knowing, in our words (title, prompt, tags, duration_s, text, seed, ...)."""

    files: tuple[File, ...]
    id: str | None = None
    metadata: dict[str, Any] = {}


class Failed(msgspec.Struct, frozen=True):
    """It will not come."""

    error: UpstreamError
    id: str | None = None


Item = Pending | Done | Failed
"""How it stands with one item of a job (one of two clips, one of four pictures). `id`: what the upstream calls it."""


def spread(items: Sequence[Item], count: int) -> tuple[Item, ...]:
    """What a reply says of a job, for each of the job's items. Upstreams may tell of fewer than there are: the last one
    then stands for the rest, unless it is there already. That one was promised and never came."""
    told = tuple(items[:count])
    if not told:
        return (Pending(),) * count
    missing = Failed(UpstreamMalformed(f"the upstream delivered {len(told)} of {count}"))
    return told + (missing if isinstance(told[-1], Done) else told[-1],) * (count - len(told))


class Taken(msgspec.Struct, frozen=True):
    """The upstream has accepted a job: under these ids it is polled, in the order of the items. Where it answers with
    the result itself there are none, and the `items` are there. `whole`: these are all ids that there will be; a list
    in which a job is looked for may lag behind."""

    ids: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()
    whole: bool = True


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A job on its way to an account. `model`: what the account calls it. `sources`: our id of each clip that the
    request names → the upstream's, and what it was polled by. `callback_url`: where the upstream may tell of its end.
    `sizes`: width and height in pixels of each picture that the caller sent, by its name. `others`: upstream ids that
    are known to be other jobs'.
    """

    job: Job
    model: str
    sources: Mapping[str, "Source"] = {}
    callback_url: str | None = None
    sizes: Mapping[str, tuple[int, int]] = {}
    others: frozenset[str] = frozenset()


class Source(NamedTuple):
    """A clip as its upstream knows it: its own id, and that of the task that made it."""

    id: str
    task_id: str


class Adapter(Protocol):
    """One dialect. Built from the account's options (those of `gateway.toml` that are its own business)."""

    kinds: frozenset[Kind]
    batch: int
    """How many ids one poll may ask for; 0 if it is never polled, since it answers with the result."""
    auth: Literal["bearer", "basic", "header", "none"]
    """How the credential goes along; `header`: as `X-Api-Key`."""
    at_once: int
    """How many jobs the server works on at a time, where others would wait in a queue that nobody sees into; else 0."""

    def submit(self, task: Task) -> Call:
        """The call that has the job made."""
        ...

    def taken(self, task: Task, reply: Reply) -> Taken:
        """What its reply says."""
        ...

    def poll(self, ids: Sequence[str]) -> Call:
        """Asks after jobs, `batch` ids at the most."""
        ...

    def read(self, reply: Reply) -> dict[str, tuple[Item, ...]]:
        """By the id asked for: how each of its items stands (`spread` them). Ids the reply leaves out are left out."""
        ...

    def single(self, id: str) -> Call | None:
        """Asks after one id that polls leave out; None if there is no other way to ask. Read by `read`."""
        ...

    def cancel(self, ids: Sequence[str]) -> Call | None:
        """Ends a job, by its ids; without any, what runs there while the call that has it made is open. None if that
        cannot be done."""
        ...

    def recent(self) -> Call | None:
        """Lists what the account had made of late; None if the upstream does not list it."""
        ...

    def found(self, task: Task, since_ms: int, reply: Reply) -> Sequence[Taken]:
        """What of that list may be this job, submitted not before `since_ms` (Unix), and is none of `task.others`:
        none, one, or several."""
        ...


@runtime_checkable
class Prepaid(Protocol):
    """An adapter whose upstream says what an account has left to pay with."""

    def credits(self) -> Call:
        """Asks."""
        ...

    def balance(self, reply: Reply) -> float:
        """What it says, in credits of the upstream's."""
        ...


@runtime_checkable
class CalledBack(Protocol):
    """An adapter whose upstream calls back (`Task.callback_url`)."""

    def heard(self, body: bytes) -> dict[str, tuple[Item, ...]]:
        """What such a call says, as `read` would. Raises UpstreamMalformed. Nothing proves who it is from: take it as
        a reason to poll, not as the truth."""
        ...


@runtime_checkable
class Watched(Protocol):
    """An adapter whose upstream can be asked how far a job is while the call that has it made is still open."""

    def watch(self) -> Call:
        """Asks."""
        ...

    def watched(self, reply: Reply) -> Pending:
        """What it says."""
        ...
