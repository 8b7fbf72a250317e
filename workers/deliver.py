"""The step of a webhook: send one event to one receiver, once. What does not arrive is tried again over about a day.

Nothing here waits: a delivery that has to holds no slot. A receiver that does not get round to answering is left alone
for a while (`storage/lua/heard.lua`), which spends no attempts.
"""

import logging
import random
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from storage.errors import NotFound, RequestError, UpstreamError
from storage.job import Failure, Job
from storage.outbound import Answer
from storage.outbox import DELETED, MAX_ATTEMPTS_KEPT, Attempt, Heard, Outbox, Posted, Receiver
from storage.sender import Sender, complaint, now
from storage.webhooks import Endpoint, Webhooks
from workers.outcomes import JobFailed, PutOff

log = logging.getLogger(__name__)

SCHEDULE_S = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 28_800)
"""Between one attempt and the next: eleven attempts in 23 hours and 43 minutes."""

JITTER = 0.2
LONGEST_ASKED_S = 86_400.0
"""The longest that a Retry-After is heeded."""

_BUSY = frozenset({429, 502, 503, 504})
_NOTED_EVERY_MS = 1000


class Verdict(NamedTuple):
    """What an attempt comes to: no `failure`, or what went wrong. `asked_s`: for how long it wants to be left alone."""

    heard: Heard
    failure: Failure | None = None
    asked_s: float = 0.0


async def deliver(ctx: dict[str, Any], job: Job) -> dict[str, Any]:
    """The arq function. `ctx` holds "webhooks", "outbox", "sender" and "public"."""
    posted, outbox = Posted.of(job), ctx["outbox"]
    receiver = await outbox.receiver(job.owner, posted.owner)
    url, base_url = _address(posted, receiver)
    attempt, verdict = await _attempt(ctx["sender"], url, posted, receiver, posted.body(ctx["public"], base_url))
    await _note(outbox, job.owner, receiver, verdict, attempt)
    fields = {"metadata": {"attempts": [*job.metadata.get("attempts", ()), attempt][-MAX_ATTEMPTS_KEPT:]}}
    if verdict.failure is None:
        return fields
    log.info("delivery %s, attempt %d: %s", job.id, job.attempt, attempt.status or verdict.failure.code)
    if attempt.status == 410 and receiver.endpoint:
        await _switch_off(ctx["webhooks"], receiver.endpoint)
    if not verdict.failure.retryable:
        raise JobFailed(verdict.failure, **fields)
    delay_s = delay(job.attempt)
    if delay_s is None:
        told = f"{job.attempt} attempts have failed; the last one: {verdict.failure.message}"
        raise JobFailed(Failure("exhausted", told), **fields)
    raise PutOff(max(delay_s, verdict.asked_s), error=verdict.failure, **fields)


def delay(attempt: int, jitter: float | None = None) -> float | None:
    """Seconds from a failed attempt (counted from 1) to the next; None if it was the last. `jitter`: -1 to 1."""
    if attempt > len(SCHEDULE_S):
        return None
    return SCHEDULE_S[attempt - 1] * (1 + JITTER * (random.uniform(-1, 1) if jitter is None else jitter))


def judge(answer: Answer, at: float) -> Verdict:
    """What a receiver's answer means. `at` is now, in Unix seconds, for a Retry-After that names a time."""
    failure = complaint(answer)
    if failure is None:
        return Verdict(Heard.OK)
    if answer.status in _BUSY:
        return Verdict(Heard.STRAINED, failure, retry_after(answer.headers, at))
    return Verdict(Heard.STRAINED if answer.status >= 500 else Heard.REFUSED, failure)


def retry_after(headers: Mapping[str, str], at: float) -> float:
    """The seconds that a Retry-After asks for, whichever way (RFC 9110, 10.2.3); a day at the most, 0 without."""
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return min(float(text), LONGEST_ASKED_S)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return min(max(when.timestamp() - at, 0.0), LONGEST_ASKED_S)


def _address(posted: Posted, receiver: Receiver) -> tuple[str, str]:
    """Where the event goes, and what links in it start with. Raises JobFailed if it goes nowhere any more."""
    if posted.url is not None:
        return posted.url, posted.base_url
    endpoint = receiver.endpoint
    if endpoint is None:
        raise JobFailed(DELETED)
    if not endpoint.enabled:
        raise JobFailed(Failure("endpoint_off", "the webhook endpoint is switched off; replay what it has missed"))
    return endpoint.url, endpoint.base_url


async def _attempt(
    sender: Sender, url: str, posted: Posted, receiver: Receiver, body: bytes
) -> tuple[Attempt, Verdict]:
    at, began = now(), time.monotonic()
    status, error = None, None
    try:
        answer = await sender.send(
            url, whose=receiver.whose, signing=receiver.signing, id=posted.told.id, body=body, at=at
        )
    except RequestError as refusal:  # ours: it may not be called
        verdict = Verdict(Heard.REFUSED, Failure(refusal.code, str(refusal)))
    except UpstreamError as trouble:
        verdict = Verdict(Heard.STRAINED, Failure(trouble.code, str(trouble), retryable=True))
    else:
        verdict, status = judge(answer, time.time()), answer.status
    if verdict.failure and (status is None or verdict.failure.code == "redirected"):
        error = verdict.failure.message
    took_ms = int((time.monotonic() - began) * 1000)
    return Attempt(int(at.timestamp() * 1000), took_ms, status, error), verdict


async def _note(outbox: Outbox, endpoint: str, receiver: Receiver, verdict: Verdict, attempt: Attempt) -> None:
    """Keep how it went: every failure, and of good answers one a second, unless they end a series of failures."""
    health = receiver.health
    lately = attempt.at - health.succeeded < _NOTED_EVERY_MS
    if verdict.failure is None and lately and not health.failures:
        return
    words = str(attempt.status) if attempt.status else verdict.failure.code if verdict.failure else ""
    rest_s = await outbox.heard(endpoint, verdict.heard, words, asked_s=verdict.asked_s)
    if rest_s:
        log.warning("webhook endpoint %s rests for %.0f s: %s", endpoint, rest_s, words)


async def _switch_off(webhooks: Webhooks, endpoint: Endpoint) -> None:
    with suppress(NotFound):  # deleted meanwhile
        if await webhooks.switch_off(endpoint, "it answered 410 Gone"):
            log.warning("webhook endpoint %s is switched off: it answered 410", endpoint.id)
