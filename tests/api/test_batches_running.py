"""Batches that run: read while they do, ended early, beside other callers and other processes."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from api.settings import ApiSettings
from storage import keys
from storage.batches import Batch
from storage.ids import line_job_id
from storage.job import Status
from tests.api.batches import (
    ENDS,
    content,
    counts,
    create,
    jsonl,
    line,
    refused,
    results,
    runner,
    submitted,
    waiting,
    when,
    working,
)
from tests.api.gateway import SONG, Gateway, serving, storage_settings
from tests.waiting import until


@pytest.fixture
async def narrow(redis_url: str, s3: dict[str, Any]) -> AsyncIterator[Gateway]:
    """A gateway that has two lines of a batch open at a time."""
    async with serving(storage_settings(redis_url, s3), ApiSettings(batch_window=2)) as running:
        yield running


async def test_results_can_be_read_while_it_runs_and_what_was_read_is_never_rewritten(narrow: Gateway) -> None:
    batch = await create(narrow.alice, [line(f"c{n}") for n in range(8)])
    seen = b""
    for done in range(1, 9):
        await until(lambda: claimable(narrow))
        await narrow.make()
        batch = await when(narrow.alice, batch["id"], completed=done)
        more = await content(narrow.alice, batch["output_file_id"], len(seen))
        assert [json.loads(text)["custom_id"] for text in more.splitlines()] == [f"c{done - 1}"]
        seen += more
    batch = await when(narrow.alice, batch["id"], "completed")
    assert await content(narrow.alice, batch["output_file_id"]) == seen
    assert await content(narrow.alice, batch["output_file_id"], len(seen)) == b""


async def claimable(gateway: Gateway) -> bool:
    return bool(await gateway.services.store.redis.exists("ring:engines"))


async def test_no_more_lines_are_open_than_the_window_has(narrow: Gateway) -> None:
    batch = await create(narrow.alice, [line(f"c{n}") for n in range(6)])
    store, owner = narrow.services.store, narrow.alice.key.id
    for made in range(2):
        await waiting(narrow, narrow.alice, 2)
        assert await submitted(store, owner) == 2 + made
        await narrow.make()
        await when(narrow.alice, batch["id"], completed=made + 1)
    await waiting(narrow, narrow.alice, 2)
    assert await submitted(store, owner) == 4


async def test_files_in_use_are_not_deleted(narrow: Gateway) -> None:
    batch = await create(narrow.alice, [line(f"c{n}") for n in range(3)])
    await waiting(narrow, narrow.alice, 2)
    await narrow.make()
    batch = await when(narrow.alice, batch["id"], completed=1)
    for id in (batch["input_file_id"], batch["output_file_id"]):
        answer = await narrow.alice.http.delete(f"/v1/files/{id}")
        refused(answer, 409, "in_use")
        assert answer.headers["x-should-retry"] == "false"
    async with working(narrow.services.store):
        await when(narrow.alice, batch["id"], "completed")
    for id in (batch["input_file_id"], batch["output_file_id"]):
        assert (await narrow.alice.http.delete(f"/v1/files/{id}")).status_code == 200
    assert [key async for key in narrow.services.objects.list_keys(f"files/{narrow.alice.key.id}/")] == []


async def test_a_cancelled_batch_keeps_what_is_done_and_answers_every_line(narrow: Gateway) -> None:
    batch = await create(narrow.alice, [line(f"c{n}") for n in range(3_000)])
    await waiting(narrow, narrow.alice, 2)
    await narrow.make()
    await when(narrow.alice, batch["id"], completed=1)
    await waiting(narrow, narrow.alice, 2)
    running = await narrow.claim()
    answer = await narrow.alice.http.post(f"/v1/batches/{batch['id']}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelling")
    batch = await when(narrow.alice, batch["id"], *ENDS)
    assert (batch["status"], counts(batch)) == ("cancelled", (3_000, 1, 2_999))
    assert batch["cancelling_at"] <= batch["cancelled_at"]
    good, bad = await results(narrow.alice, batch)
    assert good.keys() == {"c0"}
    assert bad.keys() == {f"c{n}" for n in range(1, 3_000)}
    assert {(each["response"], each["error"]["code"]) for each in bad.values()} == {(None, "batch_cancelled")}
    assert (await narrow.read(running.id)).status == Status.CANCELED
    assert await submitted(narrow.services.store, narrow.alice.key.id) == 3
    again = await narrow.alice.http.post(f"/v1/batches/{batch['id']}/cancel")
    assert (again.status_code, again.json()["status"]) == (200, "cancelled")


async def test_a_batch_that_is_cancelled_while_it_is_judged_submits_nothing(
    stocked: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(*_: Any) -> bool:
        begun.set()
        await go_on.wait()
        return True

    monkeypatch.setattr("api.batches.work.Validation.take", slowly)
    batch = await create(stocked.alice, [line("a")])
    await begun.wait()
    assert (await stocked.alice.http.post(f"/v1/batches/{batch['id']}/cancel")).json()["status"] == "cancelling"
    go_on.set()
    batch = await when(stocked.alice, batch["id"], *ENDS)
    assert (batch["status"], counts(batch)) == ("cancelled", (0, 0, 0))
    assert (batch["output_file_id"], batch["error_file_id"], batch["in_progress_at"]) == (None, None, None)
    assert await submitted(stocked.services.store, stocked.alice.key.id) == 0


async def test_a_batch_that_has_ended_is_not_cancelled(stocked: Gateway) -> None:
    batch = await create(stocked.alice, [line("a")])
    async with working(stocked.services.store):
        await when(stocked.alice, batch["id"], "completed")
    answer = await stocked.alice.http.post(f"/v1/batches/{batch['id']}/cancel")
    assert "completed" in refused(answer, 409, "already_ended")
    assert answer.headers["x-should-retry"] == "false"


async def test_a_batch_whose_time_is_over_expires_and_keeps_what_is_done(
    narrow: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.batches.work.POLL_S", 0.1)
    batch = await create(narrow.alice, [line(f"c{n}") for n in range(5)], completion_window="1h")
    await waiting(narrow, narrow.alice, 2)
    await narrow.make()
    await when(narrow.alice, batch["id"], completed=1)
    later = SimpleNamespace(time=lambda: time.time() + 3_601, monotonic=time.monotonic)
    monkeypatch.setattr("api.batches.work.time", later)
    batch = await when(narrow.alice, batch["id"], *ENDS)
    assert (batch["status"], counts(batch)) == ("expired", (5, 1, 4))
    assert batch["expired_at"]
    good, bad = await results(narrow.alice, batch)
    assert good.keys() == {"c0"}
    assert {each["error"]["code"] for each in bad.values()} == {"batch_expired"}


async def test_a_line_whose_job_is_canceled_or_deleted_says_so(stocked: Gateway) -> None:
    batch = await create(stocked.alice, [line("a"), line("b"), line("c"), line("d")])
    await waiting(stocked, stocked.alice, 4)
    canceled, deleted, expired, made = (line_job_id(batch["id"], number) for number in (1, 2, 3, 4))
    assert (await stocked.alice.http.post(f"/v1/jobs/{canceled}/cancel")).status_code == 200
    assert (await stocked.alice.http.delete(f"/v1/jobs/{deleted}")).status_code == 204
    assert await stocked.services.store.queue.advance(expired, Status.EXPIRED)
    assert (await stocked.make()).id == made
    batch = await when(stocked.alice, batch["id"], *ENDS)
    assert (batch["status"], counts(batch)) == ("completed", (4, 1, 3))
    _, bad = await results(stocked.alice, batch)
    assert (bad["a"]["response"], bad["a"]["error"]["code"]) == (None, "canceled")
    assert (bad["b"]["response"], bad["b"]["error"]["code"]) == (None, "deleted")
    assert bad["c"]["response"]["status_code"] == 504
    assert bad["c"]["response"]["body"]["error"]["code"] == "deadline_passed"


async def test_a_line_that_was_good_when_it_was_judged_may_be_refused_later(narrow: Gateway) -> None:
    clip, _ = await narrow.finish()
    lines = [line("a"), line("b"), line("c", continue_clip_id=clip), line("d")]
    batch = await create(narrow.alice, lines)
    await waiting(narrow, narrow.alice, 2)
    assert (await narrow.alice.http.delete(f"/v1/jobs/{clip[:-4]}0000")).status_code == 204
    async with working(narrow.services.store):
        batch = await when(narrow.alice, batch["id"], *ENDS)
    assert (batch["status"], counts(batch)) == ("completed", (4, 3, 1))
    told = (await results(narrow.alice, batch))[1]["c"]["response"]
    assert (told["status_code"], told["body"]["error"]["code"]) == (404, "not_found")
    assert told["body"]["error"]["param"] == "body.continue_clip_id"


async def test_an_input_that_vanishes_ends_a_batch_with_what_is_done(narrow: Gateway) -> None:
    lines = [line(f"c{n}", prompt="x" * 4_900) for n in range(230)]  # more than is read at a time
    batch = await create(narrow.alice, lines)
    await waiting(narrow, narrow.alice, 2)
    owner = narrow.alice.key.id
    await narrow.services.objects.delete([f"files/{owner}/{batch['input_file_id']}"])
    async with working(narrow.services.store):
        batch = await when(narrow.alice, batch["id"], *ENDS)
    assert (batch["status"], [each["code"] for each in batch["errors"]["data"]]) == ("failed", ["input_missing"])
    total, completed, failed = counts(batch)
    assert (total, completed > 0) == (230, True)
    good, bad = await results(narrow.alice, batch)
    assert (len(good), len(bad)) == (completed, failed)


async def test_a_batchs_webhook_is_that_of_its_lines_unless_they_name_one(stocked: Gateway) -> None:
    job = {"kind": "music.generate", "input": SONG}
    lines = jsonl([job, {**job, "webhook": "https://example.com/mine", "webhook_events": ["job.failed"]}])
    headers = {"content-type": "application/jsonl", "x-webhook-url": "https://example.com/all"}
    answer = await stocked.alice.http.post("/v1/jobs/batch", content=lines, headers=headers)
    await waiting(stocked, stocked.alice, 2)
    hooks = [(await stocked.read(line_job_id(answer.json()["id"], number))).webhook for number in (1, 2)]
    assert [hook and (hook.url, hook.base_url) for hook in hooks] == [
        ("https://example.com/all", "http://gateway.test"),
        ("https://example.com/mine", "http://gateway.test"),
    ]
    for wrong in ({"x-webhook-url": "gopher://x"}, {"x-webhook-events": "job.failed"}, {"idempotency-key": "a b"}):
        plain = {"content-type": "application/jsonl", **wrong}
        refusal = await stocked.alice.http.post("/v1/jobs/batch", content=lines, headers=plain)
        assert refusal.status_code == 422, refusal.text
    assert len((await stocked.alice.http.get("/v1/files")).json()["data"]) == 1


# --- beside others ---


async def test_lines_are_done_after_what_is_waited_for_unless_they_say_otherwise(stocked: Gateway) -> None:
    lines = [{"kind": "music.generate", "input": SONG, "priority": 3}, {"kind": "music.generate", "input": SONG}]
    answer = await stocked.alice.http.post(
        "/v1/jobs/batch", content=jsonl(lines), headers={"content-type": "application/jsonl"}
    )
    await waiting(stocked, stocked.alice, 1)
    batch = answer.json()["id"]
    usual = (await stocked.bob.generate())["id"]
    order = [(await stocked.make()).id for _ in range(3)]
    assert order == [line_job_id(batch, 1), usual, line_job_id(batch, 2)]


async def test_a_batch_of_one_key_delays_another_keys_by_one_slot(stocked: Gateway) -> None:
    await create(stocked.alice, [line(f"c{n}") for n in range(2_000)])
    await waiting(stocked, stocked.alice, 500)
    for _ in range(3):
        await stocked.make()
    theirs = await create(stocked.bob, [line("b0"), line("b1")])
    await waiting(stocked, stocked.bob, 2)
    order = [(await stocked.make()).owner for _ in range(4)]
    assert sorted(order) == sorted([stocked.alice.key.id, stocked.bob.key.id] * 2)
    assert order[:2] != [stocked.alice.key.id] * 2
    assert (await when(stocked.bob, theirs["id"], "completed"))["request_counts"]["completed"] == 2


async def test_another_process_goes_on_with_a_batch_when_one_stops(redis_url: str, s3: dict[str, Any]) -> None:
    settings = storage_settings(redis_url, s3)
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(serving(settings))
        batch = await create(first.alice, [line(f"c{n}") for n in range(60)])
        await waiting(first, first.alice, 60)
        for _ in range(20):
            await first.make()
        async with serving(settings) as other:
            await stack.aclose()
            store, owner = other.services.store, first.alice.key.id

            async def ended() -> Batch | None:
                found = await store.batches.get(owner, batch["id"])
                return found if found.ended else None

            async with working(store):
                found = await until(ended, "the batch has ended", limit_s=30)
            assert (found.status, found.total, found.completed, found.token) == ("completed", 60, 60, 2)
            assert await submitted(store, owner) == 60


async def test_news_that_are_lost_are_found_out_all_the_same(stocked: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.batches.work.POLL_S", 0.1)
    monkeypatch.setattr("api.batches.work.Work._heard_of", lambda *_: [])
    batch = await create(stocked.alice, [line("a"), line("b")])
    async with working(stocked.services.store):
        assert counts(await when(stocked.alice, batch["id"], "completed")) == (2, 2, 0)


async def test_a_batch_leaves_nothing_behind_that_only_a_running_one_needs(stocked: Gateway) -> None:
    batch = await create(stocked.alice, [line("a")])
    async with working(stocked.services.store):
        await when(stocked.alice, batch["id"], "completed")
    redis = stocked.services.store.redis
    await until(lambda: not runner(stocked)._held)
    assert not [key async for key in redis.scan_iter("open:*")]
    assert await redis.zcard("batches") == 0
    assert await redis.ttl(keys.batch(batch["id"])) > 0
    channel = keys.events_channel(stocked.alice.key.id)

    async def unheard() -> bool:
        command: Any = redis.execute_command
        return int((await command("PUBSUB", "NUMSUB", channel))[1]) == 0

    await until(unheard)
