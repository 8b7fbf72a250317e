"""Chat completions that are not streamed, as jobs, and what is refused."""

import asyncio
from typing import Any

import httpx
import pytest

from api.dialects.chat import CONTEXT
from api.settings import ApiSettings
from storage.errors import ContextTooLong
from storage.job import Failure, Status
from tests.api.chats import BODY, CHAT, STREAMED, answer, claimed
from tests.api.gateway import Gateway, serving, storage_settings


async def asking(gateway: Gateway, path: str = CHAT, **how: Any) -> httpx.Response:
    """The answer to a chat that a worker answers meanwhile."""
    posting = asyncio.create_task(gateway.alice.http.post(path, **{"json": BODY, **how}))
    try:
        await answer(gateway)
        return await posting
    finally:
        posting.cancel()


@pytest.mark.parametrize("path", [CHAT, CHAT + "/"])
async def test_an_answer_is_openais_in_full(gateway: Gateway, path: str) -> None:
    found = await asking(gateway, path)
    assert found.status_code == 200
    body = found.json()
    job = found.headers["x-job-id"]
    assert found.headers["x-gateway-engine"] == "smollm2-135m (embedded)"
    assert "x-stream-id" not in found.headers
    assert (await gateway.read(job)).created // 1000 == body.pop("created")
    assert body.pop("usage") == {
        "prompt_tokens": 9,
        "completion_tokens": 6,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
    assert body == {
        "id": f"chatcmpl-{job}",
        "object": "chat.completion",
        "model": "gpt-4o-mini",
        "system_fingerprint": "fp_smollm2-135m-q4_1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "The sea is wide.", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
    }


async def test_several_answers_are_numbered_and_the_question_counts_once(gateway: Gateway) -> None:
    body = (await asking(gateway, json={**BODY, "n": 3})).json()
    assert [each["index"] for each in body["choices"]] == [0, 1, 2]
    assert (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]) == (9, 18)


async def test_what_is_asked_reaches_the_engine(gateway: Gateway) -> None:
    asked = {
        "messages": [
            {"role": "developer", "content": "Be brief.", "name": "ops"},
            {"role": "user", "content": [{"type": "text", "text": "Hello."}, {"type": "text", "text": "Who?"}]},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            {"role": "user", "content": ""},
        ],
        "max_tokens": 5,
        "max_completion_tokens": 7,
        "temperature": 0,
        "top_p": 0.5,
        "n": 2,
        "stop": "###",
        "seed": 11,
        "presence_penalty": 0.5,
        "frequency_penalty": -1,
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
        "logprobs": True,
        "top_logprobs": 2,
        "logit_bias": {},
        "tools": None,
        "tool_choice": "auto",
        "user": "u-1",
        "streamed": True,
    }
    posting = asyncio.create_task(gateway.alice.http.post(CHAT, json=asked))
    job = await claimed(gateway)
    posting.cancel()
    assert (job.model, job.items, job.lane, job.engine) == ("smollm2-135m-instruct", 2, "chat", "smollm2")
    assert job.request.pop("openai") == {"logit_bias": {}, "user": "u-1", "streamed": True}
    assert job.request == {
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "Hello.\nWho?"},
            {"role": "assistant", "content": "No."},
            {"role": "user", "content": ""},
        ],
        "max_tokens": 7,
        "temperature": 0,
        "top_p": 0.5,
        "stop": ["###"],
        "seed": 11,
        "presence_penalty": 0.5,
        "frequency_penalty": -1,
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
        "logprobs": True,
        "top_logprobs": 2,
    }


def said(content: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "Hello."}, {"role": "user", "content": content, **more}]}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"messages": []}, "messages"),
    ({"messages": "hello"}, "messages"),
    ({"messages": [{"content": "x"}]}, "messages.0.role"),
    ({"messages": [{"role": "wizard", "content": "x"}]}, "messages.0.role"),
    ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]}, "messages.0.role"),
    (said(None), "messages.1.content"),
    (said(5), "messages.1.content"),
    (said([]), "messages.1.content"),
    (said(["x"]), "messages.1.content.0.type"),
    (said([{"type": "text"}]), "messages.1.content.0.text"),
    (said([{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "x"}}]), "messages.1.content.1"),
    (said([{"type": "input_audio", "input_audio": {}}]), "messages.1.content.0"),
    (said(None, tool_calls=[{"id": "1"}]), "messages.1.tool_calls"),
    ({"tools": [{"type": "function", "function": {"name": "x"}}]}, "tools"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"functions": [{"name": "x"}]}, "functions"),
    ({"logit_bias": {"50256": -100}}, "logit_bias"),
    ({"modalities": ["text", "audio"]}, "modalities"),
    ({"temperature": "1"}, "temperature"),
    ({"temperature": 2.5}, "temperature"),
    ({"top_p": 0}, "top_p"),
    ({"n": 0}, "n"),
    ({"n": 9}, "n"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
    ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
    ({"stop": 4}, "stop"),
    ({"seed": 1 << 64}, "seed"),
    ({"presence_penalty": 3}, "presence_penalty"),
    ({"frequency_penalty": -3}, "frequency_penalty"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, "response_format.json_schema.schema"),
    ({"stream": "yes"}, "stream"),
    ({"stream_options": {"include_usage": "no no"}}, "stream_options.include_usage"),
]


@pytest.mark.parametrize(("wrong", "param"), REFUSED)
async def test_what_cannot_be_done_is_refused_by_name(gateway: Gateway, wrong: dict[str, Any], param: str) -> None:
    found = await gateway.alice.http.post(CHAT, json={**BODY, **wrong})
    assert (found.status_code, found.json()["error"]["param"]) == (400, param), found.text
    error = found.json()["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_request")
    assert set(error) == {"message", "type", "param", "code"}


async def test_tools_that_are_not_to_be_used_are_no_hindrance(gateway: Gateway) -> None:
    tools = [{"type": "function", "function": {"name": "x"}}]
    assert (await asking(gateway, json={**BODY, "tools": tools, "tool_choice": "none"})).status_code == 200


async def test_too_long_a_conversation_is_refused_before_it_is_a_job(gateway: Gateway) -> None:
    found = await gateway.alice.http.post(CHAT, json={**STREAMED, **said("word " * (CONTEXT + 1))})
    error = found.json()["error"]
    assert (found.status_code, error["code"], error["param"]) == (400, "context_length_exceeded", "messages")
    assert "x-job-id" not in found.headers


async def test_what_only_the_model_finds_too_long_is_refused_alike(gateway: Gateway) -> None:
    posting = asyncio.create_task(gateway.alice.http.post(CHAT, json=BODY))
    job = await claimed(gateway)
    failure = Failure.of(ContextTooLong("8192 tokens at most", field="messages"))
    assert await gateway.services.store.queue.advance(job.id, Status.FAILED, token=job.token, error=failure)
    found = await posting
    assert (found.status_code, found.json()["error"]["code"]) == (400, "context_length_exceeded")


async def test_no_key_no_such_model_no_json_and_too_much(gateway: Gateway) -> None:
    assert (await gateway.nobody.post(CHAT, json=BODY)).json()["error"]["code"] == "invalid_api_key"
    unknown = await gateway.alice.http.post(CHAT, json={**BODY, "model": "gpt-9"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")
    broken = await gateway.alice.http.post(CHAT, content=b'{"messages"')
    assert (broken.status_code, broken.json()["error"]["code"]) == (400, "invalid_request")
    large = await gateway.alice.http.post(CHAT, json={**BODY, "user": "u" * 1_100_000})
    assert (large.status_code, large.json()["error"]["code"]) == (413, "too_large")
    larger = await gateway.alice.http.post(CHAT, content=b"x" * 20_000_001)
    assert (larger.status_code, larger.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize("body", [BODY, STREAMED])
async def test_who_would_not_wait_gets_the_job(gateway: Gateway, body: dict[str, Any]) -> None:
    found = await gateway.alice.http.post(CHAT, json=body, headers={"Prefer": "respond-async"})
    assert found.status_code == 202
    assert (found.json()["kind"], found.json()["status"]) == ("chat", "queued")
    assert found.headers["location"].endswith(found.json()["id"])
    assert (found.headers.get("x-stream-id") == found.json()["id"]) == ("stream" in body)


async def test_an_answer_that_takes_too_long_is_a_job_by_then(redis_url: str) -> None:
    async with serving(storage_settings(redis_url), ApiSettings(wait_s=0.05)) as gateway:
        found = await gateway.alice.http.post(CHAT, json=BODY)
        assert (found.status_code, found.json()["object"]) == (202, "job")


async def test_the_same_key_finds_the_same_answer(gateway: Gateway) -> None:
    once = {"Idempotency-Key": "once"}
    first = await asking(gateway, headers=once)
    again = await gateway.alice.http.post(CHAT, json=BODY, headers=once)
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    other = await gateway.alice.http.post(CHAT, json={**BODY, "n": 2}, headers=once)
    assert (other.status_code, other.json()["error"]["code"]) == (400, "idempotency_key_reused")


async def test_a_job_of_any_kind_may_be_a_chat(gateway: Gateway) -> None:
    asked = {"kind": "chat", "model": "gpt-3.5-turbo", "input": {"messages": BODY["messages"]}, "metadata": {"a": 1}}
    accepted = await gateway.alice.http.post("/v1/jobs", json=asked)
    assert accepted.status_code == 202, accepted.text
    await answer(gateway)
    job = await gateway.alice.job(accepted.json()["id"])
    (output,) = job["outputs"]
    assert (job["status"], job["model"], job["metadata"]) == ("succeeded", "gpt-3.5-turbo", {"a": 1})
    assert (output["role"], output["text"], output["url"]) == ("text", "The sea is wide.", None)
    assert (output["content_type"], output["finish_reason"]) == ("text/plain; charset=utf-8", "stop")
    assert output["usage"] == {"prompt_tokens": 9, "completion_tokens": 6}
    listed = (await gateway.alice.http.get("/v1/feed", params={"kind": "chat"})).json()["data"]
    assert [each["id"] for each in listed] == [job["id"]]


async def test_a_job_s_input_is_refused_by_where_it_is(gateway: Gateway) -> None:
    asked = {"kind": "chat", "input": {**BODY, "tools": [{"type": "function"}]}}
    found = await gateway.alice.http.post("/v1/jobs", json=asked)
    assert (found.status_code, found.json()["errors"][0]["pointer"]) == (422, "#/input/tools")
