"""What Anthropic's refusals mean.

Source: shared/protocols/anthropic.md §1, §2, §7. Not there: an empty balance and a closed organization are 400 with
words of their own (GitHub: anthropics/claude-quickstarts issue 229; anthropics/claude-code issue 19028).
"""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from storage.errors import (
    UpstreamBusy,
    UpstreamError,
    UpstreamFailed,
    UpstreamOutOfCredits,
    UpstreamRefused,
    UpstreamSessionExpired,
    UpstreamSuspended,
    UpstreamTimedOut,
)
from storage.wire.reading import UNREADABLE, retry_after_s, words
from storage.wire.refusals import by_status
from storage.wire.reply import Reply

LIMITS = "anthropic-ratelimit-"
"""What headers about limits begin with."""

_OVERLOADED = 529
_LONGEST_WAIT_S = 3600.0
_POOR = "credit balance is too low"
_CLOSED = "organization has been disabled"


class Failure(msgspec.Struct, frozen=True):
    type: Any = ""
    message: Any = ""

    @property
    def said(self) -> str:
        """Fit for callers."""
        return words(self.message) if isinstance(self.message, str) else ""


class _Body(msgspec.Struct):
    error: Failure = Failure()


def meaning(failure: Failure) -> UpstreamError:
    """Of an error that has no status of its own, since the answer had begun."""
    told = f"the upstream failed: {failure.said or failure.type or 'it does not say why'}"
    match failure.type:
        case "overloaded_error" | "rate_limit_error":
            return UpstreamBusy(told)
        case "timeout_error":
            return UpstreamTimedOut(told)
        case "invalid_request_error" | "not_found_error" | "permission_error" | "request_too_large":
            return _by_words(failure) or UpstreamRefused(told)
        case "authentication_error":
            return UpstreamSessionExpired("the upstream refuses the account's credential")
        case "billing_error":
            return UpstreamOutOfCredits(told)
        case _:
            return UpstreamFailed(told)


def refused(reply: Reply, failure: Failure, *, risky: bool) -> UpstreamError:
    """The error for an answer that is not good, and says this. `risky`: whether those that leave open whether it was
    taken are to say so."""
    if reply.status < 500 and (error := _by_words(failure)):
        return error
    text = f"the upstream answered {reply.status}" + (f": {failure.said}" if failure.said else "")
    if reply.status in (409, 429, _OVERLOADED):
        doubt = risky and reply.status == _OVERLOADED and failure.type != "overloaded_error"  # a proxy's, perhaps
        return UpstreamBusy(text, retry_after_s=_wait_s(reply.headers), in_doubt=doubt)
    if reply.status == 403 and failure.type == "permission_error":
        return UpstreamRefused(f"the account may not do this: {failure.said}")
    return by_status(reply, failure.said, in_doubt=risky)


def _by_words(failure: Failure) -> UpstreamError | None:
    text = failure.said.lower()
    if _POOR in text:
        return UpstreamOutOfCredits("the account has nothing left to pay with")
    if _CLOSED in text:
        return UpstreamSuspended("the upstream has closed the account")
    return None


def failure(body: bytes) -> Failure:
    """What an answer that is not good says."""
    try:
        return msgspec.json.decode(body, type=_Body).error
    except UNREADABLE:
        return Failure()


def _wait_s(headers: Mapping[str, str]) -> float | None:
    """As it asks; else until what is used up is there again, by the clock of the answer."""
    asked = retry_after_s(headers)
    if asked is not None or not headers.get("date"):
        return asked
    try:
        now = parsedate_to_datetime(headers["date"])
        resets = [
            datetime.fromisoformat(headers[f"{name.removesuffix('-remaining')}-reset"])
            for name, value in headers.items()
            if name.startswith(LIMITS) and name.endswith("-remaining") and value == "0"
        ]
        waits = [(reset - now).total_seconds() for reset in resets]
    except (ValueError, KeyError, TypeError):
        return None
    return min(_LONGEST_WAIT_S, max([0.0, *waits])) or None
