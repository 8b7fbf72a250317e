"""What the refusals of OpenAI's dialect mean. Sources: shared/protocols/openai.md §1; whisper-asr.md §5 (`detail`).

Codes that the sheet has not: `moderation_blocked` (GitHub: Wei-Shaw/sub2api pull 2399), `billing_not_active` (GitHub:
RamiAwar/dataline issue 175); `billing_hard_limit_reached` and `account_deactivated` are from OpenAI's help pages.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from storage.errors import (
    ContentRefused,
    UpstreamBusy,
    UpstreamError,
    UpstreamMalformed,
    UpstreamOutOfCredits,
    UpstreamRefused,
    UpstreamSuspended,
)
from storage.wire.reading import is_page, retry_after_s, words
from storage.wire.refusals import by_status
from storage.wire.reply import Reply

_CONTENT = {"content_policy_violation", "moderation_blocked", "content_filter"}
_CREDITS = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}
_CLOSED = {"account_deactivated"}
_LIMIT = "x-ratelimit"
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|h|m|s)")
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST_WAIT_S = 3600.0


class Said(NamedTuple):
    """An error's body. `names`: its type and its code."""

    text: str = ""
    names: frozenset[str] = frozenset()
    param: str = ""


def refused(reply: Reply, *, risky: bool) -> UpstreamError:
    """The error for a reply that is none of the good ones. The upstream's id of the request ends its words."""
    said = _said(reply)
    request_id = reply.headers.get("x-request-id")
    about = f"{said.param}: {said.text}" if said.param else said.text
    told = words(about) + (f" (their request {words(request_id)})" if request_id else "")
    if said.names & _CONTENT:
        return ContentRefused(f"the upstream will not make this: {told}")
    if said.names & _CREDITS:
        return UpstreamOutOfCredits(f"the account has nothing left to pay with: {told}")
    if said.names & _CLOSED:
        return UpstreamSuspended("the upstream has closed the account")
    if reply.status == 429 and reply.headers.get("x-should-retry") == "false":
        return UpstreamRefused(f"the upstream answered 429, and not to try again: {told}")
    if reply.status == 403 and said.names:
        return UpstreamRefused(f"the account may not do this: {told}")
    again = 400 <= reply.status < 500 and reply.status not in (401, 402, 403, 408)
    if reply.status in (409, 429) or (again and reply.headers.get("x-should-retry") == "true"):
        return UpstreamBusy(f"the upstream answered {reply.status}: {told}", retry_after_s=_wait_s(reply.headers))
    return by_status(reply, told, in_doubt=risky)


def _wait_s(headers: Mapping[str, str]) -> float | None:
    """As it asks; else until what is used up is there again, which is told in Go's words ("6m0s", "12ms")."""
    asked = retry_after_s(headers)
    if asked is not None:
        return asked
    waits = [
        sum(
            float(number) * _UNITS_S[unit]
            for number, unit in _DURATION.findall(headers.get(f"{_LIMIT}-reset-{what}", ""))
        )
        for what in ("requests", "tokens")
        if headers.get(f"{_LIMIT}-remaining-{what}") == "0"
    ]
    return min(_LONGEST_WAIT_S, max(waits, default=0.0)) or None


def _said(reply: Reply) -> Said:
    """OpenAI's own shape, also inside the `detail` of FastAPI's servers, which may be a text or a list; else text."""
    try:
        body = reply.json
    except UpstreamMalformed:
        return Said("" if is_page(reply) else reply.body[:1000].decode(errors="replace"))
    match body:
        case {"error": {**error}} | {"detail": {"error": {**error}}}:
            names = frozenset(str(error[name]) for name in ("type", "code") if error.get(name))
            return Said(_text(error.get("message")), names, str(error.get("param") or ""))
        case {"error": str(text)} | {"detail": str(text)} | {"message": str(text)}:
            return Said(text)
        case {"detail": [*complaints]}:
            return Said("; ".join(str(one.get("msg") if isinstance(one, dict) else one) for one in complaints))
        case _:
            return Said()


def _text(message: Any) -> str:
    return message if isinstance(message, str) else ""
