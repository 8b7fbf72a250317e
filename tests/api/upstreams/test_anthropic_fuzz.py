"""Nothing that callers or Anthropic may send breaks the dialect: it is turned, refused, or called malformed."""

import copy
import random
from collections.abc import Iterator
from typing import Any, cast

import msgspec
import pytest

from api.upstreams.base import Asked
from cli.fakes.anthropic_rules import check
from cli.fakes.family import Refusal
from storage.errors import InvalidRequest, UpstreamError
from tests.api.upstreams import saved
from tests.api.upstreams.asking import MODELS, NAME, asked, dialect
from tests.api.upstreams.heard import heard
from tests.api.upstreams.test_anthropic_requests import CALLED, PDF, PNG, RESULT, TOOL

SPEAKS = dialect("anthropic", thinking={"low": 1024})
WRONG: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    "",
    "text",
    "\ud7ff\x00",
    [],
    [None],
    [[]],
    {},
    {"type": 5},
    {"id": []},
]
WHOLE: dict[str, Any] = {
    **saved.load("anthropic/requests/conversation")["asked"],
    "max_completion_tokens": 2000,
    "top_p": 1,
    "n": 1,
    "modalities": ["text"],
    "reasoning_effort": "low",
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
    "functions": None,
    "function_call": None,
    "safety_identifier": "x",
}
WHOLE["messages"] = [
    *WHOLE["messages"],
    {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
    {"role": "function", "name": "weather", "content": "x"},
    {
        "role": "user",
        "content": [{"type": "file", "file": {"filename": "a", "file_data": f"data:application/pdf;base64,{PDF}"}}],
    },
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to everything that is inside."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield (*path, key)
        yield from places(inner, (*path, key))


def changed(value: Any, path: tuple[Any, ...], wrong: Any) -> Any:
    made = copy.deepcopy(value)
    at = made
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = wrong
    return made


def said(body: dict[str, Any]) -> dict[str, Any] | InvalidRequest:
    """What goes out, or why nothing does."""
    wanted = Asked(msgspec.json.encode(body), NAME, stream=True, usage=True)
    try:
        return cast("dict[str, Any]", msgspec.json.decode(SPEAKS.outgoing(wanted, MODELS["anthropic"]).body))
    except InvalidRequest as refused:
        return refused


def named(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path))


@pytest.mark.parametrize("path", [*places(WHOLE)], ids=named)
def test_a_request_that_is_wrong_in_one_place_is_said_or_refused(path: tuple[Any, ...]) -> None:
    for wrong in WRONG:
        found = said(changed(WHOLE, path, wrong))
        assert found.field if isinstance(found, InvalidRequest) else found["messages"]


@pytest.mark.parametrize("name", [*saved.names("streams"), *saved.names("answers")])
def test_an_answer_that_is_wrong_in_one_place_is_told_or_malformed(name: str) -> None:
    good = saved.load(name)
    events = good.get("events") or good["answer"]
    for path in places(events):
        for wrong in WRONG:
            bad = changed(events, path, wrong)
            if isinstance(bad, dict):
                try:
                    SPEAKS.whole(asked(), msgspec.json.encode(bad))
                except UpstreamError:
                    continue
            else:
                stream = SPEAKS.turned(asked(stream=True))
                data = b"".join(b"data: " + msgspec.json.encode(event) + b"\n\n" for event in bad)
                found = heard(stream, [data])
                assert found.done != bool(found.error)
                assert stream.over


def conversations() -> Iterator[list[dict[str, Any]]]:
    """Of all kinds of messages, in any order."""
    draw = random.Random(11)
    picture = {"type": "image_url", "image_url": {"url": f"data:image/jpg;base64,{PNG}"}}
    words: list[dict[str, Any]] = [
        {"role": "user", "content": "hello "},
        {"role": "user", "content": " "},
        {"role": "user", "content": [{"type": "text", "text": "see"}, picture]},
        {"role": "system", "content": "be brief"},
        {"role": "assistant", "content": "yes \n"},
        {"role": "assistant", "content": ""},
    ]
    called: list[list[dict[str, Any]]] = [
        [CALLED, RESULT],
        [{**CALLED, "content": "I look."}, {**RESULT, "content": [picture]}],
        [CALLED, words[0], RESULT],
        [CALLED],
        [RESULT],
    ]
    for _ in range(400):
        rest = [draw.choice([*([one] for one in words), *called]) for _ in range(draw.randint(1, 6))]
        yield [words[0], *(one for some in rest for one in some)]


def test_whatever_goes_out_is_taken_by_the_strictest_of_fakes() -> None:
    taken = 0
    for messages in conversations():
        found = said({"messages": messages, "tools": [TOOL], "reasoning_effort": "low"})
        if isinstance(found, InvalidRequest):
            continue
        taken += 1
        try:
            check(found, {"anthropic-version": "2023-06-01"})
        except Refusal as refused:
            pytest.fail(f"{refused.body} of {messages}")
    assert taken > 100


def test_what_is_nested_beyond_measure_is_refused_or_malformed() -> None:
    deep = b"[" * 200_000 + b"]" * 200_000
    for messages in (deep, b'[{"role":"user","content":' + deep + b"}]"):
        with pytest.raises(InvalidRequest):
            SPEAKS.outgoing(Asked(b'{"messages":' + messages + b"}", NAME, stream=False, usage=False), "m")
    called = {**CALLED, "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": f'{{"a":{deep.decode()}}}'}}]}
    assert isinstance(said({"messages": [{"role": "user", "content": "a"}, called]}), InvalidRequest)
    with pytest.raises(UpstreamError):
        SPEAKS.whole(asked(), b'{"type":"message","content":' + deep + b"}")
    stream = SPEAKS.turned(asked(stream=True))
    assert heard(stream, [b'data: {"type":"message_start","x":' + deep + b"}\n\n"]).error
    assert SPEAKS.refused(400, {}, b'{"error":{"message":' + deep + b"}}").status == 400


@pytest.mark.parametrize("body", [b"[1]", b"nonsense", b'{"messages":"\xff"}'])
def test_a_body_that_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        SPEAKS.outgoing(Asked(body, NAME, stream=False, usage=False), "m")
