"""Completions that accounts have said, as events: a client that puts these together has what was said."""

import json
from typing import Any

import pytest

from storage.completions import Chunks, completion, heard
from storage.job import Job, Kind
from storage.wire.openai_chat import DONE, events, kept
from tests.storage.samples import sample

CALL: dict[str, Any] = {"type": "function", "function": {"name": "clock", "arguments": "{}"}}
CALLS = [{"id": "call_1", **CALL}, {"id": "call_2", **CALL}]
TOKEN = {"token": "Hey", "logprob": -0.1, "bytes": [72], "top_logprobs": []}
LOGPROBS = {"content": [TOKEN], "refusal": None}
SAID: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1741569952,
    "model": "gpt-4o-mini-2024-07-18",
    "system_fingerprint": "fp_1",
    "service_tier": "default",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hey", "refusal": None, "tool_calls": CALLS},
            "logprobs": LOGPROBS,
            "finish_reason": "tool_calls",
        },
        {
            "index": 1,
            "message": {"role": "assistant", "content": None, "refusal": "No.", "annotations": []},
            "logprobs": None,
            "finish_reason": "stop",
            "content_filter_results": {"hate": {"filtered": False}},
        },
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "cost": 0.001},
}


def bodies(found: list[bytes]) -> list[dict[str, Any]]:
    assert found[-1] == DONE
    return [json.loads(event.removeprefix(b"data: ")) for event in found[:-1]]


def put_together(chunks: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """As a client does it: texts grow, calls are filled in by their index, the last word counts."""
    found: dict[int, dict[str, Any]] = {}
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        one = found.setdefault(choice["index"], {"message": {}, "logprobs": None})
        for name, value in choice["delta"].items():
            one["message"][name] = (one["message"].get(name) or "") + value if isinstance(value, str) else value
        one["logprobs"] = choice["logprobs"] or one["logprobs"]
        one |= {name: value for name, value in choice.items() if name not in ("delta", "logprobs", "index")}
    return found


def told(**request: Any) -> Job:
    job = sample(kind=Kind.CHAT, items=2, model="gpt-4o", request=request)
    for output, metadata in zip(job.outputs, kept(SAID, in_doubt=True), strict=True):
        output.metadata = metadata
    return job


def test_what_was_said_is_answered_as_it_was_said() -> None:
    assert completion(told()) == SAID


def test_its_events_come_to_the_same() -> None:
    chunks = bodies(events(SAID, with_usage=True))
    *_, last = chunks
    assert (last["choices"], last["usage"]) == ([], SAID["usage"])
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    about = ("id", "created", "model", "system_fingerprint", "service_tier")
    assert all({name: chunk[name] for name in about} == {name: SAID[name] for name in about} for chunk in chunks)
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    found = put_together(chunks)
    for choice in SAID["choices"]:
        one = found[choice["index"]]
        calls = choice["message"].get("tool_calls")
        assert one["message"].get("tool_calls") == (
            [{"index": 0, **CALLS[0]}, {"index": 1, **CALLS[1]}] if calls else None
        )
        for name in ("role", "content", "refusal"):
            assert one["message"].get(name) == choice["message"][name]
        assert (one["finish_reason"], one["logprobs"]) == (choice["finish_reason"], choice["logprobs"])
    assert found[1]["content_filter_results"] == SAID["choices"][1]["content_filter_results"]


def test_only_the_last_chunk_of_a_choice_says_why_it_ends() -> None:
    chunks = bodies(events(SAID, with_usage=False))
    assert all("usage" not in chunk for chunk in chunks)
    reasons = [(choice["index"], choice["finish_reason"]) for chunk in chunks for choice in chunk["choices"]]
    assert [reason for reason in reasons if reason[1]] == [(0, "tool_calls"), (1, "stop")]
    assert reasons[-1] == (1, "stop")


def test_a_jobs_stream_is_made_of_it() -> None:
    job = told(streamed=True, usage_wanted=True)
    assert Chunks(job).whole(job.outputs) == events(SAID, with_usage=True)
    words = heard(events(SAID, with_usage=False)[:1])
    assert words[0].text == ""


@pytest.mark.parametrize("usage", [True, False])
def test_usage_that_was_not_told_is_not_in_the_stream(usage: bool) -> None:
    bare = {"choices": [{"message": {"content": "Hey"}}]}
    chunks = bodies(events(bare, with_usage=usage))
    assert [choice["delta"] for chunk in chunks for choice in chunk["choices"]] == [
        {"role": "assistant", "content": ""},
        {"content": "Hey"},
        {},
    ]
