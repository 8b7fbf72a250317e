"""Answers whose body is bytes already: no serializer, no reflection, one pass to the wire."""

from collections.abc import Iterable
from typing import Any

import msgspec
from litestar.types import Receive, Scope, Send

from storage.catalog import ENGINES
from storage.job import Job

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
        about_body = [(b"content-type", media_type), (b"content-length", b"%d" % len(body))] if status != 204 else []
        self.headers = [*about_body, *headers]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        silent = scope["type"] == "http" and scope["method"] == "HEAD"
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": b"" if silent else self.body, "more_body": False})


def json_reply(value: Any, *, status: int = 200, headers: Iterable[Header] = ()) -> Reply:
    return Reply(msgspec.json.encode(value), status=status, headers=headers)


def job_headers(job: Job, *, replayed: bool = False) -> list[Header]:
    """Which job an answer is about, and what serves it."""
    engine = ENGINES.get(job.engine)
    headers = [
        (b"x-job-id", job.id.encode()),
        (b"x-gateway-engine", (engine.label if engine else job.engine).encode("latin-1", "replace")),
    ]
    return [*headers, (b"idempotent-replayed", b"true")] if replayed else headers
