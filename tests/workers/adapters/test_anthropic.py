"""The Anthropic adapter: chats that are jobs, OpenAI's words on our side. What requests become: tests/api/upstreams."""

from typing import Any

import pytest

from storage.completions import BODY
from storage.errors import InvalidRequest
from storage.job import Kind
from storage.wire.openai_chat import MOST_BYTES
from tests.workers.adapters.saved import load
from tests.workers.adapters.tasks import task
from workers.adapters.anthropic import Anthropic
from workers.adapters.base import Call, Done, Failed

HELLO = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
ACCOUNTS_NAME = "claude-sonnet-4-5-20250929"


def call(options: dict[str, Any] | None = None, **asked: Any) -> Call:
    body = {"model": "claude", "messages": HELLO, **asked}
    return Anthropic(options).submit(task(Kind.CHAT, model=ACCOUNTS_NAME, **{BODY: body}))


def metadata(name: str) -> dict[str, Any]:
    (item,) = Anthropic().taken(task(Kind.CHAT), load(f"anthropic/{name}").received()).items
    assert isinstance(item, Done)
    assert not item.files
    return item.metadata


def test_a_chat_goes_out_as_a_message_and_never_as_a_stream() -> None:
    sent = call(stream=True, stream_options={"include_usage": True}, max_tokens=7)
    assert (sent.path, sent.pays, sent.headers) == ("/v1/messages", True, {"anthropic-version": "2023-06-01"})
    assert sent.json == {
        "model": ACCOUNTS_NAME,
        "max_tokens": 7,
        "system": "Be brief.",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
    }


def test_options_are_heeded() -> None:
    sent = call({"beta": ["one", "two"], "paid": False, "timeout_s": 9, "max_tokens": 11})
    assert (sent.headers["anthropic-beta"], sent.pays, sent.timeout_s) == ("one,two", False, 9)
    assert sent.json["max_tokens"] == 11


def test_arguments_of_calls_are_passed_on_as_values() -> None:
    calls = [{"id": "call_1", "type": "function", "function": {"name": "clock", "arguments": '{"a": [1.5]}'}}]
    turns = [*HELLO, {"role": "assistant", "tool_calls": calls}, {"role": "tool", "tool_call_id": "call_1"}]
    (block,) = call(messages=turns).json["messages"][1]["content"]
    assert block == {"type": "tool_use", "id": "call_1", "name": "clock", "input": {"a": [1.5]}}


@pytest.mark.parametrize(
    ("field", "asked"), [("n", {"n": 2}), ("messages", {"messages": HELLO[:1]}), ("functions", {"functions": [{}]})]
)
def test_what_cannot_be_said_is_refused_by_the_callers_field(field: str, asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        call(**asked)
    assert refused.value.field == field


def test_an_answer_is_kept_in_openais_words() -> None:
    found = metadata("text")
    answer = found.pop("completion")
    assert found == {
        "text": "The sea is wide.",
        "finish_reason": "stop",
        "usage": {"prompt_tokens": 15, "completion_tokens": 5},
    }
    assert (answer["id"], answer["object"], answer["model"]) == ("chatcmpl-01", "chat.completion", "any-model")
    assert answer["usage"]["prompt_tokens_details"] == {"cached_tokens": 3}


def test_calls_are_openais_and_thoughts_nobodys() -> None:
    found = metadata("calls")
    assert (found["text"], found["finish_reason"]) == ("I look.", "tool_calls")
    (choice,) = found["completion"]["choices"]
    assert [each["function"] for each in choice["message"]["tool_calls"]] == [
        {"name": "weather", "arguments": '{"days":1.5}'},
        {"name": "clock", "arguments": "{}"},
    ]
    assert "Hm." not in str(found)


def test_an_answer_that_is_too_large_to_be_kept_has_been_paid_for_and_is_not_asked_again() -> None:
    reply = load("anthropic/text").received()
    (item,) = Anthropic().taken(task(Kind.CHAT), reply._replace(body=reply.body + b" " * MOST_BYTES)).items
    assert isinstance(item, Failed)
    assert not item.error.in_doubt
