"""The fake of OpenAI talks: its own client, in both versions, uses it unmodified."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from cli.fakes.faults import parse
from cli.fakes.openai import OpenAI as Fake
from cli.fakes.server import FakeUpstream
from tests.cli.fakes.chatting import OPENAI_TOOLS, events_of
from tests.clients import run_with_openai_1
from tests.fakes import fake_upstream
from tests.test_openai_images import run_with_the_current
from tests.waiting import until

SCRIPT = Path(__file__).with_name("chat_by_openai.py").read_text()
VERSIONS = run_with_openai_1, run_with_the_current

ASKED = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Tell me something."}]}
TO_LOOK = [{"role": "user", "content": "call weather and call clock"}]


@pytest.fixture
async def fake() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream(Fake(pace_s=0.001)).serving() as fake:
        yield fake


@pytest.fixture
async def http(fake: FakeUpstream) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": "Bearer sk-x"}
    async with httpx.AsyncClient(base_url=f"{fake.url}/v1", headers=headers, trust_env=False) as http:
        yield http


async def ask(http: httpx.AsyncClient, **asked: Any) -> httpx.Response:
    return await http.post("/chat/completions", json={**ASKED, **asked})


async def said(http: httpx.AsyncClient, text: str, **asked: Any) -> dict[str, Any]:
    answer = await ask(http, messages=[{"role": "user", "content": text}], **asked)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def break_(fake: FakeUpstream, *faults: str) -> None:
    fake.world.faults.set(parse(fault) for fault in faults)


async def test_the_unmodified_client_talks(fake: FakeUpstream) -> None:
    async with openai.AsyncOpenAI(base_url=f"{fake.url}/v1", api_key="sk-x", max_retries=0) as client:
        whole: Any = await client.chat.completions.create(**ASKED)  # type: ignore[call-overload]
        stream: Any = await client.chat.completions.create(  # type: ignore[call-overload]
            **ASKED, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        called: Any = await client.chat.completions.create(  # type: ignore[call-overload]
            **{**ASKED, "messages": TO_LOOK}, tools=OPENAI_TOOLS
        )
    text = whole.choices[0].message.content
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == text
    assert (chunks[-1].choices, chunks[-1].usage) == ([], whole.usage)
    assert whole.usage.completion_tokens == len(text.split()) == 12
    assert [call.function.name for call in called.choices[0].message.tool_calls] == ["weather", "clock"]
    assert fake.ledger.counts()["accepted"] == 3
    assert fake.ledger.counts()["streams"] == {"open": 0, "whole": 1}


def test_both_versions_of_the_client_hear_the_same() -> None:
    with fake_upstream("openai", 0.001) as fake:
        old, current = [json.loads(run(SCRIPT, URL=f"{fake.url}/v1", MODEL="gpt-4o-mini")) for run in VERSIONS]
    assert old.pop("version").startswith("1.")
    assert not current.pop("version").startswith("1.")
    assert old == current
    assert (old["streamed"], old["streamed_usage"]) == (old["whole"], old["usage"])
    assert old["streamed_calls"] == old["calls"]
    (weather, told), clock = old["calls"]
    assert (weather, [*json.loads(told)], clock) == ("weather", ["city"], ["clock", "{}"])
    assert "gpt-4o-mini" in old["models"]


async def test_the_same_request_has_the_same_answer(http: httpx.AsyncClient) -> None:
    one, same, other = [await said(http, text) for text in ("a", "a", "b")]
    assert one["choices"] == same["choices"] != other["choices"]
    assert one["id"] == same["id"]


async def test_several_choices_differ_and_are_streamed_each_under_its_index(http: httpx.AsyncClient) -> None:
    whole = await said(http, "a", n=3)
    texts = [choice["message"]["content"] for choice in whole["choices"]]
    assert len(set(texts)) == 3
    streamed = events_of((await ask(http, messages=[{"role": "user", "content": "a"}], n=3, stream=True)).content)
    for n, text in enumerate(texts):
        deltas = [event["choices"][0] for event in streamed[:-1] if event["choices"][0]["index"] == n]
        assert "".join(delta["delta"].get("content") or "" for delta in deltas) == text
    assert streamed[-1] == "[DONE]"


async def test_words_are_had_as_asked(http: httpx.AsyncClient) -> None:
    assert (await said(http, "Please say: 漢字 🦜 é"))["choices"][0]["message"]["content"] == "漢字 🦜 é"
    long = await said(http, "in 300 words")
    assert long["usage"]["completion_tokens"] == 300
    short = await said(http, "in 300 words", max_tokens=5)
    assert (short["choices"][0]["finish_reason"], short["usage"]["completion_tokens"]) == ("length", 5)
    stopped = await said(http, "say: one two three", stop="two")
    assert (stopped["choices"][0]["finish_reason"], stopped["choices"][0]["message"]["content"]) == ("stop", "one ")


async def test_tools_are_called_if_they_are_asked_for_or_have_to_be(http: httpx.AsyncClient) -> None:
    def names(answer: dict[str, Any]) -> list[str]:
        return [call["function"]["name"] for call in answer["choices"][0]["message"].get("tool_calls", [])]

    asked = {"tools": OPENAI_TOOLS}
    both = await said(http, "call weather and call clock", **asked)
    assert (names(both), both["choices"][0]["finish_reason"]) == (["weather", "clock"], "tool_calls")
    assert both["choices"][0]["message"]["content"] is None
    first = await said(http, "call weather and call clock", parallel_tool_calls=False, **asked)
    assert names(first) == ["weather"]
    assert names(await said(http, "hello", **asked)) == []
    assert names(await said(http, "call weather", tool_choice="none", **asked)) == []
    assert names(await said(http, "hello", tool_choice="required", **asked)) == ["weather"]
    forced = {"type": "function", "function": {"name": "clock"}}
    assert names(await said(http, "hello", tool_choice=forced, **asked)) == ["clock"]
    message = both["choices"][0]["message"]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "12"} for call in message["tool_calls"]]
    after = await ask(http, messages=[*TO_LOOK, message, *results], **asked)
    assert after.json()["choices"][0]["finish_reason"] == "stop"


async def test_json_is_answered_by_its_schema(http: httpx.AsyncClient) -> None:
    schema = {
        "type": "object",
        "properties": {"mood": {"enum": ["good"]}, "age": {"type": "integer"}, "tags": {"type": "array"}},
    }
    format = {"type": "json_schema", "json_schema": {"name": "it", "schema": schema}}
    made = json.loads((await said(http, "a", response_format=format))["choices"][0]["message"]["content"])
    assert (made["mood"], type(made["age"]), type(made["tags"])) == ("good", int, list)
    loose = await said(http, "a", response_format={"type": "json_object"})
    assert json.loads(loose["choices"][0]["message"]["content"])


@pytest.mark.parametrize(
    ("asked", "status", "param"),
    [
        ({"model": "nobody"}, 404, "model"),
        ({"messages": []}, 400, "messages"),
        ({"temperature": 3}, 400, "temperature"),
        ({"nonsense": 1}, 400, "nonsense"),
        ({"stream_options": {"include_usage": True}}, 400, "stream_options"),
        ({"tool_choice": "auto"}, 400, "tool_choice"),
        ({"messages": [{"role": "tool", "tool_call_id": "x", "content": "1"}]}, 400, "messages[0].role"),
        ({"messages": [{"role": "user", "content": None}]}, 400, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, 400, "messages[0].content[0].type"),
    ],
)
async def test_it_is_strict(
    fake: FakeUpstream, http: httpx.AsyncClient, asked: dict[str, Any], status: int, param: str
) -> None:
    answer = await ask(http, **asked)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)
    assert fake.ledger.counts()["accepted"] == 0


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("busy=3", openai.RateLimitError, "rate_limit_exceeded"),
        ("no_credits", openai.RateLimitError, "insufficient_quota"),
        ("session_expired", openai.AuthenticationError, "invalid_api_key"),
        ("no_model", openai.NotFoundError, "model_not_found"),
        ("too_long", openai.BadRequestError, "context_length_exceeded"),
        ("overloaded", openai.InternalServerError, None),
        ("failed", openai.InternalServerError, None),
    ],
)
async def test_its_client_understands_its_refusals(
    fake: FakeUpstream, fault: str, error: type[openai.APIStatusError], code: str | None
) -> None:
    break_(fake, fault)
    async with openai.AsyncOpenAI(base_url=f"{fake.url}/v1", api_key="sk-x", max_retries=0) as client:
        with pytest.raises(error) as refused:
            await client.chat.completions.create(**ASKED)  # type: ignore[call-overload]
    assert refused.value.code == code
    assert refused.value.response.headers.get("retry-after") == ("3" if fault == "busy=3" else None)


async def test_a_stream_that_its_client_leaves_shows(fake: FakeUpstream, http: httpx.AsyncClient) -> None:
    break_(fake, "stall=600")
    async with http.stream("POST", "/chat/completions", json={**ASKED, "stream": True}) as answer:
        await anext(answer.aiter_lines())
        assert fake.ledger.counts()["streams"] == {"open": 1}
    await until(lambda: fake.ledger.counts()["streams"] == {"open": 0, "left": 1})


async def test_a_whole_answer_may_say_no_reason_for_its_end(fake: FakeUpstream, http: httpx.AsyncClient) -> None:
    break_(fake, "unfinished")
    assert (await ask(http)).json()["choices"][0]["finish_reason"] is None


async def test_a_whole_answer_may_be_compressed_unasked(fake: FakeUpstream, http: httpx.AsyncClient) -> None:
    break_(fake, "gzip")
    answer = await http.post("/chat/completions", json=ASKED, headers={"accept-encoding": "identity"})
    assert (answer.headers["content-encoding"], answer.json()["object"]) == ("gzip", "chat.completion")
