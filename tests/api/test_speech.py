"""Speech as OpenAI's clients ask for it, and what they are answered."""

import asyncio
from typing import Any

import httpx
import pytest

from storage.job import Kind, Status
from storage.voices import OPENAI, OWN
from tests.api.batches import create, results, when
from tests.api.gateway import LENGTH_S, Gateway
from tests.api.images import asked
from tests.api.speech import BODY, FILE, SPEECH, keep, said, say, spoken
from tests.waiting import until


async def post(gateway: Gateway, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
    return await gateway.alice.http.post(SPEECH, json={**BODY, **body}, headers=headers)


async def test_what_is_asked_for_becomes_a_job(gateway: Gateway) -> None:
    body = {
        "model": "gpt-4o-mini-tts",
        "input": "Hola.",
        "voice": {"id": "EF_Dora"},
        "response_format": "opus",
        "speed": 1.5,
        "language": "Spanish",
        "instructions": "softly",
        "stream_format": "sse",
        "unheard_of": 1,
    }
    answer = await post(gateway, {"prefer": "respond-async"}, **body)
    job = await gateway.read(answer.headers["x-job-id"])
    assert (job.kind, job.model, job.engine, job.items) == (Kind.SPEECH, "gpt-4o-mini-tts", "kokoro", 1)
    assert job.request == {
        "input": "Hola.",
        "voice": "ef_dora",
        "response_format": "opus",
        "speed": 1.5,
        "language": "es",
        "openai": {"stream_format": "sse"},
    }


@pytest.mark.parametrize("empty", [None, ""])
async def test_what_is_empty_is_missing(gateway: Gateway, empty: Any) -> None:
    body = dict.fromkeys(("model", "voice", "response_format", "speed", "language", "stream_format"), empty)
    answer = await post(gateway, {"prefer": "respond-async"}, **body)
    job = await gateway.read(answer.headers["x-job-id"])
    assert job.model == "tts-1"
    assert (job.request["voice"], job.request["response_format"], job.request["speed"]) == ("alloy", "mp3", 1.0)


async def test_it_is_heard_with_openais_content_type_though_its_client_asks_for_bytes(stocked: Gateway) -> None:
    types = {
        "mp3": "audio/mpeg",
        "opus": "audio/opus",
        "aac": "audio/aac",
        "flac": "audio/flac",
        "wav": "audio/wav",
        "pcm": "audio/pcm",
    }
    for format, kind in types.items():
        posting = asyncio.create_task(post(stocked, {"accept": "application/octet-stream"}, response_format=format))
        job = await asked(stocked)
        await say(stocked, job, 1, 2, 3)
        await said(stocked, job)
        answer = await posting
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
        assert answer.headers["x-job-id"] == job.id
        assert answer.headers["x-gateway-engine"] == "kokoro-82m (embedded)"
        await keep(stocked, job)


async def test_what_is_ready_when_it_is_asked_for_is_its_file(stocked: Gateway) -> None:
    posting = asyncio.create_task(post(stocked))
    job = await spoken(stocked)
    answer = await posting
    assert (answer.status_code, answer.content) == (200, FILE)
    assert answer.headers["content-length"] == str(len(FILE))
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["x-job-id"] == job.id


async def test_the_same_request_again_gets_the_file_of_the_same_job(stocked: Gateway) -> None:
    once = {"idempotency-key": "once"}
    posting = asyncio.create_task(post(stocked, once))
    job = await asked(stocked)
    await say(stocked, job, 1, 2, 3)
    await said(stocked, job)
    await posting
    await keep(stocked, job)
    again = await post(stocked, once)
    assert (again.content, again.headers["x-job-id"]) == (FILE, job.id)
    assert (again.headers["idempotent-replayed"], again.headers["content-length"]) == ("true", str(len(FILE)))
    other = await post(stocked, once, input="Four.")
    assert (other.status_code, other.json()["error"]["code"]) == (400, "idempotency_key_reused")


async def test_who_would_not_wait_has_the_job_and_the_sound_later(stocked: Gateway) -> None:
    later = {"prefer": "respond-async", "idempotency-key": "later"}
    answer = await post(stocked, later)
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "respond-async")
    job = answer.json()
    assert (job["kind"], job["status"]) == ("speech", "queued")
    assert answer.headers["location"].endswith(f"/v1/jobs/{job['id']}")
    assert "streamed" not in (await stocked.read(job["id"])).request
    await spoken(stocked)
    found = await stocked.alice.job(job["id"])
    (output,) = found["outputs"]
    assert (output["role"], output["content_type"]) == ("audio", "audio/wav")
    assert (await stocked.nobody.get(output["url"])).content == FILE
    assert (await post(stocked, {"idempotency-key": "later"})).content == FILE


async def test_who_has_waited_long_enough_has_the_job(gateway: Gateway) -> None:
    answer = await gateway.alice.http.post(SPEECH, json=BODY, params={"wait": "0.01"})
    assert answer.status_code == 202
    job = await gateway.read(answer.json()["id"])
    assert job.status == Status.QUEUED


async def test_a_webhook_is_named_in_headers_as_for_any_job(gateway: Gateway) -> None:
    answer = await post(gateway, {"prefer": "respond-async", "x-webhook-url": "https://app.example/hook"})
    job = await gateway.read(answer.headers["x-job-id"])
    assert job.webhook
    assert job.webhook.url == "https://app.example/hook"


async def test_a_job_of_the_kind_takes_the_same_input(stocked: Gateway) -> None:
    body = {"kind": "speech", "model": "kokoro", "input": {"input": "Hello.", "voice": "onyx"}}
    answer = await stocked.alice.http.post("/v1/jobs", json=body)
    assert (answer.status_code, answer.json()["kind"], answer.json()["model"]) == (202, "speech", "kokoro")
    refused = await stocked.alice.http.post("/v1/jobs", json={**body, "input": {"input": "Hello.", "voice": "darth"}})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/input/voice")


async def test_a_line_of_a_batch_has_a_link_to_its_sound(stocked: Gateway) -> None:
    alice, body = stocked.alice, {**BODY, "input": "Good evening."}
    lines = [{"custom_id": "a", "method": "POST", "url": SPEECH, "body": body}]
    batch = await create(alice, lines, SPEECH)
    job = await asked(stocked)
    assert "streamed" not in job.request
    await keep(stocked, job)
    done, failed = await results(alice, await when(alice, batch["id"], "completed"))
    assert not failed
    told = done["a"]["response"]["body"]
    assert (await stocked.nobody.get(told.pop("url"))).content == FILE
    assert told == {
        "content_type": "audio/wav",
        "duration_s": LENGTH_S,
        "size_bytes": len(FILE),
        "voice": "af_nova",
        "language": "en-us",
        "usage": {"input_tokens": 13, "output_tokens": 0, "total_tokens": 13},
    }


async def test_a_stop_of_the_server_before_there_is_anything_gives_the_job(gateway: Gateway) -> None:
    posting = asyncio.create_task(post(gateway))
    waits = gateway.services.waits
    await until(lambda: waits._limits, "somebody waits")
    waits.end()
    assert (await posting).status_code == 202


async def test_voices_are_listed_for_everybody_as_clients_read_them(gateway: Gateway) -> None:
    for http in (gateway.nobody, gateway.alice.http):
        answer = await http.get("/v1/audio/voices")
        assert answer.status_code == 200
    listed = {voice["id"]: voice for voice in answer.json()["voices"]}
    assert listed.keys() == {*OPENAI, *OWN}
    assert all(voice["name"] == id for id, voice in listed.items())
    assert listed["alloy"] == {
        "id": "alloy",
        "name": "alloy",
        "language": None,
        "gender": "female",
        "stands_for": "af_alloy",
    }
    assert (listed["zf_xiaobei"]["language"], listed["zf_xiaobei"]["stands_for"]) == ("zh", None)
