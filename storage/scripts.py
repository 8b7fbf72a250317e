"""Our functions inside Redis, called in groups: those of one moment travel as one pipeline and are answered together.

One event loop's calls queue behind two senders, so that the more is going on, the more each round trip carries, and
that Redis has one pipeline to work on while the answers of the other are read. Every function may be called twice (a
reply can be lost): each is written so that the second time finds its work done and says so.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ResponseError

from storage.connect import AWAY
from storage.errors import NotDurable, RedisUnavailable
from storage.library import FUNCTIONS, GROUPED, is_missing, load

_SENDERS = 2
_PAUSES_S = (0.05, 0.5, 2.0)
_PATIENCE_S = 3.0

Arg = str | int | float | bytes


class Confirm(NamedTuple):
    """On how many disks and replicas a group's writes must be before its callers are told."""

    disks: int = 0
    replicas: int = 0
    timeout_ms: int = 3000


class Scripts:
    """Calls the functions in `storage/lua/` by their files' names.

    With `confirm`, an answer comes after WAITAOF or WAIT has confirmed the writes; NotDurable if it has not in time.
    """

    def __init__(self, redis: Redis, *, confirm: Confirm | None = None, batch: int = 256) -> None:
        self._redis, self._confirm, self._batch = redis, confirm, batch
        self._senders = set[asyncio.Task[None] | None]()
        self._waiting: list[tuple[str, Sequence[Arg], asyncio.Future[Any]]] = []

    def call(self, name: str, *args: Arg) -> asyncio.Future[Any]:
        """The function's answer, in time. Raises RedisUnavailable when Redis is away for about 3 s, or silent for 5."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((name, args, answer))
        if len(self._senders) < _SENDERS:
            self._senders.add(asyncio.create_task(self._send()))
        return answer

    async def _send(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[: self._batch], self._waiting[self._batch :]
            replies = await self._answers([(name, args) for name, args, _ in group])
            for (_, _, answer), reply in zip(group, replies, strict=True):
                if answer.done():
                    continue
                if isinstance(reply, Exception):
                    answer.set_exception(_away(reply) if _takes_no_writes(reply) else reply)
                else:
                    answer.set_result(reply)
        self._senders -= {asyncio.current_task()}  # at once: what is called next must not count on this one

    async def _answers(self, calls: list[tuple[str, Sequence[Arg]]]) -> list[Any]:
        try:
            replies = await self._patiently(calls)
            if missing := [i for i, reply in enumerate(replies) if is_missing(reply)]:
                await load(self._redis)
                again = await self._patiently([calls[i] for i in missing])
                for i, reply in zip(missing, again, strict=True):
                    replies[i] = reply
        except AWAY as error:
            return [_away(error)] * len(calls)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            return [error] * len(calls)
        return replies

    async def _patiently(self, calls: list[tuple[str, Sequence[Arg]]]) -> list[Any]:
        began = time.monotonic()
        for pause_s in _PAUSES_S:
            try:
                return await self._pipeline(calls)
            except AWAY:
                if time.monotonic() - began > _PATIENCE_S:  # it is there, and silent
                    raise
                await asyncio.sleep(pause_s)
        return await self._pipeline(calls)

    async def _pipeline(self, calls: list[tuple[str, Sequence[Arg]]]) -> list[Any]:
        pipe = self._redis.pipeline(transaction=False)
        together = [i for i, (name, _) in enumerate(calls) if name in GROUPED]
        alone = [i for i in range(len(calls)) if len(together) < 2 or calls[i][0] not in GROUPED]
        if len(together) > 1:
            packed = msgspec.msgpack.encode([part for i in together for part in _named(*calls[i])])
            pipe.execute_command("FCALL", FUNCTIONS["many"], 0, packed)
        for name, args in (calls[i] for i in alone):
            pipe.execute_command("FCALL", FUNCTIONS[name], 0, *args)
        replies = await self._confirmed(pipe)
        if len(together) < 2:
            return replies
        found = dict(zip(alone, replies[1:], strict=True))
        found |= zip(together, _each(replies[0], len(together)), strict=True)
        return [found[i] for i in range(len(calls))]

    async def _confirmed(self, pipe: Pipeline) -> list[Any]:
        """The replies, once they are as durable as they have to be."""
        if not self._confirm:
            return await pipe.execute(raise_on_error=False)
        disks, replicas, timeout_ms = self._confirm
        if disks:
            pipe.execute_command("WAITAOF", disks, replicas, timeout_ms)
        else:
            pipe.execute_command("WAIT", replicas, timeout_ms)
        *replies, reached = await pipe.execute(raise_on_error=False)
        if not _confirmed(reached, self._confirm):
            doubt = NotDurable("the write was not confirmed as durable in time; try again")
            return [reply if isinstance(reply, Exception) else doubt for reply in replies]
        return replies


def _each(reply: Any, count: int) -> list[Any]:
    """What `many` answered, call by call; it may have failed as a whole."""
    if isinstance(reply, Exception):
        return [reply] * count
    return [said if done else ResponseError(said.decode()) for done, said in zip(reply[::2], reply[1::2], strict=True)]


def _named(name: str, args: Sequence[Arg]) -> tuple[str, list[str | msgspec.Raw]]:
    """A call for `many`."""
    return name, [arg if isinstance(arg, str) else _word(arg) for arg in args]


def _word(arg: bytes | float) -> str | msgspec.Raw:
    """As redis-py would send it, since functions get words and no numbers. Lua's MessagePack knows no binary: bytes of
    any kind go as text there (`str 32` of the format)."""
    if isinstance(arg, bytes):
        return msgspec.Raw(b"\xdb" + len(arg).to_bytes(4, "big") + arg)
    if isinstance(arg, bool) or not isinstance(arg, (int, float)):
        raise TypeError(f"functions get words, bytes and numbers, and not a {type(arg).__name__}")
    return repr(arg)


def _takes_no_writes(reply: Exception) -> bool:
    """Whether the server answered, but would not write: no room, a full disk, not the primary, too few replicas."""
    return isinstance(reply, AWAY) or str(reply).startswith(("MISCONF", "NOREPLICAS"))


def _away(cause: Exception) -> RedisUnavailable:
    away = RedisUnavailable("the job store does not answer; try again shortly")
    away.__cause__ = cause
    return away


def _confirmed(reached: Any, wanted: Confirm) -> bool:
    """Whether the answer of WAITAOF ([disks, replicas]) or WAIT (replicas) is what was wanted."""
    match reached:
        case [int(disks), int(replicas)]:
            return disks >= wanted.disks and replicas >= wanted.replicas
        case int(replicas):
            return replicas >= wanted.replicas
        case _:
            return False
