"""whisper-asr-webservice's surface, and SenseVoice's: what they take and answer, and what their clients rely on."""

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest

from api.settings import ApiSettings
from storage.job import Failure, Status
from tests.api.batches import upload
from tests.api.gateway import Caller, Gateway, serving, storage_settings
from tests.api.images import asked
from tests.api.recordings import (
    ASR,
    DETECT,
    LATER,
    NOTHING,
    SAID,
    SENSEVOICE,
    TONE,
    WAV,
    answered,
    form,
    heard,
    inputs,
    jobs_of,
)

AUDIO = form(part="audio_file", name="päper 1.wav")
EVERYWHERE = [ASR, DETECT, SENSEVOICE, *(f"/v1{path}" for path in (ASR, DETECT, SENSEVOICE))]
PARTS = {path: "files" if path.endswith(SENSEVOICE) else "audio_file" for path in EVERYWHERE}


def detail(answer: httpx.Response, status: int = 422) -> list[dict[str, Any]]:
    """FastAPI's list of what is wrong."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json"), answer.text
    assert "-->" not in answer.text  # or Bazarr would keep it as subtitles
    (name, found), *_ = answer.json().items()
    assert name == "detail"
    return list(found)


@pytest.mark.parametrize(
    ("output", "ending", "text"),
    [
        ("txt", "txt", "Good morning.\nIt is 7 --> 8 o'clock.\n"),
        ("srt", "srt", "1\n00:00:00,000 --> 00:00:01,500\nGood morning.\n\n2\n01:02:03,250 --> 01:02:05,000\n"),
        ("vtt", "vtt", "WEBVTT\n\n00:00.000 --> 00:01.500\nGood morning.\n\n01:02:03.250 --> 01:02:05.000\n"),
        ("tsv", "tsv", "start\tend\ttext\n0\t1500\tGood morning.\n3723250\t3725000\t"),
        ("json", "json", '{"language": "en", "segments": [{"id": 0'),
        ("docx", "txt", "Good morning.\n"),
        ("", "txt", "Good morning.\n"),
    ],
)
@pytest.mark.parametrize("path", [ASR, f"/v1{ASR}", f"/v1{ASR}/"])
async def test_every_output_is_plain_text_to_be_saved(
    stocked: Gateway, path: str, output: str, ending: str, text: str
) -> None:
    answer, job = await answered(stocked, path, params={"output": output}, **AUDIO)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert answer.text.startswith(text)
    assert answer.headers["content-disposition"] == f'attachment; filename="p%C3%A4per%201.wav.{ending}"'
    assert answer.headers["asr-engine"] == "faster_whisper"
    assert answer.headers["x-job-id"] == job.id


async def test_json_is_as_its_engine_writes_it(stocked: Gateway) -> None:
    answer, _ = await answered(stocked, ASR, params={"output": "json"}, **AUDIO)
    body = json.loads(answer.text)
    assert list(body) == ["language", "segments", "text"]
    assert (body["language"], body["segments"][0]["text"]) == ("en", " Good morning.")


async def test_the_query_says_how(stocked: Gateway) -> None:
    query = {
        "task": "translate",
        "language": "de",
        "initial_prompt": "Käse, Brot",
        "vad_filter": "OFF",
        "word_timestamps": "Yes",
        "encode": "0",
        "video_file": "/films/a.mkv",
        "diarize": "true",
        "min_speakers": "2",
    }
    fields = {"task": "sing", "language": "klingon", "output": "srt"}  # a form's fields mean nothing here
    answer, job = await answered(stocked, ASR, params=query, **form(part="audio_file", **fields))
    assert answer.text.startswith("Good morning.")
    names = ("task", "language", "prompt", "vad_filter", "word_timestamps", "encode")
    assert [job.request[name] for name in names] == ["translate", "de", "Käse, Brot", False, True, False]


async def test_what_the_query_does_not_say_is_left_to_the_engine(stocked: Gateway) -> None:
    _, job = await answered(stocked, ASR, params={"language": ""}, **AUDIO)
    names = ("task", "language", "prompt", "vad_filter", "word_timestamps", "encode")
    assert [job.request[name] for name in names] == ["transcribe", None, "", None, False, True]


@pytest.mark.parametrize("path", [ASR, DETECT])
@pytest.mark.parametrize(("word", "means"), [(w, True) for w in ("true", "1", "YES", "on", "True")]
    + [(w, False) for w in ("false", "0", "No", "OFF")])  # fmt: skip
async def test_booleans_are_fastapis(stocked: Gateway, path: str, word: str, means: bool) -> None:
    _, job = await answered(stocked, path, params={"encode": word}, **AUDIO)
    assert job.request["encode"] is means


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ({"encode": "maybe"}, "bool_parsing"),
        ({"word_timestamps": "2"}, "bool_parsing"),
        ({"vad_filter": "x"}, "bool_parsing"),
        ({"task": "sing"}, "literal_error"),
        ({"language": "klingon"}, "invalid_request"),
        ({"initial_prompt": "x" * 20_001}, "string_too_long"),
    ],
)
async def test_a_query_that_is_wrong_is_told_in_fastapis_words(
    gateway: Gateway, query: dict[str, str], kind: str
) -> None:
    answer = await gateway.alice.http.post(ASR, params=query, **AUDIO)  # the store is away: nothing was read
    (found,) = detail(answer)
    assert (found["loc"], found["type"]) == (["query", *query], kind)


@pytest.mark.parametrize("path", EVERYWHERE)
async def test_what_is_no_recording_is_told_of_its_part(stocked: Gateway, path: str) -> None:
    part = PARTS[path]
    before = await inputs(stocked)
    http = stocked.alice.http
    for data, said in ((b"", "empty"), (b"<html>", "HTML"), (b'{"a": 1}', "JSON"), (b"#EXTM3U", "playlist")):
        (found,) = detail(await http.post(path, **form(data, part)))
        assert (found["loc"], said in found["msg"]) == (["body", part], True)
    (wrong,) = detail(await http.post(path, **form(part="upload")))
    assert (wrong["loc"], "'upload'" in wrong["msg"]) == (["body", part], True)
    for missing in (await http.post(path, files={"other": (None, "x")}), await http.post(path)):
        (found,) = detail(missing)
        assert (found["loc"], found["type"]) == (["body", part], "missing")
    (twice,) = detail(await http.post(path, files=[(part, ("a", WAV)), (part, ("b", WAV))]))
    assert "one recording" in twice["msg"]
    (private,) = detail(await http.post(path, files={part: (None, "http://127.0.0.1/a")}))
    assert private["type"] == "address_refused"
    assert await inputs(stocked) == before
    assert await jobs_of(stocked.alice) == []


async def test_an_upload_beyond_the_limit_is_refused_with_it(redis_url: str, s3: dict[str, Any]) -> None:
    async with serving(storage_settings(redis_url, s3), ApiSettings(file_max_bytes=1000)) as gateway:
        (found,) = detail(await gateway.alice.http.post(ASR, **AUDIO), 413)
        assert (found["loc"], "1000 bytes" in found["msg"]) == (["body", "audio_file"], True)


async def test_what_the_engine_refuses_is_told_of_the_part(stocked: Gateway) -> None:
    for path, part in PARTS.items():
        asking = asyncio.create_task(stocked.alice.http.post(path, **form(part=part)))
        job = await asked(stocked)
        await stocked.end(job, Status.FAILED, error=Failure("invalid_request", "it is broken", field="file"))
        (found,) = detail(await asking)
        assert (found["loc"], found["msg"]) == (["body", part], "it is broken")


async def test_our_own_failures_are_bare_phrases(stocked: Gateway) -> None:
    asking = asyncio.create_task(stocked.alice.http.post(ASR, **AUDIO))
    job = await asked(stocked)
    await stocked.end(job, Status.FAILED, error=Failure("engine_lost", "its process died"))
    failed = await asking
    assert (failed.status_code, failed.text) == (500, "Internal Server Error")
    assert failed.headers["content-type"] == "text/plain; charset=utf-8"


async def test_while_the_store_is_away_that_is_said_barely(gateway: Gateway) -> None:
    answer = await gateway.alice.http.post(ASR, **AUDIO)
    assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (503, "Service Unavailable", "5")


async def test_the_language_is_found_out(stocked: Gateway) -> None:
    answer, job = await answered(stocked, DETECT, params={"encode": "false"}, **AUDIO)
    assert answer.json() == {"detected_language": "english", "language_code": "en", "confidence": 0.98}
    assert (job.request["task"], job.request["encode"]) == ("detect", False)


async def test_a_recording_in_which_nobody_speaks_is_empty(stocked: Gateway) -> None:
    for output, text in (("srt", ""), ("txt", ""), ("vtt", "WEBVTT\n\n"), ("tsv", "start\tend\ttext\n")):
        answer, _ = await answered(stocked, ASR, NOTHING, params={"output": output}, **AUDIO)
        assert (answer.status_code, answer.text) == (200, text)
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"


# --- keys, and patience ---


@pytest.mark.parametrize("path", [ASR, DETECT, SENSEVOICE])
async def test_a_key_may_come_in_the_address(stocked: Gateway, path: str) -> None:
    words = base64.b64encode(f"user:{stocked.alice.secret}".encode()).decode()  # what clients make of user:KEY@host
    answer = await stocked.nobody.post(
        path, **form(part=PARTS[path]), headers={**LATER, "authorization": f"Basic {words}"}
    )
    assert answer.status_code == 202
    refused = await stocked.nobody.post(path, **form(part=PARTS[path]))
    assert (refused.status_code, list(refused.json())) == (401, ["detail"])


async def test_it_waits_longer_than_others(redis_url: str, s3: dict[str, Any]) -> None:
    settings = ApiSettings(wait_s=0, asr_wait_s=60)
    async with serving(storage_settings(redis_url, s3), settings) as gateway:
        answer, _ = await answered(gateway, ASR, **AUDIO)
        assert answer.status_code == 200
        later = await gateway.alice.http.post(SENSEVOICE, **form(part="files"))
        assert later.status_code == 202


async def test_who_would_not_wait_gets_the_job(stocked: Gateway) -> None:
    answer = await stocked.alice.http.post(ASR, **AUDIO, headers=LATER)
    assert (answer.status_code, answer.json()["object"]) == (202, "job")


# --- the same again ---


async def again(caller: Caller, path: str = ASR, data: bytes = WAV, headers: Any = None, **query: str) -> str:
    """The job of a request that does not wait."""
    answer = await caller.http.post(
        path, params=query, **form(data, "audio_file"), headers={**LATER, **(headers or {})}
    )
    assert answer.status_code in (200, 202), answer.text
    return answer.headers["x-job-id"]


async def test_the_same_file_finds_the_job_that_it_has_brought(stocked: Gateway) -> None:
    first = await again(stocked.alice)
    before = await inputs(stocked)
    assert await again(stocked.alice) == first
    assert await again(stocked.alice, f"/v1{ASR}") == first
    await heard(stocked)
    assert await again(stocked.alice) == first
    assert len(await jobs_of(stocked.alice)) == 1
    assert await inputs(stocked) == before


async def test_another_file_owner_task_or_key_makes_another_job(stocked: Gateway) -> None:
    alice = stocked.alice
    ids = [
        await again(alice),
        await again(alice, data=WAV + b"\0\0"),
        await again(alice, language="en"),
        await again(alice, DETECT),
        await again(stocked.bob),
        await again(alice, headers={"idempotency-key": "anew"}),
    ]
    assert len(set(ids)) == len(ids)


async def test_the_same_address_may_lead_to_something_else_by_now(stocked: Gateway) -> None:
    file = await upload(stocked.alice, WAV, "user_data")
    sent = {"files": {"audio_file": (None, file)}, "headers": LATER}
    answers = [await stocked.alice.http.post(ASR, **sent) for _ in range(2)]
    assert len({answer.json()["id"] for answer in answers}) == 2


async def test_a_part_needs_neither_a_name_nor_a_type(stocked: Gateway) -> None:
    answer, job = await answered(stocked, ASR, files={"audio_file": (None, WAV)})
    assert answer.headers["content-disposition"] == 'attachment; filename="upload.txt"'
    assert await stocked.services.objects.get_bytes(job.inputs["file"], limit_bytes=10_000) == WAV


@pytest.mark.parametrize("end", ["failed", "canceled", "deleted"])
async def test_a_job_that_came_to_nothing_is_made_anew(stocked: Gateway, end: str) -> None:
    ids = []
    for _ in range(3):
        ids.append(await again(stocked.alice))
        if end == "failed":
            job = await asked(stocked)
            await stocked.end(job, Status.FAILED, error=Failure("engine_lost", "its process died"))
        elif end == "canceled":
            await stocked.alice.http.post(f"/v1/jobs/{ids[-1]}/cancel")
        else:
            await stocked.alice.http.delete(f"/v1/jobs/{ids[-1]}")
    assert len(set(ids)) == 3


async def test_openais_surface_does_not_take_the_same_for_a_repetition(stocked: Gateway) -> None:
    ids = {
        (await stocked.alice.http.post("/v1/audio/translations", **form(), headers=LATER)).json()["id"] for _ in "ab"
    }
    assert len(ids) == 2


# --- SenseVoice ---


@pytest.mark.parametrize(
    ("fields", "key", "language"),
    [
        ({}, "a.wav", None),
        ({"keys": "first", "lang": "auto"}, "first", None),
        ({"keys": "first", "language": "zh"}, "first", "zh"),
        ({"lang": "yue"}, "a.wav", "zh"),
        ({"lang": "nospeech"}, "a.wav", None),
    ],
)
async def test_sensevoice_answers_by_key(
    stocked: Gateway, fields: dict[str, str], key: str, language: str | None
) -> None:
    answer, job = await answered(stocked, SENSEVOICE, **form(part="files", **fields))
    text = SAID.text
    assert answer.json() == {"result": [{"key": key, "text": text, "raw_text": text, "clean_text": text}]}
    assert job.request["language"] == language


async def test_sensevoice_takes_one_file(stocked: Gateway) -> None:
    (found,) = detail(await stocked.alice.http.post(SENSEVOICE, **form(part="files", keys="a,b")))
    assert (found["loc"], "one file" in found["msg"]) == (["body", "keys"], True)
    (found,) = detail(await stocked.alice.http.post(SENSEVOICE, **form(part="files", lang="klingon")))
    assert found["loc"] == ["body", "lang"]


async def test_json_may_say_all_of_it(stocked: Gateway) -> None:
    answer, job = await answered(stocked, ASR, params={"output": "vtt"}, json={"audio_file": TONE, "language": "fr"})
    assert (answer.text[:6], job.request["language"]) == ("WEBVTT", "fr")
