"""Chat completions as they are made: the chunks, their ends, and the rest for whoever comes back."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from openai._streaming import SSEDecoder

from api import sse
from storage import chats
from storage.errors import EngineMisproduced
from storage.job import Failure, Job, Status
from tests.api.chats import BODY, CHAT, STREAMED, WORDS, answer, begin, chunks_of, claimed, go_on
from tests.api.gateway import Caller, Gateway, serving, storage_settings
from tests.api.streams import Stream, streaming


@asynccontextmanager
async def reading(
    gateway: Gateway, body: dict[str, Any] = STREAMED, **headers: str
) -> AsyncIterator[tuple[Stream, Job, int]]:
    """Someone who reads along, the job, and how many events have been told: with the first of the words."""
    async with streaming(gateway, gateway.alice, CHAT, body=body, **headers) as stream:
        job = await claimed(gateway)
        yield stream, job, await begin(gateway, job)


async def until_its_end(stream: Stream) -> list[Any]:
    while await stream.part():
        pass
    return chunks_of(stream.raw)


async def test_the_answer_begins_before_the_model_does(gateway: Gateway) -> None:
    async with streaming(gateway, gateway.alice, CHAT, body=STREAMED) as stream:
        assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert await stream.part() == b": still here\n\n"
        job = await claimed(gateway)
        assert stream.headers["x-job-id"] == stream.headers["x-stream-id"] == job.id
        assert stream.headers["x-gateway-engine"] == "smollm2-135m (embedded)"
        assert "content-encoding" not in stream.headers


async def test_the_chunks_are_openais(gateway: Gateway) -> None:
    async with reading(gateway) as (stream, job, count):
        await go_on(gateway, job, count)
        *chunks, last = await until_its_end(stream)
    assert last == "[DONE]"
    head = {
        "id": f"chatcmpl-{job.id}",
        "object": "chat.completion.chunk",
        "created": job.created // 1000,
        "model": "gpt-4o-mini",
        "system_fingerprint": "fp_smollm2-135m-q4_1",
    }
    deltas = [{"role": "assistant", "content": ""}, {"content": WORDS[0]}, {"content": WORDS[1]}, {}]
    reasons = [None, None, None, "stop"]
    assert chunks == [
        {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]}
        for delta, reason in zip(deltas, reasons, strict=True)
    ]
    said = stream.raw.decode()
    assert not any(line.startswith(("id:", "event:", "retry:")) for line in said.splitlines())
    assert said.endswith("data: [DONE]\n\n")
    assert stream.whole


async def test_usage_comes_last_and_only_if_asked_for(gateway: Gateway) -> None:
    body = {**STREAMED, "stream_options": {"include_usage": True}}
    async with reading(gateway, body) as (stream, job, count):
        await go_on(gateway, job, count)
        *chunks, usage, _ = await until_its_end(stream)
    assert [each["usage"] for each in chunks] == [None] * 4
    assert usage["choices"] == []
    assert (usage["usage"]["prompt_tokens"], usage["usage"]["completion_tokens"]) == (9, 6)


async def test_each_word_is_read_before_the_next_is_made(gateway: Gateway) -> None:
    async with reading(gateway) as (stream, job, count):
        while WORDS[0].encode() not in stream.raw:
            assert await stream.part()
        assert (await gateway.read(job.id)).status == Status.RUNNING
        assert WORDS[1].encode() not in stream.raw
        await go_on(gateway, job, count)
        assert (await until_its_end(stream))[-1] == "[DONE]"


async def test_while_it_is_silent_there_are_heartbeats(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.02)
    async with streaming(gateway, gateway.alice, CHAT, body=STREAMED) as stream:
        for _ in range(3):
            assert await stream.part() == b": still here\n\n"


async def test_an_answer_that_fails_midway_says_so_and_is_not_done(gateway: Gateway) -> None:
    async with reading(gateway) as (stream, job, _):
        failure = Failure.of(EngineMisproduced("the answer does not keep to the format"))
        assert await gateway.services.store.queue.advance(job.id, Status.FAILED, token=job.token, error=failure)
        *_, last = await until_its_end(stream)
    assert last["error"]["code"] == "engine_misproduced"
    assert set(last["error"]) == {"message", "type", "param", "code"}
    assert b"[DONE]" not in stream.raw
    assert b"event:" not in stream.raw


async def test_a_cancel_and_a_deletion_end_it(gateway: Gateway) -> None:
    async with reading(gateway) as (stream, job, _):
        await gateway.alice.http.post(f"/v1/jobs/{job.id}/cancel")
        assert (await until_its_end(stream))[-1]["error"]["code"] == "canceled"
    async with reading(gateway) as (stream, job, _):
        await gateway.alice.http.delete(f"/v1/jobs/{job.id}")
        assert (await until_its_end(stream))[-1]["error"]["code"] in ("not_found", "gone")


async def test_a_server_that_stops_says_where_to_go_on(gateway: Gateway) -> None:
    async with reading(gateway) as (stream, job, count):
        while WORDS[0].encode() not in stream.raw:
            await stream.part()
        gateway.services.waits.end()
        error = (await until_its_end(stream))[-1]["error"]
        assert error["code"] == "stopping"
        assert f"event {count} of {job.id}" in error["message"]
        assert not (await gateway.read(job.id)).ended


async def test_a_reader_who_leaves_stops_nothing(gateway: Gateway) -> None:
    async with reading(gateway) as (stream, job, count):
        stream.leave()
    assert not (await gateway.read(job.id)).ended
    await go_on(gateway, job, count)
    assert (await gateway.alice.job(job.id))["status"] == "succeeded"


async def test_where_the_catalog_says_so_a_reader_who_leaves_cancels(redis_url: str, tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.toml"
    catalog.write_text('[models."gpt-4o-mini"]\nfamily = "chat"\nengine = "smollm2"\non_disconnect = "cancel"\n')
    settings = storage_settings(redis_url).model_copy(update={"catalog": catalog})
    async with serving(settings) as gateway:
        async with reading(gateway) as (stream, job, count):
            await go_on(gateway, job, count)
            await until_its_end(stream)
        assert (await gateway.read(job.id)).status == Status.SUCCEEDED
        async with reading(gateway) as (stream, job, _):
            stream.leave()
        assert (await gateway.read(job.id)).status == Status.CANCELED


async def events(gateway: Gateway, id: str, *, caller: Caller | None = None, **how: Any) -> Any:
    return await (caller or gateway.alice).http.get(f"{CHAT}/{id}/events", **how)


async def finished(gateway: Gateway) -> Job:
    """A stream of six events that is over, and nobody has read."""
    accepted = await gateway.alice.http.post(CHAT, json=STREAMED, headers={"Prefer": "respond-async"})
    job = await claimed(gateway)
    assert accepted.json()["id"] == job.id
    await go_on(gateway, job, await begin(gateway, job))
    return job


async def test_a_stream_is_read_again_from_any_event(gateway: Gateway) -> None:
    job = await finished(gateway)
    whole = await events(gateway, job.id)
    assert whole.status_code == 200
    assert [line for line in whole.text.splitlines() if line.startswith("id:")] == [f"id: {n}" for n in range(1, 6)]
    for how in ({"params": {"after": 3}}, {"headers": {"Last-Event-ID": "3"}}):
        rest = await events(gateway, job.id, **how)
        assert chunks_of(rest.content) == chunks_of(whole.content)[3:]
        assert "id: 4\ndata: " in rest.text
        assert "id: 3\n" not in rest.text
    assert chunks_of((await events(gateway, f"chatcmpl-{job.id}", params={"after": 4})).content) == ["[DONE]"]
    assert chunks_of((await events(gateway, job.id, params={"after": 5})).content) == []


async def test_one_who_comes_back_reads_along(gateway: Gateway) -> None:
    async with reading(gateway) as (first, job, count):
        first.leave()
    async with streaming(gateway, gateway.alice, f"{CHAT}/{job.id}/events?after=1") as stream:
        (seen,) = await stream.events(1)
        assert (seen.id, seen.body["choices"][0]["delta"]) == ("2", {"content": WORDS[0]})
        await go_on(gateway, job, count)
        assert (await until_its_end(stream))[-1] == "[DONE]"


async def test_openais_decoder_bears_heartbeats_after_ids(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.02)
    async with reading(gateway) as (first, job, count):
        first.leave()
    async with streaming(gateway, gateway.alice, f"{CHAT}/{job.id}/events") as stream:
        while stream.raw.count(b": still here") < 3:
            assert await stream.part()
        await go_on(gateway, job, count)
        await until_its_end(stream)
    found = [*SSEDecoder().iter_bytes(iter([stream.raw]))]
    assert [each.id for each in found] == ["1", "2", "3", "4", "5"]
    assert all(json.loads(each.data) for each in found[:-1])


async def test_a_heartbeat_with_a_blank_line_would_break_it() -> None:
    """Which is why there is none: should a version of the client bear it, the rule may go."""
    found = [*SSEDecoder().iter_bytes(iter([b"id: 1\ndata: {}\n\n: still here\n\n"]))]
    assert [each.data for each in found] == ["{}", ""]


async def test_a_stream_is_nobody_elses(gateway: Gateway) -> None:
    job = await finished(gateway)
    for id, caller in ((job.id, gateway.bob), ("nope", gateway.alice)):
        found = await events(gateway, id, caller=caller)
        assert (found.status_code, found.json()["error"]["code"]) == (404, "not_found")
    assert (await gateway.nobody.get(f"{CHAT}/{job.id}/events")).status_code == 401
    await gateway.services.store.redis.delete(f"chat:{job.id}", f"said:{job.id}")
    assert (await events(gateway, job.id)).status_code == 404


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "", "10000000000"])
async def test_a_place_that_is_no_number_is_refused(gateway: Gateway, after: str) -> None:
    job = await finished(gateway)
    found = await events(gateway, job.id, params={"after": after})
    assert (found.status_code, found.json()["error"]["param"]) == (400, "after")
    found = await events(gateway, job.id, headers={"Last-Event-ID": "x"})
    assert (found.status_code, found.json()["error"]["param"]) == (400, "Last-Event-ID")


async def test_a_stream_that_was_cut_says_so(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    async with reading(gateway) as (stream, job, count):
        monkeypatch.setattr(chats, "MOST_BYTES", 1)
        store = gateway.services.store
        assert not await store.chats.add(job.id, count, b"data: {}\n\n", token=job.token)
        assert (await until_its_end(stream))[-1]["error"]["code"] == "stream_too_long"


async def test_a_replay_reads_the_same_stream_and_later_the_same_answer(gateway: Gateway) -> None:
    once = {"idempotency_key": "once"}
    async with reading(gateway, **once) as (stream, job, count):
        await go_on(gateway, job, count)
        first = await until_its_end(stream)
    async with streaming(gateway, gateway.alice, CHAT, body=STREAMED, **once) as stream:
        assert await until_its_end(stream) == first
        assert stream.headers["idempotent-replayed"] == "true"
    await gateway.services.store.redis.delete(f"chat:{job.id}", f"said:{job.id}")
    async with streaming(gateway, gateway.alice, CHAT, body=STREAMED, **once) as stream:
        *chunks, last = await until_its_end(stream)
    assert last == "[DONE]"
    assert [each["choices"][0]["delta"].get("content") for each in chunks] == ["", "".join(WORDS), None]


async def test_a_stream_that_nobody_wants_is_not_kept(gateway: Gateway) -> None:
    await gateway.alice.http.post("/v1/jobs", json={"kind": "chat", "input": BODY})
    job = await answer(gateway)
    assert (await events(gateway, job.id)).status_code == 404


async def test_a_relayed_stream_is_read_alike(gateway: Gateway) -> None:
    """One that no job makes: whoever relays it keeps it."""
    store, id = gateway.services.store.chats, "stream-1"
    await store.begin(id, gateway.alice.key.id)
    await store.add(id, 0, b'data: {"a":1}\n\n')
    async with streaming(gateway, gateway.alice, f"{CHAT}/{id}/events") as stream:
        assert [(each.id, each.body) for each in await stream.events(1)] == [("1", {"a": 1})]
        await store.add(id, 1, b"data: [DONE]\n\n", over=True)
        assert (await until_its_end(stream))[-1] == "[DONE]"
