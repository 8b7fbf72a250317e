"""Answers whose callers have left are jobs, where the account says so ("detach"): found, told, held, asked for once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.embedded import Redis
from cli.fakes.server import FakeUpstream
from storage.job import Job, Kind, Status
from storage.rules import DETACHED
from tests.api.chat.relaying import CHAT, Relayed, account, asked, data_of, err, faking, placed, relaying, text_of
from tests.waiting import until

SAY = "say: The sea is wide, 見て 🦜!"
WORDS = SAY.removeprefix("say: ")
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"a": {}}}}},
    {"type": "function", "function": {"name": "clock"}},
]


async def detaching(relayed: Relayed, *fakes: FakeUpstream) -> None:
    await relayed.accounts(*(account(fake.url, chat={"on_disconnect": "detach"}) for fake in fakes))


@asynccontextmanager
async def streaming(relayed: Relayed, **more: Any) -> AsyncIterator[httpx.Response]:
    """A stream whose caller is there until the end of the block, and has had its head."""
    async with relayed.http.stream("POST", CHAT, json=asked(SAY, stream=True, **more)) as answer:
        assert answer.status_code == 200
        yield answer


async def left(relayed: Relayed, **more: Any) -> str:
    """The id of the job of a stream whose caller has left at once."""
    async with streaming(relayed, **more) as answer:
        return str(answer.headers["x-job-id"])


async def job(relayed: Relayed, id: str, *statuses: Status) -> Job:
    async def look() -> Job | None:
        (found,) = await relayed.store.jobs.get(id)
        return found if found and (found.status in statuses if statuses else found.ended) else None

    found = await until(look, f"{statuses or 'its end'}")
    assert isinstance(found, Job)
    return found


async def told(relayed: Relayed, id: str) -> list[str]:
    entries = await relayed.store.redis.xrange(f"feed:{relayed.owner}")
    return [fields[b"event"].decode() for _, fields in entries if fields[b"job"].decode() == id]


async def test_a_stream_whose_caller_leaves_is_a_job_that_ends_with_the_answer(
    relayed: Relayed, fake: FakeUpstream
) -> None:
    await detaching(relayed, fake)
    whole = (await relayed.http.post(CHAT, json=asked(SAY, tools=TOOLS))).json()
    err(fake, "stall=1.5")
    id = await left(relayed, tools=TOOLS)
    running = await job(relayed, id, Status.RUNNING)
    assert (running.kind, running.model, running.served_by, running.stage) == (
        Kind.CHAT,
        "gpt-4o-mini",
        "openai",
        "upstream",
    )
    assert running.request["body"]["messages"] == asked(SAY)["messages"]
    public = (await relayed.http.get(f"/v1/jobs/{id}")).json()
    assert (public["status"], public["stage"], public["engine"]) == ("running", "upstream", "openai")
    done = (await relayed.http.get(f"/v1/jobs/{id}", params={"wait": "15"})).json()
    assert done["status"] == "succeeded", done
    assert (done["outputs"][0]["text"], done["outputs"][0]["finish_reason"]) == (WORDS, "stop")
    assert done["outputs"][0]["usage"] == {
        name: whole["usage"][name] for name in ("prompt_tokens", "completion_tokens")
    }
    assert (await relayed.http.get("/v1/feed", params={"kind": "chat"})).json()["data"] == [done]
    assert await told(relayed, id) == ["queued", "started", "succeeded"]
    assert len(fake.ledger.accepts) == 2


async def test_its_stream_is_found_by_the_jobs_id(relayed: Relayed, fake: FakeUpstream) -> None:
    await detaching(relayed, fake)
    id = await left(relayed)

    async def rest() -> bytes | None:  # it is written down a moment later
        found = await relayed.http.get(f"{CHAT}/{id}/events")
        return found.content if found.status_code == 200 else None

    assert text_of(data_of(await until(rest))) == WORDS
    assert (await job(relayed, id)).status == Status.SUCCEEDED


async def test_the_job_ends_when_all_of_its_stream_can_be_read(redis_url: str, tmp_path: Path) -> None:
    """However long it takes to be written down: who reads it takes the job's end for its own."""
    async with faking() as fake:
        with placed(redis_url, tmp_path, **{"api.chat.recorder.EVERY_S": 1.0}) as place:
            async with relaying(place, redis_url) as relayed:
                await detaching(relayed, fake)
                err(fake, "stall=0.3")
                id = await left(relayed)
                assert (await job(relayed, id)).status == Status.SUCCEEDED
                found = await relayed.http.get(f"{CHAT}/{id}/events")
                assert text_of(data_of(found.content)) == WORDS


async def test_calls_of_tools_are_whole_in_the_job(relayed: Relayed, fake: FakeUpstream) -> None:
    await detaching(relayed, fake)
    body = {**asked("call weather and call clock"), "tools": TOOLS}
    whole = (await relayed.http.post(CHAT, json=body)).json()
    async with relayed.http.stream("POST", CHAT, json={**body, "stream": True}) as answer:
        id = answer.headers["x-job-id"]
    (output,) = (await job(relayed, id)).outputs
    (choice,) = output.metadata["completion"]["choices"]
    calls = whole["choices"][0]["message"]["tool_calls"]
    assert calls.pop()["function"] == {"name": "clock", "arguments": "{}"}
    *first, last = choice["message"]["tool_calls"]
    assert (first, last["function"]) == (calls, {"name": "clock", "arguments": ""})  # as it is streamed
    assert choice["finish_reason"] == "tool_calls"


async def test_who_leaves_without_a_stream_finds_the_job_in_the_feed(relayed: Relayed, fake: FakeUpstream) -> None:
    await detaching(relayed, fake)
    err(fake, "slow=1")
    with pytest.raises(httpx.ReadTimeout):
        await relayed.http.post(CHAT, json=asked(SAY, n=2), timeout=0.5)

    async def found() -> Any:
        data = (await relayed.http.get("/v1/feed")).json()["data"]
        return data[0] if data and data[0]["status"] == "succeeded" else None

    done = await until(found, "the job")
    assert [output["text"] for output in done["outputs"]] == [WORDS] * 2
    assert len(fake.ledger.accepts) == 1


async def test_who_stays_has_made_no_job(relayed: Relayed, fake: FakeUpstream) -> None:
    await detaching(relayed, fake)
    async with streaming(relayed) as answer:
        assert text_of(data_of(await answer.aread())) == WORDS
    await relayed.http.post(CHAT, json=asked(SAY))
    await relayed.at_rest()
    assert (await relayed.http.get("/v1/feed")).json()["data"] == []
    assert (await relayed.http.get(f"/v1/jobs/{answer.headers['x-job-id']}")).status_code == 404


async def test_an_answer_that_fails_after_its_caller_left_is_a_job_that_failed(
    relayed: Relayed, fake: FakeUpstream
) -> None:
    await detaching(relayed, fake)
    err(fake, "stall=0.5", "error_event")
    failed = await job(relayed, await left(relayed))
    assert (failed.status, failed.error and failed.error.code) == (Status.FAILED, "upstream_failed")


async def test_one_that_is_canceled_is_read_no_further(relayed: Relayed, fake: FakeUpstream) -> None:
    await detaching(relayed, fake)
    err(fake, "stall=30")
    id = await left(relayed)
    await job(relayed, id, Status.RUNNING)
    assert (await relayed.http.post(f"/v1/jobs/{id}/cancel")).json()["status"] == "canceled"
    await relayed.at_rest()
    assert fake.ledger.streams["left"] == 1


async def test_a_killed_process_leaves_a_job_that_has_failed_and_is_never_asked_again(
    redis_server: Redis, redis_url: str, tmp_path: Path, fake: FakeUpstream
) -> None:
    with placed(redis_server.url, tmp_path, **{"api.chat.detached.LEASE_S": 0.6}) as place:
        async with relaying(place, redis_url, stops=True) as relayed:
            await detaching(relayed, fake)
            err(fake, "stall=30")
            id = await left(relayed)
            await job(relayed, id, Status.RUNNING)
            lease = f"asleep:{DETACHED}"
            first = await relayed.store.redis.zscore(lease, id)

            async def outlived() -> bool:
                """Whether the first lease would have ended by now."""
                seconds, micros = await relayed.store.redis.time()
                return seconds * 1000 + micros / 1000 > first

            await until(outlived)
            await relayed.store.queue.sweep(DETACHED)
            assert (await job(relayed, id, Status.RUNNING)).rescues == 0  # it is kept
            for process in (*place.server.process.children(recursive=True), place.server.process):
                process.kill()

            async def failed() -> bool:
                await relayed.store.queue.sweep(DETACHED)  # as any worker's upkeep does
                return (await job(relayed, id, *Status)).ended

            await until(failed)
            (lost,) = await relayed.store.jobs.get(id)
            assert lost
            assert (lost.status, lost.error and lost.error.code) == (Status.FAILED, "worker_lost")
            assert await relayed.store.queue.claim(DETACHED, 1, lease_s=1) == (None, [])
    assert len(fake.ledger.accepts) == 1


async def test_a_process_that_is_stopped_says_so_in_the_job(
    redis_server: Redis, redis_url: str, tmp_path: Path, fake: FakeUpstream
) -> None:
    with placed(redis_server.url, tmp_path, **{"api.chat.relay.LAST_S": 0.3}) as place:
        async with relaying(place, redis_url, stops=True) as relayed:
            await detaching(relayed, fake)
            err(fake, "stall=30")
            id = await left(relayed)
            await job(relayed, id, Status.RUNNING)
            place.server.process.terminate()
            failed = await job(relayed, id)
            assert (failed.status, failed.error and failed.error.code) == (Status.FAILED, "upstream_disconnected")
            await asyncio.to_thread(place.server.process.wait, 20)
    assert "Traceback" not in place.log.read_text()
    assert len(fake.ledger.accepts) == 1
