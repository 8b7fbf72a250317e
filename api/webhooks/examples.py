"""The webhook operations as the documentation shows them: made-up endpoints, rendered by what renders real ones."""

from pydantic import SecretStr

from api.openapi import IDEMPOTENCY, operation, problems, query, success
from api.webhooks.body import Change, Registration, Replay, Rotation
from api.webhooks.view import DeliveryStatus, shown_default, shown_delivery, shown_endpoint
from storage.job import Failure, Job, Kind, Status
from storage.outbox import Health
from storage.signing import Signer
from storage.webhooks import Endpoint

_URL = "https://app.example/webhooks/songs"
_OWNER = "key_1f2e3d4c5b6a7988"
_AT = 1_751_328_021_000
_SIGNER = Signer(SecretStr("only for the examples of the documentation"))
_ENDPOINT = Endpoint(
    id="we_5f0c1e7a9b3d4c6e8f2a1b0d",
    owner=_OWNER,
    url=_URL,
    events=["job.succeeded", "job.failed"],
    base_url="https://gateway.example",
    created=_AT - 86_400_000,
    updated=_AT - 86_400_000,
    name="the shop",
)
_HEALTH = Health(last="200", succeeded=_AT)
_SHOWN = shown_endpoint(_ENDPOINT, _HEALTH, _SIGNER)
_SHOWN_WITH_SECRET = shown_endpoint(_ENDPOINT, _HEALTH, _SIGNER, secret=True)
_DEFAULT = shown_default(_OWNER, _ENDPOINT.signing, _SIGNER)
_JOB = "0197e1f2-6c3a-7b1d-9e42-5f8a3c210000"


def _delivery() -> Job:
    """One that is to be tried again."""
    attempt = {"at": _AT, "duration_ms": 84, "status": 503}
    return Job(
        id="0197e1f2-6c3a-7d02-8b51-77c0e92f0000",
        kind=Kind.WEBHOOK_DELIVERY,
        owner=_ENDPOINT.id,
        dialect="webhook",
        model="",
        engine="",
        lane="delivery",
        step="deliver",
        request={"job": _JOB, "owner": _OWNER, "event": "succeeded", "at": _AT, "fields": {}},
        priority=5,
        status=Status.QUEUED,
        created=_AT,
        started=_AT,
        not_before=_AT + 5000,
        metadata={"attempts": [attempt]},
        error=Failure("refused", "answered 503", retryable=True),
    )


_DELIVERY = shown_delivery(_delivery())
_TESTED = {
    "object": "webhook_endpoint.test",
    "endpoint": _ENDPOINT.id,
    "event_id": "evt_test_0b1d5f8a3c2197e16c3a7b1d",
    "event_type": "webhook.test",
    "delivered": True,
    "status": 204,
    "duration_ms": 61,
    "error": None,
}
_REPLAYED = {
    "object": "webhook.replay",
    "endpoint": _ENDPOINT.id,
    "posted": 12,
    "waiting": 0,
    "delivered": 340,
    "gone": 1,
    "missed": None,
    "next_cursor": None,
}

REGISTER = operation(
    body=Registration,
    examples={
        "How jobs end": {"url": _URL, "name": "the shop"},
        "All events, not yet": {"url": _URL, "events": ["job.*"], "enabled": False},
    },
    parameters=[IDEMPOTENCY],
    responses={201: success("Registered; keep the secret", _SHOWN_WITH_SECRET), **problems(401, 413, 422, 503)},
)
LIST = operation(
    responses={200: success("Oldest first", {"object": "list", "data": [_SHOWN]}), **problems(401, 503)},
)
READ = operation(responses={200: success("The endpoint", _SHOWN), **problems(401, 404, 503)})
CHANGE = operation(
    body=Change,
    examples={"Other events": {"events": ["job.output", "job.succeeded"]}, "Switch it on again": {"enabled": True}},
    responses={200: success("As it is now", _SHOWN), **problems(401, 404, 413, 422, 503)},
)
REMOVE = operation(responses={204: success("Deleted", None), **problems(401, 404, 503)})
ROTATE = operation(
    body=Rotation,
    examples={"A day to change over": {"overlap_s": 86_400}, "The old one is known to others": {"overlap_s": 0}},
    responses={200: success("The new secret", _SHOWN_WITH_SECRET), **problems(401, 404, 413, 422, 503)},
)
DEFAULT = operation(responses={200: success("The secret", _DEFAULT), **problems(401, 503)})
ROTATE_DEFAULT = operation(
    body=Rotation,
    examples={"A day to change over": {"overlap_s": 86_400}},
    responses={200: success("The new secret", _DEFAULT), **problems(401, 413, 422, 503)},
)
TEST = operation(responses={200: success("What came back", _TESTED), **problems(401, 404, 503)})
DELIVERIES = operation(
    parameters=[
        query("cursor", "`next_cursor` of the page before", type="string"),
        query("limit", "Deliveries on a page", type="integer", minimum=1, maximum=100, default=20),
        query("status", "Only these, separated by commas", type="string", examples=[DeliveryStatus.FAILED.value]),
    ],
    responses={
        200: success("Newest first", {"object": "list", "data": [_DELIVERY], "next_cursor": None}),
        **problems(401, 404, 422, 503),
    },
)
ABOUT = operation(
    responses={200: success("Newest first", {"object": "list", "data": [_DELIVERY]}), **problems(401, 404, 503)},
)
REDELIVER = operation(
    responses={202: success("On its way", {**_DELIVERY, "attempts": []}), **problems(401, 404, 422, 503)},
)
REPLAY = operation(
    body=Replay,
    examples={
        "What was missed since noon": {"since": "2026-01-01T12:00:00Z"},
        "An hour of it, whatever came of it": {
            "since": "2026-01-01T12:00:00Z",
            "until": "2026-01-01T13:00:00Z",
            "all": True,
        },
    },
    responses={200: success("How many are on their way", _REPLAYED), **problems(401, 404, 413, 422, 503)},
)
