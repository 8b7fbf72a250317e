"""What runs now: each caller's own, how far it is, what it looks like, and its end."""

import asyncio
import base64
from typing import Any

import pytest

from storage.job import Job, OutputStatus
from tests.api.gateway import Caller, Gateway
from tests.api.images import asked, drawn, picture
from tests.api.webui import EXTRAS, INTERRUPT, PNG, PROGRESS, RAW, REACTOR, TXT2IMG
from tests.waiting import until

IDLE = {
    "progress": 0.0,
    "eta_relative": 0.0,
    "state": {
        "skipped": False,
        "interrupted": False,
        "stopping_generation": False,
        "job": "",
        "job_count": 0,
        "job_timestamp": "0",
        "job_no": 0,
        "sampling_step": 0,
        "sampling_steps": 0,
    },
    "current_image": None,
    "textinfo": None,
}
JPEG = picture(format="JPEG")
TASK = "/internal/progress"
UNKNOWN = {
    "active": False,
    "queued": False,
    "completed": False,
    "progress": None,
    "eta": None,
    "live_preview": None,
    "id_live_preview": -1,
    "textinfo": "Waiting...",
}


async def now(caller: Caller, path: str = PROGRESS) -> dict[str, Any]:
    answer = await caller.http.get(path)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def task(caller: Caller, name: str | None, **body: Any) -> dict[str, Any]:
    answer = await caller.http.post(TASK, json={"id_task": name, **body})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def report(gateway: Gateway, job: Job, progress: float) -> None:
    assert await gateway.services.store.queue.report(job, progress=progress, stage="rendering")


async def test_who_has_nothing_under_way_is_idle(gateway: Gateway) -> None:
    for path in (PROGRESS, "/sdapi/v1/progress", f"{PROGRESS}?skip_current_image=true"):
        assert await now(gateway.alice, path) == IDLE
    assert (await gateway.alice.http.post(INTERRUPT)).json() == {}
    assert (await gateway.alice.http.get(f"{PROGRESS}?skip_current_image=maybe")).status_code == 422


async def test_how_far_a_request_is_and_what_it_looks_like(stocked: Gateway) -> None:
    posting = asyncio.create_task(stocked.alice.http.post(TXT2IMG, json={"n_iter": 2, "steps": 20}))
    job = await asked(stocked)
    begun = await now(stocked.alice)
    assert (begun["progress"], begun["state"]["job"], begun["state"]["job_count"]) == (0.01, "scripts_txt2img", 2)
    assert begun["current_image"] is None
    await report(stocked, job, 0.25)
    await stocked.services.store.jobs.keep_preview(job.id, JPEG)
    half = await now(stocked.alice)
    assert half["progress"] == 0.25
    assert half["eta_relative"] >= 0
    assert half["state"].items() >= {"job_no": 0, "sampling_step": 10, "sampling_steps": 20}.items()
    assert base64.b64decode(half["current_image"], validate=True) == JPEG
    assert (await now(stocked.alice, f"{PROGRESS}?skip_current_image=true"))["current_image"] is None
    assert await now(stocked.bob) == IDLE
    await stocked.services.store.redis.delete(f"preview:{job.id}")
    await stocked.store(job, 1, PNG, kind="image/png")
    await report(stocked, job, 0.75)
    later = await now(stocked.alice)
    assert base64.b64decode(later["current_image"]) == PNG
    assert later["state"].items() >= {"job_no": 1, "sampling_step": 10}.items()
    await stocked.store(job, 2, PNG, kind="image/png")
    await stocked.end(job, outputs=job.outputs)
    assert (await posting).status_code == 200
    assert await now(stocked.alice) == IDLE


async def test_what_waits_is_not_idle(gateway: Gateway) -> None:
    posting = asyncio.create_task(gateway.alice.http.post(TXT2IMG, json={"batch_size": 3}))

    async def queued() -> dict[str, Any] | None:
        found = await now(gateway.alice)
        return found if found["state"]["job_count"] else None

    found: dict[str, Any] = await until(queued)
    assert (found["progress"], found["state"]["job_count"], found["current_image"]) == (0.0, 3, None)
    await gateway.alice.http.post(INTERRUPT)
    assert (await posting).json()["images"] == []


async def test_interrupting_ends_all_of_the_callers_own_and_nobody_elses(stocked: Gateway) -> None:
    mine = [asyncio.create_task(stocked.alice.http.post(TXT2IMG, json={"seed": seed})) for seed in (1, 2)]
    running = await asked(stocked)
    other = asyncio.create_task(stocked.bob.http.post(TXT2IMG, json={}))
    song = (await stocked.alice.generate())["id"]
    await until(lambda: _under_way(stocked, stocked.alice, 2))
    await until(lambda: _under_way(stocked, stocked.bob, 1))
    assert (await stocked.alice.http.post("/sdapi/v1/interrupt")).json() == {}
    answers = await asyncio.gather(*mine)
    assert [(answer.status_code, answer.json()["images"]) for answer in answers] == [(200, [])] * 2
    assert (await stocked.read(running.id)).status == "canceled"
    assert (await stocked.alice.job(song))["status"] == "queued"
    assert (await now(stocked.bob))["state"]["job_count"] == 1
    await stocked.bob.http.post(INTERRUPT)
    assert (await other).json()["images"] == []


async def _under_way(gateway: Gateway, caller: Caller, count: int) -> bool:
    return bool(await gateway.services.store.redis.zcard(f"underway:{caller.key.id}") == count)


async def test_an_interrupted_request_that_has_nothing_to_show_says_so(stocked: Gateway) -> None:
    for path in (EXTRAS, REACTOR):
        body = {"image": RAW, "source_image": RAW, "target_image": RAW}
        posting = asyncio.create_task(stocked.alice.http.post(path, json=body))
        await asked(stocked)
        assert (await now(stocked.alice))["state"]["job"] in ("extras", "reactor")
        await stocked.alice.http.post(INTERRUPT)
        answer = await posting
        assert (answer.status_code, answer.json()["detail"]) == (409, "the job was canceled")


async def test_a_request_is_found_by_the_name_it_was_given(stocked: Gateway) -> None:
    body = {"force_task_id": "task(fox)"}
    assert await task(stocked.alice, "task(fox)") == UNKNOWN
    posting = asyncio.create_task(stocked.alice.http.post(TXT2IMG, json=body))
    job = await asked(stocked)
    await report(stocked, job, 0.5)
    await stocked.services.store.jobs.keep_preview(job.id, JPEG)
    found = await task(stocked.alice, "task(fox)")
    assert found.pop("eta") >= 0
    assert found == {
        "active": True,
        "queued": False,
        "completed": False,
        "progress": 0.5,
        "live_preview": f"data:image/jpeg;base64,{base64.b64encode(JPEG).decode()}",
        "id_live_preview": 500,
        "textinfo": None,
    }
    assert (await task(stocked.alice, "task(fox)", live_preview=False))["live_preview"] is None
    assert await now(stocked.alice, "/internal/pending-tasks") == {"size": 1, "tasks": ["task(fox)"]}
    assert await task(stocked.bob, "task(fox)") == UNKNOWN
    await stocked.store(job, 1, PNG, kind="image/png")
    await stocked.end(job, outputs=job.outputs)
    await posting
    assert await task(stocked.alice, "task(fox)") == UNKNOWN | {"completed": True}
    assert await now(stocked.alice, "/internal/pending-tasks") == {"size": 0, "tasks": []}


async def test_a_named_request_that_waits_says_where(gateway: Gateway) -> None:
    posting = asyncio.create_task(gateway.alice.http.post(TXT2IMG, json={"force_task_id": "later"}))

    async def queued() -> dict[str, Any] | None:
        found = await task(gateway.alice, "later")
        return found if found["queued"] else None

    found: dict[str, Any] = await until(queued)
    assert found == UNKNOWN | {"queued": True, "textinfo": "In queue: 1/1"}
    await gateway.alice.http.post(INTERRUPT)
    await posting
    assert await task(gateway.alice, "later") == UNKNOWN


@pytest.mark.parametrize("name", ["", None, "nobody's"])
async def test_a_name_that_nobody_gave_is_unknown(gateway: Gateway, name: str | None) -> None:
    assert await task(gateway.alice, name) == UNKNOWN


async def test_skipping_is_answered_with_null(gateway: Gateway) -> None:
    answer = await gateway.alice.http.post("/sdapi/v1/skip")
    assert (answer.status_code, answer.content) == (200, b"null")


async def test_what_failed_is_under_way_no_more(stocked: Gateway) -> None:
    posting = asyncio.create_task(stocked.alice.http.post(TXT2IMG, json={}))
    job = await drawn(stocked, *[])
    assert all(output.status == OutputStatus.FAILED for output in job.outputs)
    await posting
    assert await now(stocked.alice) == IDLE
