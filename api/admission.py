"""From a request that a dialect has understood to a stored job: once, however often the request is sent."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from api.inputs import Input
from api.scope import header
from api.services import Call, Services
from api.validation import InvalidFields
from storage.accounts import Account, Accounts
from storage.addresses import Guard
from storage.catalog import ELSEWHERE, ENGINES, Model
from storage.errors import InvalidRequest, RequestError
from storage.events import event_types
from storage.ids import new_job_id
from storage.job import Job, Kind, Webhook
from storage.jobs import Admission, Idempotency

PRIORITY = 5
"""Of jobs whose request does not name one."""

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Terms(NamedTuple):
    """How a job is to be treated. Times are in seconds; 0 is "as configured". The priority is None if none is named."""

    priority: int | None = None
    start_within_s: float = 0.0
    run_s: int = 0
    keep_s: int = 0
    metadata: dict[str, Any] = {}  # noqa: RUF012 - a tuple's default; nobody writes to it
    webhook: Webhook | None = None


class NewJob(NamedTuple):
    """What a dialect makes of a request. `name` is the model's public name; `after` the job that it goes on from."""

    kind: Kind
    dialect: str
    name: str
    model: Model
    request: dict[str, Any]
    items: int
    terms: Terms = Terms()
    inputs: Mapping[str, Input] = {}
    after: Job | None = None


async def admit(
    request: Call,
    body: bytes,
    understand: Callable[[bytes], Awaitable[NewJob]],
    *,
    id: str | None = None,
    seen: Idempotency | None = None,
) -> Admission:
    """Store the job that `understand` makes of the body, or find the one that the same `Idempotency-Key` has brought.

    `id`: the job's, where some of it is stored already. `seen`: what stands for a key, where the request has none.

    What a request was accepted for may be there no more when it comes again: the clip to extend, the model. So one that
    is refused now is looked up before it is told so.

    Raises what `understand` and `stored_inputs` do, InvalidRequest (a key that is none), KeyReused, Gone,
    RedisUnavailable, NotDurable.
    """
    services = Services.of(request)
    jobs = services.store.jobs
    key = idempotency_key(header(request.scope, b"idempotency-key"))
    seen = Idempotency.of(key, request.scope["path"].encode(), body) if key else seen
    try:
        new = await understand(body)
        if hook := header_webhook(request):
            new = new._replace(terms=new.terms._replace(webhook=hook))
    except (RequestError, InvalidFields):
        if seen and (first := await jobs.replayed(request.user.id, seen)):
            return first
        raise
    if seen and new.inputs and (first := await jobs.replayed(request.user.id, seen)):
        return first  # and not stored in vain
    job = job_of(id or new_job_id(), request.user.id, new, services.accounts)
    job.inputs = await stored_inputs(services, job.id, new)
    return await jobs.admit(job, seen, start_within_s=new.terms.start_within_s)


async def stored_inputs(services: Services, job: str, new: NewJob) -> dict[str, str]:
    """Store what came with a request, before its job is accepted. Should that never be, upkeep erases it.

    Raises what `InputStore.store` does, RedisUnavailable.
    """
    if not new.inputs:
        return {}
    await services.store.jobs.expect_inputs(job)
    return await services.inputs.store(job, new.inputs)


def job_of(id: str, owner: str, new: NewJob, accounts: Accounts, *, priority: int = PRIORITY) -> Job:
    """The job that a request asks for; `priority` if it names none. A model that accounts serve is served by them."""
    serving = _serving(new, accounts)
    name = ELSEWHERE if serving else new.after.engine if new.after else new.model.engine
    engine, kinds = ENGINES[name], {account.adapter for account in serving}
    return Job(
        id=id,
        kind=new.kind,
        owner=owner,
        dialect=new.dialect,
        model=new.name,
        engine=name,
        lane=engine.lane,
        step=engine.step,
        request=new.request,
        items=new.items,
        priority=priority if new.terms.priority is None else new.terms.priority,
        run_s=new.terms.run_s,
        keep_s=new.terms.keep_s,
        metadata=new.terms.metadata,
        webhook=new.terms.webhook,
        served_by=kinds.pop() if len(kinds) == 1 else "",
    )


def following(new: NewJob, made_by: Job, accounts: Accounts, field: str) -> NewJob:
    """A job that goes on from what another has made, and so goes where that was made.

    `field`: where the caller named that. Raises InvalidRequest where it cannot be gone on from any more.
    """
    new = new._replace(after=made_by)
    if made_by.engine == ELSEWHERE and not _serving(new, accounts):
        raise InvalidRequest(f"what made this clip does not serve {new.name} any more", field=field)
    return new


def _serving(new: NewJob, accounts: Accounts) -> list[Account]:
    """The accounts that the job may go to."""
    serving = accounts.serving(new.name)
    return [each for each in serving if each.name == new.after.account] if new.after else serving


def header_webhook(request: Call) -> Webhook | None:
    """The webhook that the request's headers name, if they do. Raises InvalidRequest, AddressRefused."""
    url, asked = (header(request.scope, name) or "" for name in (b"x-webhook-url", b"x-webhook-events"))
    if not url and not asked:
        return None
    services = Services.of(request)
    events = [name for part in asked.split(",") if (name := part.strip())]
    where = "X-Webhook-Url", "X-Webhook-Events"
    return webhook(services.guard, services.base_url(request), url, events, where=where)


def webhook(
    guard: Guard,
    base_url: str,
    url: str | None,
    events: Sequence[str],
    *,
    where: tuple[str, str] = ("webhook", "webhook_events"),
) -> Webhook | None:
    """Where a job's events are to go, if anywhere. `where`: the fields' names.

    Raises InvalidRequest, AddressRefused. A host's name is looked up only when something is sent to it.
    """
    if not url:
        if events:
            raise InvalidRequest(f"is of no use without {where[0]}", field=where[1])
        return None
    guard.check_url(url, field=where[0])
    wanted = event_types(events, where[1])
    return Webhook(url, wanted, base_url)


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
