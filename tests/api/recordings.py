"""Recordings to send, a hand that writes down what was said in them, and a look at what is kept of them."""

import asyncio
import base64
import wave
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from storage.job import Job
from storage.transcripts import Segment, Transcript, Word
from tests.api.gateway import Caller, Gateway
from tests.api.images import asked
from workers.engines.transcription import weights

TRANSCRIPTIONS, TRANSLATIONS = "/v1/audio/transcriptions", "/v1/audio/translations"
ASR, DETECT, SENSEVOICE = "/asr", "/detect-language", "/api/v1/asr"
SPEECH = Path(__file__).parents[1] / "workers" / "engines" / "transcription" / "speech"
LATER = {"prefer": "respond-async"}


def wav(seconds: float = 0.1, rate: int = 16_000, sample: bytes = b"\x01\x20") -> bytes:
    """A short recording. Nobody listens to it here."""
    data = BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sample * round(seconds * rate))
    return data.getvalue()


WAV = wav()
TONE = f"data:audio/wav;base64,{base64.b64encode(WAV).decode()}"


def segment(number: int, start: float, end: float, text: str) -> Segment:
    words = [Word(f" {word}", start, end, 0.9) for word in text.split()]
    return Segment(number, 0, start, end, f" {text}", [1, 2], 0.0, -0.25, 1.25, 0.05, words)


SAID = Transcript(
    text="Good morning. It is 7 --> 8 o'clock.",
    language="en",
    language_name="english",
    language_probability=0.98,
    duration_s=3725.4,
    segments=[segment(0, 0.0, 1.5, "Good morning."), segment(1, 3723.25, 3725.0, "It is 7 --> 8 o'clock.")],
)
NOTHING = Transcript("", "und", "unknown", 0.0, 2.0, [])
LANGUAGE = {"language": "en", "language_name": "english", "probability": 0.98}


def found(job: Job, said: Transcript = SAID) -> bytes:
    """What the engine would have left."""
    if job.request["task"] == "detect":
        return msgspec.json.encode(LANGUAGE)
    return msgspec.json.encode(msgspec.structs.replace(said, task=job.request["task"]))


async def heard(gateway: Gateway, said: Transcript = SAID) -> Job:
    """Do the next job, once there is one: this is what was said."""
    job = await asked(gateway)
    await gateway.store(job, 1, found(job, said), kind="application/json")
    await gateway.end(job, outputs=job.outputs)
    return job


def form(file: bytes = WAV, part: str = "file", name: str | None = "a.wav", **fields: Any) -> dict[str, Any]:
    """The arguments of a post that sends a form."""
    return {"files": {part: (name, file)}, "data": fields}


async def answered(
    gateway: Gateway,
    path: str = TRANSCRIPTIONS,
    said: Transcript = SAID,
    *,
    caller: Caller | None = None,
    **body: Any,
) -> tuple[httpx.Response, Job]:
    """The answer to a request whose recording says this, and its job."""
    http = (caller or gateway.alice).http
    posting = asyncio.create_task(http.post(path, **body))
    try:
        job = await heard(gateway, said)
        return await posting, job
    finally:
        posting.cancel()


def hears() -> None:
    """Skip what needs real ears where there are none."""
    if not find_spec("faster_whisper") or not find_spec("av") or not weights.are_here():
        pytest.skip("nothing to hear speech with: install ai-gateway[transcription]")


async def inputs(gateway: Gateway) -> list[str]:
    """The keys of all inputs in the store; and of uploads in parts that were never ended, `unfinished` before them."""
    objects = gateway.services.objects
    begun = await asyncio.to_thread(objects._client.list_multipart_uploads, Bucket=objects.bucket)
    unfinished = [f"unfinished {each['Key']}" for each in begun.get("Uploads", ())]
    return unfinished + [key async for key in objects.list_keys("inputs/")]


async def jobs_of(caller: Caller) -> list[dict[str, Any]]:
    answer = await caller.http.get("/v1/feed")
    assert answer.status_code == 200, answer.text
    jobs: list[dict[str, Any]] = answer.json()["data"]
    return jobs
