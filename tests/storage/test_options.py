"""Options: each owner's own, for each dialect, as long as they are used."""

import pytest
from redis.asyncio import Redis

from storage import keys
from storage.options import KEPT_S, Options


@pytest.fixture
def options(redis: Redis) -> Options:
    return Options(redis)


async def test_what_is_set_is_found_again(options: Options) -> None:
    assert await options.get("alice", "webui") == {}
    await options.set("alice", "webui", {"sd_model_checkpoint": "été [1]", "jpeg_quality": 55, "enable_pnginfo": False})
    await options.set("alice", "webui", {"jpeg_quality": 60})
    expected = {"sd_model_checkpoint": "été [1]", "jpeg_quality": 60, "enable_pnginfo": False}
    assert await options.get("alice", "webui") == expected
    assert await options.get("bob", "webui") == {}
    assert await options.get("alice", "other") == {}


async def test_none_takes_one_back(options: Options, redis: Redis) -> None:
    await options.set("alice", "webui", {"a": 1, "b": 2})
    await options.set("alice", "webui", {"a": None, "c": None})
    assert await options.get("alice", "webui") == {"b": 2}
    await options.set("alice", "webui", {"b": None})
    assert not await redis.exists(keys.options("alice", "webui"))


async def test_they_are_forgotten_a_year_after_the_last_change(options: Options, redis: Redis) -> None:
    await options.set("alice", "webui", {"a": 1})
    assert KEPT_S - 60 < await redis.ttl(keys.options("alice", "webui")) <= KEPT_S
