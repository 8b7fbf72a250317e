"""A caller who stays and takes nothing of what they are sent holds no account's slot for long."""

from pathlib import Path

import httpx
import pytest

from tests.api.chat.relaying import CHAT, Relayed, account, asked, placed, relaying, text_of
from tests.api.chat.test_relay import EVENTS, at_a_standstill, chunked, words
from tests.api.upstreams.scripted import Silence, Upstream
from tests.waiting import until

WORD = "x" * 100_000
MANY = [EVENTS, *[chunked(words(WORD))] * 150]
ENDS = chunked(words("", "stop"), "[DONE]") + b"0\r\n\r\n"
QUICK = {"api.chat.downstream.STALLED_S": 0.4, "api.chat.relay.SWEEP_S": 0.05}


@pytest.mark.parametrize("word", ["cancel", "drain"])
async def test_who_takes_nothing_is_held_to_have_left(redis_url: str, tmp_path: Path, word: str) -> None:
    script = [*MANY, Silence] if word == "cancel" else [*MANY, ENDS]
    with placed(redis_url, tmp_path, **QUICK) as place:
        async with relaying(place, redis_url) as relayed, Upstream(script).serving() as upstream:
            [name] = await relayed.accounts(
                account(upstream.url.removesuffix("/v1"), concurrent=1, chat={"on_disconnect": word})
            )
            async with relayed.http.stream("POST", CHAT, json=asked(stream=True)) as answer:
                await until(lambda: is_free(relayed, name))
                with pytest.raises(httpx.RemoteProtocolError):  # what was under way to them, and no end
                    await answer.aread()
            kept = await relayed.kept(answer.headers["x-stream-id"])
            if word == "drain":
                assert text_of(kept) == WORD * 150
            else:
                assert kept[-1] != "[DONE]"


async def test_who_is_slow_is_not(redis_url: str, tmp_path: Path) -> None:
    with placed(redis_url, tmp_path, **{**QUICK, "api.chat.downstream.STALLED_S": 20.0}) as place:
        async with relaying(place, redis_url) as relayed, Upstream([*MANY, ENDS]).serving() as upstream:
            await relayed.accounts(account(upstream.url.removesuffix("/v1")))
            async with relayed.http.stream("POST", CHAT, json=asked(stream=True)) as answer:
                await at_a_standstill(upstream)
                assert (await answer.aread()).endswith(b"data: [DONE]\n\n")


async def is_free(relayed: Relayed, name: str) -> bool:
    return not await relayed.store.redis.zcard(f"slots:{name}")
