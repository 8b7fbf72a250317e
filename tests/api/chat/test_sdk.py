"""OpenAI's own client, in both versions, has the same of a conversation straight and through the gateway."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from cli.fakes.server import FakeUpstream
from tests.api.chat.relaying import Relayed
from tests.clients import run_with_openai_1
from tests.test_openai_images import run_with_the_current

SCRIPT = Path(__file__).with_name("conversing.py").read_text()


@pytest.mark.parametrize("run", [run_with_openai_1, run_with_the_current], ids=["openai 1", "the current"])
async def test_a_conversation_is_the_same_straight_and_through_the_gateway(
    run: Callable[..., str], relayed: Relayed, fake: FakeUpstream
) -> None:
    await relayed.serves(fake)
    to = {"STRAIGHT": f"{fake.url}/v1", "THROUGH": f"{relayed.url}/v1", "KEY": relayed.secret}
    told: dict[str, Any] = json.loads(await asyncio.to_thread(run, SCRIPT, **to))
    assert (told["version"] == openai.__version__) == (run is run_with_the_current)
    straight, through = told["STRAIGHT"], told["THROUGH"]
    for way in ("sync", "async"):
        for name, expected in straight[way].items():
            assert through[way][name] == expected, (way, name)
    assert straight == through
    assert len(straight["sync"]) == 11 * 3 + 3
    several = straight["sync"]["several"]
    assert [choice["index"] for choice in several["choices"]] == [0, 1]
    calls = straight["sync"]["tools at once"]["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["name"] for call in calls] == ["weather", "clock"]
    assert straight["sync"]["plain, streamed"][-1]["usage"] == straight["sync"]["plain"]["usage"]
    assert all(chunk["usage"] is None for chunk in straight["sync"]["plain, streamed without usage"])
