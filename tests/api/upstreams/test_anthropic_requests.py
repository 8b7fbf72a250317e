"""What goes to Anthropic for what callers of OpenAI's chat say. Whatever goes, the strict fake's rules take."""

import base64
from typing import Any

import msgspec
import pytest

from api.upstreams.anthropic import Anthropic
from api.upstreams.base import Asked
from cli.fakes.anthropic_rules import check
from storage.errors import InvalidRequest
from tests.api.upstreams import saved
from tests.api.upstreams.asking import MODELS, NAME

HELLO = [{"role": "user", "content": "hello"}]
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Of a city.",
        "strict": True,
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
CALLED: Any = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Ulm"}'}}
    ],
}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "rain"}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()
WEBP = base64.b64encode(b"RIFF\x10\x00\x00\x00WEBPVP8 ").decode()
PDF = base64.b64encode(b"%PDF-1.7 and so on").decode()


def sent(body: dict[str, Any] | None = None, *, stream: bool = False, **options: Any) -> dict[str, Any]:
    """The body that goes out, and would be taken."""
    asked = {"model": NAME, "messages": HELLO, **(body or {})}
    wanted = Asked(msgspec.json.encode(asked), NAME, stream, usage=False)
    out = Anthropic(options).outgoing(wanted, MODELS["anthropic"])
    headers = {name.decode(): value.decode() for name, value in out.headers}
    found: dict[str, Any] = msgspec.json.decode(out.body)
    check(found, headers)
    return found


def turns(*messages: Any, **body: Any) -> list[tuple[str, Any]]:
    """The turns, each with its blocks; a single text as it is."""
    return [
        (turn["role"], turn["content"][0]["text"] if _is_text(turn["content"]) else turn["content"])
        for turn in sent({"messages": [*messages], **body})["messages"]
    ]


def _is_text(content: Any) -> bool:
    return [block["type"] for block in content] == ["text"]


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def seen(url: str) -> Any:
    [(_, blocks)] = turns(user([{"type": "image_url", "image_url": {"url": url, "detail": "high"}}]))
    return blocks[0]["source"]


@pytest.mark.parametrize("name", saved.names("requests"))
def test_saved_requests_go_out_as_their_files_say(name: str) -> None:
    request = saved.load(name)
    assert (
        sent(request["asked"], stream=request["asked"].get("stream", False), **request.get("options", {}))
        == request["sends"]
    )


def test_the_least_that_can_be_said() -> None:
    content = [{"type": "text", "text": "hello"}]
    assert sent() == {
        "model": MODELS["anthropic"],
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": content}],
    }
    assert sent(stream=True)["stream"] is True


def test_where_and_how_it_goes() -> None:
    speaks = Anthropic({"beta": ["context-1m-2025-08-07", "b"], "auth": "bearer"})
    out = speaks.outgoing(Asked(msgspec.json.encode({"messages": HELLO}), NAME, stream=False, usage=False), "m")
    assert out.path == "/v1/messages"
    assert dict(out.headers) == {
        b"content-type": b"application/json",
        b"accept-encoding": b"identity",
        b"anthropic-version": b"2023-06-01",
        b"anthropic-beta": b"context-1m-2025-08-07,b",
    }
    assert (speaks.auth, Anthropic().auth) == ("bearer", "header")


@pytest.mark.parametrize(
    "options",
    [
        {"nonsense": 1},
        {"version": "2020-01-01"},
        {"max_tokens": 0},
        {"thinking": {"low": 5}},
        {"thinking": {"much": 2000}},
        {"beta": ["a\r\nb"]},
        {"auth": "basic"},
    ],
)
def test_options_that_there_are_not_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        Anthropic(options)


def test_the_system_comes_first_wherever_it_speaks() -> None:
    parts = [{"type": "text", "text": "Be kind."}, {"type": "text", "text": " "}]
    body = sent(
        {"messages": [{"role": "system", "content": "Be brief."}, *HELLO, {"role": "developer", "content": parts}]}
    )
    assert body["system"] == "Be brief.\nBe kind."
    assert [turn["role"] for turn in body["messages"]] == ["user"]


def test_texts_are_blocks_and_blank_ones_are_left_out() -> None:
    parts = [{"type": "text", "text": ""}, {"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    [(role, blocks)] = turns(user(parts))
    assert (role, [block["text"] for block in blocks]) == ("user", ["one", "two"])


def test_what_one_side_says_in_several_messages_is_one_turn() -> None:
    said = turns(user("a"), user("b"), assistant("c"), assistant(""), user("\n"), assistant("d"), user("e"))
    assert [role for role, _ in said] == ["user", "assistant", "user"]
    assert [block["text"] for block in said[1][1]] == ["c", "d"]


def test_the_last_words_of_the_assistant_end_without_a_blank() -> None:
    assert turns(user("a"), assistant("b \n"))[-1] == ("assistant", "b")


def test_refusals_and_names_of_earlier_turns_are_words_and_nobodys() -> None:
    refused = assistant([{"type": "refusal", "refusal": "I will not."}])
    assert turns({**user("a"), "name": "Ann"}, refused, user("b"))[1] == ("assistant", "I will not.")


@pytest.mark.parametrize(
    ("url", "source"),
    [
        (f"data:image/png;base64,{PNG}", {"type": "base64", "media_type": "image/png", "data": PNG}),
        (f"data:image/jpg;base64,{PNG}", {"type": "base64", "media_type": "image/png", "data": PNG}),
        (f"data:IMAGE/PNG;charset=utf-8;base64,{PNG}", {"type": "base64", "media_type": "image/png", "data": PNG}),
        (f"data:;base64,{WEBP}", {"type": "base64", "media_type": "image/webp", "data": WEBP}),
        ("https://example.com/a.png", {"type": "url", "url": "https://example.com/a.png"}),
    ],
)
def test_pictures_are_what_their_bytes_say(url: str, source: dict[str, str]) -> None:
    assert seen(url) == source


def test_a_jpeg_that_is_called_jpg_is_one() -> None:
    data = base64.b64encode(b"\xff\xd8\xff\xe0" + bytes(20)).decode()
    assert seen(f"data:image/jpg;base64,{data}")["media_type"] == "image/jpeg"


def test_a_pdf_is_a_document() -> None:
    file = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
    [(_, blocks)] = turns(user([{"type": "file", "file": file}]))
    source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    assert blocks == [{"type": "document", "source": source, "title": "a.pdf"}]


def test_results_come_first_and_in_one_turn_with_what_the_user_adds() -> None:
    twice = {
        **CALLED,
        "content": "Let me look.",
        "tool_calls": [*CALLED["tool_calls"], {**CALLED["tool_calls"][0], "id": "call_2"}],
    }
    picture = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]
    other = {"role": "tool", "tool_call_id": "call_2", "content": picture}
    said = turns(user("a"), twice, RESULT, user("hurry"), other, user("well?"), tools=[TOOL])
    assert [role for role, _ in said] == ["user", "assistant", "user"]
    assert [block["type"] for block in said[1][1]] == ["text", "tool_use", "tool_use"]
    assert said[1][1][1]["input"] == {"city": "Ulm"}
    assert [block["type"] for block in said[2][1]] == ["tool_result", "tool_result", "text", "text"]
    assert said[2][1][0] == {"type": "tool_result", "tool_use_id": "call_1", "content": "rain"}
    assert said[2][1][1]["content"][0]["type"] == "image"


def test_ids_that_would_be_refused_are_replaced_the_same_by_the_same() -> None:
    id = "chatcmpl:tool/7 é"
    called = {**CALLED, "tool_calls": [{**CALLED["tool_calls"][0], "id": id}]}
    said = turns(user("a"), called, {**RESULT, "tool_call_id": id}, tools=[TOOL])
    assert said[1][1][0]["id"] == said[2][1][0]["tool_use_id"] != id


def test_functions_of_old_are_calls_of_today() -> None:
    called = {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": ""}}
    result = {"role": "function", "name": "weather", "content": "rain"}
    said = turns(user("a"), called, result, called, {**result, "content": ""}, tools=[TOOL])
    assert [block["id"] for _, blocks in said[1::2] for block in blocks] == ["function_1", "function_2"]
    assert said[1][1][0]["input"] == {}
    assert "content" not in said[-1][1][0]


def test_arguments_are_passed_on_as_they_are_written() -> None:
    written = '{"n":1.10,"big":123456789012345678901234567890}'
    called = {
        **CALLED,
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": written}}],
    }
    wanted = Asked(
        msgspec.json.encode({"messages": [*HELLO, called, {**RESULT, "tool_call_id": "a"}]}),
        NAME,
        stream=False,
        usage=False,
    )
    assert written.encode() in Anthropic().outgoing(wanted, "m").body


def test_tools_that_were_called_and_are_not_given_any_more_are_named() -> None:
    body = sent({"messages": [*HELLO, CALLED, RESULT]})
    assert body["tools"] == [{"name": "weather", "input_schema": {"type": "object"}}]
    assert body["tool_choice"] == {"type": "none"}
    assert "tools" not in sent({"tools": [], "tool_choice": "auto"})


def test_tools_have_schemas_in_any_case() -> None:
    bare = {"type": "function", "function": {"name": "clock"}}
    loose = {"type": "function", "function": {"name": "loose", "parameters": {"properties": {}}}}
    assert sent({"tools": [TOOL, bare, loose]})["tools"] == [
        {"name": "weather", "description": "Of a city.", "input_schema": TOOL["function"]["parameters"]},
        {"name": "clock", "input_schema": {"type": "object", "properties": {}}},
        {"name": "loose", "input_schema": {"type": "object", "properties": {}}},
    ]


@pytest.mark.parametrize(
    ("asked", "choice"),
    [
        ({}, None),
        ({"tool_choice": "auto"}, {"type": "auto"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": "none"}, {"type": "none"}),
        ({"tool_choice": {"type": "function", "function": {"name": "weather"}}}, {"type": "tool", "name": "weather"}),
        ({"parallel_tool_calls": True}, None),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        ({"parallel_tool_calls": False, "tool_choice": "required"}, {"type": "any", "disable_parallel_tool_use": True}),
        ({"parallel_tool_calls": False, "tool_choice": "none"}, {"type": "none"}),
    ],
)
def test_which_tools_are_used(asked: dict[str, Any], choice: Any) -> None:
    assert sent({"tools": [TOOL], **asked}).get("tool_choice") == choice


@pytest.mark.parametrize(
    ("asked", "most"),
    [
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 8}, 8),
        ({"max_completion_tokens": 8, "max_tokens": 7}, 8),
        ({"max_tokens": None}, 500),
    ],
)
def test_how_much_is_answered(asked: dict[str, Any], most: int) -> None:
    assert sent(asked, max_tokens=500)["max_tokens"] == most


@pytest.mark.parametrize(
    ("asked", "sampled"),
    [
        ({"temperature": 0}, {"temperature": 0}),
        ({"temperature": 1.7}, {"temperature": 1}),
        ({"top_p": 0.5}, {"top_p": 0.5}),
        ({"temperature": 0.3, "top_p": 0.5}, {"temperature": 0.3}),
        ({"temperature": None, "top_p": None}, {}),
    ],
)
def test_how_it_is_sampled(asked: dict[str, Any], sampled: dict[str, float]) -> None:
    told = {name: value for name, value in sent(asked).items() if name in ("temperature", "top_p")}
    assert told == sampled
    assert "temperature" not in sent({"temperature": 1}, version="2026-10-21")


def test_where_it_stops() -> None:
    assert sent({"stop": "END"})["stop_sequences"] == ["END"]
    assert sent({"stop": ["a", " ", "\n", "b"]})["stop_sequences"] == ["a", "b"]
    assert "stop_sequences" not in sent({"stop": "\n"})
    assert "stop_sequences" not in sent({"stop": None})


def test_whose_it_is() -> None:
    assert sent({"user": "u-1"})["metadata"] == {"user_id": "u-1"}
    assert len(sent({"safety_identifier": "x" * 999})["metadata"]["user_id"]) == 256


def test_json_is_asked_for_in_words_or_by_its_schema() -> None:
    schema = {"type": "object", "properties": {"größe": {"type": "integer"}}}
    by_schema = {"response_format": {"type": "json_schema", "json_schema": {"name": "it", "schema": schema}}}
    in_words = sent({**by_schema, "messages": [{"role": "system", "content": "Be brief."}, *HELLO]})
    assert in_words["system"].startswith("Be brief.\n")
    assert '"größe": {"type": "integer"}' in in_words["system"]
    held = sent(by_schema, schemas="output_config")
    assert held["output_config"] == {"format": {"type": "json_schema", "schema": schema}}
    assert "system" not in held
    assert "JSON" in sent({"response_format": {"type": "json_object"}})["system"]
    assert "system" not in sent({"response_format": {"type": "text"}})


THINKS = {"low": 1024, "high": 8000}


@pytest.mark.parametrize(
    ("asked", "budget", "most"),
    [
        ({}, None, 4096),
        ({"reasoning_effort": "medium"}, None, 4096),
        ({"reasoning_effort": "low"}, 1024, 5120),
        ({"reasoning_effort": "high"}, 8000, 12_096),
        ({"reasoning_effort": "high", "max_tokens": 4000}, 2000, 4000),
        ({"reasoning_effort": "high", "max_tokens": 1200}, 1024, 1200),
        ({"reasoning_effort": "high", "max_tokens": 1024}, None, 1024),
        ({"reasoning_effort": "low", "temperature": 0, "top_p": 0.1}, 1024, 5120),
        ({"reasoning_effort": "low", "tools": [TOOL], "tool_choice": "required"}, None, 5120 - 1024),
        ({"reasoning_effort": "low", "messages": [*HELLO, assistant("I")]}, None, 4096),
        ({"reasoning_effort": "low", "messages": [*HELLO, CALLED, RESULT], "tools": [TOOL]}, None, 4096),
    ],
)
def test_how_much_it_thinks(asked: dict[str, Any], budget: int | None, most: int) -> None:
    body = sent(asked, thinking=THINKS)
    assert body.get("thinking") == (budget and {"type": "enabled", "budget_tokens": budget})
    assert body["max_tokens"] == most
    assert "thinking" not in body or "temperature" not in body


def test_effort_may_be_passed_on_as_the_word() -> None:
    assert sent({"reasoning_effort": "high"}, effort=True)["output_config"] == {"effort": "high"}
    assert sent({"reasoning_effort": "minimal"}, effort=True)["output_config"] == {"effort": "low"}
    assert "output_config" not in sent({"reasoning_effort": "none"}, effort=True)


def test_what_has_no_counterpart_is_left_out() -> None:
    left_out = {
        "seed": 1,
        "logprobs": True,
        "top_logprobs": 3,
        "logit_bias": {"1": 2},
        "presence_penalty": 1,
        "frequency_penalty": 1,
        "store": True,
        "metadata": {"a": "b"},
        "modalities": ["text"],
        "service_tier": "auto",
        "prediction": {"type": "content", "content": "x"},
        "n": 1,
        "stream_options": {"include_usage": True},
        "nobody_knows": [1],
    }
    assert sent(left_out) == sent()


PART = "messages.0.content.0"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"n": 2}, "n"),
        ({"n": "2"}, "n"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 2.5}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"stop": 5}, "stop"),
        ({"tools": "all"}, "tools"),
        ({"tools": [{"type": "custom", "custom": {}}]}, "tools.0.type"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools.0.function.name"),
        ({"tools": [TOOL], "tool_choice": {"type": "allowed_tools"}}, "tool_choice"),
        ({"response_format": {"type": "grammar"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": ["hello"]}, "messages.0"),
        ({"messages": [{"role": "system", "content": "a"}]}, "messages"),
        ({"messages": [assistant("a"), user("b")]}, "messages"),
        ({"messages": [user("  ")]}, "messages"),
        ({"messages": [{"role": "robot", "content": "a"}]}, "messages.0.role"),
        ({"messages": [user(5)]}, "messages.0.content"),
        ({"messages": [user(["a"])]}, f"{PART}.type"),
        ({"messages": [user([{"type": "text"}])]}, f"{PART}.text"),
        ({"messages": [user([{"type": "input_audio", "input_audio": {"data": ""}}])]}, f"{PART}.input_audio"),
        ({"messages": [user([{"type": "image_url", "image_url": "x"}])]}, f"{PART}.image_url"),
        ({"messages": [user([{"type": "image_url", "image_url": {"url": "file:///a"}}])]}, f"{PART}.image_url.url"),
        (
            {"messages": [user([{"type": "image_url", "image_url": {"url": "data:image/png;base64,????"}}])]},
            f"{PART}.image_url.url",
        ),
        ({"messages": [user([{"type": "file", "file": {"file_id": "file-1"}}])]}, f"{PART}.file.file_id"),
        (
            {"messages": [user([{"type": "file", "file": {"file_data": "data:text/csv;base64,YQ=="}}])]},
            f"{PART}.file.file_data",
        ),
        ({"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {}}]}]}, f"{PART}.image_url"),
        ({"messages": [*HELLO, CALLED]}, "messages.1.tool_calls.0"),
        ({"messages": [*HELLO, CALLED, user("b"), assistant("c")]}, "messages.1.tool_calls.0"),
        ({"messages": [*HELLO, CALLED, RESULT, RESULT]}, "messages.3.tool_call_id"),
        ({"messages": [*HELLO, RESULT]}, "messages.1.tool_call_id"),
        ({"messages": [*HELLO, {**CALLED, "tool_calls": [{"id": "a"}]}]}, "messages.1.tool_calls.0"),
        ({"messages": [*HELLO, {**CALLED, "tool_calls": "a"}]}, "messages.1.tool_calls"),
        (
            {
                "messages": [
                    *HELLO,
                    {**CALLED, "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "[1]"}}]},
                ]
            },
            "messages.1.tool_calls.0.function.arguments",
        ),
    ],
)
def test_what_cannot_be_said_is_refused_by_the_callers_own_field(asked: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        sent(asked)
    assert refused.value.field == field
