"""What callers of OpenAI's chat get for what Anthropic says, whole and in events."""

from typing import Any

import msgspec
import pytest

from api.upstreams.base import Usage
from storage.errors import (
    UpstreamBusy,
    UpstreamDisconnected,
    UpstreamError,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamOutOfCredits,
    UpstreamRefused,
    UpstreamSessionExpired,
    UpstreamTimedOut,
)
from tests.api.upstreams import saved
from tests.api.upstreams.asking import NAME, asked, dialect
from tests.api.upstreams.heard import heard

SPEAKS = dialect("anthropic")
GOOD = saved.load("anthropic/streams/calls")


def turned(events: list[Any]) -> Any:
    """A stream of these events, turned; and what its reader heard."""
    stream = SPEAKS.turned(asked(stream=True))
    return stream, heard(stream, [saved.events({"events": events})])


def about(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name != "created"}


@pytest.mark.parametrize("name", saved.names("answers"))
def test_saved_answers_are_what_their_files_say(name: str) -> None:
    answer = saved.load(name)
    whole = SPEAKS.whole(asked(), msgspec.json.encode(answer["answer"]))
    said = msgspec.json.decode(whole.body)
    assert about(said) == answer["gives"]
    assert isinstance(said["created"], int)
    assert whole.usage == Usage(said["usage"]["prompt_tokens"], said["usage"]["completion_tokens"])


@pytest.mark.parametrize("name", saved.names("streams"))
def test_saved_streams_are_what_their_files_say(name: str) -> None:
    stream = saved.load(name)
    turning, found = turned(stream["events"])
    assert [choice["delta"] for choice in found.choices] == stream["deltas"]
    assert (found.reason, found.done, turning.failed) == (stream["reason"], True, None)
    prompt, completion, cached = stream["usage"]
    assert turning.usage == (prompt, completion)
    assert found.usage["prompt_tokens_details"] == {"cached_tokens": cached}
    assert {chunk["model"] for chunk in found.chunks} == {NAME}
    assert {chunk["id"] for chunk in found.chunks} == {"chatcmpl-01"}


@pytest.mark.parametrize("name", saved.names("streams"))
def test_saved_streams_are_the_same_byte_by_byte(name: str) -> None:
    stream = saved.load(name)
    body = saved.events(stream)
    for data in (body, body.replace(b"\n", b"\r\n"), body.replace(b"\n", b"\r"), b": hello\n\n" + body):
        found = heard(SPEAKS.turned(asked(stream=True)), [data[at : at + 1] for at in range(len(data))])
        assert [choice["delta"] for choice in found.choices] == stream["deltas"]
        assert found.done


@pytest.mark.parametrize("left", range(1, len(GOOD["events"])))
def test_a_stream_that_is_cut_anywhere_is_never_done(left: int) -> None:
    turning, found = turned(GOOD["events"][:-left])
    assert isinstance(turning.failed, UpstreamDisconnected)
    assert found.error
    assert not found.done
    assert found.reason is None


def test_what_comes_after_the_end_is_passed_over() -> None:
    turning, found = turned([*GOOD["events"], *GOOD["events"]])
    assert found.done
    assert found.text == "I look."
    assert turning.feed(b"data: nonsense\n\n") == turning.end() == b""
    assert turning.failed is None


@pytest.mark.parametrize(
    "event",
    [
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "a"}},
        {"type": "content_block_delta", "index": 0, "delta": 5},
        {"type": "message_delta", "delta": {"stop_reason": 5}},
        {"type": 5},
        [],
    ],
)
def test_an_event_that_is_not_what_it_says_ends_the_stream(event: Any) -> None:
    stream = SPEAKS.turned(asked(stream=True))
    data = b"data: " + msgspec.json.encode(event) + b"\n\n"
    found = heard(stream, [saved.events({"events": GOOD["events"][:1]}) + data])
    assert isinstance(stream.failed, UpstreamMalformed)
    assert found.error["code"] == "upstream_malformed"


def test_a_stream_that_begins_in_the_middle_has_failed() -> None:
    turning, found = turned(GOOD["events"][1:])
    assert isinstance(turning.failed, UpstreamMalformed)
    assert found.text == ""


@pytest.mark.parametrize(
    ("kind", "error", "code"),
    [
        ("overloaded_error", UpstreamBusy, "upstream_busy"),
        ("rate_limit_error", UpstreamBusy, "upstream_busy"),
        ("api_error", UpstreamFailed, "upstream_failed"),
        ("timeout_error", UpstreamTimedOut, "upstream_timed_out"),
        ("invalid_request_error", UpstreamRefused, "upstream_refused"),
        ("authentication_error", UpstreamSessionExpired, "upstream_session_expired"),
        ("billing_error", UpstreamOutOfCredits, "upstream_out_of_credits"),
        ("a_new_one", UpstreamFailed, "upstream_failed"),
        (None, UpstreamFailed, "upstream_failed"),
    ],
)
@pytest.mark.parametrize("before", [0, 3])
def test_errors_among_events_are_what_they_mean(
    kind: str | None, error: type[UpstreamError], code: str, before: int
) -> None:
    failure = {"type": "error", "error": {"type": kind, "message": "Something broke at sk-ant-api03-verysecret."}}
    turning, found = turned([*GOOD["events"][:before], failure, *GOOD["events"]])
    assert type(turning.failed) is error
    assert found.error["code"] == code
    assert "verysecret" not in found.error["message"]
    assert not found.done
    with pytest.raises(error):
        SPEAKS.whole(asked(), msgspec.json.encode(failure))


def test_line_ends_of_unicode_are_escaped_for_clients_that_end_lines_there() -> None:
    words = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a\u2028b\u0085c"}}
    stream = SPEAKS.turned(asked(stream=True))
    said = stream.feed(saved.events({"events": [GOOD["events"][0], words]}))
    assert "\u2028" not in said.decode()
    assert "\u0085" not in said.decode()
    assert '"a\\u2028b\\u0085c"' in said.decode()
