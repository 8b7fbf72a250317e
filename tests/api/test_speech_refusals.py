"""What speech is refused, in OpenAI's shape: which field, and which limit. Nothing of it becomes a job."""

import asyncio
from typing import Any

import pytest

from storage.job import Failure, Status
from tests.api.gateway import Gateway
from tests.api.images import asked
from tests.api.speech import BODY, SPEECH


@pytest.mark.parametrize(
    ("wrong", "param", "said"),
    [
        ({"input": "a" * 4097}, "input", "4096"),
        ({"input": "a" * 100_000}, "input", "4096"),
        ({"input": ""}, "input", "required"),
        ({"input": None}, "input", "required"),
        ({"input": " \n"}, "input", "blank"),
        ({"input": 7}, "input", "string"),
        ({"input": ["a"]}, "input", "string"),
        ({"voice": "darth"}, "voice", "alloy"),
        ({"voice": 7}, "voice", "string"),
        ({"voice": {"id": "darth"}}, "voice", "alloy"),
        ({"voice": {"name": "alloy"}}, "voice", "string"),
        ({"response_format": "ogg"}, "response_format", "flac"),
        ({"response_format": 3}, "response_format", "flac"),
        ({"speed": 0.2}, "speed", "0.25"),
        ({"speed": 4.1}, "speed", "4"),
        ({"speed": "fast"}, "speed", "number"),
        ({"speed": True}, "speed", "number"),
        ({"speed": [1]}, "speed", "number"),
        ({"language": "de"}, "language", "zh"),
        ({"language": 5}, "language", "string"),
        ({"stream_format": "mp3"}, "stream_format", "sse"),
        ({"instructions": 5}, "instructions", "string"),
        ({"model": 5}, "model", "string"),
    ],
)
async def test_a_wrong_field_is_named_with_its_limit(
    gateway: Gateway, wrong: dict[str, Any], param: str, said: str
) -> None:
    answer = await gateway.alice.http.post(SPEECH, json={**BODY, **wrong})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert (error["param"], error["type"], error["code"]) == (param, "invalid_request_error", "invalid_request")
    assert said in error["message"]
    assert not await gateway.services.store.redis.exists(f"jobs:{gateway.alice.key.id}")


async def test_4096_characters_in_any_script_are_taken(gateway: Gateway) -> None:
    body = {**BODY, "input": "晚" * 4096}
    answer = await gateway.alice.http.post(SPEECH, json=body, headers={"prefer": "respond-async"})
    assert answer.status_code == 202


@pytest.mark.parametrize("model", ["tts-9", "whisper-1", "dall-e-3"])
async def test_a_model_that_does_not_speak_is_not_found(gateway: Gateway, model: str) -> None:
    answer = await gateway.alice.http.post(SPEECH, json={**BODY, "model": model})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (404, "model_not_found", "model")
    assert "tts-1" in error["message"]


@pytest.mark.parametrize("raw", [b"", b"nonsense", b"[]", b'"text"', b"\xff", b"[" * 100_000])
async def test_a_body_that_is_no_object_is_refused(gateway: Gateway, raw: bytes) -> None:
    answer = await gateway.alice.http.post(SPEECH, content=raw, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_a_body_beyond_the_limit_is_refused_with_it(gateway: Gateway) -> None:
    answer = await gateway.alice.http.post(SPEECH, json={**BODY, "input": "a" * 1_100_000})
    assert answer.status_code == 413
    assert "1000000" in answer.json()["error"]["message"]


async def test_a_form_is_no_json(gateway: Gateway) -> None:
    answer = await gateway.alice.http.post(SPEECH, data={"input": "Hello"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")


async def test_nobody_speaks_without_a_key(gateway: Gateway) -> None:
    answer = await gateway.nobody.post(SPEECH, json=BODY)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize("format", ["audio", "sse"])
async def test_what_only_the_engine_finds_out_is_the_answer_too(gateway: Gateway, format: str) -> None:
    posting = asyncio.create_task(gateway.alice.http.post(SPEECH, json={**BODY, "stream_format": format}))
    failure = Failure("invalid_request", "no voice here reads Cyrillic letters", field="input")
    await gateway.end(await asked(gateway), Status.FAILED, error=failure)
    answer = await posting
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "input")
    assert "Cyrillic" in answer.json()["error"]["message"]


async def test_an_engine_that_fails_before_it_says_anything_is_a_server_error_in_openais_shape(
    gateway: Gateway,
) -> None:
    posting = asyncio.create_task(gateway.alice.http.post(SPEECH, json=BODY))
    await gateway.end(await asked(gateway), Status.FAILED, error=Failure("engine_failed", "the engine broke"))
    answer = await posting
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "server_error")
