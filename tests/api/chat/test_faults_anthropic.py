"""The same of an account that speaks Anthropic's messages: whatever goes wrong there is told in OpenAI's words."""

from collections.abc import AsyncIterator

import openai
import pytest

from cli.fakes.anthropic import Anthropic as Fake
from cli.fakes.server import FakeUpstream
from tests.api.chat.relaying import MODEL, Relayed, account
from tests.api.chat.test_faults import (
    BREAKS_OFF,
    BROKEN,
    BUSY,
    FAILED,
    LIMITED,
    NOTHING,
    SAME,
    TURNS_UNREADABLE,
    UNREADABLE,
    Outcome,
    Told,
    assert_told,
)

THERE = "claude-haiku-4-5-20251001"
NOT_OF_CHAT = {"wrong_file", "expired", "late"}
POOR = Told("upstream_out_of_credits", 502, "no_credits")

MATRIX: dict[str, tuple[Outcome, Outcome]] = {
    # the switch → an answer in one piece, a stream
    "session_expired": (Told("upstream_session_expired", 502, "session_expired"),) * 2,
    "busy=7": (LIMITED,) * 2,
    "no_credits": (POOR,) * 2,
    "no_balance": (POOR,) * 2,
    "suspended": (Told("upstream_suspended", 502, "suspended"),) * 2,
    "forbidden": (Told("upstream_refused", 502),) * 2,
    "overloaded": (BUSY,) * 2,
    "failed": (FAILED,) * 2,
    "timed_out": (Told("upstream_timed_out", 504),) * 2,
    "no_model": (Told("model_not_found", 404),) * 2,
    "too_long": (Told("context_length_exceeded", 400),) * 2,
    "too_large": (Told(None, 413),) * 2,
    "slow=0.05": (SAME, SAME),
    "error": (BUSY,) * 2,
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
    "ends_early=end": (SAME, BREAKS_OFF),
    "error_event": (SAME, Told("upstream_busy", None, "cooling")),
    "unfinished": (SAME, SAME),
    "reset_stream": (SAME, BREAKS_OFF),
    "big_event": (SAME, SAME),
    "big_event=9000000": (SAME, TURNS_UNREADABLE),
    "trickle": (SAME, SAME),
    "crlf": (SAME, SAME),
    "comments": (SAME, SAME),
    "gzip": (UNREADABLE, UNREADABLE),
    "cached": (SAME, SAME),
    "stop_reason=refusal": (SAME, SAME),
    "stop_reason=pause_turn": (SAME, SAME),
    "stop_reason=model_context_window_exceeded": (SAME, SAME),
    "silent": (NOTHING, NOTHING),
    "unheard": (SAME, SAME),
}


def test_every_fault_of_the_fake_has_its_row() -> None:
    assert {fault.partition("=")[0] for fault in MATRIX} == {*Fake().world.faults.kinds} - NOT_OF_CHAT


@pytest.fixture
async def fake() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream(Fake(0.001)).serving() as fake:
        yield fake


@pytest.fixture
async def client(relayed: Relayed) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{relayed.url}/v1", api_key=relayed.secret, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("fault", MATRIX)
async def test_a_fault_is_told_and_the_next_request_works(
    fault: str, stream: bool, relayed: Relayed, fake: FakeUpstream, client: openai.AsyncOpenAI
) -> None:
    [name] = await relayed.accounts(
        account(fake.url, adapter="anthropic", base_url=fake.url, models={MODEL: THERE}, token_env="RELAY_TOKEN")
    )
    await assert_told(fault, MATRIX[fault][stream], relayed, fake, client, name, stream=stream)
