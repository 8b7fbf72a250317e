"""What the numbers of sunoapi.org mean, in answers and of tasks. Source: shared/protocols/suno.md C.2, C.3."""

from collections.abc import Mapping
from typing import Any

from storage.errors import (
    ContentRefused,
    UpstreamBusy,
    UpstreamError,
    UpstreamFailed,
    UpstreamOutOfCredits,
    UpstreamRefused,
    UpstreamSessionExpired,
    UpstreamTimedOut,
)
from storage.wire.reading import retry_after_s, words
from storage.wire.reply import Reply
from workers.adapters.suno_clips import refusal
from workers.adapters.suno_errors import body_of, is_captcha, told
from workers.adapters.suno_errors import refused as by_suno

_ANSWERS: dict[int, type[UpstreamError]] = {
    400: UpstreamRefused,
    401: UpstreamSessionExpired,
    404: UpstreamRefused,
    405: UpstreamBusy,
    413: ContentRefused,
    429: UpstreamOutOfCredits,
    430: UpstreamBusy,
    455: UpstreamBusy,
}
"""Of the body. 429 is not about being too fast; 405 and 430 are, and 455 is maintenance."""

_TASKS: dict[int, type[UpstreamError]] = {
    400: ContentRefused,
    408: UpstreamTimedOut,
    413: ContentRefused,
    429: UpstreamOutOfCredits,
}
"""Of a task that has ended badly; others (500, 501, 531 with its credits given back) have failed."""


def code_of(body: Mapping[str, Any], name: str = "code") -> int | None:
    """A code, which some write as a text. None if there is none."""
    code = body.get(name)
    if isinstance(code, str) and code.strip().isdecimal() and len(code) < 10:
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def refused(reply: Reply, *, paid: bool) -> UpstreamError:
    """The error for a reply that says no. Without a code of its own, HTTP's is meant as HTTP means it."""
    body = body_of(reply)
    code, said = code_of(body), told(body)
    if code is None or code == 200 or is_captcha(said):
        return by_suno(reply, paid=paid)
    if code == 400 and isinstance(found := refusal(said), ContentRefused):
        return found
    if code == 401:
        return UpstreamSessionExpired("the upstream refuses the account's key (401)")
    message = f"the upstream answered {code}: {said or 'without a word'}"
    if fault := _ANSWERS.get(code):
        return fault(message, retry_after_s=retry_after_s(reply.headers))
    if 400 <= code < 500:
        return UpstreamRefused(message)
    return UpstreamFailed(message, in_doubt=paid)


def failure(code: int | None, said: str) -> UpstreamError:
    """Why a task has failed."""
    if code is not None and (fault := _TASKS.get(code)):
        return fault(words(said) or f"the upstream ended it with {code}")
    return refusal(said)
