"""What streams in OpenAI's manner have in common: how they end when something is wrong."""

import asyncio
from typing import Any

from api.errors import openai_error, status_of
from api.sse import frame, line
from storage.errors import GatewayError, RequestError
from storage.job import Job


def refusal(error: GatewayError) -> bytes:
    """The last event of a job that came to nothing."""
    field = error.field if isinstance(error, RequestError) else None
    return _error(status_of(type(error)), error.code, str(error), field)


def stopping(job: Job) -> bytes:
    """The last event of a server that stops."""
    return _error(503, "stopping", f"the gateway stops; the job goes on: /v1/jobs/{job.id}")


def _error(status: int, code: str, message: str, param: str | None = None) -> bytes:
    """OpenAI's clients raise what has an `error`, whatever the event is called."""
    _, body = openai_error(status, code, message, param)
    return frame("error", line(body))


async def never() -> Any:
    """A `receive` for a wait whose client is watched by whoever sends the stream."""
    await asyncio.Event().wait()
    raise AssertionError
