"""Chats to ask for, and a hand that answers as a worker would."""

import json
from typing import Any

from storage.completions import Chunks
from storage.job import Job, OutputStatus, Status
from tests.api.gateway import Gateway
from tests.waiting import until

CHAT = "/v1/chat/completions"
WORDS = ["The sea ", "is wide."]
BODY: dict[str, Any] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Tell me of the sea."}]}
STREAMED = {**BODY, "stream": True}


async def claimed(gateway: Gateway) -> Job:
    """The next chat, as soon as there is one."""

    async def look() -> Job | None:
        _, jobs = await gateway.services.store.queue.claim("chat", 1, lease_s=60)
        return jobs[0] if jobs else None

    found = await until(look, "a chat to answer")
    assert found
    return found


async def add(gateway: Gateway, job: Job, after: int, *events: bytes, over: bool = False) -> int:
    """Pass events on; how many there are then."""
    assert await gateway.services.store.chats.add(job.id, after, b"".join(events), over=over, token=job.token)
    return after + len(events)


async def begin(gateway: Gateway, job: Job) -> int:
    """Say the first of the words."""
    await gateway.services.store.chats.begin(job.id, job.owner)
    chunks = Chunks(job)
    return await add(gateway, job, 0, chunks.role(0), chunks.words(0, WORDS[0]))


async def go_on(gateway: Gateway, job: Job, count: int) -> None:
    """Say the rest, and end the stream and the job."""
    chunks = Chunks(job)
    answered(job)
    rest = [chunks.words(0, WORDS[1]), chunks.finish(0, "stop"), *chunks.end(job.outputs)]
    await add(gateway, job, count, *rest, over=True)
    await succeed(gateway, job)


def answered(job: Job) -> None:
    """What a worker keeps of its answers."""
    for output in job.outputs:
        output.status, output.content_type = OutputStatus.STORED, "text/plain; charset=utf-8"
        usage = {"prompt_tokens": 9, "completion_tokens": 6}
        output.metadata = {"text": "".join(WORDS), "finish_reason": "stop", "usage": usage}


async def succeed(gateway: Gateway, job: Job) -> None:
    store = gateway.services.store
    assert await store.queue.advance(job.id, Status.SUCCEEDED, token=job.token, outputs=job.outputs, progress=1.0)


async def answer(gateway: Gateway) -> Job:
    """Answer the next chat, which nobody reads along with."""
    job = await claimed(gateway)
    answered(job)
    await succeed(gateway, job)
    return job


def chunks_of(raw: bytes) -> list[Any]:
    """The bodies of a stream's events; of the last "[DONE]"."""
    lines = [line.removeprefix("data: ") for line in raw.decode().splitlines() if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]
