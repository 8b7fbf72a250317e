"""Redis goes away in the midst of a stream: its caller gets all of it, and Redis too, once it is back."""

import asyncio
from pathlib import Path

from cli.embedded import Redis
from tests.api.chat.relaying import CHAT, Relayed, account, asked, data_of, placed, relaying, text_of
from tests.api.chat.test_relay import EVENTS, ONE_PIECE, chunked, error_of, said, words
from tests.api.upstreams.scripted import Upstream
from tests.waiting import until


async def test_a_stream_outlasts_redis_and_is_kept_when_it_is_back(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    gone = asyncio.Event()
    stream = [EVENTS + chunked(words("a")), gone, chunked(words("b", "stop"), "[DONE]") + b"0\r\n\r\n"]
    whole = [ONE_PIECE + b'{"choices":[]}']
    with Redis(tmp_path / "redis") as redis, placed(redis.url, tmp_path) as place:
        async with relaying(place, redis.url) as relayed, Upstream(stream, whole).serving() as upstream:
            url = upstream.url.removesuffix("/v1")
            await relayed.accounts(account(url))
            async with relayed.http.stream("POST", CHAT, json=asked(stream=True)) as answer:
                parts = answer.aiter_bytes()
                raw = await anext(parts)
                redis.kill()
                gone.set()
                raw += b"".join([part async for part in parts])
            assert text_of(data_of(raw)) == "ab"
            answered = await said(relayed, stream=False)  # by an account without limits, with a key that is remembered
            assert answered.status_code == 200, answered.text
            await asyncio.to_thread(redis.start)
            assert await relayed.kept(answer.headers["x-stream-id"]) == data_of(raw)
            await relayed.accounts(account(url, concurrent=1))
            redis.kill()
            refused = await said(relayed, stream=False)
            assert (refused.status_code, error_of(refused)["code"]) == (503, "redis_unavailable")
            assert len(upstream.requests) == 2  # no slot, no call
            await asyncio.to_thread(redis.start)
            await until(lambda: works(relayed))


async def works(relayed: Relayed) -> bool:
    return (await said(relayed, stream=False)).status_code == 200
