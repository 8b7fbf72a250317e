"""Batches to test: files of lines, a lane that does their jobs, and a look at what came of them."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx

from api.batches.runner import BatchRunner
from storage.ids import OutputId
from storage.job import IMAGES, Failure, Job, Kind, OutputStatus
from storage.media import object_key
from storage.objects import Objects
from storage.rules import CHAT
from storage.store import Store
from tests.api.chats import answered
from tests.api.gateway import LANE, SONG, Caller, Gateway
from tests.api.images import picture
from tests.api.recordings import found
from tests.waiting import until
from workers.lanes import Lane
from workers.outcomes import JobFailed

GENERATE = "/v1/suno/api/generate/v2"
ENDS = ("completed", "failed", "expired", "cancelled")
FAIL = "[fail]"
"""A song with this in its lyrics is not made."""


def line(custom_id: str, url: str = GENERATE, **body: Any) -> dict[str, Any]:
    """One line; `body` differs from SONG."""
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": {**SONG, **body}}


def jsonl(lines: Iterable[Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in lines)


async def upload(caller: Caller, lines: Iterable[Any] | bytes, purpose: str = "batch") -> str:
    """The id of a file of these lines."""
    data = lines if isinstance(lines, bytes) else jsonl(lines)
    answer = await caller.http.post("/v1/files", data={"purpose": purpose}, files={"file": ("lines.jsonl", data)})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def create(caller: Caller, lines: Iterable[Any] | bytes, endpoint: str = GENERATE, **body: Any) -> dict[str, Any]:
    """A new batch over these lines."""
    asked = {"input_file_id": await upload(caller, lines), "endpoint": endpoint, "completion_window": "24h", **body}
    answer = await caller.http.post("/v1/batches", json=asked)
    assert answer.status_code == 200, answer.text
    return cast(dict[str, Any], answer.json())


async def read(caller: Caller, id: str) -> dict[str, Any]:
    answer = await caller.http.get(f"/v1/batches/{id}")
    assert answer.status_code == 200, answer.text
    return cast(dict[str, Any], answer.json())


async def when(caller: Caller, id: str, *statuses: str, limit_s: float = 30.0, **counts: int) -> dict[str, Any]:
    """The batch, once it has one of these statuses (any, if none is named) and at least these counts."""

    async def look() -> dict[str, Any] | None:
        batch = await read(caller, id)
        enough = all(batch["request_counts"][name] >= count for name, count in counts.items())
        return batch if enough and (not statuses or batch["status"] in statuses) else None

    return cast(dict[str, Any], await until(look, f"{statuses} {counts}", limit_s=limit_s))


async def content(caller: Caller, file: str | None, start: int = 0) -> bytes:
    """The bytes of a file from `start` on; none if there is no file."""
    if file is None:
        return b""
    answer = await caller.http.get(f"/v1/files/{file}/content", headers={"range": f"bytes={start}-"})
    assert answer.status_code in (206, 416), answer.text
    return answer.content if answer.status_code == 206 else b""


async def results(caller: Caller, batch: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the output file and the error file say, by custom id; no id may be there twice."""
    found: list[dict[str, Any]] = []
    for name in ("output_file_id", "error_file_id"):
        lines = [json.loads(text) for text in (await content(caller, batch[name])).splitlines()]
        found.append({each["custom_id"]: each for each in lines})
        assert len(found[-1]) == len(lines)
    assert not found[0].keys() & found[1].keys()
    return found[0], found[1]


async def render(ctx: dict[str, Any], job: Job) -> dict[str, Any]:
    """The step of a lane that makes songs of nothing, at once; with a store for them, pictures and texts too."""
    if FAIL in str(job.request.get("prompt")):
        raise JobFailed(Failure("engine_failed", "it cannot be sung"))
    for output in job.outputs:
        output.status = OutputStatus.STORED
        if job.kind in IMAGES:
            output.object_key = object_key(OutputId(job.id, output.item, output.part), ".png")
            await ctx["objects"].put_bytes(output.object_key, picture(), content_type="image/png")
        if job.kind == Kind.TRANSCRIPTION:
            output.object_key = object_key(OutputId(job.id, output.item, output.part), ".json")
            await ctx["objects"].put_bytes(output.object_key, found(job), content_type="application/json")
    return {"outputs": job.outputs, "progress": 1.0}


async def transcribe(ctx: dict[str, Any], job: Job) -> dict[str, Any]:
    """The step of recordings."""
    return await render(ctx, job)


@asynccontextmanager
async def working(store: Store, slots: int = 8, objects: Objects | None = None) -> AsyncIterator[Lane]:
    """Real lanes in this process, which do every job there is."""
    lane = Lane(LANE, [render, transcribe], worker="hand", slots=slots)
    talking = Lane(CHAT, [chat], worker="hand", slots=1)
    for each in (lane, talking):
        await each.start({"queue": store.queue, "signals": store.signals, "objects": objects})
    try:
        yield lane
    finally:
        await lane.stop()
        await talking.stop()


async def chat(_ctx: dict[str, Any], job: Job) -> dict[str, Any]:
    """A step that answers as a worker would."""
    answered(job)
    return {"outputs": job.outputs}


async def waiting(gateway: Gateway, caller: Caller, count: int, priority: int = 7) -> None:
    """Return when so many jobs of a caller's wait to be claimed."""
    key = f"wait:{LANE}:{priority}:{caller.key.id}"

    async def there() -> bool:
        return int(await gateway.services.store.redis.zcard(key)) == count

    await until(there, f"{count} jobs waiting")


async def submitted(store: Store, owner: str) -> int:
    """How many jobs an owner has ever been given."""
    return int(await store.redis.zcard(f"jobs:{owner}"))


def counts(batch: dict[str, Any]) -> tuple[int, int, int]:
    """How many lines there are, are done, have failed."""
    found = batch["request_counts"]
    return found["total"], found["completed"], found["failed"]


def runner(gateway: Gateway) -> BatchRunner:
    return cast(BatchRunner, gateway.app.state["batches"])


def refused(answer: httpx.Response, status: int, code: str, param: str | None = None) -> str:
    """The message of an error as OpenAI's clients want it."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert list(error) == ["message", "type", "param", "code"]
    assert (error["code"], error["param"]) == (code, param)
    assert error["type"] == ("invalid_request_error" if status < 500 else "server_error")
    return str(error["message"])
