"""Connections to Redis, all made alike."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from pydantic import SecretStr
from redis import exceptions
from redis.asyncio import Connection, ConnectionPool, Redis, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.connection import HiredisRespSerializer

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
    pool = ConnectionPool.from_url(
        url.get_secret_value(),
        socket_timeout=timeout_s,
        socket_connect_timeout=2.0,
        socket_keepalive=True,
        health_check_interval=30,
        retry=Retry(ConstantBackoff(0.05), 1),
    )
    pool.connection_class = _PACKED[pool.connection_class]
    client: Redis = Redis.from_pool(pool)
    return client


_pack = cast(Callable[..., list[bytes]], HiredisRespSerializer().pack)


class _Packed(AbstractConnection):
    """Packs commands in C, as redis-py's blocking connection does: its asyncio one spends 35 µs on a call of ours."""

    def pack_command(self, *args: Any) -> list[bytes]:
        return _pack(*args)

    def pack_commands(self, commands: Iterable[Iterable[Any]]) -> list[bytes]:
        return [b"".join(part for command in commands for part in _pack(*command))]


class _Plain(_Packed, Connection):
    pass


class _Secure(_Packed, SSLConnection):
    pass


class _Local(_Packed, UnixDomainSocketConnection):
    pass


_PACKED = {Connection: _Plain, SSLConnection: _Secure, UnixDomainSocketConnection: _Local}


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
