"""The job: what it holds, the states it may be in, and the moves between them.

One Redis hash a job, `Job` here. Status is written by `storage/lua/*.lua` only, each time with the list of states it
may come from (`sources`), so this table is the one place where moves are decided.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import cache
from typing import Any, Self, cast

import msgspec

from storage.errors import GatewayError, RequestError, by_code
from storage.ids import Part, output_id


class Kind(StrEnum):
    """What a job makes. Callers may ask for `OFFERED`; the rest is work of our own."""

    MUSIC_GENERATE = "music.generate"
    MUSIC_EXTEND = "music.extend"
    MUSIC_CONCAT = "music.concat"
    IMAGE_GENERATE = "image.generate"
    IMAGE_EDIT = "image.edit"
    IMAGE_UPSCALE = "image.upscale"
    IMAGE_FACESWAP = "image.faceswap"
    SPEECH = "speech"
    TRANSCRIPTION = "transcription"
    TRANSCRIPTION_PART = "transcription.part"
    CHAT = "chat"
    WEBHOOK_DELIVERY = "webhook.delivery"


_OURS = {Kind.TRANSCRIPTION_PART, Kind.WEBHOOK_DELIVERY}
OFFERED = tuple(kind for kind in Kind if kind not in _OURS)
IMAGES = (Kind.IMAGE_GENERATE, Kind.IMAGE_EDIT, Kind.IMAGE_UPSCALE, Kind.IMAGE_FACESWAP)


class Status(StrEnum):
    """Where a job stands. SUBMITTING is upstream's, RUNNING an engine's; IN_DOUBT: an upstream may have taken it."""

    QUEUED = "queued"
    SUBMITTING = "submitting"
    WAITING = "waiting"
    IN_DOUBT = "in_doubt"
    RUNNING = "running"
    STORING = "storing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"


_ENDED_EARLY = {Status.FAILED, Status.CANCELED, Status.EXPIRED}

NEXT: dict[Status, frozenset[Status]] = {
    status: frozenset(after)
    for status, after in {
        Status.QUEUED: {Status.SUBMITTING, Status.RUNNING, *_ENDED_EARLY},
        Status.SUBMITTING: {Status.QUEUED, Status.WAITING, Status.IN_DOUBT, Status.STORING, Status.FAILED},
        # back to QUEUED on an operator's word only: its account is gone
        Status.WAITING: {Status.QUEUED, Status.STORING, *_ENDED_EARLY},
        Status.IN_DOUBT: {Status.WAITING, Status.STORING, Status.QUEUED, Status.FAILED, Status.CANCELED},
        # straight to SUCCEEDED when the result is text, and so already in Redis
        Status.RUNNING: {Status.QUEUED, Status.STORING, Status.SUCCEEDED, *_ENDED_EARLY},
        # in doubt when what was paid for is lost before it is stored
        Status.STORING: {Status.SUCCEEDED, Status.IN_DOUBT, *_ENDED_EARLY},
        Status.SUCCEEDED: set[Status](),
        Status.FAILED: set[Status](),
        Status.CANCELED: set[Status](),
        Status.EXPIRED: set[Status](),
    }.items()
}
TERMINAL = frozenset(status for status, after in NEXT.items() if not after)
LIVE = frozenset(Status) - TERMINAL


@cache
def sources(target: Status) -> str:
    """The states that may move to `target`, separated by spaces."""
    return " ".join(status for status, after in NEXT.items() if target in after)


class PublicStatus(StrEnum):
    """The closed set of words that callers see. Finer ones go in the stage, and may grow."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"


class OutputStatus(StrEnum):
    """Where one output stands; it may fail alone."""

    PENDING = "pending"
    MAKING = "making"
    STORED = "stored"
    FAILED = "failed"


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why something failed: an error's stable code (`storage/errors.py`), and the field it blames, if there is one."""

    code: str
    message: str
    retryable: bool = False
    field: str | None = None

    @classmethod
    def of(cls, error: GatewayError) -> Self:
        return cls(error.code, str(error), error.retryable, error.field if isinstance(error, RequestError) else None)

    def error(self) -> GatewayError:
        """The error again."""
        error = by_code(self.code)
        return error(self.message, field=self.field) if issubclass(error, RequestError) else error(self.message)


class Webhook(msgspec.Struct, frozen=True):
    """Where a job's events go, as asked for with the job: event types, and what links in them start with."""

    url: str
    events: list[str]
    base_url: str


class Upstream(msgspec.Struct, omit_defaults=True):
    """A job's way at the account that it went to. Times are Unix ms.

    `intent`: a digest of the request, from before it is sent until the answer is stored: a job that has one and no
    `ids` may have been taken. `ids`: what it is polled by. `items`: how each item stood when it was last seen, as the
    workers write it. `progressed`: when that last changed. `absent`: polls in a row that an id was left out of.
    `looks`: how often it was looked for while in doubt. `resent`: how often it was sent again by its account's policy.
    `tried`: the accounts that would not take it.
    """

    intent: str = ""
    sent: int = 0
    ids: list[str] = []
    items: list[dict[str, Any]] = []
    progressed: int = 0
    absent: dict[str, int] = {}
    looks: int = 0
    tried: list[str] = []
    resent: int = 0

    @property
    def in_doubt(self) -> bool:
        return bool(self.intent) and not self.ids

    def each(self, items: int) -> int:
        """How many of a job's items each id stands for: an upstream's task may be two songs."""
        return max(1, items // max(1, len(self.ids)))


class Cost(msgspec.Struct, frozen=True):
    """What a job costs at its account. `units`: by the account's table; None if it does not say. `certain`: the
    upstream has accepted the job; else nobody knows yet."""

    units: float | None
    certain: bool


class Output(msgspec.Struct, omit_defaults=True):
    """One file of a job's result, known from admission on and filled in as it is made. `upstream_id`, `upstream_task`:
    what the account that made it calls it, and the task that it came of."""

    item: int
    part: Part = Part.MAIN
    role: str = "audio"
    status: OutputStatus = OutputStatus.PENDING
    object_key: str | None = None
    content_type: str | None = None
    size_bytes: int | None = None
    duration_s: float | None = None
    width_px: int | None = None
    height_px: int | None = None
    sha256: str | None = None
    metadata: dict[str, Any] = {}
    error: Failure | None = None
    upstream_id: str | None = None
    upstream_task: str | None = None


_ROLES = {
    "music": {
        Part.MAIN: "audio",
        Part.COVER: "cover",
        Part.COVER_LARGE: "cover",
        Part.WAVEFORM: "waveform",
        Part.PLAN: "plan",
    },
    "image": {Part.MAIN: "image"},
    "speech": {Part.MAIN: "audio"},
    "transcription": {Part.MAIN: "text"},
    "chat": {Part.MAIN: "text"},
}


class Job(msgspec.Struct, kw_only=True):
    """One job as Redis holds it: times in Unix ms, `request` and `metadata` as JSON the caller sent.

    `inputs`: what the request's media are called, and the keys of the objects that hold them until the job ends.
    `parent`: the job that this one is a part of (`storage/parts.py`). `account`: where it went, or is to go.
    `served_by`: the adapter of the account, or of all that could serve it. `waits_for`: why it sleeps, in words.
    `canceling`: a cancel came while it was being submitted (for how many seconds its record outlives that).
    `upstream`: its way there (`storage/upstream.py`). `cost`: of what was sent last; None if nothing was that costs.

    `token` fences: every claim raises it, and a write with an older one is refused. `attempt` counts claims that were
    not handed back, `rescues` those whose worker vanished (which are nobody's attempts). `priority` runs from 0 (first)
    to 9.
    """

    id: str
    kind: Kind
    owner: str
    dialect: str
    model: str
    engine: str
    lane: str
    step: str
    request: dict[str, Any]
    priority: int
    items: int = 1
    status: Status = Status.QUEUED
    stage: str = ""
    attempt: int = 0
    rescues: int = 0
    token: int = 0
    progress: float = 0.0
    created: int = 0
    started: int = 0
    finished: int = 0
    not_before: int = 0
    start_by: int = 0
    run_s: int = 0
    keep_s: int = 0
    outputs: list[Output] = []
    error: Failure | None = None
    metadata: dict[str, Any] = {}
    webhook: Webhook | None = None
    inputs: dict[str, str] = {}
    parent: str = ""
    account: str = ""
    served_by: str = ""
    waits_for: str = ""
    canceling: int = 0
    upstream: Upstream | None = None
    cost: Cost | None = None

    def __post_init__(self) -> None:
        if not self.outputs:
            parts = {} if self.parent else _ROLES.get(self.kind.partition(".")[0], {})
            self.outputs = [
                Output(item, part, role) for item in range(1, self.items + 1) for part, role in parts.items()
            ]

    def output(self, item: int, part: Part = Part.MAIN) -> Output:
        """One output; KeyError if the job has none such."""
        for output in self.outputs:
            if output.item == item and output.part == part:
                return output
        raise KeyError(output_id(self.id, item, part))

    def output_id(self, output: Output) -> str:
        """The public id of one of this job's outputs."""
        return output_id(self.id, output.item, output.part)

    @property
    def ended(self) -> bool:
        return self.status in TERMINAL

    @property
    def public_status(self) -> PublicStatus:
        """The word callers see. It never goes back: a job that was once started and waits again is still `running`."""
        if self.status in TERMINAL:
            return PublicStatus(self.status.value)
        return PublicStatus.QUEUED if self.status == Status.QUEUED and not self.started else PublicStatus.RUNNING

    def fields(self) -> dict[str, Any]:
        """What Redis is to store: only what differs from the defaults; `items` implies `outputs` until one changes."""
        return {
            field.name: value
            for field in _FIELDS
            if field.name != "outputs"
            and ((value := getattr(self, field.name)) not in (field.default, {}) or field.required)
        }

    @classmethod
    def from_row(cls, id: str, row: bytes) -> Self | None:
        """The job from its hash as our functions give it (field, value, ... as MessagePack); None if there is none."""
        words = _words(row)
        return cls.from_fields(id, zip(words[::2], words[1::2], strict=True)) if words else None

    @classmethod
    def from_fields(cls, id: str, fields: Iterable[tuple[str, str]]) -> Self:
        """The job from its fields as they are stored. Of two values for a field the later counts; fields that only
        another version knows are passed over."""
        return cls(id=id, **{name: _READ[name](text) for name, text in fields if name in _READ})


def encode_field(value: Any) -> str | int | float | bytes:
    """A field as Redis keeps it: numbers and words plain, everything else as JSON."""
    return value if isinstance(value, (str, int, float)) else msgspec.json.encode(value)


def _reader(annotation: Any) -> Callable[[str], Any]:
    """The inverse of `encode_field` for one field's type."""
    if annotation in (int, float, str):
        return cast(Callable[[str], Any], annotation)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return {member.value: member for member in annotation}.__getitem__
    return msgspec.json.Decoder(annotation).decode


_FIELDS = [field for field in msgspec.structs.fields(Job) if field.name != "id"]
_READ = {field.name: _reader(field.type) for field in _FIELDS}
_words = msgspec.msgpack.Decoder(list[str]).decode
