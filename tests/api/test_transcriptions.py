"""OpenAI's surface for recordings: formats, their types, events, and what it refuses."""

import asyncio
import json
from typing import Any

import pytest

from api.recordings.stream import events
from storage.job import Failure, Status
from tests.api.batches import refused
from tests.api.gateway import Gateway
from tests.api.images import asked
from tests.api.recordings import (
    LATER,
    NOTHING,
    SAID,
    TONE,
    TRANSCRIPTIONS,
    TRANSLATIONS,
    WAV,
    answered,
    form,
    heard,
)

SRT = "1\n00:00:00,000 --> 00:00:01,500\nGood morning.\n\n2\n01:02:03,250 --> 01:02:05,000\nIt is 7 -> 8 o'clock.\n\n"


@pytest.mark.parametrize("path", [TRANSCRIPTIONS, TRANSLATIONS])
@pytest.mark.parametrize(
    ("format", "kind", "text"),
    [
        ("text", "text/plain; charset=utf-8", SAID.text + "\n"),
        ("srt", "text/plain; charset=utf-8", SRT),
        ("vtt", "text/vtt; charset=utf-8", "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n"),
    ],
)
async def test_texts_come_as_what_they_are(stocked: Gateway, path: str, format: str, kind: str, text: str) -> None:
    answer, job = await answered(stocked, path, **form(response_format=format))
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.text.startswith(text)
    assert (answer.headers["x-job-id"], answer.headers["x-gateway-engine"]) == (job.id, "whisper-base (embedded)")


async def test_json_holds_the_text(stocked: Gateway) -> None:
    for fields in ({}, {"response_format": "json"}, {"response_format": ""}):
        answer, _ = await answered(stocked, **form(**fields))
        assert answer.headers["content-type"] == "application/json"
        assert answer.json() == {"text": SAID.text, "usage": {"type": "duration", "seconds": 3725}}


@pytest.mark.parametrize(
    ("granularities", "has"),
    [
        ([], {"segments"}),
        (["segment"], {"segments"}),
        (["word"], {"words"}),
        (["word", "segment"], {"segments", "words"}),
    ],
)
@pytest.mark.parametrize("name", ["timestamp_granularities[]", "timestamp_granularities"])
async def test_verbose_json_has_the_times_that_were_asked_for(
    stocked: Gateway, name: str, granularities: list[str], has: set[str]
) -> None:
    answer, job = await answered(stocked, **form(response_format="verbose_json", **{name: granularities}))
    body = answer.json()
    assert {"segments", "words"} & body.keys() == has
    assert (body["task"], body["language"], body["duration"]) == ("transcribe", "english", 3725.4)
    assert job.request["word_timestamps"] == ("word" in granularities)


async def test_a_translation_is_english(stocked: Gateway) -> None:
    answer, job = await answered(stocked, TRANSLATIONS, **form(response_format="verbose_json"))
    assert (answer.json()["task"], answer.json()["language"]) == ("translate", "english")
    assert job.request["task"] == "translate"


async def test_what_is_asked_for_reaches_the_engine(stocked: Gateway) -> None:
    fields = {"model": "gpt-4o-transcribe", "language": "English", "prompt": "Kokoro", "temperature": "0.3"}
    _, job = await answered(stocked, **form(**fields))
    assert (job.model, job.engine, job.step) == ("gpt-4o-transcribe", "whisper", "transcribe")
    found = {name: job.request[name] for name in ("task", "language", "prompt", "temperature")}
    assert found == {"task": "transcribe", "language": "en", "prompt": "Kokoro", "temperature": 0.3}


@pytest.mark.parametrize("body", [{"file": TONE}, {"file": {"url": TONE}, "model": "whisper-1", "unknown": [1]}])
async def test_json_may_hold_the_recording(stocked: Gateway, body: dict[str, Any]) -> None:
    answer, job = await answered(stocked, json=body)
    assert answer.json()["text"] == SAID.text
    assert await stocked.services.objects.get_bytes(job.inputs["file"], limit_bytes=10_000) == WAV


@pytest.mark.parametrize(
    ("body", "param", "said"),
    [
        ({}, "file", "required"),
        ({"file": ""}, "file", "required"),
        ({"file": {"url": TONE, "file_id": "x"}}, "file", "either"),
        ({"file": 7}, "file", "an object"),
        ({"file": "recording.wav"}, "file", "URL, a data URI"),
        ({"file": "data:audio/wav;base64,"}, "file", "empty"),
        ({"file": "data:audio/wav;base64,!!"}, "file", "Base64"),
        ({"file": "data:audio/wav,abc"}, "file", "Base64"),
        ({"file": "data:image/png;base64,iVBORw0KGgo="}, "file", "PNG"),
        ({"file": "http://127.0.0.1/a.wav"}, "file", "not public"),
        ({"file": TONE, "stream": "perhaps"}, "stream", "boolean"),
        (
            {"file": TONE, "model": "gpt-4o-transcribe", "stream": True, "response_format": "srt"},
            "response_format",
            "json",
        ),
    ],
)
async def test_json_is_judged_as_forms_are(stocked: Gateway, body: dict[str, Any], param: str, said: str) -> None:
    answer = await stocked.alice.http.post(TRANSCRIPTIONS, json=body)
    code = answer.json()["error"]["code"]
    assert said in refused(answer, 400, code, param)


async def test_a_body_of_nothing_is_told_what_it_lacks(gateway: Gateway) -> None:
    refused(await gateway.alice.http.post(TRANSCRIPTIONS), 400, "invalid_request", "file")


async def test_a_recording_in_which_nobody_speaks_has_an_empty_text(stocked: Gateway) -> None:
    assert (await answered(stocked, said=NOTHING, **form()))[0].json()["text"] == ""
    assert (await answered(stocked, said=NOTHING, **form(response_format="srt")))[0].text == ""


async def test_what_the_engine_refuses_is_told_of_the_field(stocked: Gateway) -> None:
    asking = asyncio.create_task(stocked.alice.http.post(TRANSCRIPTIONS, **form()))
    job = await asked(stocked)
    await stocked.end(job, Status.FAILED, error=Failure("invalid_request", "file is no recording", field="file"))
    assert "no recording" in refused(await asking, 400, "invalid_request", "file")


async def test_who_would_not_wait_gets_the_job(stocked: Gateway) -> None:
    answer = await stocked.alice.http.post(TRANSCRIPTIONS, **form(), headers=LATER)
    assert (answer.status_code, answer.json()["kind"]) == (202, "transcription")
    assert answer.headers["location"].endswith(f"/v1/jobs/{answer.json()['id']}")
    await heard(stocked)
    assert (await stocked.alice.job(answer.json()["id"]))["status"] == "succeeded"


@pytest.mark.parametrize("task", ["transcribe", "translate", "detect"])
async def test_a_job_is_submitted_like_any_other(stocked: Gateway, task: str) -> None:
    body = {"kind": "transcription", "model": "whisper-1", "input": {"file": TONE, "task": task}, "metadata": {"n": 1}}
    answer = await stocked.alice.http.post("/v1/jobs", json=body)
    assert answer.status_code == 202, answer.text
    assert (await heard(stocked)).request["task"] == task
    job = await stocked.alice.job(answer.json()["id"])
    assert (job["status"], job["metadata"], job["outputs"][0]["role"]) == ("succeeded", {"n": 1}, "text")


async def test_a_job_without_a_recording_is_refused_by_the_name_of_its_field(gateway: Gateway) -> None:
    answer = await gateway.alice.http.post("/v1/jobs", json={"kind": "transcription", "input": {}})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/input/file")


# --- events ---


def told(text: str) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]


async def test_newer_models_tell_phrases_and_then_all_of_it(stocked: Gateway) -> None:
    answer, job = await answered(stocked, **form(model="gpt-4o-transcribe", stream="true"))
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-job-id"] == job.id
    *deltas, done = told(answer.text)
    assert {each["type"] for each in deltas} == {"transcript.text.delta"}
    assert "".join(each["delta"] for each in deltas).strip() == SAID.text
    assert (done["type"], done["text"]) == ("transcript.text.done", SAID.text)


async def test_whisper_1_does_not_stream(stocked: Gateway) -> None:
    answer, _ = await answered(stocked, **form(model="whisper-1", stream="true"))
    assert answer.json()["text"] == SAID.text


async def test_a_stream_ends_with_what_was_wrong(stocked: Gateway) -> None:
    fields = {"model": "gpt-4o-mini-transcribe", "stream": "true"}
    asking = asyncio.create_task(stocked.alice.http.post(TRANSCRIPTIONS, **form(**fields)))
    job = await asked(stocked)
    await stocked.end(job, Status.FAILED, error=Failure("invalid_request", "file is silent", field="file"))
    (error,) = told((await asking).text)
    assert (error["error"]["param"], error["error"]["message"]) == ("file", "file is silent")


async def test_who_would_not_wait_for_a_stream_gets_the_job(stocked: Gateway) -> None:
    fields = {"model": "gpt-4o-transcribe", "stream": "true"}
    answer = await stocked.alice.http.post(TRANSCRIPTIONS, **form(**fields), headers=LATER)
    assert answer.status_code == 202


def test_of_silence_only_the_end_is_told() -> None:
    assert len(events(NOTHING)) == 1
