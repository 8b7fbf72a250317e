"""The step of transcriptions."""

from typing import Any

from storage.job import Job
from workers.render import render


async def transcribe(ctx: dict[str, Any], job: Job) -> dict[str, Any]:
    """The arq function."""
    return await render(ctx, job)
