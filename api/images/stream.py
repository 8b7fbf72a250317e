"""Pictures as they come into being: OpenAI's stream of partial pictures, and of the finished ones at its end."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from api.dialects.images_answer import look, pictures
from api.dialects.images_rules import DIALECT
from api.openai_events import never, refusal, stopping
from api.operation import Caller, why_not
from api.reply import job_headers
from api.sse import frame, line
from storage.errors import Gone
from storage.job import Job, Kind, Output, Status

_LONGEST_S = 86_400.0  # nobody waits as long: a job has its own limits, and whoever leaves is noticed
_WORDS = {Kind.IMAGE_GENERATE: "image_generation", Kind.IMAGE_EDIT: "image_edit"}
_TRUE = {"true", "1", "t", "yes", "y", "on"}

Read = Callable[[Output], Awaitable[str]]
"""Has a picture as Base64."""


class _Wish(msgspec.Struct):
    stream: Any = None


_wish = msgspec.json.Decoder(_Wish).decode


def is_wanted(body: bytes) -> bool:
    """Whether a body asks for a stream. One that cannot be read does not; whoever reads it next says what is wrong."""
    try:
        return str(_wish(body).stream).lower() in _TRUE
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


@asynccontextmanager
async def making(caller: Caller, job: Job, read: Read, *, replayed: bool) -> AsyncIterator["_Making"]:
    """For an `EventStream`. The job goes on, whoever leaves."""
    yield _Making(caller, job, read, replayed)


class _Making:
    """A job's pictures, and before them what it looks like, as often as was asked for and there is something new."""

    def __init__(self, caller: Caller, job: Job, read: Read, replayed: bool) -> None:
        self.headers = job_headers(job, replayed=replayed)
        self._caller, self._job, self._read = caller, job, read
        self._partial = 0
        self._shown: bytes | None = None
        self._reached = -1.0
        self._over = False

    async def next(self) -> Sequence[bytes]:
        while not self._over:
            job = await self._further()
            if job is None:
                return self._end([refusal(Gone("the job was deleted while it was waited for"))])
            if job.ended:
                return self._end(await self._finished(job))
            if job.progress <= self._reached:  # the server stops
                return self._end([stopping(job)])
            self._reached = job.progress
            if frames := await self._partly(job):
                return frames
        return []

    async def _further(self) -> Job | None:
        """The job as soon as more of it is done."""

        def moved(job: Job) -> bool:
            return job.ended or job.progress > self._reached

        return await self._caller.services.waits.job_when(moved, self._job.id, never, _LONGEST_S)

    def _end(self, frames: Sequence[bytes]) -> Sequence[bytes]:
        self._over = True
        return frames

    async def _partly(self, job: Job) -> Sequence[bytes]:
        if self._partial >= job.request[DIALECT].get("partial_images", 0):
            return []
        preview = await self._caller.services.store.jobs.preview(job.id)
        if preview is None or preview == self._shown:
            return []
        about = {"partial_image_index": self._partial, **look(job), "output_format": "jpeg"}
        self._shown, self._partial = preview, self._partial + 1
        return [_event(job, "partial_image", base64.b64encode(preview).decode(), about)]

    async def _finished(self, job: Job) -> list[bytes]:
        if job.status != Status.SUCCEEDED:
            return [refusal(why_not(job))]
        made = pictures(job)
        found = await asyncio.gather(*map(self._read, made))
        return [_event(job, "completed", data, look(job, output)) for output, data in zip(made, found, strict=True)]


def _event(job: Job, what: str, b64_json: str, about: dict[str, Any]) -> bytes:
    type = f"{_WORDS[job.kind]}.{what}"
    return frame(type, line({"type": type, "b64_json": b64_json, "created_at": int(time.time()), **about}))
