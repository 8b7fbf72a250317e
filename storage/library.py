"""What of ours runs inside Redis: the Lua in `storage/lua/`, loaded as one library of functions (Redis 7, any Valkey).

Functions and not scripts, since a script runs from its first line at each call: making the helpers of `job.lua` anew
took half of the server's time. Redis keeps a library with its data. Its name and those of its functions end in a digest
of it all, so that processes of two versions can share one Redis.
"""

import re
import time
from hashlib import sha1
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from storage import keys
from storage.connect import command, redis_errors
from storage.errors import RedisUnavailable
from storage.rules import RULES

_FOLDER = Path(__file__).parent / "lua"
_UNUSED_S = 7 * 86400
_NO_FUNCTION, _NO_COMMAND = "function not found", "unknown command"


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


def _flag(body: str) -> str:
    """What a first line `--! flag` has Redis know of a function: one that only reads, or that makes room, also works on
    a Redis that takes no writes, or has no room."""
    found = re.match(r"--! ([a-z-]+)\n", body)
    return found[1] if found else ""


_SHARED = _RULES + (_FOLDER / "job.lua").read_text()
_BODIES = {path.stem: path.read_text() for path in sorted(_FOLDER.glob("*.lua")) if path.stem != "job"}
GROUPED = frozenset(name for name, body in _BODIES.items() if not _flag(body))
"""Those that `many` may be told to call."""


def _source(digest: str) -> str:
    """All of it: each file of `lua/` is a function, and one of those that `many` finds in `CALLS`."""
    parts = [f"#!lua name=ai_gateway_{digest}\n", _SHARED, "local CALLS = {}\n"]
    for name, body in _BODIES.items():
        flags = f"'{flag}'" if (flag := _flag(body)) else ""
        parts.append(
            f"CALLS.{name} = function(ARGV)\n{body}\nend\nredis.register_function{{function_name = '{name}_{digest}', "
            f"flags = {{{flags}}}, callback = function(_, ARGV) known = {{}} return CALLS.{name}(ARGV) end}}\n"
        )
    return "".join(parts)


def _digest() -> str:
    return sha1(_source("").encode(), usedforsecurity=False).hexdigest()[:12]


_DIGEST = _digest()
LIBRARY = f"ai_gateway_{_DIGEST}"
FUNCTIONS = {name: f"{name}_{_DIGEST}" for name in _BODIES}
"""What Redis calls each function."""


def is_missing(reply: object) -> bool:
    """Whether Redis answered that it has no such function: it is new, another version's upkeep has deleted it, or it is
    too old to have any."""
    return isinstance(reply, ResponseError) and str(reply).lower().startswith((_NO_FUNCTION, _NO_COMMAND))


async def load(redis: Redis) -> None:
    """Have Redis know our functions; they may be there already. Raises RedisUnavailable for one that is too old."""
    try:
        await command(redis, "FUNCTION", "LOAD", "REPLACE", _source(_DIGEST))
    except ResponseError as error:
        if not str(error).lower().startswith(_NO_COMMAND):
            raise
        raise RedisUnavailable("the job store is too old: it takes Redis 7.0 or later, or Valkey") from error
    await _in_use(redis)


async def retire(redis: Redis) -> int:
    """Delete the libraries of other versions that nobody has loaded, or used in a worker, for a week; how many."""
    with redis_errors():
        await _in_use(redis)
        unused = await command(redis, "ZRANGE", keys.LIBRARIES, "-inf", int(time.time() - _UNUSED_S), "BYSCORE")
        for name in unused:
            try:
                await command(redis, "FUNCTION", "DELETE", name)
            except ResponseError as error:
                if "not found" not in str(error).lower():
                    raise
            await command(redis, "ZREM", keys.LIBRARIES, name)
    return len(unused)


async def _in_use(redis: Redis) -> None:
    await command(redis, "ZADD", keys.LIBRARIES, int(time.time()), LIBRARY)
