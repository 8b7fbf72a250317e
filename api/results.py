"""Results inside answers, where the protocol wants the bytes themselves."""

import asyncio
import base64

from api.operation import Caller
from storage.job import Job, Output
from storage.transcripts import Transcript, parsed

MOST_BYTES = 64_000_000
"""Of one result: a PNG of the largest size takes a quarter."""


async def read(caller: Caller, output: Output) -> bytes:
    """A stored output. Raises ObjectMissing, ObjectsUnavailable, TooLarge."""
    return await caller.services.objects.get_bytes(str(output.object_key), limit_bytes=MOST_BYTES)


async def read_base64(caller: Caller, output: Output) -> str:
    """The same in Base64, as JSON carries it."""
    return base64.b64encode(await read(caller, output)).decode()


async def read_transcript(caller: Caller, job: Job) -> Transcript:
    """What a job has heard."""
    return await asyncio.to_thread(parsed, await read(caller, job.output(1)))
