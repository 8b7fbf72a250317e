"""What callers are told of Anthropic's refusals, in OpenAI's words; what they mean: `storage/wire/anthropic_errors.py`.

Source: shared/protocols/anthropic.md §1, §2, §7.
"""

from collections.abc import Mapping

from api.sse import line
from api.upstreams.base import Headers, Refused, doubtful
from api.upstreams.envelopes import envelope
from storage.errors import UpstreamError, UpstreamOutOfCredits, UpstreamSuspended
from storage.wire import anthropic_errors
from storage.wire.anthropic_errors import LIMITS, Failure
from storage.wire.reply import Reply

_COUNTS = {
    f"{LIMITS}{of}-{what}".encode(): f"x-ratelimit-{what}-{of}".encode()
    for of in ("requests", "tokens")
    for what in ("limit", "remaining")
}
_TOO_LONG = ("prompt is too long", "exceed context limit", "exceeds the context window")


def refused(status: int, headers: Mapping[bytes, bytes], body: bytes) -> Refused:
    """An answer that is not good. Whatever is the gateway's own matter, or a failure of theirs, is said as the gateway
    says it; the rest in OpenAI's words."""
    said = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
    failure = anthropic_errors.failure(body)
    error = anthropic_errors.refused(Reply(status, said, body), failure, risky=False)
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


def _code(status: int, error: UpstreamError, failure: Failure) -> str | None:
    """OpenAI's, "" where it would say none; None where the caller is told in the gateway's own words."""
    if isinstance(error, UpstreamOutOfCredits | UpstreamSuspended):
        return None
    if status in (400, 413) and any(told in failure.said.lower() for told in _TOO_LONG):
        return "context_length_exceeded"
    return {400: "", 404: "model_not_found", 409: "", 413: "", 422: "", 429: "rate_limit_exceeded"}.get(status)
