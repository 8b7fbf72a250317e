"""Requests that wait for their job: woken, handed over, left, stopped. A picture's will do, like any other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from api.settings import ApiSettings
from api.wait import MAX_WAIT_S, patience
from storage.errors import InvalidRequest
from storage.job import Failure, Job, Status
from storage.jobs import Jobs
from storage.keys import job_channel
from storage.signals import Signal, Signals
from tests.api.gateway import Gateway, serving, storage_settings
from tests.api.images import GENERATIONS, asked, drawn, picture
from tests.waiting import until

BODY = {"prompt": "a boat", "response_format": "url"}


def scope(query: str = "", prefer: str | None = None) -> dict[str, Any]:
    headers = [(b"prefer", prefer.encode())] if prefer else []
    return {"query_string": query.encode(), "headers": headers}


@pytest.mark.parametrize(
    ("query", "prefer", "wait_s", "applied"),
    [
        ("", None, 300, None),
        ("wait=2.5", None, 2.5, None),
        ("wait=0", "wait=20", 0, None),
        ("", "wait=20", 20, "wait=20"),
        ("", 'handling=lenient; foo, Wait="7"', 7, "wait=7"),
        ("", "respond-async", 0, "respond-async"),
        ("", "respond-async, wait=10", 10, "respond-async, wait=10"),
        ("", "wait=999999", MAX_WAIT_S, "wait=300"),
        ("", "return=minimal", 300, None),
        ("", "not-respond-async-at-all", 300, None),
    ],
)
def test_how_long_a_caller_would_wait(query: str, prefer: str | None, wait_s: float, applied: str | None) -> None:
    found = patience(scope(query, prefer), 300)
    assert found.wait_s == wait_s
    assert dict(found.headers).get(b"preference-applied") == (applied.encode() if applied else None)


@pytest.mark.parametrize("text", ["-1", "301", "soon", "", "1e2", "٣"])
def test_a_wait_that_is_no_number_of_seconds_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        patience(scope(f"wait={text}" if text else "wait=%20"))
    assert caught.value.field == "wait"


@asynccontextmanager
async def waiting(gateway: Gateway, **headers: str) -> AsyncIterator[tuple[asyncio.Task[httpx.Response], Job]]:
    """A request that waits, and the job that it waits for, which is held."""
    posting = asyncio.create_task(gateway.alice.http.post(GENERATIONS, json=BODY, headers=headers))
    job = await asked(gateway)
    await until(lambda: watched(gateway, job))
    try:
        yield posting, job
    finally:
        posting.cancel()
        await asyncio.gather(posting, return_exceptions=True)


def watched(gateway: Gateway, job: Job) -> int:
    """How many wait for news of a job."""
    return len(gateway.services.store.signals._watchers.get(job_channel(job.id), ()))


async def test_the_answer_comes_with_the_jobs_end_and_the_job_is_not_asked_after_meanwhile(
    stocked: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    get = Jobs.get

    async def counted(self: Jobs, *ids: str) -> list[Job | None]:
        looks.extend(ids)
        return await get(self, *ids)

    monkeypatch.setattr(Jobs, "get", counted)
    async with waiting(stocked) as (posting, job):
        await until(lambda: len(looks) == 2)  # before it listened, and once it did
        looks.clear()
        for step in range(1, 11):  # news, but not of its end
            assert await stocked.services.store.queue.report(job, tell=f"progress {5 * step}", progress=step / 20)
        await stocked.store(job, 1, picture(), kind="image/png")
        await stocked.end(job, outputs=job.outputs)
        answer = await posting
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-job-id"] == job.id
    assert looks == [job.id]
    assert not watched(stocked, job)


@pytest.mark.parametrize("prefer", ["respond-async", "wait=0", "respond-async, wait=1"])
async def test_a_caller_who_will_not_wait_is_handed_the_job(stocked: Gateway, prefer: str) -> None:
    answer = await stocked.alice.http.post(GENERATIONS, json=BODY, headers={"prefer": prefer})
    assert answer.status_code == 202
    job = answer.json()
    assert (job["object"], job["status"], job["kind"]) == ("job", "queued", "image.generate")
    assert answer.headers["location"] == job["urls"]["self"] == f"http://gateway.test/v1/jobs/{job['id']}"
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["x-job-id"] == job["id"]
    assert answer.headers["preference-applied"] == prefer
    done = await drawn(stocked, picture())
    assert done.id == job["id"]
    ended = (await stocked.alice.http.get(answer.headers["location"])).json()
    assert ended["status"] == "succeeded"
    assert (await stocked.nobody.get(ended["outputs"][0]["url"])).content == picture()


async def test_a_job_that_takes_too_long_is_handed_over(redis_url: str, s3: dict[str, Any]) -> None:
    async with serving(storage_settings(redis_url, s3), ApiSettings(wait_s=0.2)) as gateway:
        answer = await gateway.alice.http.post(GENERATIONS, json=BODY)
        assert answer.status_code == 202
        assert answer.json()["status"] == "queued"


async def test_a_client_that_leaves_leaves_nothing_behind_and_stops_no_job(stocked: Gateway) -> None:
    async with waiting(stocked) as (posting, job):
        posting.cancel()
        await until(lambda: not watched(stocked, job))
    assert (await stocked.read(job.id)).status == Status.RUNNING
    assert not stocked.services.waits._limits
    await stocked.store(job, 1, picture(), kind="image/png")
    await stocked.end(job, outputs=job.outputs)


async def test_the_same_request_again_waits_for_the_job_that_runs(stocked: Gateway) -> None:
    async with waiting(stocked, **{"idempotency-key": "once"}) as (first, job):
        again = asyncio.create_task(
            stocked.alice.http.post(GENERATIONS, json=BODY, headers={"idempotency-key": "once"})
        )
        await until(lambda: watched(stocked, job) == 2)
        await stocked.store(job, 1, picture(), kind="image/png")
        await stocked.end(job, outputs=job.outputs)
        answers = await asyncio.gather(first, again)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert {answer.headers["x-job-id"] for answer in answers} == {job.id}
    assert [answer.headers.get("idempotent-replayed") for answer in answers] == [None, "true"]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize(
    ("status", "failure", "wanted", "code", "param"),
    [
        (Status.FAILED, Failure("invalid_request", "is too dark", field="prompt"), 400, "invalid_request", "prompt"),
        (Status.FAILED, Failure("engine_failed", "it broke"), 500, "engine_failed", None),
        (Status.FAILED, Failure("worker_lost", "gone", retryable=True), 500, "worker_lost", None),
        (Status.EXPIRED, Failure("deadline_passed", "too late", retryable=True), 504, "deadline_passed", None),
        (Status.EXPIRED, None, 504, "deadline_passed", None),
        (Status.CANCELED, None, 409, "canceled", None),
    ],
)
async def test_what_becomes_of_the_job_becomes_of_the_request(
    stocked: Gateway, status: Status, failure: Failure | None, wanted: int, code: str, param: str | None
) -> None:
    async with waiting(stocked) as (posting, job):
        await stocked.end(job, status, **({"error": failure} if failure else {}))
        answer = await posting
    assert answer.status_code == wanted
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == (code, param)
    repeat = answer.headers.get("x-should-retry")
    assert repeat == (
        "false" if wanted >= 409 and not ((failure and failure.retryable) or code == "deadline_passed") else None
    )


async def test_a_job_that_is_deleted_meanwhile_is_gone(stocked: Gateway) -> None:
    async with waiting(stocked) as (posting, job):
        assert (await stocked.alice.http.delete(f"/v1/jobs/{job.id}")).status_code == 204
        assert (await posting).status_code == 410


async def test_when_the_server_stops_whoever_waits_gets_the_job_at_once(stocked: Gateway) -> None:
    async with waiting(stocked) as (posting, job):
        stocked.services.waits.end()
        answer = await posting
        assert (answer.status_code, answer.json()["id"]) == (202, job.id)
    late = await stocked.alice.http.post(GENERATIONS, json=BODY)
    assert late.status_code == 202


async def test_a_request_that_begins_to_wait_while_the_server_stops_does_not_wait(
    stocked: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Signals.watch

    @asynccontextmanager
    async def stopped_meanwhile(self: Signals, channel: str) -> AsyncIterator[Signal]:
        async with watch(self, channel) as signal:
            stocked.services.waits.end()
            yield signal

    monkeypatch.setattr(Signals, "watch", stopped_meanwhile)
    async with asyncio.timeout(10):
        answer = await stocked.alice.http.post(GENERATIONS, json=BODY)
    assert answer.status_code == 202
