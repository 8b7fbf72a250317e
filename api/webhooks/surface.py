"""Webhook endpoints and their secrets, on our own surface. What becomes of deliveries is in `deliveries.py`.

Events are sent by the workers (`workers/deliver.py`); only a test is sent from here, while its caller waits.
"""

import secrets
import time
from typing import Any

import msgspec
from litestar import Router, delete, get, patch, post
from litestar.params import FromPath
from litestar.types import ASGIApp

from api.admission import idempotency_key
from api.openapi import KEYED
from api.reply import json_reply
from api.scope import header
from api.services import Call, Services, authenticate
from api.validation import parse_body
from api.webhooks import examples
from api.webhooks.body import Change, Registration, Rotation
from api.webhooks.view import shown_default, shown_endpoint, shown_failure
from storage.errors import RequestError, UpstreamError
from storage.events import event_types
from storage.job import Failure
from storage.jobs import Idempotency
from storage.public import iso
from storage.sender import complaint, now
from storage.webhooks import Endpoint, now_ms

MAX_BODY_BYTES = 100_000


@post("/webhooks", status_code=201, summary="Register a webhook endpoint", operation_class=examples.REGISTER)
async def register(request: Call) -> ASGIApp:
    """Events of all of the caller's jobs go there from now on. Its secret is shown here, and when it is rotated."""
    services, raw = Services.of(request), await request.body()
    asked = parse_body(Registration, raw)
    services.guard.check_url(asked.url, field="url")
    fields = {
        "url": asked.url,
        "events": event_types(asked.events, "events"),
        "name": asked.name,
        "enabled": asked.enabled,
        "base_url": services.base_url(request),
    }
    key = idempotency_key(header(request.scope, b"idempotency-key"))
    seen = Idempotency.of(key, b"/v1/webhooks", raw) if key else None
    endpoint, replayed = await services.store.webhooks.register(request.user.id, fields, seen)
    headers = [(b"idempotent-replayed", b"true")] if replayed else []
    return json_reply(await _shown(services, endpoint, secret=True), status=201, headers=headers)


@get("/webhooks", summary="List webhook endpoints", operation_class=examples.LIST)
async def list_endpoints(request: Call) -> ASGIApp:
    """The caller's endpoints, oldest first; there are 20 at the most."""
    services = Services.of(request)
    endpoints = await services.store.webhooks.all(request.user.id)
    healths = await services.store.outbox.health(*(endpoint.id for endpoint in endpoints))
    pairs = zip(endpoints, healths, strict=True)
    data = [shown_endpoint(endpoint, health, services.signer) for endpoint, health in pairs]
    return json_reply({"object": "list", "data": data})


@get("/webhooks/{endpoint_id:str}", summary="Read a webhook endpoint", operation_class=examples.READ)
async def read(request: Call, endpoint_id: FromPath[str]) -> ASGIApp:
    """What it is sent, and how it does."""
    return json_reply(await _shown(Services.of(request), await own_endpoint(request, endpoint_id)))


@patch("/webhooks/{endpoint_id:str}", summary="Change a webhook endpoint", operation_class=examples.CHANGE)
async def change(request: Call, endpoint_id: FromPath[str]) -> ASGIApp:
    """What is named, for all that has not arrived yet. A new URL, or one switched on, starts with a clean slate."""
    services = Services.of(request)
    asked = parse_body(Change, await optional_body(request))
    fields: dict[str, Any] = asked.model_dump(include=asked.model_fields_set)
    if "url" in fields:
        services.guard.check_url(asked.url, field="url")
    if "events" in fields:
        fields["events"] = event_types(asked.events, "events")
    if "enabled" in fields:
        fields["disabled_reason"] = None

    def changed(before: Endpoint) -> Endpoint:
        return msgspec.structs.replace(before, **fields)

    endpoint = await services.store.webhooks.change(request.user.id, endpoint_id, changed)
    if "url" in fields or fields.get("enabled"):
        await services.store.outbox.wake(endpoint.id)
    return json_reply(await _shown(services, endpoint))


@delete(
    "/webhooks/{endpoint_id:str}", status_code=204, summary="Delete a webhook endpoint", operation_class=examples.REMOVE
)
async def remove(request: Call, endpoint_id: FromPath[str]) -> None:
    """Nothing more is sent there: what has not arrived yet ends as failed, with `endpoint_deleted`."""
    store = Services.of(request).store
    await store.webhooks.remove(request.user.id, endpoint_id)
    await store.outbox.void(endpoint_id)


@post("/webhooks/{endpoint_id:str}/rotate", status_code=200, summary="Rotate a secret", operation_class=examples.ROTATE)
async def rotate(request: Call, endpoint_id: FromPath[str]) -> ASGIApp:
    """A new secret signs from now on; for `overlap_s` every event carries a signature by the old one too."""
    services = Services.of(request)
    asked = parse_body(Rotation, await optional_body(request))

    def rotated(before: Endpoint) -> Endpoint:
        return msgspec.structs.replace(before, signing=before.signing.rotated(now_ms(), asked.overlap_s))

    endpoint = await services.store.webhooks.change(request.user.id, endpoint_id, rotated)
    return json_reply(await _shown(services, endpoint, secret=True))


@get("/webhooks/secret", summary="Read the default secret", operation_class=examples.DEFAULT)
async def default(request: Call) -> ASGIApp:
    """What signs events for URLs that came with jobs (`webhook`, `X-Webhook-Url`)."""
    services, owner = Services.of(request), request.user.id
    return json_reply(shown_default(owner, await services.store.webhooks.default_signing(owner), services.signer))


@post(
    "/webhooks/secret/rotate",
    status_code=200,
    summary="Rotate the default secret",
    operation_class=examples.ROTATE_DEFAULT,
)
async def rotate_default(request: Call) -> ASGIApp:
    """As an endpoint's is rotated."""
    services, owner = Services.of(request), request.user.id
    asked = parse_body(Rotation, await optional_body(request))
    signing = await services.store.webhooks.rotate_default(owner, asked.overlap_s)
    return json_reply(shown_default(owner, signing, services.signer))


@post("/webhooks/{endpoint_id:str}/test", status_code=200, summary="Test an endpoint", operation_class=examples.TEST)
async def test(request: Call, endpoint_id: FromPath[str]) -> ASGIApp:
    """Sends `webhook.test` at once, also where the endpoint is off, and says what came back within 15 s."""
    services, endpoint = Services.of(request), await own_endpoint(request, endpoint_id)
    at, began = now(), time.monotonic()
    event = _test_event(endpoint, int(at.timestamp() * 1000))
    status, failure = None, None
    try:
        answer = await services.sender.send(
            endpoint.url,
            whose=endpoint.whose,
            signing=endpoint.signing,
            id=event["id"],
            body=msgspec.json.encode(event),
            at=at,
        )
    except (RequestError, UpstreamError) as error:
        failure = Failure.of(error)
    else:
        status, failure = answer.status, complaint(answer)
    told = {
        "object": "webhook_endpoint.test",
        "endpoint": endpoint.id,
        "event_id": event["id"],
        "event_type": event["type"],
        "delivered": failure is None,
        "status": status,
        "duration_ms": int((time.monotonic() - began) * 1000),
        "error": shown_failure(failure),
    }
    return json_reply(told)


def _test_event(endpoint: Endpoint, at_ms: int) -> dict[str, Any]:
    return {
        "object": "event",
        "id": f"evt_test_{secrets.token_hex(12)}",
        "type": "webhook.test",
        "timestamp": iso(at_ms),
        "created_at": at_ms // 1000,
        "data": {"id": endpoint.id, "object": "webhook_endpoint"},
    }


async def own_endpoint(request: Call, id: str) -> Endpoint:
    """The caller's endpoint of that id. Raises NotFound, for anyone else's too."""
    return await Services.of(request).store.webhooks.find(request.user.id, id)


async def optional_body(request: Call) -> bytes:
    """The body; none is as good as an empty object."""
    return await request.body() or b"{}"


async def _shown(services: Services, endpoint: Endpoint, *, secret: bool = False) -> dict[str, Any]:
    (health,) = await services.store.outbox.health(endpoint.id)
    return shown_endpoint(endpoint, health, services.signer, secret=secret)


router = Router(
    "/v1",
    route_handlers=[
        register,
        list_endpoints,
        default,
        rotate_default,
        read,
        change,
        remove,
        rotate,
        test,
    ],
    before_request=authenticate,
    request_max_body_size=MAX_BODY_BYTES,
    tags=["Webhooks"],
    security=KEYED,
)
