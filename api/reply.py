"""Answers whose body is bytes already: no serializer, no reflection, one pass to the wire."""

import base64
from collections.abc import Iterable
from typing import Any, NamedTuple, cast

import msgspec
from litestar.types import HTTPScope, Receive, Scope, Send

from storage.job import Job
from storage.public import engine_label

Header = tuple[bytes, bytes]


class Reply:
    """An ASGI app that answers every request alike."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self,
        body: bytes = b"",
        *,
        status: int = 200,
        media_type: bytes = b"",
        headers: Iterable[Header] = (),
    ) -> None:
        self.body, self.status = body, status
        self.headers = [*headers]
        if body or media_type:
            self.headers.append((b"content-type", media_type or b"application/json"))
        if status not in (204, 304):
            self.headers.append((b"content-length", b"%d" % len(body)))

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        silent = cast(HTTPScope, scope)["method"] == "HEAD"
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": b"" if silent else self.body, "more_body": False})


class Encoded(NamedTuple):
    """The body of an answer that is bytes already, and what they are; any other is a value, and becomes JSON."""

    data: bytes
    media_type: str


def reply(body: Any, *, status: int = 200, headers: Iterable[Header] = ()) -> Reply:
    """An answer with a body of either sort."""
    if isinstance(body, Encoded):
        return Reply(body.data, status=status, media_type=body.media_type.encode(), headers=headers)
    return json_reply(body, status=status, headers=headers)


def within_json(body: Any) -> Any:
    """A body as part of a JSON document: JSON as it is, text as a string, all else in Base64."""
    if not isinstance(body, Encoded):
        return body
    kind = body.media_type.partition(";")[0]
    if kind == "application/json":
        return msgspec.Raw(body.data)
    return body.data.decode() if kind.startswith("text/") else base64.b64encode(body.data).decode()


def json_reply(value: Any, *, status: int = 200, headers: Iterable[Header] = ()) -> Reply:
    return Reply(msgspec.json.encode(value), status=status, headers=headers)


def job_headers(job: Job, *, replayed: bool = False) -> list[Header]:
    """Which job an answer is about, and what serves it."""
    headers = [
        (b"x-job-id", job.id.encode()),
        (b"x-gateway-engine", engine_label(job).encode("latin-1", "replace")),
    ]
    return [*headers, (b"idempotent-replayed", b"true")] if replayed else headers
