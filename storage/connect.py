"""Connections to Redis, all made alike."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from pydantic import SecretStr
from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff

from storage.errors import RedisUnavailable

AWAY = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    OSError,
)
"""What redis-py raises while the server cannot be reached, is not (yet) a primary, or has no room."""


def connect(url: SecretStr, *, timeout_s: float = 5.0) -> Redis:
    """A client whose calls end after `timeout_s` at most; nothing is sent before the first call."""
    client: Redis = Redis.from_url(
        url.get_secret_value(),
        socket_timeout=timeout_s,
        socket_connect_timeout=2.0,
        socket_keepalive=True,
        health_check_interval=30,
        retry=Retry(ConstantBackoff(0.05), 1),
    )
    return client


async def command(redis: Redis, *words: str | float | bytes) -> Any:
    """One command, said as the server reads it. (redis-py leaves half of its own methods without types.)"""
    return await cast(Callable[..., Awaitable[Any]], redis.execute_command)(*words)


@contextmanager
def redis_errors() -> Iterator[None]:
    """Where redis-py's exceptions become ours."""
    try:
        yield
    except (exceptions.RedisError, OSError) as error:
        raise RedisUnavailable("the job store does not answer; try again shortly") from error
