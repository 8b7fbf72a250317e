"""A server that is asked to stop in the midst of answers: some end well, the others are told, and recordings end."""

import asyncio
from pathlib import Path

import httpx

from tests.api.chat.relaying import CHAT, Place, Relayed, account, asked, data_of, placed, relaying, text_of
from tests.api.chat.test_relay import EVENTS, at_a_standstill, chunked, words
from tests.api.upstreams.scripted import Silence, Upstream
from tests.waiting import until


async def ended(place: Place) -> None:
    place.server.process.terminate()
    assert await asyncio.to_thread(place.server.process.wait, 10) in (0, None)


async def heard(relayed: Relayed, begun: asyncio.Event) -> tuple[httpx.Headers, bytes]:
    raw = b""
    async with relayed.http.stream("POST", CHAT, json=asked(stream=True)) as answer:
        async for part in answer.aiter_bytes():
            raw += part
            begun.set()
    return answer.headers, raw


async def test_a_stop_ends_what_will_not_end_and_lets_the_rest_come_to_its_end(redis_url: str, tmp_path: Path) -> None:
    stopping, begun, also_begun = asyncio.Event(), asyncio.Event(), asyncio.Event()
    good = chunked(words("b", "stop"), "[DONE]") + b"0\r\n\r\n"
    quick, slow = [EVENTS + chunked(words("a")), stopping, good], [EVENTS + chunked(words("a")), Silence]
    with placed(redis_url, tmp_path, **{"api.chat.relay.LAST_S": 1.0}) as place:
        async with relaying(place, redis_url, stops=True) as relayed, Upstream(quick, slow, [Silence]).serving() as up:
            [name] = await relayed.accounts(account(up.url.removesuffix("/v1"), concurrent=10))
            ends = asyncio.create_task(heard(relayed, begun))
            await begun.wait()
            hangs = asyncio.create_task(heard(relayed, also_begun))
            await also_begun.wait()
            waits = asyncio.create_task(relayed.http.post(CHAT, json=asked()))
            await until(lambda: len(up.requests) == 3)
            stop = asyncio.create_task(ended(place))
            stopping.set()
            headers, raw = await ends
            assert text_of(data_of(raw)) == "ab"
            cut_headers, cut = await hangs
            first, last = data_of(cut)
            assert first["choices"][0]["delta"] == {"content": "a"}
            assert last["error"] == {
                "message": "the gateway stops; ask again",
                "type": "server_error",
                "param": None,
                "code": "upstream_disconnected",
            }
            answer = await waits
            assert (answer.status_code, answer.json()["error"]["message"]) == (503, "the gateway stops; ask again")
            assert answer.headers["retry-after"]
            await stop
            assert text_of(await relayed.kept(headers["x-stream-id"])) == "ab"
            assert (await relayed.kept(cut_headers["x-stream-id"]))[-1] == last
            assert await relayed.store.redis.zcard(f"slots:{name}") == 0
            [fares] = await relayed.store.capacity.fares(name)
            assert fares.state == "ok"
            assert not await relayed.store.redis.exists(f"account:{name}")  # which did nothing wrong
    assert "Traceback" not in place.log.read_text()


async def test_a_recording_ends_though_its_caller_takes_nothing(redis_url: str, tmp_path: Path) -> None:
    event = chunked(words("x" * 100_000))
    async with Upstream([EVENTS, *[event] * 150, Silence]).serving() as upstream:
        with placed(redis_url, tmp_path, **{"api.chat.relay.LAST_S": 0.2}) as place:
            async with relaying(place, redis_url, stops=True) as relayed:
                await relayed.accounts(account(upstream.url.removesuffix("/v1")))
                async with relayed.http.stream("POST", CHAT, json=asked(stream=True)) as answer:
                    await at_a_standstill(upstream)
                    await ended(place)
                    *_, last = await relayed.kept(answer.headers["x-stream-id"])
                    assert last["error"]["message"] == "the gateway has stopped; ask again"


async def test_a_server_that_is_killed_leaves_leases_that_end(redis_url: str, tmp_path: Path) -> None:
    async with Upstream([Silence]).serving() as upstream:
        with placed(redis_url, tmp_path, **{"api.chat.seats.LEASE_S": 1.0}) as place:
            async with relaying(place, redis_url, stops=True) as relayed:
                [name] = await relayed.accounts(account(upstream.url.removesuffix("/v1"), concurrent=1))
                asking = asyncio.create_task(relayed.http.post(CHAT, json=asked()))
                await until(lambda: upstream.requests)
                first = await lease_ms(relayed, name)
                await until(lambda: later(relayed, name, first + 1000))  # it is renewed
                refused = await relayed.http.post(CHAT, json=asked())
                assert refused.status_code == 503, refused.text
                for each in [*place.server.process.children(recursive=True), place.server.process]:
                    each.kill()
                result = (await asyncio.gather(asking, return_exceptions=True))[0]
                assert isinstance(result, httpx.TransportError)
                await until(lambda: upstream.open == 0)
                await until(lambda: freed(relayed, name))


async def lease_ms(relayed: Relayed, name: str) -> float:
    [(_, until_ms)] = await relayed.store.redis.zrange(f"slots:{name}", 0, -1, withscores=True)
    return float(until_ms)


async def later(relayed: Relayed, name: str, than_ms: float) -> bool:
    return await lease_ms(relayed, name) > than_ms


async def freed(relayed: Relayed, name: str) -> bool:
    there = await relayed.store.redis.zrange(f"slots:{name}", 0, -1, withscores=True)
    now, micro = await relayed.store.redis.time()
    return all(until_ms < now * 1000 + micro / 1000 for _, until_ms in there)
