"""Webhook endpoints and deliveries as callers see them."""

from enum import StrEnum
from typing import Any

from storage.job import Failure, Job, PublicStatus, Status
from storage.outbox import Health, Posted
from storage.public import iso
from storage.signing import Signer, Signing
from storage.webhooks import Endpoint, default_of, now_ms


class DeliveryStatus(StrEnum):
    """The closed set of words for what became of a delivery."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


STATUSES = {
    DeliveryStatus.PENDING: [PublicStatus.QUEUED, PublicStatus.RUNNING],
    DeliveryStatus.DELIVERED: [PublicStatus.SUCCEEDED],
    DeliveryStatus.FAILED: [PublicStatus.FAILED, PublicStatus.CANCELED, PublicStatus.EXPIRED],
}
"""Which statuses of its job each of them stands for."""

_IN_WORDS = {status: word for word, statuses in STATUSES.items() for status in statuses}


def shown_endpoint(endpoint: Endpoint, health: Health, signer: Signer, *, secret: bool = False) -> dict[str, Any]:
    """With its secret only where that was made or is made anew."""
    key = signer.secret(endpoint.whose, endpoint.signing.version).get_secret_value()
    return {
        "id": endpoint.id,
        "object": "webhook_endpoint",
        "name": endpoint.name,
        "url": endpoint.url,
        "event_types": endpoint.events,
        "enabled": endpoint.enabled,
        "disabled_reason": endpoint.disabled_reason,
        "created_at": iso(endpoint.created),
        "updated_at": iso(endpoint.updated),
        "health": _health(health),
        **({"signing_secret": key} if secret else {}),
        "signing_secret_hint": f"whsec_…{key[-4:]}",
        "older_secrets": _older(endpoint.signing),
    }


def shown_default(owner: str, signing: Signing, signer: Signer) -> dict[str, Any]:
    key = signer.secret(default_of(owner), signing.version).get_secret_value()
    return {"object": "webhook_secret", "key": key, "older_secrets": _older(signing)}


def shown_delivery(delivery: Job) -> dict[str, Any]:
    """`url` is null where it is the endpoint's."""
    posted = Posted.of(delivery)
    return {
        "id": delivery.id,
        "object": "webhook_delivery",
        "endpoint": delivery.owner,
        "url": posted.url,
        "job": posted.job,
        "event_id": posted.told.id,
        "event_type": posted.told.type,
        "status": _IN_WORDS[delivery.public_status],
        "attempts": [_attempt(each) for each in delivery.metadata.get("attempts", ())],
        "next_attempt_at": iso(delivery.not_before) if delivery.status == Status.QUEUED else None,
        "error": None if delivery.status == Status.SUCCEEDED else shown_failure(delivery.error),
        "created_at": iso(delivery.created),
        "finished_at": iso(delivery.finished),
    }


def shown_failure(failure: Failure | None) -> dict[str, str] | None:
    return {"code": failure.code, "message": failure.message} if failure else None


def _health(health: Health) -> dict[str, Any]:
    """The last answer is a status, or the code of the error that came instead of one."""
    status = int(health.last) if health.last and health.last.isdecimal() else None
    return {
        "failing_since": iso(health.failing),
        "consecutive_failures": health.failures,
        "last_status": status,
        "last_error": None if status else health.last,
        "last_success_at": iso(health.succeeded),
    }


def _older(signing: Signing) -> list[dict[str, Any]]:
    """Until when the secrets from before the last rotations sign, the newest first."""
    now = now_ms()
    return [{"signs_until": iso(until)} for _, until in reversed(signing.retiring) if until > now]


def _attempt(attempt: dict[str, Any]) -> dict[str, Any]:
    return {
        "at": iso(attempt["at"]),
        "duration_ms": attempt["duration_ms"],
        "status": attempt.get("status"),
        "error": attempt.get("error"),
    }
