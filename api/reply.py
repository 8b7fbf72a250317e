"""Answers whose body is bytes already: no serializer, no reflection, one pass to the wire."""

from collections.abc import Iterable
from typing import Any, cast

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
        media_type: bytes = b"application/json",
        headers: Iterable[Header] = (),
    ) -> None:
        self.body, self.status = body, status
        self.headers = [*headers]
        if body:
            self.headers.append((b"content-type", media_type))
        if status not in (204, 304):
            self.headers.append((b"content-length", b"%d" % len(body)))

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        silent = cast(HTTPScope, scope)["method"] == "HEAD"
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": b"" if silent else self.body, "more_body": False})


def json_reply(value: Any, *, status: int = 200, headers: Iterable[Header] = ()) -> Reply:
    return Reply(msgspec.json.encode(value), status=status, headers=headers)


def job_headers(job: Job, *, replayed: bool = False) -> list[Header]:
    """Which job an answer is about, and what serves it."""
    headers = [
        (b"x-job-id", job.id.encode()),
        (b"x-gateway-engine", engine_label(job).encode("latin-1", "replace")),
    ]
    return [*headers, (b"idempotent-replayed", b"true")] if replayed else headers
