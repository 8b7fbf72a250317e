"""Lua calls, made in groups: those of one moment travel as one pipeline and are answered together.

One event loop's calls queue behind one sender, so that the more is going on, the more each round trip carries. Every
script may be sent twice (a reply can be lost): each is written so that the second time finds its work done and says so.
"""

import asyncio
import time
from collections.abc import Sequence
from hashlib import sha1
from pathlib import Path
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from storage.connect import AWAY
from storage.errors import NotDurable, RedisUnavailable
from storage.job import FIELDS
from storage.rules import RULES

_FOLDER = Path(__file__).parent / "lua"
_NAMES = (
    f"local FIELDS = {{{', '.join(repr(name) for name in FIELDS)}}}\n"
    f"local AT = {{{', '.join(f'{name} = {place}' for place, name in enumerate(FIELDS, 1))}}}\n"
)


def _lua(value: bool | int | None) -> str:
    return "nil" if value is None else str(value).lower()


_RULES = (
    "local RULES = {"
    + ", ".join(
        f"{lane} = {{{', '.join(f'{name} = {_lua(value)}' for name, value in rule._asdict().items())}}}"
        for lane, rule in RULES.items()
    )
    + "}\n"
)
_PRELUDE = _NAMES + _RULES + (_FOLDER / "job.lua").read_text()
_SOURCES = {path.stem: _PRELUDE + path.read_text() for path in _FOLDER.glob("*.lua") if path.stem != "job"}
SHAS = {name: sha1(source.encode(), usedforsecurity=False).hexdigest() for name, source in _SOURCES.items()}
_PAUSES_S = (0.05, 0.5, 2.0)
_PATIENCE_S = 3.0

Arg = str | int | float | bytes


class Confirm(NamedTuple):
    """On how many disks and replicas a group's writes must be before its callers are told."""

    disks: int = 0
    replicas: int = 0
    timeout_ms: int = 3000


class Scripts:
    """Calls the scripts in `storage/lua/` by name.

    With `confirm`, an answer comes after WAITAOF or WAIT has confirmed the writes; NotDurable if it has not in time.
    """

    def __init__(self, redis: Redis, *, confirm: Confirm | None = None, batch: int = 256) -> None:
        self._redis, self._confirm, self._batch = redis, confirm, batch
        self._sender: asyncio.Task[None] | None = None
        self._waiting: list[tuple[str, Sequence[Arg], asyncio.Future[Any]]] = []

    def call(self, name: str, *args: Arg) -> asyncio.Future[Any]:
        """The script's answer, in time. Raises RedisUnavailable when Redis is away for about 3 s, or silent for 5."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((SHAS[name], args, answer))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())
        return answer

    async def _send(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[: self._batch], self._waiting[self._batch :]
            replies = await self._answers([(sha, args) for sha, args, _ in group])
            for (_, _, answer), reply in zip(group, replies, strict=True):
                if answer.done():
                    continue
                if isinstance(reply, Exception):
                    answer.set_exception(_away(reply) if _takes_no_writes(reply) else reply)
                else:
                    answer.set_result(reply)
        self._sender = None

    async def _answers(self, calls: list[tuple[str, Sequence[Arg]]]) -> list[Any]:
        try:
            replies = await self._patiently(calls)
            if unknown := [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]:
                for source in _SOURCES.values():  # a new or restarted server
                    await self._redis.script_load(source)
                again = await self._patiently([calls[i] for i in unknown])
                for i, reply in zip(unknown, again, strict=True):
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
        for sha, args in calls:
            pipe.execute_command("EVALSHA", sha, 0, *args)
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
