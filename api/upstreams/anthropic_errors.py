"""What Anthropic's refusals mean, and what callers are told of them in OpenAI's words.

Source: shared/protocols/anthropic.md §1, §2, §7. Not there: an empty balance and a closed organization are 400 with
words of their own (GitHub: anthropics/claude-quickstarts issue 229; anthropics/claude-code issue 19028).
"""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from api.sse import line
from api.upstreams.base import UNREADABLE, Headers, Refused, doubtful
from api.upstreams.envelopes import envelope
from storage.errors import (
    UpstreamBusy,
    UpstreamError,
    UpstreamFailed,
    UpstreamOutOfCredits,
    UpstreamRefused,
    UpstreamSessionExpired,
    UpstreamSuspended,
    UpstreamTimedOut,
)
from storage.wire.reading import retry_after_s, words
from storage.wire.refusals import by_status
from storage.wire.reply import Reply

_OVERLOADED = 529
_LIMITS = "anthropic-ratelimit-"
_COUNTS = {
    f"{_LIMITS}{of}-{what}".encode(): f"x-ratelimit-{what}-{of}".encode()
    for of in ("requests", "tokens")
    for what in ("limit", "remaining")
}
_LONGEST_WAIT_S = 3600.0
_POOR = "credit balance is too low"
_CLOSED = "organization has been disabled"
_TOO_LONG = ("prompt is too long", "exceed context limit", "exceeds the context window")


class Failure(msgspec.Struct, frozen=True):
    type: Any = ""
    message: Any = ""

    @property
    def said(self) -> str:
        """Fit for callers."""
        return words(self.message) if isinstance(self.message, str) else ""


class _Body(msgspec.Struct):
    error: Failure = Failure()


def meaning(failure: Failure) -> UpstreamError:
    """Of an error that has no status of its own, since the answer had begun."""
    told = f"the upstream failed: {failure.said or failure.type or 'it does not say why'}"
    match failure.type:
        case "overloaded_error" | "rate_limit_error":
            return UpstreamBusy(told)
        case "timeout_error":
            return UpstreamTimedOut(told)
        case "invalid_request_error" | "not_found_error" | "permission_error" | "request_too_large":
            return _by_words(failure) or UpstreamRefused(told)
        case "authentication_error":
            return UpstreamSessionExpired("the upstream refuses the account's credential")
        case "billing_error":
            return UpstreamOutOfCredits(told)
        case _:
            return UpstreamFailed(told)


def refused(status: int, headers: Mapping[bytes, bytes], body: bytes) -> Refused:
    """An answer that is not good. Whatever is the gateway's own matter, or a failure of theirs, is said as the gateway
    says it; the rest in OpenAI's words."""
    said = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
    failure = _failure(body)
    error = _error(Reply(status, said, body), failure)
    error.in_doubt = doubtful(status, named=bool(failure.type))
    code = _code(status, error, failure)
    ours = envelope(error, None if code is None else status)
    told = _with(ours.headers, passed(headers))
    if code is None:
        return Refused(ours.status, told, ours.body, error)
    kind = "rate_limit_error" if status == 429 else "invalid_request_error"
    message = str(error) if status == 404 or not failure.said else failure.said
    body = line({"error": {"message": message, "type": kind, "param": None, "code": code or None}})
    return Refused(ours.status, told, body, error)


def passed(headers: Mapping[bytes, bytes]) -> Headers:
    """What callers may know of a head, in OpenAI's names. When a limit ends is not told: OpenAI says how long that is,
    Anthropic at what time."""
    told = [(name, headers[name]) for name in (b"retry-after", b"x-should-retry") if name in headers]
    if b"request-id" in headers:
        told.append((b"x-request-id", headers[b"request-id"]))
    return told + [(ours, headers[theirs]) for theirs, ours in _COUNTS.items() if theirs in headers]


def _with(ours: Headers, theirs: Headers) -> Headers:
    """Both; where both say something, they do."""
    named = {name for name, _ in theirs}
    return [*((name, value) for name, value in ours if name not in named), *theirs]


def _error(reply: Reply, failure: Failure) -> UpstreamError:
    """For the account."""
    if reply.status < 500 and (error := _by_words(failure)):
        return error
    text = f"the upstream answered {reply.status}" + (f": {failure.said}" if failure.said else "")
    if reply.status in (409, 429, _OVERLOADED):
        return UpstreamBusy(text, retry_after_s=_wait_s(reply.headers))
    if reply.status == 403 and failure.type == "permission_error":
        return UpstreamRefused(f"the account may not do this: {failure.said}")
    return by_status(reply, failure.said, in_doubt=False)


def _by_words(failure: Failure) -> UpstreamError | None:
    text = failure.said.lower()
    if _POOR in text:
        return UpstreamOutOfCredits("the account has nothing left to pay with")
    if _CLOSED in text:
        return UpstreamSuspended("the upstream has closed the account")
    return None


def _code(status: int, error: UpstreamError, failure: Failure) -> str | None:
    """OpenAI's, "" where it would say none; None where the caller is told in the gateway's own words."""
    if isinstance(error, UpstreamOutOfCredits | UpstreamSuspended):
        return None
    if status in (400, 413) and any(told in failure.said.lower() for told in _TOO_LONG):
        return "context_length_exceeded"
    return {400: "", 404: "model_not_found", 409: "", 413: "", 422: "", 429: "rate_limit_exceeded"}.get(status)


def _failure(body: bytes) -> Failure:
    try:
        return msgspec.json.decode(body, type=_Body).error
    except UNREADABLE:
        return Failure()


def _wait_s(headers: Mapping[str, str]) -> float | None:
    """As it asks; else until what is used up is there again, by the clock of the answer."""
    asked = retry_after_s(headers)
    if asked is not None or not headers.get("date"):
        return asked
    try:
        now = parsedate_to_datetime(headers["date"])
        resets = [
            datetime.fromisoformat(headers[f"{name.removesuffix('-remaining')}-reset"])
            for name, value in headers.items()
            if name.startswith(_LIMITS) and name.endswith("-remaining") and value == "0"
        ]
        waits = [(reset - now).total_seconds() for reset in resets]
    except (ValueError, KeyError, TypeError):
        return None
    return min(_LONGEST_WAIT_S, max([0.0, *waits])) or None
