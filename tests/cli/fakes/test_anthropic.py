"""The fake of Anthropic: its own client uses it unmodified, and it is as strict as the real one is said to be."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import httpx
import pytest

from cli.fakes.anthropic import Anthropic as Fake
from cli.fakes.faults import parse
from cli.fakes.server import FakeUpstream
from tests.cli.fakes.chatting import PARAMETERS, events_of
from tests.fakes import fake_upstream

MODEL = "claude-haiku-4-5-20251001"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n and so on").decode()
TOOLS: Any = [
    {"name": "weather", "description": "Of a city.", "input_schema": PARAMETERS},
    {"name": "clock", "input_schema": {"type": "object", "properties": {}}},
]
TO_LOOK: Any = [{"role": "user", "content": "call weather and call clock\nsay: Let me look."}]
LOOKED = [{"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}]
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "12"}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": [*blocks]}


def assistant(content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def picture(data: str = PNG, media_type: str = "image/png") -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def blocks(message: Any) -> list[dict[str, Any]]:
    """What it says: streams and whole answers have types of their own in that client."""
    return [block.model_dump(mode="json", exclude_none=True) for block in message.content]


ASKED: Any = {"model": MODEL, "max_tokens": 100, "messages": [user(text("Tell me something."))]}


@pytest.fixture
async def fake() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream(Fake(pace_s=0.001)).serving() as fake:
        yield fake


@pytest.fixture
async def http(fake: FakeUpstream) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    async with httpx.AsyncClient(base_url=fake.url, headers=headers, trust_env=False) as http:
        yield http


@pytest.fixture
async def client(fake: FakeUpstream) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=fake.url, api_key="k", max_retries=0) as client:
        yield client


async def ask(http: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    answer = await http.post("/v1/messages", json={**ASKED, **asked})
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


async def said(http: httpx.AsyncClient, words: str, **asked: Any) -> dict[str, Any]:
    return await ask(http, messages=[user(text(words))], **asked)


async def test_the_unmodified_client_talks(client: anthropic.AsyncAnthropic) -> None:
    whole = await client.messages.create(**ASKED)
    async with client.messages.stream(**ASKED) as stream:
        heard = "".join([piece async for piece in stream.text_stream])
        streamed = await stream.get_final_message()
    (block,) = whole.content
    assert block.type == "text"
    assert (heard, blocks(streamed)) == (block.text, blocks(whole))
    assert (streamed.usage.output_tokens, whole.usage.output_tokens) == (12, 12)
    assert streamed.stop_reason == whole.stop_reason == "end_turn"
    counted = await client.messages.count_tokens(model=MODEL, messages=ASKED["messages"])
    assert counted.input_tokens == whole.usage.input_tokens == 7
    assert [model.id async for model in client.models.list()][-1] == MODEL


async def test_the_unmodified_client_calls_tools_and_goes_on(client: anthropic.AsyncAnthropic) -> None:
    asked: Any = {**ASKED, "messages": TO_LOOK, "tools": TOOLS}
    whole = await client.messages.create(**asked)
    async with client.messages.stream(**asked) as stream:
        streamed = await stream.get_final_message()
    assert blocks(streamed) == blocks(whole)
    assert [block.type for block in whole.content] == ["text", "tool_use", "tool_use"]
    assert whole.stop_reason == "tool_use"
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "12"}
        for block in whole.content
        if block.type == "tool_use"
    ]
    after = await client.messages.create(**{**asked, "messages": [*TO_LOOK, assistant(blocks(whole)), user(*results)]})
    assert after.stop_reason == "end_turn"


async def test_the_unmodified_client_hears_it_think(client: anthropic.AsyncAnthropic) -> None:
    asked: Any = {**ASKED, "max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    whole = await client.messages.create(**asked)
    async with client.messages.stream(**asked) as stream:
        streamed = await stream.get_final_message()
    assert blocks(streamed) == blocks(whole)
    assert [block.type for block in whole.content] == ["thinking", "text"]
    assert streamed.usage.output_tokens == 24


def test_the_client_that_waits_uses_it_as_well() -> None:
    with (
        fake_upstream("anthropic", 0.001) as fake,
        anthropic.Anthropic(base_url=fake.url, api_key="k", max_retries=0) as client,
    ):
        whole = client.messages.create(**ASKED)
        with client.messages.stream(**ASKED) as stream:
            assert blocks(stream.get_final_message()) == blocks(whole)
        fake.err("error_event")
        with pytest.raises(anthropic.APIStatusError, match="Overloaded"), client.messages.stream(**ASKED) as stream:
            stream.get_final_message()
        assert fake.accepted == 1


@pytest.mark.parametrize(
    ("fault", "error", "status"),
    [
        ("busy=3", anthropic.RateLimitError, 429),
        ("overloaded", anthropic.InternalServerError, 529),
        ("failed", anthropic.InternalServerError, 500),
        ("session_expired", anthropic.AuthenticationError, 401),
        ("no_credits", anthropic.APIStatusError, 402),
        ("no_balance", anthropic.BadRequestError, 400),
        ("suspended", anthropic.BadRequestError, 400),
        ("forbidden", anthropic.PermissionDeniedError, 403),
        ("no_model", anthropic.NotFoundError, 404),
        ("too_long", anthropic.BadRequestError, 400),
        ("too_large", anthropic.APIStatusError, 413),
    ],
)
async def test_its_client_understands_its_refusals(
    fake: FakeUpstream,
    client: anthropic.AsyncAnthropic,
    fault: str,
    error: type[anthropic.APIStatusError],
    status: int,
) -> None:
    fake.world.faults.set([parse(fault)])
    with pytest.raises(error) as refused:
        await client.messages.create(**ASKED)
    assert (refused.value.status_code, refused.value.request_id) == (status, "req_fakerefused")
    assert refused.value.response.headers.get("retry-after") == ("3" if fault == "busy=3" else None)
    assert fake.ledger.counts()["accepted"] == 0


async def test_its_client_must_not_say_how_to_sample_by_the_newer_version(client: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="temperature"):
        await client.messages.create(**ASKED, extra_body={"temperature": 1})


async def test_the_same_request_has_the_same_answer_and_words_are_had_as_asked(http: httpx.AsyncClient) -> None:
    assert await said(http, "a") == await said(http, "a") != await said(http, "b")
    assert (await said(http, "say: 漢字 🦜"))["content"] == [text("漢字 🦜")]
    short = await said(http, "in 300 words", max_tokens=5)
    assert (short["stop_reason"], short["usage"]["output_tokens"]) == ("max_tokens", 5)
    stopped = await said(http, "say: one two three", stop_sequences=["two"])
    assert (stopped["stop_reason"], stopped["stop_sequence"], stopped["content"]) == (
        "stop_sequence",
        "two",
        [text("one ")],
    )


async def test_tools_are_called_as_the_choice_says(http: httpx.AsyncClient) -> None:
    async def called(words: str, **choice: Any) -> list[str]:
        answer = await said(http, words, tools=TOOLS, tool_choice=choice)
        return [block["name"] for block in answer["content"] if block["type"] == "tool_use"]

    assert await called("call weather and call clock", type="auto") == ["weather", "clock"]
    assert await called("call weather and call clock", type="auto", disable_parallel_tool_use=True) == ["weather"]
    assert await called("hello", type="any") == ["weather"]
    assert await called("hello", type="tool", name="clock") == ["clock"]
    assert await called("call weather", type="none") == []


async def test_what_nobody_knows_can_come_between(fake: FakeUpstream, http: httpx.AsyncClient) -> None:
    fake.world.faults.set([parse("unheard")])
    kinds = [
        event["type"] for event in events_of((await http.post("/v1/messages", json={**ASKED, "stream": True})).content)
    ]
    assert {"weather_report", "ping", "message_stop"} <= {*kinds}
    assert (await ask(http))["content"][0]["type"] == "new_block"


async def test_why_it_ends_and_what_was_cached_can_be_chosen(fake: FakeUpstream, http: httpx.AsyncClient) -> None:
    fake.world.faults.set([parse("stop_reason=refusal"), parse("cached=5"), parse("silent")])
    answer = await ask(http)
    assert (answer["stop_reason"], answer["content"]) == ("refusal", [])
    assert (answer["usage"]["input_tokens"], answer["usage"]["cache_read_input_tokens"]) == (2, 5)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"n": 1}, "n"),
        ({"temperature": 1.5}, "temperature"),
        ({"temperature": 1, "top_p": 1}, "temperature"),
        ({"stop_sequences": [" "]}, "stop_sequences"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "budget_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages.0"),
        ({"messages": [{"role": "user", "name": "x", "content": "a"}]}, "messages.0.name"),
        ({"messages": [user(text(""))]}, "messages.0.content.0"),
        ({"messages": [user(picture(f"data:image/png;base64,{PNG}"))]}, "base64"),
        ({"messages": [user(picture(media_type="image/jpeg"))]}, "media type"),
        ({"messages": [user(picture(media_type="image/jpg"))]}, "media_type"),
        ({"messages": [user({"type": "input_audio"})]}, "messages.0.content.0"),
        ({"messages": [user(text("a")), assistant("b ")]}, "trailing whitespace"),
        ({"messages": [user(text("a")), assistant(LOOKED)], "tools": TOOLS}, "toolu_1"),
        ({"messages": [user(text("a")), assistant(LOOKED), user(text("b"), RESULT)], "tools": TOOLS}, "come first"),
        ({"messages": [user(text("a")), assistant(LOOKED), user(text("b"))], "tools": TOOLS}, "toolu_1"),
        ({"messages": [user(RESULT)], "tools": TOOLS}, "toolu_1"),
        ({"messages": [user(text("a")), assistant(LOOKED), user(RESULT)]}, "tools"),
        ({"tools": [{"name": "a b", "input_schema": {"type": "object"}}]}, "tools.0.name"),
        ({"tools": [{"name": "a", "input_schema": {}}]}, "tools.0.input_schema"),
        ({"tools": [{"name": "a", "input_schema": {"type": "object"}, "strict": True}]}, "tools.0.strict"),
        ({"tool_choice": {"type": "auto"}}, "tool_choice"),
        ({"system": [text("")]}, "system.0"),
    ],
)
async def test_it_answers_400(fake: FakeUpstream, http: httpx.AsyncClient, asked: dict[str, Any], told: str) -> None:
    body = {name: value for name, value in {**ASKED, **asked}.items() if value is not None}
    answer = await http.post("/v1/messages", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert told in error["message"]
    assert fake.ledger.counts()["accepted"] == 0


async def test_a_version_is_due_and_a_retired_model_is_not_there(http: httpx.AsyncClient) -> None:
    assert (await http.post("/v1/messages", json=ASKED, headers={"anthropic-version": ""})).status_code == 400
    retired = await http.post("/v1/messages", json={**ASKED, "model": "claude-3-7-sonnet-20250219"})
    assert (retired.status_code, retired.json()["error"]["type"]) == (404, "not_found_error")


async def test_results_in_several_turns_of_one_role_are_one_turn(http: httpx.AsyncClient) -> None:
    history = [user(text("a")), assistant(LOOKED), user(RESULT), user(text("and?"))]
    assert (await ask(http, messages=history, tools=TOOLS))["stop_reason"] == "end_turn"
