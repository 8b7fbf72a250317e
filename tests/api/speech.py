"""Speech to ask for, and a hand that makes it as a worker would."""

from typing import Any

from storage.job import Job
from tests.api.gateway import Gateway
from tests.api.images import asked
from tests.api.streams import Stream

SPEECH = "/v1/audio/speech"
BODY: dict[str, Any] = {"model": "tts-1", "input": "One. Two. Three.", "voice": "nova", "response_format": "wav"}
HEAD, FIXED_HEAD = b"head of unknown length; " * 8, b"head that tells length: " * 8
"""What is passed on first, and what is stored in its place."""
PIECES = [HEAD + b"one" * 100, b"two" * 100, b"three" * 100]
FILE = FIXED_HEAD + b"".join(PIECES).removeprefix(HEAD)


async def say(gateway: Gateway, job: Job, *numbers: int) -> None:
    """Pass on some of the pieces, counted from 1."""
    for number in numbers:
        assert await gateway.services.store.sounds.add(job, number, PIECES[number - 1])


async def said(gateway: Gateway, job: Job) -> None:
    """That was all, and it is good."""
    assert await gateway.services.store.sounds.end(job, len(PIECES))


async def keep(gateway: Gateway, job: Job, file: bytes = FILE) -> None:
    """Store the whole, and end the job."""
    job.output(1).metadata = {"voice": "af_nova", "language": "en-us"}
    await gateway.store(job, 1, file, kind="audio/wav")
    await gateway.end(job, outputs=job.outputs)


async def spoken(gateway: Gateway) -> Job:
    """Do the next job to its end, before anybody hears of it."""
    job = await asked(gateway)
    await keep(gateway, job)
    return job


async def rest(stream: Stream) -> bytes:
    """What comes until the end, or until the connection is cut off."""
    found = b""
    while part := await stream.part():
        found += part
    return found
