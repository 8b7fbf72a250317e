"""What Anthropic's refusals mean for the account, and what callers are told."""

import msgspec
import pytest

from storage.errors import (
    UpstreamBusy,
    UpstreamChallenged,
    UpstreamError,
    UpstreamFailed,
    UpstreamOutOfCredits,
    UpstreamRefused,
    UpstreamSessionExpired,
    UpstreamSuspended,
    UpstreamTimedOut,
)
from storage.verdict import judged
from tests.api.upstreams.asking import dialect

SPEAKS = dialect("anthropic")
POOR = "Your credit balance is too low to access the Anthropic API."


def body(kind: str, message: str = "No.") -> bytes:
    return msgspec.json.encode({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"})


@pytest.mark.parametrize(
    ("status", "kind", "message", "told", "code", "error", "elsewhere"),
    [
        (400, "invalid_request_error", "No.", 400, None, UpstreamRefused, False),
        (
            400,
            "invalid_request_error",
            "prompt is too long: 9 > 8",
            400,
            "context_length_exceeded",
            UpstreamRefused,
            False,
        ),
        (400, "invalid_request_error", POOR, 502, "upstream_out_of_credits", UpstreamOutOfCredits, True),
        (
            400,
            "invalid_request_error",
            "This organization has been disabled.",
            502,
            "upstream_suspended",
            UpstreamSuspended,
            True,
        ),
        (401, "authentication_error", "No.", 502, "upstream_session_expired", UpstreamSessionExpired, True),
        (402, "billing_error", "No.", 502, "upstream_out_of_credits", UpstreamOutOfCredits, True),
        (403, "permission_error", "No.", 502, "upstream_refused", UpstreamRefused, False),
        (404, "not_found_error", "model: x", 404, "model_not_found", UpstreamRefused, False),
        (409, "conflict_error", "No.", 409, None, UpstreamBusy, True),
        (413, "request_too_large", "No.", 413, None, UpstreamRefused, False),
        (429, "rate_limit_error", "No.", 429, "rate_limit_exceeded", UpstreamBusy, True),
        (500, "api_error", "No.", 502, "upstream_failed", UpstreamFailed, True),
        (504, "timeout_error", "No.", 504, "upstream_timed_out", UpstreamTimedOut, True),
        (529, "overloaded_error", "No.", 503, "upstream_busy", UpstreamBusy, True),
    ],
)
def test_each_is_what_it_means(
    status: int, kind: str, message: str, told: int, code: str | None, error: type[UpstreamError], *, elsewhere: bool
) -> None:
    refused = SPEAKS.refused(status, {b"request-id": b"req_1"}, body(kind, message))
    said = msgspec.json.decode(refused.body)["error"]
    assert (refused.status, said["code"], said["param"]) == (told, code, None)
    assert type(refused.error) is error
    assert judged(refused.error).elsewhere is elsewhere
    assert (b"x-request-id", b"req_1") in refused.headers
    assert said["type"] == {429: "rate_limit_error"}.get(
        told, "invalid_request_error" if told < 500 else "server_error"
    )


def test_a_callers_own_mistake_is_told_in_anthropics_words_without_secrets() -> None:
    refused = SPEAKS.refused(400, {}, body("invalid_request_error", "messages.0: no sk-ant-api03-verysecret please"))
    message = msgspec.json.decode(refused.body)["error"]["message"]
    assert message.startswith("messages.0: no ")
    assert "verysecret" not in message


def test_what_is_said_of_our_key_is_not_told() -> None:
    refused = SPEAKS.refused(401, {}, body("authentication_error", "key abcdef of Ann's workspace is revoked"))
    assert b"abcdef" not in refused.body


def test_waits_and_limits_are_told_in_openais_names() -> None:
    headers = {
        b"retry-after": b"12",
        b"request-id": b"req_1",
        b"anthropic-organization-id": b"secret",
        b"anthropic-ratelimit-requests-limit": b"50",
        b"anthropic-ratelimit-requests-remaining": b"0",
        b"anthropic-ratelimit-requests-reset": b"2026-11-28T21:00:30Z",
        b"anthropic-ratelimit-tokens-remaining": b"1000",
        b"anthropic-ratelimit-input-tokens-remaining": b"900",
        b"set-cookie": b"a=b",
    }
    refused = SPEAKS.refused(429, headers, body("rate_limit_error"))
    assert dict(refused.headers) == {
        b"content-type": b"application/json",
        b"retry-after": b"12",
        b"x-request-id": b"req_1",
        b"x-ratelimit-limit-requests": b"50",
        b"x-ratelimit-remaining-requests": b"0",
        b"x-ratelimit-remaining-tokens": b"1000",
    }
    assert refused.error.retry_after_s == 12


@pytest.mark.parametrize(
    ("reset", "date", "wait_s"),
    [
        (b"2026-11-28T21:00:30Z", b"Sat, 28 Nov 2026 21:00:00 GMT", 30),
        (b"2026-11-28T20:00:30Z", b"Sat, 28 Nov 2026 21:00:00 GMT", None),
        (b"2027-11-28T20:00:30Z", b"Sat, 28 Nov 2026 21:00:00 GMT", 3600),
        (b"soon", b"Sat, 28 Nov 2026 21:00:00 GMT", None),
        (b"2026-11-28T21:00:30", b"Sat, 28 Nov 2026 21:00:00 GMT", None),
        (b"2026-11-28T21:00:30Z", b"now", None),
    ],
)
def test_where_it_does_not_say_how_long_the_limit_says(reset: bytes, date: bytes, wait_s: float | None) -> None:
    headers = {
        b"date": date,
        b"anthropic-ratelimit-tokens-remaining": b"0",
        b"anthropic-ratelimit-tokens-reset": reset,
        b"anthropic-ratelimit-requests-remaining": b"9",
        b"anthropic-ratelimit-requests-reset": b"2026-11-28T23:00:00Z",
    }
    refused = SPEAKS.refused(429, headers, body("rate_limit_error"))
    assert refused.error.retry_after_s == wait_s
    assert dict(refused.headers)[b"retry-after"] == b"%d" % (wait_s or 5)


def test_a_page_in_the_way_is_a_challenge() -> None:
    page = b"<!DOCTYPE html><html>Are you human?</html>"
    refused = SPEAKS.refused(403, {b"content-type": b"text/html"}, page)
    assert isinstance(refused.error, UpstreamChallenged)
    assert refused.status == 502
