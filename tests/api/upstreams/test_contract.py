"""What every dialect keeps, tried on the fake that speaks its protocol."""

import random
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from api.upstreams import DIALECTS
from storage.errors import (
    UpstreamBusy,
    UpstreamDisconnected,
    UpstreamError,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamOutOfCredits,
    UpstreamRefused,
    UpstreamSessionExpired,
    UpstreamSuspended,
)
from tests.api.upstreams.asking import NAME, Answer, Asking, asked, asking, dialect
from tests.api.upstreams.heard import heard

CALLS = "call weather and call clock\nsay: Gleich, 見て 🦜!"
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Of a city.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
        },
    },
    {"type": "function", "function": {"name": "clock"}},
]


@pytest.fixture(params=DIALECTS)
async def one(request: pytest.FixtureRequest) -> AsyncIterator[Asking]:
    async with asking(request.param) as one:
        yield one


def plain(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """But for the second they were made in."""
    return [{name: value for name, value in chunk.items() if name != "created"} for chunk in chunks]


async def stream(one: Asking, text: str = "Tell me something.", *, usage: bool = True, **more: Any) -> Answer:
    return await one.answer(asked(text, stream=True, usage=usage, **more))


async def test_an_answer_is_a_chat_completion(one: Asking) -> None:
    wanted = asked()
    whole = one.dialect.whole(wanted, (await one.answer(wanted)).body)
    said = msgspec.json.decode(whole.body)
    assert whole.usage
    assert said["object"] == "chat.completion"
    assert said["usage"]["total_tokens"] == sum(whole.usage)
    (choice,) = said["choices"]
    assert (choice["finish_reason"], choice["message"]["role"]) == ("stop", "assistant")
    assert len(choice["message"]["content"].split()) == whole.usage.completion == 12
    assert "tool_calls" not in choice["message"]


async def test_of_a_good_head_callers_know_what_openai_would_say(one: Asking) -> None:
    answer = await one.answer(asked())
    told = dict(one.dialect.passed(answer.headers))
    assert told[b"x-request-id"].startswith(b"req_fake")
    assert all(name.startswith((b"x-request-id", b"x-ratelimit-", b"openai-")) for name in told)


async def test_a_stream_says_what_the_whole_answer_says(one: Asking) -> None:
    wanted = asked(CALLS, tools=TOOLS)
    said = msgspec.json.decode(one.dialect.whole(wanted, (await one.answer(wanted)).body).body)
    message = said["choices"][0]["message"]
    turned = one.dialect.turned(asked(stream=True))
    found = heard(turned, [(await stream(one, CALLS, tools=TOOLS)).body])
    assert found.done
    assert turned.over
    assert turned.failed is None
    assert found.text == message["content"] == "Gleich, 見て 🦜!"
    calls = [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in message["tool_calls"]]
    assert [found[:2] for found in found.calls] == [call[:2] for call in calls]
    assert [msgspec.json.decode(found[2] or "{}") for found in found.calls] == [
        msgspec.json.decode(call[2]) for call in calls
    ]
    assert found.reason == said["choices"][0]["finish_reason"] == "tool_calls"
    assert found.usage["total_tokens"] == said["usage"]["total_tokens"] == sum(turned.usage or ())


async def test_chunks_are_of_one_answer_and_begin_with_the_role(one: Asking) -> None:
    found = heard(one.dialect.turned(asked(stream=True)), [(await stream(one)).body])
    assert {chunk["object"] for chunk in found.chunks} == {"chat.completion.chunk"}
    assert len({(chunk["id"], chunk["model"], chunk["created"]) for chunk in found.chunks}) == 1
    assert found.choices[0]["delta"]["role"] == "assistant"
    assert all("role" not in choice["delta"] for choice in found.choices[1:])
    assert [bool(choice["finish_reason"]) for choice in found.choices].count(True) == 1
    assert found.choices[-1]["delta"] == {}


async def test_usage_is_told_if_it_was_asked_for_and_known_anyway(one: Asking) -> None:
    with_it, without = one.dialect.turned(asked(stream=True)), one.dialect.turned(asked(stream=True, usage=False))
    told = heard(with_it, [(await stream(one)).body])
    untold = heard(without, [(await stream(one, usage=False)).body])
    assert told.chunks[-1]["choices"] == []
    assert [chunk["usage"] for chunk in told.chunks[:-1]] == [None] * (len(told.chunks) - 1)
    assert all(chunk["choices"] and "usage" not in chunk for chunk in untold.chunks)
    assert with_it.usage == without.usage
    assert with_it.usage


@pytest.mark.parametrize("fault", ["", "crlf", "comments", "big_event", "unfinished"])
async def test_where_a_stream_is_cut_makes_no_difference(one: Asking, fault: str) -> None:
    one.break_(*([fault] if fault else []))
    body = (await stream(one, CALLS, tools=TOOLS)).body
    whole = heard(one.dialect.turned(asked(stream=True)), [body])
    assert whole.done
    draw = random.Random(7)
    cuts = [1] * len(body) if len(body) < 100_000 else []
    for sizes in (cuts, [draw.choice((1, 2, 3, 50, 900)) for _ in range(len(body))]):
        pieces, at = [], 0
        for size in sizes:
            pieces.append(body[at : at + size])
            at += size
        again = heard(one.dialect.turned(asked(stream=True)), [*pieces, body[at:]])
        assert plain(again.chunks) == plain(whole.chunks)
        assert again.done


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("ends_early", UpstreamDisconnected),
        ("half_line", UpstreamDisconnected),
        ("reset_stream", UpstreamDisconnected),
        ("bad_event=cut", UpstreamMalformed),
        ("bad_event=garbage", UpstreamMalformed),
        ("bad_event=text", UpstreamMalformed),
        ("bad_event=list", UpstreamMalformed),
        ("html", UpstreamDisconnected),
        ("gzip", UpstreamDisconnected),
    ],
)
async def test_a_stream_that_goes_wrong_says_so_and_is_not_done(
    one: Asking, fault: str, error: type[UpstreamError]
) -> None:
    one.break_(fault)
    answer = await stream(one)
    turned = one.dialect.turned(asked(stream=True))
    found = heard(turned, [answer.body])
    assert type(turned.failed) is error
    assert turned.over
    assert not found.done
    assert found.error["message"] == str(turned.failed)
    assert {*found.error} == {"message", "type", "param", "code"}
    assert turned.feed(b"data: {}\n\n") == turned.end() == b""


async def test_what_went_wrong_in_the_upstreams_own_words_is_told(one: Asking) -> None:
    one.break_("error_event")
    turned = one.dialect.turned(asked(stream=True))
    found = heard(turned, [(await stream(one)).body])
    assert isinstance(turned.failed, UpstreamFailed | UpstreamBusy)
    assert found.error["message"].startswith("the upstream failed: ")
    assert found.text
    assert not found.done


async def test_all_that_was_said_before_it_went_wrong_is_passed_on(one: Asking) -> None:
    good = heard(one.dialect.turned(asked(stream=True)), [(await stream(one)).body])
    one.break_("bad_event")
    bad = heard(one.dialect.turned(asked(stream=True)), [(await stream(one)).body])
    assert bad.text
    assert good.text.startswith(bad.text)


@pytest.mark.parametrize("name", DIALECTS)
def test_a_stream_that_never_was_has_failed(name: str) -> None:
    turned = dialect(name).turned(asked(stream=True))
    assert heard(turned, []).error
    assert isinstance(turned.failed, UpstreamDisconnected)
    assert turned.usage is None


@pytest.mark.parametrize("name", DIALECTS)
def test_an_event_without_an_end_is_given_up(name: str) -> None:
    turned = dialect(name).turned(asked(stream=True))
    piece, fed = b"data: " + b"x" * (1 << 20), 0
    while not turned.over:
        turned.feed(piece)
        fed += len(piece)
        assert fed < 10 << 20
    assert isinstance(turned.failed, UpstreamMalformed)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"object":"else"}', b'{"choices"', b"null", b"\xff"])
@pytest.mark.parametrize("name", DIALECTS)
def test_what_is_no_answer_is_malformed(name: str, body: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        dialect(name).whole(asked(), body)


@pytest.mark.parametrize(
    ("fault", "status", "code", "error"),
    [
        ("busy=7", 429, "rate_limit_exceeded", UpstreamBusy),
        ("no_credits", None, None, UpstreamOutOfCredits),
        ("session_expired", 502, "upstream_session_expired", UpstreamSessionExpired),
        ("suspended", 502, "upstream_suspended", UpstreamSuspended),
        ("overloaded", 503, "upstream_busy", UpstreamBusy),
        ("failed", 502, "upstream_failed", UpstreamFailed),
        ("no_model", 404, "model_not_found", UpstreamRefused),
        ("too_long", 400, "context_length_exceeded", UpstreamRefused),
        ("error=500", 502, "upstream_failed", UpstreamFailed),
        ("error=503", 503, "upstream_busy", UpstreamBusy),
    ],
)
async def test_refusals_are_in_openais_words(
    one: Asking, fault: str, status: int | None, code: str | None, error: type[UpstreamError]
) -> None:
    one.break_(fault)
    answer = await one.answer(asked())
    refused = one.dialect.refused(answer.status, answer.headers, answer.body)
    said = msgspec.json.decode(refused.body)["error"]
    headers = dict(refused.headers)
    assert type(refused.error) is error
    assert {*said} == {"message", "type", "param", "code"}
    assert said["message"]
    assert headers[b"content-type"] == b"application/json"
    assert refused.status not in (401, 402, 403, 529)
    assert (status, code) in ((None, None), (refused.status, said["code"]))
    if fault == "busy=7":
        assert (headers[b"retry-after"], refused.error.retry_after_s) == (b"7", 7)
    if not fault.startswith("error"):
        assert headers[b"x-request-id"] == b"req_fakerefused"
    assert len(headers) == len(refused.headers)


@pytest.mark.parametrize("body", [b"", b"<html><body>Bad Gateway</body></html>", b"[1]", b'{"error":1}', b"\xff"])
@pytest.mark.parametrize("status", [302, 400, 401, 404, 418, 429, 502, 503, 529])
@pytest.mark.parametrize("name", DIALECTS)
def test_refusals_that_nobody_can_read_are_refusals(name: str, status: int, body: bytes) -> None:
    refused = dialect(name).refused(status, {}, body)
    assert msgspec.json.decode(refused.body)["error"]["message"]
    assert 400 <= refused.status <= 504


async def test_the_model_is_called_what_the_account_calls_it(one: Asking) -> None:
    out = one.dialect.outgoing(asked(), "another")
    assert msgspec.json.decode(out.body)["model"] == "another"
    assert out.path.startswith("/")
    assert all(name == name.lower() for name, _ in out.headers)
    assert not {b"authorization", b"x-api-key"} & {name for name, _ in out.headers}
    assert (b"accept-encoding", b"identity") in out.headers
    assert NAME.encode() not in out.body
