"""Pictures while they come into being, as OpenAI's own client reads them."""

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest

from api.images.stream import is_wanted
from storage.job import Failure, Job, Status
from tests.api.gateway import Gateway
from tests.api.images import EDITS, GENERATIONS, asked, data_uri, drawn, picture
from tests.waiting import until

PNG = picture((64, 64))
FIRST, SECOND = picture((16, 16), "JPEG"), picture((24, 24), "JPEG")
BODY: dict[str, Any] = {"prompt": "a cat", "model": "gpt-image-1", "size": "64x64", "stream": True, "partial_images": 2}


def events(answer: httpx.Response) -> list[tuple[str, dict[str, Any]]]:
    """The events of a whole stream."""
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    found = []
    for block in answer.text.split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith(":")]
        if lines:
            name, data = lines
            found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


async def show(gateway: Gateway, job: Job, preview: bytes, progress: float) -> None:
    """What the worker does at each of its ticks; then everybody has had the time to look."""
    jobs, queue = gateway.services.store.jobs, gateway.services.store.queue
    await jobs.keep_preview(job.id, preview)
    job.progress = progress
    assert await queue.report(job, tell=f"progress {round(progress * 100)}", progress=progress, stage="rendering")


async def test_a_picture_is_shown_while_it_is_made(stocked: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[bytes | None] = []
    jobs = stocked.services.store.jobs
    preview = jobs.preview

    async def looked(id: str) -> bytes | None:
        looks.append(await preview(id))
        return looks[-1]

    monkeypatch.setattr(jobs, "preview", looked)
    posting = asyncio.create_task(stocked.alice.http.post(GENERATIONS, json={**BODY, "output_format": "webp"}))
    job = await asked(stocked)
    for at, jpeg in ((0.2, FIRST), (0.4, FIRST), (0.6, SECOND)):
        before = len(looks)
        await show(stocked, job, jpeg, at)
        await until(lambda before=before: len(looks) > before, "the preview was looked at")  # type: ignore[misc]
    await show(stocked, job, PNG, 0.8)  # a third one, which nobody wants
    await stocked.store(job, 1, PNG, kind="image/png")
    job.outputs[0].width_px = job.outputs[0].height_px = 64
    await stocked.end(job, outputs=job.outputs)
    answer = await posting
    assert answer.headers["x-job-id"] == job.id
    told = events(answer)
    assert [name for name, _ in told] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert all(name == event["type"] for name, event in told)
    assert [base64.b64decode(event["b64_json"]) for _, event in told] == [FIRST, SECOND, PNG]
    assert [event.get("partial_image_index") for _, event in told] == [0, 1, None]
    assert [event["output_format"] for _, event in told] == ["jpeg", "jpeg", "webp"]
    assert {(event["size"], event["quality"], event["background"]) for _, event in told} == {
        ("64x64", "medium", "opaque")
    }


async def test_an_edit_is_called_one_in_its_events(stocked: Gateway) -> None:
    body = {"prompt": "a hat", "model": "gpt-image-1", "n": 2, "stream": "true", "image": data_uri(PNG)}
    posting = asyncio.create_task(stocked.alice.http.post(EDITS, json=body))
    await drawn(stocked, PNG, PNG)
    assert [name for name, _ in events(await posting)] == ["image_edit.completed"] * 2


async def test_a_stream_ends_with_the_error_of_its_job(stocked: Gateway) -> None:
    posting = asyncio.create_task(stocked.alice.http.post(GENERATIONS, json=BODY))
    failure = Failure("invalid_request", "is of no use", field="prompt")
    await stocked.end(await asked(stocked), Status.FAILED, error=failure)
    assert events(await posting) == [
        (
            "error",
            {
                "error": {
                    "message": "is of no use",
                    "type": "invalid_request_error",
                    "param": "prompt",
                    "code": "invalid_request",
                }
            },
        )
    ]


async def test_what_is_refused_is_no_stream(gateway: Gateway) -> None:
    for body, param in (
        ({"prompt": "a cat", "stream": True}, "stream"),
        ({**BODY, "size": "abc"}, "size"),
        ({**BODY, "stream": False}, "partial_images"),
    ):
        answer = await gateway.alice.http.post(GENERATIONS, json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_a_stop_of_the_server_ends_a_stream_with_where_to_ask(stocked: Gateway) -> None:
    posting = asyncio.create_task(stocked.alice.http.post(GENERATIONS, json=BODY))
    job = await asked(stocked)
    waits = stocked.services.waits
    await until(lambda: waits._limits, "somebody waits")
    waits.end()
    ((name, event),) = events(await posting)
    assert (name, event["error"]["code"]) == ("error", "stopping")
    assert job.id in event["error"]["message"]


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b'{"stream": true}', True),
        (b'{"stream": "True"}', True),
        (b'{"stream": 1}', True),
        (b'{"stream": false}', False),
        (b'{"stream": null}', False),
        (b'{"stream": "false"}', False),
        (b"{}", False),
        (b"[]", False),
        (b"", False),
        (b'{"stream": true', False),
        (b"\xff", False),
        (b"[" * 100_000, False),
    ],
)
def test_a_stream_is_what_is_asked_for(body: bytes, wanted: bool) -> None:
    assert is_wanted(body) == wanted
