"""What we run inside Redis: loaded when it is missed, beside other versions of it, and on none that is too old."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from cli.embedded import Redis as Server
from storage import keys, library
from storage.connect import command, connect
from storage.errors import RedisUnavailable
from storage.jobs import Jobs
from storage.library import FUNCTIONS, LIBRARY, load, retire
from storage.scripts import Scripts
from tests.storage.samples import sample

WEEK_S = 7 * 86400
FORMER = "ai_gateway_0123456789ab"


@pytest.fixture(autouse=True)
async def alone(redis: Redis) -> AsyncIterator[None]:
    """No library is there before a test, nor after it."""
    await redis.function_flush()
    yield
    await redis.function_flush()


async def libraries(redis: Redis) -> set[str]:
    return {row[1].decode() for row in await command(redis, "FUNCTION", "LIST")}


async def put_former(redis: Redis, used_s_ago: float) -> None:
    """The library of another version."""
    source = f"#!lua name={FORMER}\nredis.register_function('former', function() return 1 end)"
    await command(redis, "FUNCTION", "LOAD", source)
    await redis.zadd(keys.LIBRARIES, {FORMER: time.time() - used_s_ago})


async def test_it_is_loaded_when_it_is_missed_and_again_does_no_harm(redis: Redis, scripts: Scripts) -> None:
    assert await libraries(redis) == set()
    await scripts.call("read")
    assert await libraries(redis) == {LIBRARY}
    await load(redis)
    assert await libraries(redis) == {LIBRARY}


async def test_two_versions_work_side_by_side(redis: Redis, scripts: Scripts) -> None:
    await put_former(redis, 0)
    await scripts.call("read")
    assert await libraries(redis) == {FORMER, LIBRARY}
    assert await command(redis, "FCALL", "former", 0) == 1
    assert await retire(redis) == 0
    assert await libraries(redis) == {FORMER, LIBRARY}


async def test_a_version_that_nobody_has_used_for_a_week_goes(redis: Redis, scripts: Scripts) -> None:
    await put_former(redis, WEEK_S + 60)
    await redis.function_load("#!lua name=others\nredis.register_function('theirs', function() return 1 end)")
    await scripts.call("read")
    assert await retire(redis) == 1
    assert await libraries(redis) == {"others", LIBRARY}
    assert await redis.zrange(keys.LIBRARIES, 0, -1) == [LIBRARY.encode()]
    assert await retire(redis) == 0


async def test_a_version_that_is_gone_already_is_forgotten(redis: Redis) -> None:
    await redis.zadd(keys.LIBRARIES, {FORMER: 1})
    assert await retire(redis) == 1
    assert await redis.zrange(keys.LIBRARIES, 0, -1) == [LIBRARY.encode()]


async def test_our_own_stays_however_long_ago_it_was_loaded(redis: Redis, scripts: Scripts) -> None:
    await scripts.call("read")
    await redis.zadd(keys.LIBRARIES, {LIBRARY: 1})
    assert await retire(redis) == 0
    assert await libraries(redis) == {LIBRARY}


async def test_a_redis_restarted_has_it_still(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        async with connect(SecretStr(server.url)) as client:
            await Scripts(client).call("read")
        server.kill()
        server.start()
        async with connect(SecretStr(server.url)) as client:
            assert await libraries(client) == {LIBRARY}


class Old(Server):
    """A server that knows no functions, as before Redis 7."""

    def _settings(self) -> dict[str, str]:
        return super()._settings() | {"rename-command": 'FUNCTION ""\nrename-command FCALL ""'}


async def test_a_redis_without_functions_is_refused_by_its_age(tmp_path: Path) -> None:
    with Old(tmp_path) as server:
        async with connect(SecretStr(server.url)) as client:
            with pytest.raises(RedisUnavailable, match=r"Redis 7\.0 or later"):
                await Scripts(client).call("read")


async def test_what_only_reads_or_makes_room_works_on_a_full_redis(redis: Redis, jobs: Jobs) -> None:
    job = sample()
    await jobs.admit(job)
    await redis.config_set("maxmemory", 1)
    try:
        assert await jobs.get(job.id) == [job]
        assert (await jobs.place(job.id)).ahead == 0
        await jobs.forget(job)
        assert await jobs.get(job.id) == [None]
    finally:
        await redis.config_set("maxmemory", 0)


@pytest.mark.parametrize("changed", ["_BODIES", "_SHARED"])
def test_a_change_to_any_of_it_makes_another_library(monkeypatch: pytest.MonkeyPatch, changed: str) -> None:
    digest = library._digest()
    assert f"ai_gateway_{digest}" == LIBRARY
    assert {name.removesuffix(digest) for name in FUNCTIONS.values()} == {f"{name}_" for name in FUNCTIONS}
    if changed == "_BODIES":
        monkeypatch.setitem(library._BODIES, "read", library._BODIES["read"].replace("no-writes", "allow-oom"))
    else:
        monkeypatch.setattr(library, "_SHARED", library._SHARED + "-- a word more\n")
    assert library._digest() != digest
