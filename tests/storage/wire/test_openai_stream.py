"""Streams put together: the same as was answered whole, however it was cut into chunks, and whatever is in them."""

import json
from typing import Any

import pytest

from storage.wire.openai_chat import DONE, events
from storage.wire.openai_stream import put_together
from tests.storage.wire.test_openai_chat import SAID


def chunk(**choice: Any) -> bytes:
    return b"data: " + json.dumps({"id": "chatcmpl-1", "choices": [{"index": 0, **choice}]}).encode() + b"\n\n"


def plain(completion: dict[str, Any]) -> dict[str, Any]:
    """Without what says nothing, which streams leave out."""
    for choice in completion["choices"]:
        choice["message"] = {name: value for name, value in choice["message"].items() if value not in (None, [])}
    return completion


def test_what_was_cut_into_chunks_is_whole_again() -> None:
    found = put_together(events(SAID, with_usage=True))
    assert plain(found) == plain(json.loads(json.dumps(SAID)))


def test_words_and_arguments_come_in_pieces() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}
    pieces = [
        chunk(delta={"role": "assistant", "content": ""}),
        chunk(delta={"content": "I "}, logprobs={"content": [1]}),
        chunk(delta={"content": "look."}, logprobs={"content": [2]}),
        chunk(delta={"reasoning_content": "H"}),
        chunk(delta={"reasoning_content": "m."}),
        chunk(delta={"tool_calls": [{"index": 1, **call, "id": "call_2"}]}),
        chunk(delta={"tool_calls": [{"index": 0, **call}]}),
        chunk(delta={"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]}),
        chunk(delta={"tool_calls": [{"index": 0, "type": "function", "function": {"arguments": ": 1}"}}]}),
        chunk(delta={}, finish_reason="tool_calls") + chunk(delta={}) + DONE,
    ]
    found = put_together(pieces, {"prompt_tokens": 1, "completion_tokens": 2})
    (choice,) = found["choices"]
    assert choice["message"] == {
        "role": "assistant",
        "content": "I look.",
        "reasoning_content": "Hm.",
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"a": 1}'}},
            {"id": "call_2", "type": "function", "function": {"name": "weather", "arguments": ""}},
        ],
    }
    assert (choice["finish_reason"], choice["logprobs"]) == ("tool_calls", {"content": [1, 2]})
    assert found["usage"] == {"prompt_tokens": 1, "completion_tokens": 2}


@pytest.mark.parametrize(
    "odd",
    [
        b"data: {\n\n",
        b"data: []\n\n",
        b": a comment\n\n",
        b'data: {"choices": 7}\n\n',
        b'data: {"choices": [null, 7, []]}\n\n',
        chunk(delta=None),
        chunk(delta={"tool_calls": "no"}),
        chunk(delta={"tool_calls": [None, 7]}),
        chunk(delta={"content": None}),
    ],
)
def test_what_looks_like_no_chunk_says_nothing(odd: bytes) -> None:
    said = [chunk(delta={"content": "He"}), chunk(delta={"content": "y"})]
    assert put_together([said[0], odd, said[1]]) == put_together(said)


def test_of_no_events_comes_no_choice() -> None:
    assert put_together([])["choices"] == []
