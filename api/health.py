"""Whether this process lives, and whether it can do its work."""

import time

from litestar import Request, get, route
from litestar.datastructures import State
from litestar.types import ASGIApp

from api import examples
from api.errors import RETRY_AFTER_S
from api.reply import json_reply
from api.services import Services
from storage import keys
from storage.accounts import Accounts
from storage.catalog import ENGINES, Catalog
from storage.connect import command, redis_errors
from storage.errors import StorageError
from storage.rules import DELIVERY, UPSTREAM
from storage.store import Store


@get("/health", tags=["Operation"], summary="Health", operation_class=examples.HEALTH)
async def health() -> ASGIApp:
    """This process lives."""
    return json_reply({"status": "ok"})


@route("/health", http_method="HEAD", include_in_schema=False)
async def health_head() -> ASGIApp:
    return json_reply({"status": "ok"})


@get("/ready", tags=["Operation"], summary="Readiness", operation_class=examples.READY)
async def ready(request: Request[None, None, State]) -> ASGIApp:
    """Redis and the object store answer. A lane without workers is no reason to send callers away: its jobs wait."""
    return await _readiness(Services.of(request))


@route("/ready", http_method="HEAD", include_in_schema=False)
async def ready_head(request: Request[None, None, State]) -> ASGIApp:
    return await _readiness(Services.of(request))


async def _readiness(services: Services) -> ASGIApp:
    lanes = await _lanes(services.store, services.catalog, services.accounts)
    objects = await _objects(services)
    able = lanes is not None and objects
    body = {
        "status": "ready" if able else "unavailable",
        "redis": "ok" if lanes is not None else "away",
        "objects": "ok" if objects else "away",
        "lanes": lanes or {},
    }
    headers = [] if able else [(b"retry-after", b"%d" % RETRY_AFTER_S)]
    return json_reply(body, status=200 if able else 503, headers=headers)


async def _objects(services: Services) -> bool:
    try:
        await services.objects.ready()
    except StorageError:
        return False
    return True


async def _lanes(store: Store, catalog: Catalog, accounts: Accounts) -> dict[str, dict[str, int]] | None:
    """How many workers serve each lane that the catalog's models, accounts and webhooks need; None if Redis is away."""
    now_ms = int(time.time() * 1000)
    engines = {model.engine for model in catalog.models.values()}
    elsewhere = {UPSTREAM} if accounts.all() else set()
    names = sorted({DELIVERY, *elsewhere, *(lane for engine in engines for lane in ENGINES[engine].lanes)})
    try:
        with redis_errors():
            await command(store.redis, "PING")
            counts = [await command(store.redis, "ZCOUNT", keys.workers(lane), now_ms, "+inf") for lane in names]
    except StorageError:
        return None
    return {lane: {"workers": int(count)} for lane, count in zip(names, counts, strict=True)}


OPERATIONS = [health, health_head, ready, ready_head]
