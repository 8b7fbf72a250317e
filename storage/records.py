"""Records kept as one hash each, and their owners' lists of them.

A list is a zset whose scores are all 0, so that its order is that of the ids, which sort by age. A page goes on after
an id whether or not that one is still there.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec
from redis.asyncio import Redis

from storage.connect import command, redis_errors

Kind = TypeVar("Kind", bound=msgspec.Struct)

_PAGE = 500


async def page_of_ids(redis: Redis, key: str, after: str | None, limit: int, *, newest_first: bool = True) -> list[str]:
    """Up to `limit` ids of a list, those that come after `after`."""
    edge = f"({after}" if after else None
    extent = [edge or "+", "-", "BYLEX", "REV"] if newest_first else [edge or "-", "+", "BYLEX"]
    with redis_errors():
        ids = await command(redis, "ZRANGE", key, *extent, "LIMIT", 0, limit)
    return [id.decode() for id in ids]


async def read_hashes(redis: Redis, names: Sequence[str]) -> list[dict[bytes, bytes]]:
    """The hashes of these names, empty where there is none."""
    if not names:
        return []
    with redis_errors():
        async with redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.execute_command("HGETALL", name)
            rows: list[dict[bytes, bytes]] = await pipe.execute()
    return rows


async def drop_ids(redis: Redis, key: str, ids: Sequence[str]) -> None:
    """Take ids off a list whose records have expired."""
    if ids:
        with redis_errors():
            await command(redis, "ZREM", key, *ids)


async def prune_ids(redis: Redis, key: str, name: Callable[[str], str]) -> int:
    """Take off a list what has no record (of this name) any more. Returns how many ids that were."""
    after: str | None = None
    dropped = 0
    while ids := await page_of_ids(redis, key, after, _PAGE):
        with redis_errors():
            async with redis.pipeline(transaction=False) as pipe:
                for id in ids:
                    pipe.execute_command("EXISTS", name(id))
                there = await pipe.execute()
        gone = [id for id, is_there in zip(ids, there, strict=True) if not is_there]
        await drop_ids(redis, key, gone)
        dropped, after = dropped + len(gone), ids[-1]
    return dropped


def record(kind: type[Kind], id: str, row: Mapping[bytes, bytes]) -> Kind | None:
    """The record of a hash; None if there is none. What is no number or text in it is JSON."""
    if not row:
        return None
    fields: dict[str, object] = {"id": id}
    for field in msgspec.structs.fields(kind):
        value = row.get(field.encode_name.encode())
        if value is not None:
            plain = field.type in (str, int) or (isinstance(field.type, type) and issubclass(field.type, str))
            fields[field.name] = value.decode() if plain else msgspec.json.decode(value, type=field.type)
    return msgspec.convert(fields, kind, strict=False)


def flat(row: Sequence[bytes]) -> dict[bytes, bytes]:
    """A hash as scripts return it: field, value, ..."""
    return dict(zip(row[::2], row[1::2], strict=True))
