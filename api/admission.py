"""From a request that a dialect has understood to a stored job: once, however often the request is sent."""

import re
from typing import Any, NamedTuple

from api.scope import header
from api.services import Call, Services
from storage.catalog import ENGINES, Model
from storage.errors import InvalidRequest
from storage.ids import new_job_id
from storage.job import Job, Kind
from storage.jobs import Admission, Idempotency

PRIORITY = 5

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class NewJob(NamedTuple):
    """What a dialect makes of a request. `name` is the model's public name."""

    kind: Kind
    dialect: str
    name: str
    model: Model
    request: dict[str, Any]
    items: int


class Terms(NamedTuple):
    """How a job is to be treated. Times: `start_by` in Unix ms, the others in seconds; 0 is "as configured"."""

    priority: int = PRIORITY
    start_by: int = 0
    run_s: int = 0
    keep_s: int = 0
    metadata: dict[str, Any] = {}  # noqa: RUF012 - a tuple's default; nobody writes to it


AS_CONFIGURED = Terms()


async def admit(request: Call, new: NewJob, terms: Terms = AS_CONFIGURED) -> Admission:
    """Store the job, or find the one that the same `Idempotency-Key` brought before.

    Raises InvalidRequest (a key that is none), KeyReused, Gone, RedisUnavailable, NotDurable.
    """
    engine = ENGINES[new.model.engine]
    job = Job(
        id=new_job_id(),
        kind=new.kind,
        owner=request.user.id,
        dialect=new.dialect,
        model=new.name,
        engine=new.model.engine,
        lane=engine.lane,
        step=engine.step,
        request=new.request,
        items=new.items,
        **terms._asdict(),
    )
    key = idempotency_key(header(request.scope, b"idempotency-key"))
    seen = Idempotency.of(key, request.scope["path"].encode(), await request.body()) if key else None
    return await Services.of(request).store.jobs.admit(job, seen)


def idempotency_key(sent: str | None) -> str | None:
    """The key, from a structured-field string (`"…"`) or bare. Raises InvalidRequest."""
    if sent is None:
        return None
    key = sent.strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = re.sub(r"\\([\"\\])", r"\1", key[1:-1])
    if not _KEY.fullmatch(key):
        raise InvalidRequest("1 to 255 visible ASCII characters are wanted", field="Idempotency-Key")
    return key
