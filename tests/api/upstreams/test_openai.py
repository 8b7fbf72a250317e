"""OpenAI's dialect of chat: requests go out nearly as they came, and every answer is looked at."""

import json
from typing import Any

import pytest

from api.upstreams.base import Asked, Refused, Usage
from api.upstreams.openai import Events, OpenAI
from storage.errors import (
    ContentRefused,
    UpstreamBusy,
    UpstreamChallenged,
    UpstreamDisconnected,
    UpstreamError,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamOutOfCredits,
    UpstreamRefused,
    UpstreamSessionExpired,
    UpstreamSuspended,
    UpstreamTimedOut,
)

DIALECT = OpenAI({})
DONE = b"data: [DONE]\n\n"
ODD = b'{ "messages":[ {"role" : "user","content":"h\\u00efgh 1.10 1e3"} ],"model":"a", "seed":1.50,"x":{"y":[ ] } }'

DEEP = b'{"choices":[],"x":' + b"[" * 9999 + b"]" * 9999 + b"}"


def asked(body: bytes = b'{"model":"a","messages":[]}', *, stream: bool = False, usage: bool = False) -> Asked:
    return Asked(body, "a", stream, usage)


def sent(body: bytes, model: str = "a", *, stream: bool = False, usage: bool = False) -> bytes:
    outgoing = DIALECT.outgoing(asked(body, stream=stream, usage=usage), model)
    assert outgoing.path == "/chat/completions"
    assert dict(outgoing.headers) == {b"content-type": b"application/json", b"accept-encoding": b"identity"}
    return outgoing.body


def test_a_request_goes_out_byte_for_byte_where_nothing_has_to_change() -> None:
    assert sent(ODD) is ODD
    assert sent(ODD, stream=True, usage=True) is ODD


def test_a_model_is_called_what_the_upstream_calls_it_and_values_keep_their_bytes() -> None:
    changed = sent(ODD, 'b"ü')
    assert json.loads(changed) == {**json.loads(ODD), "model": 'b"ü'}
    assert b'"seed":1.50' in changed
    assert b'[ {"role" : "user","content":"h\\u00efgh 1.10 1e3"} ]' in changed


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (None, {"include_usage": True}),
        ('"stream_options":null,', {"include_usage": True}),
        ('"stream_options":{"include_usage":false},', {"include_usage": True}),
        ('"stream_options":{"include_obfuscation":false},', {"include_obfuscation": False, "include_usage": True}),
    ],
)
def test_usage_is_asked_for_in_streams_whether_the_caller_did_or_not(options: str | None, expected: Any) -> None:
    body = b'{"model":"a",%b"stream":true,"messages":[]}' % (options or "").encode()
    assert json.loads(sent(body, stream=True)) == {
        "model": "a", "stream": True, "messages": [], "stream_options": expected
    }  # fmt: skip


def test_a_whole_answer_goes_through_byte_for_byte() -> None:
    body = b'{ "choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"x":1},"new":[] }'
    whole = DIALECT.whole(asked(), body)
    assert whole.body is body
    assert whole.usage == Usage(3, 4)
    assert DIALECT.whole(asked(), b'{"choices":[]}').usage is None


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"<html>", b"[]", b"null", b'"hello"', b"{}", b'{"choices":null}', b'{"choices":{}}',
        b'{"choices":[1]}', b'{"choices":[]} more', b'{"choices":[{"finish_reason":"\xff"}]}',
        b'{"choices":[{"message":{"content":"\xff"}}]}', b'{"choices":[], "\xff":1}', b"data: {}\n\n", DEEP,
    ],
)  # fmt: skip
def test_what_is_no_answer_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        DIALECT.whole(asked(), body)


def test_an_error_that_comes_with_200_is_one() -> None:
    with pytest.raises(UpstreamFailed, match=r"^the upstream failed: no GPU for …$"):
        DIALECT.whole(asked(), b'{"error":{"message":"no GPU for sk-abcdef123456"}}')
    with pytest.raises(UpstreamFailed, match="it does not say why"):
        DIALECT.whole(asked(), b'{"error":{"code":1},"choices":[]}')


def refused(status: int, body: Any = None, **headers: str) -> Refused:
    told = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return DIALECT.refused(status, told, body if isinstance(body, bytes) else json.dumps(body).encode())


def error(code: str | None = None, message: str = "No.", **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "a_type", "param": None, "code": code, **more}}


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422, 429])
def test_what_the_caller_can_do_something_about_goes_through_byte_for_byte(status: int) -> None:
    body = b'{ "error": {"message":"No.","type":"x","param":"messages","code":"y", "inner": 1.0} }'
    said = refused(status, body, retry_after="7", x_ratelimit_remaining_tokens="0", x_request_id="r", set_cookie="a")
    assert (said.status, said.body) == (status, body)
    assert sorted(said.headers) == [
        (b"content-type", b"application/json"),
        (b"retry-after", b"7"),
        (b"x-ratelimit-remaining-tokens", b"0"),
        (b"x-request-id", b"r"),
    ]


MEANINGS: list[tuple[int, Any, type[UpstreamError], int, bool]] = [
    (400, error("invalid_value"), UpstreamRefused, 400, False),
    (400, error("content_policy_violation"), ContentRefused, 400, False),
    (401, error("invalid_api_key", "Incorrect API key provided: sk-proj-abcdef."), UpstreamSessionExpired, 502, False),
    (401, error("account_deactivated"), UpstreamSuspended, 502, False),
    (402, error(), UpstreamOutOfCredits, 502, False),
    (403, error("unsupported_country_region_territory"), UpstreamRefused, 502, False),
    (403, b"<!doctype html><title>Just a moment...</title>", UpstreamChallenged, 502, False),
    (404, error("model_not_found"), UpstreamRefused, 404, False),
    (404, b"not here", UpstreamRefused, 404, False),
    (408, error(), UpstreamTimedOut, 408, True),
    (408, b"", UpstreamTimedOut, 504, True),
    (418, b"", UpstreamRefused, 502, False),
    (429, error("rate_limit_exceeded"), UpstreamBusy, 429, False),
    (429, error("insufficient_quota"), UpstreamOutOfCredits, 429, False),
    (429, b"slow down", UpstreamBusy, 429, False),
    (500, error(None, "The server had an error."), UpstreamFailed, 502, False),
    (500, b"oops", UpstreamFailed, 502, True),
    (502, b"<html>Bad Gateway</html>", UpstreamFailed, 502, True),
    (503, error(), UpstreamBusy, 503, False),
    (503, b"", UpstreamBusy, 503, False),
    (504, error(), UpstreamTimedOut, 504, True),
    (524, b"", UpstreamTimedOut, 504, True),
    (529, error("overloaded_error"), UpstreamFailed, 503, False),
    (302, b"", UpstreamMalformed, 502, False),
    (204, b"", UpstreamMalformed, 502, False),
]


@pytest.mark.parametrize(("status", "body", "kind", "told", "doubtful"), MEANINGS)
def test_each_refusal_means_something_and_is_told_in_openais_shape(
    status: int, body: Any, kind: type[UpstreamError], told: int, doubtful: bool
) -> None:
    said = refused(status, body)
    assert type(said.error) is kind
    assert (said.status, said.error.in_doubt) == (told, doubtful)
    envelope = json.loads(said.body)
    assert list(envelope["error"])[:4] == ["message", "type", "param", "code"]
    assert b"sk-proj" not in said.body
    assert dict(said.headers)[b"content-type"] == b"application/json"
    if told == 503:
        assert dict(said.headers)[b"retry-after"] == b"5"


def test_no_status_and_no_body_at_all_is_without_an_answer() -> None:
    bodies = (
        b"",
        b"\xff\xfe",
        b'{"error":"no"}',
        b'{"error":{}}',
        b'{"error":{"message":"\xff"}}',
        DEEP,
        b'{"error":{"code":7}}',
    )
    for status in (each for each in range(100, 600) if each != 200):
        for body in bodies:
            said = refused(status, body)
            assert 400 <= said.status < 600, (status, body)
            assert "error" in json.loads(said.body), (status, body)


def test_an_upstreams_own_waiting_time_is_the_one_that_is_told() -> None:
    said = refused(503, error(), retry_after="17", x_should_retry="true")
    assert sorted(said.headers) == [
        (b"content-type", b"application/json"), (b"retry-after", b"17"), (b"x-should-retry", b"true")
    ]  # fmt: skip
    assert said.error.retry_after_s == 17


def chunk(text: str | None = None, reason: str | None = None, **more: Any) -> bytes:
    delta = {} if text is None else {"content": text}
    body = {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **more}
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


def events(stream: bytes, *, usage: bool = False, size: int | None = None) -> tuple[bytes, Events]:
    turned = DIALECT.turned(asked(stream=True, usage=usage))
    size = size or max(1, len(stream))
    said = b"".join(turned.feed(stream[at : at + size]) for at in range(0, len(stream), size))
    return said + turned.end(), turned


def failure(said: bytes) -> dict[str, Any]:
    """The last event, which says what went wrong; nothing comes after it."""
    *_, last = said.removesuffix(b"\n\n").split(b"\n\n")
    found: dict[str, Any] = json.loads(last.removeprefix(b"data: "))["error"]
    assert DONE not in said
    return found


COUNTED = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
LAST = b"data: " + json.dumps({"id": "c", "choices": [], "usage": COUNTED}).encode() + b"\n\n"
TALK = chunk("h\u00ef") + chunk(' "usage":null, 🦜') + chunk(None, "stop")


def test_events_go_through_byte_for_byte() -> None:
    said, turned = events(TALK + DONE)
    assert said == TALK + DONE
    assert (turned.over, turned.failed, turned.usage) == (True, None, None)


def test_usage_is_seen_and_told_to_those_alone_who_asked() -> None:
    for usage, expected in ((True, TALK + LAST + DONE), (False, TALK + DONE)):
        said, turned = events(TALK + LAST + DONE, usage=usage)
        assert said == expected
        assert turned.usage == Usage(3, 4)


@pytest.mark.parametrize("spaced", [True, False])
def test_usage_that_is_null_in_every_chunk_is_left_out_for_those_who_did_not_ask(spaced: bool) -> None:
    marks = (", ", ": ") if spaced else (",", ":")
    body = {"id": "c", "choices": [{"delta": {"content": ',"usage":null'}, "finish_reason": "stop"}]}
    event, bare = [b"data: " + json.dumps(each, separators=marks).encode() + b"\n\n"
                   for each in ({**body, "usage": None}, body)]  # fmt: skip
    assert events(event + DONE)[0] == bare + DONE
    assert events(event + DONE, usage=True)[0] == event + DONE
    first = b'data: {"usage":null,"choices":[{"finish_reason":"stop"}]}\n\n'
    assert events(first + DONE)[0] == b'data: {"choices":[{"finish_reason":"stop"}]}\n\n' + DONE


def test_usage_that_comes_with_the_last_words_is_taken_out_of_their_chunk() -> None:
    event = chunk("bye", "stop", usage=COUNTED)
    said, turned = events(event + DONE)
    assert json.loads(said.split(b"\n\n")[0][6:])["choices"][0]["delta"] == {"content": "bye"}
    assert b"usage" not in said
    assert turned.usage == Usage(3, 4)
    assert events(event + DONE, usage=True)[0] == event + DONE


def test_an_end_without_its_mark_is_one_if_the_answer_says_why_it_ends() -> None:
    said, turned = events(TALK + LAST)
    assert said == TALK + DONE
    assert turned.failed is None


def test_of_several_answers_each_has_to_say_why_it_ends() -> None:
    def nth(index: int, reason: str | None) -> bytes:
        body = {"id": "c", "choices": [{"index": index, "delta": {}, "finish_reason": reason}]}
        return b"data: " + json.dumps(body).encode() + b"\n\n"

    def ended(*stream: bytes) -> Events:
        turned = DIALECT.turned(asked(stream=True)._replace(choices=2))
        turned.feed(b"".join(stream))
        turned.end()
        return turned

    assert ended(nth(0, "stop"), nth(1, "stop")).failed is None
    assert ended(nth(0, "stop"), nth(1, None)).failed
    assert ended(nth(0, "stop")).failed
    assert ended(nth(0, "stop"), nth(0, "stop")).failed
    assert ended(nth(0, "stop"), DONE).failed is None  # which says it all


@pytest.mark.parametrize(
    "stream",
    [b"", chunk("a"), TALK + b"data: {", TALK + b"data", chunk("a") + LAST, b": hello\n\n"],
    ids=["nothing", "no reason", "half an event", "half a word", "usage alone", "a comment"],
)
def test_any_other_end_is_a_failure_and_said(stream: bytes) -> None:
    said, turned = events(stream)
    assert failure(said)["code"] == "upstream_disconnected"
    assert isinstance(turned.failed, UpstreamDisconnected)
    assert turned.over


def test_an_error_event_ends_it_in_our_words() -> None:
    theirs = b'data: {"error":{"message":"The server had an error at /srv/app/main.py","code":"x"}}\n\n'
    said, turned = events(chunk("a") + theirs + chunk("b") + DONE)
    assert said.startswith(chunk("a"))
    assert failure(said) == {
        "message": "the upstream failed: The server had an error at …", "type": "server_error", "param": None,
        "code": "upstream_failed",
    }  # fmt: skip
    assert isinstance(turned.failed, UpstreamFailed)
    assert b'"b"' not in said


@pytest.mark.parametrize(
    "event",
    [b"{", b"hello", b"[1]", b"null", b"1", b'{"choices":[1]}', b'{"choices":{}}', b'{"id":"\xff","choices":[]}',
     b'{"choices":[{"finish_reason":"\xff"}]}', b"[DONE", b"\xff", b"{}{}", DEEP],
)  # fmt: skip
def test_an_event_that_is_none_ends_it(event: bytes) -> None:
    said, turned = events(chunk("a") + b"data: " + event + b"\n\n" + TALK + DONE)
    assert failure(said)["code"] == "upstream_malformed"
    assert isinstance(turned.failed, UpstreamMalformed)
    assert said.startswith(chunk("a"))


def test_an_event_without_end_ends_it() -> None:
    turned = DIALECT.turned(asked(stream=True))
    said = b"".join(turned.feed(b"data: x" * (1 << 18)) for _ in range(6))
    assert failure(said)["code"] == "upstream_malformed"
    assert (turned.feed(b"x"), turned.end()) == (b"", b"")


def test_what_comes_after_the_end_is_passed_over() -> None:
    said, turned = events(TALK + DONE + TALK + b"data: oops\n\n")
    assert said == TALK + DONE
    assert turned.failed is None


def test_an_event_of_several_lines_becomes_one() -> None:
    event = b'data: {"choices":\ndata:  [{"finish_reason":"stop"}]}\n\n'
    assert events(event)[0] == b'data: {"choices":  [{"finish_reason":"stop"}]}\n\n' + DONE


@pytest.mark.parametrize("usage", [True, False])
@pytest.mark.parametrize("crlf", [True, False])
def test_a_byte_at_a_time_comes_to_the_same(usage: bool, crlf: bool) -> None:
    streams = [TALK + LAST + DONE, TALK, chunk("a") + b"data: {\n\n", TALK + b"data: {", chunk("a", usage=None) + DONE]
    for stream in streams:
        dressed = (b": hello\n\n" + stream).replace(b"\n", b"\r\n" if crlf else b"\n")
        whole, slowly = events(dressed, usage=usage), events(dressed, usage=usage, size=1)
        assert whole[0] == slowly[0] == events(stream, usage=usage)[0]
        assert whole[1].usage == slowly[1].usage
        assert type(whole[1].failed) is type(slowly[1].failed)
