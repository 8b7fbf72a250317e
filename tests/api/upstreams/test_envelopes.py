"""Errors in OpenAI's envelope, for every leaf of the tree."""

import json

import pytest

from api.errors import STATUS, status_of
from api.upstreams.envelopes import broken, envelope, event
from storage.errors import (
    GatewayError,
    InvalidRequest,
    UnknownModel,
    UpstreamBusy,
    UpstreamFailed,
    UpstreamMalformed,
)


@pytest.mark.parametrize("kind", sorted(STATUS, key=lambda kind: kind.__name__))
def test_every_error_has_one(kind: type[GatewayError]) -> None:
    said = envelope(kind("No: \u2028 é"))
    error = json.loads(said.body)["error"]
    assert list(error) == ["message", "type", "param", "code"]
    assert (error["message"], error["code"]) == ("No: \u2028 é", kind.code)
    assert said.status in (status_of(kind), 400, 404)
    assert said.status != 422
    assert error["type"] == ("invalid_request_error" if said.status < 500 else "server_error")
    assert b"\n" not in said.body
    assert "\u2028".encode() not in said.body  # which some clients take for the end of a line
    assert (b"content-type", b"application/json") in said.headers


def test_the_field_is_named_as_openai_names_it() -> None:
    said = envelope(InvalidRequest("is no number", field="messages.0.content"))
    assert (said.status, json.loads(said.body)["error"]["param"]) == (400, "messages.0.content")


def test_an_unknown_model_is_one_that_is_not_found() -> None:
    said = envelope(UnknownModel("no such model", field="model"))
    assert said.status == 404
    assert json.loads(said.body)["error"] == {
        "message": "no such model", "type": "invalid_request_error", "param": "model", "code": "model_not_found"
    }  # fmt: skip


@pytest.mark.parametrize(("asked", "told"), [(None, b"5"), (0.2, b"1"), (7.4, b"7"), (3000.0, b"3000")])
def test_who_is_to_come_back_is_told_when(asked: float | None, told: bytes) -> None:
    assert dict(envelope(UpstreamBusy("busy", retry_after_s=asked)).headers)[b"retry-after"] == told


def test_clients_do_not_repeat_what_would_go_wrong_again() -> None:
    assert dict(envelope(UpstreamMalformed("oops")).headers)[b"x-should-retry"] == b"false"
    assert b"x-should-retry" not in dict(envelope(UpstreamFailed("oops")).headers)
    assert b"x-should-retry" not in dict(envelope(InvalidRequest("oops")).headers)  # whose status says as much


def test_another_status_may_be_given() -> None:
    said = envelope(UpstreamFailed("oops"), 429)
    assert (said.status, json.loads(said.body)["error"]["type"]) == (429, "requests")
    assert dict(said.headers)[b"retry-after"] == b"5"


def test_nothing_is_told_of_an_error_that_nobody_foresaw() -> None:
    said = broken()
    assert (said.status, json.loads(said.body)["error"]["code"]) == (500, "internal_error")


def test_an_event_is_one_line_and_a_blank_one() -> None:
    said = event(envelope(UpstreamFailed("a\nb\rc")).body)
    assert said.startswith(b"data: {")
    assert said.count(b"\n") == 2
    assert b"\r" not in said
