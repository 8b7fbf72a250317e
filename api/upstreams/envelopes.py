"""Errors as chat callers get them: OpenAI's envelope, as an answer or as the last event of a stream."""

from typing import NamedTuple

from api.errors import RETRY_AFTER_S, openai_error, status_of
from api.sse import line
from api.upstreams.base import Headers
from storage.errors import GatewayError, RequestError, UnknownModel, UpstreamError


class Envelope(NamedTuple):
    """An answer that says what went wrong."""

    status: int
    headers: Headers
    body: bytes


def envelope(error: GatewayError, status: int | None = None) -> Envelope:
    """An error of the gateway's tree. `status`: another one than the tree's table has for it."""
    at = 404 if isinstance(error, UnknownModel) else status or status_of(type(error))
    field = error.field if isinstance(error, RequestError) else None
    at, body = openai_error(at, error.code, str(error), field)
    headers = [(b"content-type", b"application/json")]
    if at in (429, 503):
        wait_s = error.retry_after_s if isinstance(error, UpstreamError) else None
        headers.append((b"retry-after", b"%d" % max(1, round(wait_s or RETRY_AFTER_S))))
    elif at >= 500 and not error.retryable:
        headers.append((b"x-should-retry", b"false"))  # which clients would do otherwise
    return Envelope(at, headers, line(body))


def broken() -> Envelope:
    """What is said of an error of our own that nobody foresaw: nothing of it."""
    status, body = openai_error(500, "internal_error", "something went wrong here; quote the request id")
    return Envelope(status, [(b"content-type", b"application/json")], line(body))


def event(body: bytes) -> bytes:
    """A body as the last event of a stream."""
    return b"data: " + body + b"\n\n"


def problem(status: int, code: str, message: str) -> bytes:
    """The last event of a stream that ends with something that is no error of the gateway's tree."""
    return event(line(openai_error(status, code, message)[1]))
