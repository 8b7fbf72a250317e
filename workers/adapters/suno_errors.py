"""How Suno says no. Source: shared/protocols/suno.md A.5, D.1, D.16, D.17."""

from typing import Any

from storage.errors import (
    ContentRefused,
    UpstreamChallenged,
    UpstreamError,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamOutOfCredits,
    UpstreamRefused,
    UpstreamSessionExpired,
)
from storage.wire.reading import is_challenge, words
from storage.wire.refusals import by_status
from storage.wire.reply import Reply
from workers.adapters.suno_clips import record, records, refusal, text

_CHALLENGES = ("token validation failed", "requires_captcha", "captcha")
_CHALLENGED = "the upstream wants to see a person: somebody has to sign in and answer it"


def refused(reply: Reply, *, paid: bool) -> UpstreamError:
    """The error for a reply that is not 200. `paid`: the call may have cost something all the same, if it was a 5xx."""
    body = body_of(reply)
    said = told(body)
    drifted = UpstreamRefused(f"the upstream does not take what it was sent: {said}") if _is_drift(body) else None
    error = drifted or _named(reply, said) or by_status(reply, said, in_doubt=paid)
    return _as_retryable(error, body.get("retryable"))


def body_of(reply: Reply) -> dict[str, Any]:
    """The object in a reply that says no; empty if there is none."""
    try:
        return dict(record(reply.json))
    except UpstreamMalformed:
        return {}


def told(body: dict[str, Any]) -> str:
    """The text in it, wherever it is, and what it is about if it is a list of fields."""
    for name in ("detail", "detail_fallback", "message", "msg", "error"):
        if found := text(body.get(name)):
            return words(found)
    about = records(body.get("detail"))
    if about:
        return words("; ".join(f"{_place(one.get('loc'))} {text(one.get('msg'))}".strip() for one in about))
    errors = records(body.get("errors")) or [record(body.get("error"))]
    return words(
        "; ".join(filter(None, (f"{text(one.get('code'))} {text(one.get('message'))}".strip() for one in errors)))
    )


def is_captcha(said: str) -> bool:
    """Whether a text asks for a person. "Token validation failed" reads like a stale session, and is not. (D.1)"""
    return any(mark in said.lower() for mark in _CHALLENGES)


def _is_drift(body: dict[str, Any]) -> bool:
    """Whether it complains of the form of a request, field by field: its schema is another than ours."""
    return bool(records(body.get("detail")))


def _named(reply: Reply, said: str) -> UpstreamError | None:
    """What the status does not say by itself. None if it does."""
    if is_captcha(said) or is_challenge(reply):
        return UpstreamChallenged(_CHALLENGED)
    if "bad history" in said.lower():
        return UpstreamRefused("Bad history. The upstream finds nothing that this clip extends")
    if reply.status == 403:
        return _forbidden(said)
    if reply.status in (400, 422) and isinstance(found := refusal(said), ContentRefused):
        return found
    if reply.status == 402:
        return UpstreamOutOfCredits(said or "the account has no credits left")
    return None


def _forbidden(said: str) -> UpstreamError:
    if "token" in said.lower() or "jwt" in said.lower():
        return UpstreamSessionExpired("the upstream refuses the account's session (403)")
    return UpstreamRefused(f"the upstream forbids it: {said or 'it does not say why'}")


def _as_retryable(error: UpstreamError, retryable: object) -> UpstreamError:
    """Some bodies say themselves whether trying again makes sense: only where we would have had to guess."""
    if retryable is True and type(error) is UpstreamRefused:
        return UpstreamFailed(str(error), in_doubt=error.in_doubt)
    if retryable is False and error.retryable:
        return UpstreamRefused(str(error), in_doubt=error.in_doubt)
    return error


def _place(loc: object) -> str:
    return ".".join(str(step) for step in loc if step != "body") if isinstance(loc, list) else ""
