"""What a caller has set for requests to come, in one dialect. It is forgotten a year after it was last changed."""

from collections.abc import Mapping
from typing import Any

import msgspec
from redis.asyncio import Redis

from storage import keys
from storage.connect import command, redis_errors

KEPT_S = 365 * 86_400


class Options:
    """The options of all owners. Which there are, and what they may be, is the dialect's to say."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def get(self, owner: str, dialect: str) -> dict[str, Any]:
        with redis_errors():
            flat = await command(self._redis, "HGETALL", keys.options(owner, dialect))
        pairs = flat.items() if isinstance(flat, dict) else zip(flat[::2], flat[1::2], strict=True)
        return {name.decode(): msgspec.json.decode(value) for name, value in pairs}

    async def set(self, owner: str, dialect: str, values: Mapping[str, Any]) -> None:
        """Set some of them; None takes one back."""
        key = keys.options(owner, dialect)
        given = {name: msgspec.json.encode(value) for name, value in values.items() if value is not None}
        with redis_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                if taken_back := [name for name, value in values.items() if value is None]:
                    pipe.hdel(key, *taken_back)
                if given:
                    pipe.hset(key, mapping=given)
                pipe.expire(key, KEPT_S)
                await pipe.execute()
