"""Speech heard while it is made: in order, whole or cut off, whatever becomes of its job, its worker or its store."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from storage import sounds
from storage.job import Failure, Job, Status
from storage.sounds import Heard
from tests.api.gateway import Gateway
from tests.api.images import asked
from tests.api.speech import BODY, FILE, FIXED_HEAD, HEAD, PIECES, SPEECH, keep, rest, said, say
from tests.api.streams import Stream, streaming
from tests.waiting import until

WHOLE = b"".join(PIECES)
EVENTS = {**BODY, "stream_format": "sse"}


async def begun(gateway: Gateway, *numbers: int) -> Job:
    """The next job, some of it passed on."""
    job = await asked(gateway)
    await say(gateway, job, *numbers)
    return job


@asynccontextmanager
async def listening(
    gateway: Gateway, *numbers: int, body: dict[str, Any] = BODY, **more: Any
) -> AsyncIterator[tuple[Stream, Job]]:
    """A listener, and the job whose first pieces have been passed on: before there is one, there is no answer."""
    making = asyncio.create_task(begun(gateway, *numbers))
    try:
        async with streaming(
            gateway, gateway.alice, SPEECH, body=body, content_type="application/json", **more
        ) as stream:
            yield stream, await making
    finally:
        making.cancel()


async def test_each_piece_is_heard_before_the_next_is_made(stocked: Gateway) -> None:
    async with listening(stocked, 1) as (stream, job):
        assert (stream.status, stream.headers["content-type"]) == (200, "audio/wav")
        assert "content-length" not in stream.headers
        assert await stream.part() == PIECES[0]
        await say(stocked, job, 2)
        assert await stream.part() == PIECES[1]
        await say(stocked, job, 3)
        assert await stream.part() == PIECES[2]
        assert (await stocked.read(job.id)).status == Status.RUNNING
        assert not stream.whole
        await said(stocked, job)
        assert await stream.part() == b""
        assert stream.whole


async def test_in_events_it_is_base64_and_a_last_word(stocked: Gateway) -> None:
    async with listening(stocked, 1, body=EVENTS) as (stream, job):
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        (first,) = await stream.events(1)
        assert (first.id, first.type, first.body["type"]) == (None, "speech.audio.delta", "speech.audio.delta")
        assert base64.b64decode(first.body["audio"]) == PIECES[0]
        await say(stocked, job, 2, 3)
        await said(stocked, job)
        *deltas, done = await stream.rest()
        assert b"".join(base64.b64decode(each.body["audio"]) for each in deltas) == PIECES[1] + PIECES[2]
        characters = len(BODY["input"])
        assert done.body == {
            "type": "speech.audio.done",
            "usage": {"input_tokens": characters, "output_tokens": 0, "total_tokens": characters},
        }
        assert stream.whole
        assert b"retry:" not in stream.raw


async def test_a_long_piece_is_several_events_of_lines_that_clients_bear(stocked: Gateway) -> None:
    async with listening(stocked, 1, body=EVENTS) as (stream, job):
        large = bytes(range(256)) * 1_000
        assert await stocked.services.store.sounds.add(job, 2, large)
        assert await stocked.services.store.sounds.end(job, 2)
        *deltas, _ = await stream.rest()
        assert b"".join(base64.b64decode(each.body["audio"]) for each in deltas) == PIECES[0] + large
        assert max(map(len, stream.raw.splitlines())) < 40_000


async def test_a_failure_midway_cuts_the_connection_off(stocked: Gateway) -> None:
    async with listening(stocked, 1, 2) as (stream, job):
        await stocked.end(job, Status.FAILED, error=Failure("engine_misproduced", "it is silent"))
        assert await rest(stream) == PIECES[0] + PIECES[1]
        assert not stream.whole


async def test_a_failure_midway_is_an_event_of_its_own(stocked: Gateway) -> None:
    async with listening(stocked, 1, body=EVENTS) as (stream, job):
        await stocked.end(job, Status.FAILED, error=Failure("engine_misproduced", "it is silent"))
        *_, last = await stream.rest()
        assert last.type == "error"
        assert last.body["error"] == {
            "message": "it is silent",
            "type": "server_error",
            "param": None,
            "code": "engine_misproduced",
        }


async def test_a_canceled_or_deleted_job_is_not_heard_to_its_end(stocked: Gateway) -> None:
    for how in ("cancel", "delete"):
        async with listening(stocked, 1) as (stream, job):
            http = stocked.alice.http
            await (http.post(f"/v1/jobs/{job.id}/cancel") if how == "cancel" else http.delete(f"/v1/jobs/{job.id}"))
            assert (await rest(stream), stream.whole) == (PIECES[0], False)


async def test_another_worker_that_makes_the_same_sound_goes_on_where_it_was(stocked: Gateway) -> None:
    async with listening(stocked, 1) as (stream, job):
        assert await stream.part() == PIECES[0]
        assert await stocked.services.store.queue.advance(job.id, Status.QUEUED, token=job.token)
        job = await begun(stocked, 1, 2, 3)
        await said(stocked, job)
        assert (await rest(stream), stream.whole) == (PIECES[1] + PIECES[2], True)


async def test_another_worker_that_makes_another_sound_is_not_joined_to_the_first(stocked: Gateway) -> None:
    async with listening(stocked, 1) as (stream, job):
        assert await stream.part() == PIECES[0]
        assert await stocked.services.store.queue.advance(job.id, Status.QUEUED, token=job.token)
        job = await asked(stocked)
        assert not await stocked.services.store.sounds.add(job, 1, b"of another machine")
        assert (await rest(stream), stream.whole) == (b"", False)
        await keep(stocked, job)


async def test_who_has_heard_nothing_of_a_broken_sound_gets_the_file(stocked: Gateway) -> None:
    posting = asyncio.create_task(stocked.alice.http.post(SPEECH, json=BODY))
    job = await asked(stocked)
    await stocked.services.store.redis.hset(f"sound:{job.id}", "broken", "1")  # type: ignore[misc]  # typed for both
    await stocked.services.store.redis.expire(f"sound:{job.id}", 60)
    await keep(stocked, job)
    assert (await posting).content == FILE


@pytest.mark.parametrize("lost", ["all", "rest"])
async def test_what_is_in_redis_no_more_is_heard_from_the_file(stocked: Gateway, lost: str) -> None:
    async with listening(stocked, 1, 2) as (stream, job):
        heard = b""
        while len(heard) < len(PIECES[0] + PIECES[1]):
            heard += await stream.part()
        if lost == "all":
            await stocked.services.store.redis.delete(f"sound:{job.id}")
        await keep(stocked, job)
        heard += await rest(stream)
        assert (heard, stream.whole) == (WHOLE, True)


@pytest.mark.parametrize("file", [FIXED_HEAD + b"uno" * 100 + PIECES[1] + PIECES[2], FIXED_HEAD + b"one"])
async def test_a_file_that_goes_on_otherwise_is_not_joined(stocked: Gateway, file: bytes) -> None:
    async with listening(stocked, 1) as (stream, job):
        assert await stream.part() == PIECES[0]
        await keep(stocked, job, file)
        assert (await rest(stream), stream.whole) == (b"", False)


async def test_events_of_what_is_ready_are_of_the_file(stocked: Gateway) -> None:
    asking = {"content": json.dumps(EVENTS), "headers": {"prefer": "respond-async", "idempotency-key": "ready"}}
    assert (await stocked.alice.http.post(SPEECH, **asking)).status_code == 202
    await keep(stocked, await asked(stocked))
    how = {"content_type": "application/json", "idempotency_key": "ready"}
    async with streaming(stocked, stocked.alice, SPEECH, body=EVENTS, **how) as stream:
        *deltas, done = await stream.rest()
        assert b"".join(base64.b64decode(each.body["audio"]) for each in deltas) == FILE
        assert (done.type, stream.whole) == ("speech.audio.done", True)


async def test_a_listener_who_leaves_leaves_the_job_alone_and_nothing_behind(stocked: Gateway) -> None:
    async with listening(stocked, 1) as (stream, job):
        assert await stream.part() == PIECES[0]
        waits = stocked.services.waits
        await until(lambda: waits._limits, "it waits for more")
        stream.leave()
        await until(lambda: not waits._limits, "nobody waits")
    await say(stocked, job, 2, 3)
    await said(stocked, job)
    await keep(stocked, job)
    assert (await stocked.read(job.id)).status == Status.SUCCEEDED
    assert 0 < await stocked.services.store.redis.ttl(f"sound:{job.id}") <= 300


@pytest.mark.parametrize("body", [BODY, EVENTS])
async def test_a_stop_of_the_server_ends_a_stream_without_a_proper_end(stocked: Gateway, body: dict[str, Any]) -> None:
    async with listening(stocked, 1, body=body) as (stream, job):
        waits = stocked.services.waits
        await until(lambda: waits._limits, "it waits for more")
        waits.end()
        if body is BODY:
            assert (await rest(stream), stream.whole) == (PIECES[0], False)
        else:
            *_, last = await stream.rest()
            assert (last.type, last.body["error"]["code"]) == ("error", "stopping")
            assert job.id in last.body["error"]["message"]


async def test_a_slow_reader_holds_its_place_and_a_part_or_two(
    stocked: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sounds, "_AT_ONCE_BYTES", 1)
    read, starts = stocked.services.store.sounds.read, list[int]()

    async def noted(id: str, start: int) -> Heard:
        starts.append(start)
        return await read(id, start)

    monkeypatch.setattr(stocked.services.store.sounds, "read", noted)
    async with listening(stocked, 1, room=1) as (stream, job):
        await say(stocked, job, 2, 3)
        await said(stocked, job)
        await keep(stocked, job)
        await until(lambda: starts[-1] == 2, "one piece is taken, the next one offered")
        assert stream._parts.qsize() == 1
        assert (await rest(stream), stream.whole) == (WHOLE, True)
        assert starts[-2:] == [3, 4]


def test_the_file_of_these_tests_differs_in_its_head_only() -> None:
    assert len(HEAD) == len(FIXED_HEAD)
    assert len(FILE) == len(WHOLE)
