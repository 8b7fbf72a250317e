"""Whatever a chat upstream does wrong: callers are told in OpenAI's words, and never get a part for the whole."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import openai
import pytest

from cli.fakes.openai import OpenAI as Fake
from cli.fakes.server import FakeUpstream
from tests.api.chat.relaying import Relayed, asked, err
from tests.waiting import until

SAME, NOTHING = "the same as without it", "no words, and no error"
NOT_OF_CHAT = {"wrong_image", "short", "empty", "named_code", "wrong_file", "expired", "late"}


class Told(NamedTuple):
    """An error. `status`: of the answer; None if it comes within the stream. `state`: the account's afterwards."""

    code: str | None
    status: int | None
    state: str = "ok"


BROKEN = Told("upstream_disconnected", 502)
BREAKS_OFF = Told("upstream_disconnected", None)
FAILED, BUSY = Told("upstream_failed", 502), Told("upstream_busy", 503, "cooling")
UNREADABLE, TURNS_UNREADABLE = Told("upstream_malformed", 502), Told("upstream_malformed", None)
LIMITED = Told("rate_limit_exceeded", 429, "cooling")

Outcome = str | Told
MATRIX: dict[str, tuple[Outcome, Outcome]] = {
    # the switch → an answer in one piece, a stream
    "session_expired": (Told("upstream_session_expired", 502, "session_expired"),) * 2,
    "busy": (LIMITED,) * 2,
    "busy=7": (LIMITED,) * 2,
    "no_credits": (Told("insufficient_quota", 429, "no_credits"),) * 2,
    "moderated": (Told("content_policy_violation", 400),) * 2,
    "suspended": (Told("upstream_suspended", 502, "suspended"),) * 2,
    "overloaded": (BUSY,) * 2,
    "failed": (FAILED,) * 2,
    "no_model": (Told("model_not_found", 404),) * 2,
    "too_long": (Told("context_length_exceeded", 400),) * 2,
    "slow=0.05": (SAME, SAME),
    "error": (BUSY,) * 2,
    "error=500": (FAILED,) * 2,
    "error=504": (Told("upstream_timed_out", 504),) * 2,
    "error_after": (FAILED,) * 2,
    "reset_before": (BROKEN,) * 2,
    "reset_after": (BROKEN,) * 2,
    "html": (UNREADABLE,) * 2,
    "cut_json": (UNREADABLE, SAME),
    "stall_first=0.05": (SAME, SAME),
    "stall=0.05": (SAME, SAME),
    "half_line": (SAME, BREAKS_OFF),
    "bad_event=cut": (SAME, TURNS_UNREADABLE),
    "bad_event=garbage": (SAME, TURNS_UNREADABLE),
    "bad_event=text": (SAME, TURNS_UNREADABLE),
    "bad_event=list": (SAME, TURNS_UNREADABLE),
    "ends_early=half": (SAME, BREAKS_OFF),
    "ends_early=end": (SAME, SAME),
    "error_event": (SAME, Told("upstream_failed", None)),
    "unfinished": (SAME, SAME),
    "reset_stream": (SAME, BREAKS_OFF),
    "big_event": (SAME, SAME),
    "big_event=9000000": (SAME, TURNS_UNREADABLE),
    "trickle": (SAME, SAME),
    "crlf": (SAME, SAME),
    "comments": (SAME, SAME),
    "gzip": (UNREADABLE, UNREADABLE),
}


def test_every_fault_of_the_fake_has_its_row() -> None:
    assert {fault.partition("=")[0] for fault in MATRIX} == {*Fake().world.faults.kinds} - NOT_OF_CHAT
    for name, kind in Fake().world.faults.kinds.items():
        if name not in NOT_OF_CHAT and kind.words:
            assert {f"{name}={word}" for word in kind.words} <= {*MATRIX}


@pytest.fixture
async def client(relayed: Relayed) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{relayed.url}/v1", api_key=relayed.secret, max_retries=0) as client:
        yield client


async def spoken(client: openai.AsyncOpenAI, *, stream: bool) -> tuple[list[str], Exception | None]:
    """What the client hands on of an answer, and what it raises."""
    create: Any = client.chat.completions.create
    heard: list[str] = []
    try:
        async with asyncio.timeout(10):
            if stream:
                async for chunk in await create(**asked(stream=True)):
                    heard += [choice.delta.content for choice in chunk.choices if choice.delta.content]
            else:
                whole = await create(**asked())
                heard.append(whole.choices[0].message.content)
    except openai.APIError as error:
        return heard, error
    return heard, None


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("fault", MATRIX)
async def test_a_fault_is_told_and_the_next_request_works(
    fault: str, stream: bool, relayed: Relayed, fake: FakeUpstream, client: openai.AsyncOpenAI
) -> None:
    [name] = await relayed.serves(fake)
    await assert_told(fault, MATRIX[fault][stream], relayed, fake, client, name, stream=stream)


async def assert_told(
    fault: str,
    expected: Outcome,
    relayed: Relayed,
    fake: FakeUpstream,
    client: openai.AsyncOpenAI,
    name: str,
    *,
    stream: bool,
) -> None:
    """What comes of the fault is as expected; without it all is as it was."""
    good, nothing = await spoken(client, stream=stream)
    assert nothing is None
    err(fake, fault)
    heard, error = await spoken(client, stream=stream)
    if isinstance(expected, Told):
        assert isinstance(error, openai.APIError), heard
        assert (error.code, getattr(error, "status_code", None)) == (expected.code, expected.status)
        assert heard == good[: len(heard)]
        assert "sk-" not in str(error)
        await until(lambda: states(relayed, name, expected.state))
    else:
        assert error is None
        loud = "".join(heard).replace("x" * 1_000_000, "")
        assert loud == ("" if expected == NOTHING else "".join(good))
    err(fake)
    await relayed.store.capacity.resume(name)
    await until(lambda: well(relayed, name))
    assert await spoken(client, stream=stream) == (good, None)


async def states(relayed: Relayed, account: str, state: str) -> bool:
    [fares] = await relayed.store.capacity.fares(account)
    return fares.state == state


async def well(relayed: Relayed, account: str) -> bool:
    return bool((await relayed.watched())["accounts"][account])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_what_an_upstream_says_of_waiting_and_of_its_request_is_passed_on(
    stream: bool, relayed: Relayed, fake: FakeUpstream
) -> None:
    await relayed.serves(fake)
    err(fake, "busy=7")
    answer = await relayed.http.post("/v1/chat/completions", json=asked(stream=stream))
    assert answer.status_code == 429
    assert answer.json()["error"]["message"] == "Rate limit reached for images per minute."
    told = {name: answer.headers[name] for name in answer.headers if name.startswith(("retry", "x-"))}
    assert told == {
        "retry-after": "7",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "12s",
        "x-request-id": "req_fakerefused",
    }
