"""The first API key: somebody must be let in at the first start, and nobody again at a later one."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr
from redis.asyncio import Redis

from cli.embedded.service import write_private
from cli.environment import Misconfigured
from storage import keys
from storage.apikeys import ApiKeys
from storage.connect import command, connect, redis_errors
from storage.settings import StorageSettings

VARIABLE = "GATEWAY_API_KEY"


def given_key(environment: Mapping[str, str]) -> SecretStr | None:
    """The operator's own key, without the white space that a file leaves around it.

    Raises Misconfigured if it is set and empty: a file that could not be read must not mean another key.
    """
    if VARIABLE not in environment:
        return None
    key = environment[VARIABLE].strip()
    if not key:
        raise Misconfigured(f"{VARIABLE} is empty: give a key, or do not set it")
    return SecretStr(key)


async def let_somebody_in(settings: StorageSettings, kept: Path, given: SecretStr | None) -> SecretStr | None:
    """Make the given key known, at every start; or at a Redis' first, the key in the file `kept`, else a new one.

    A Redis that was set up is marked for good: a key revoked there stays revoked, be it the only one. Returns the key
    if it is new, to be shown once. Raises RedisUnavailable.
    """
    async with connect(settings.redis_url) as client:
        known = ApiKeys(client, settings.secret)
        new = None
        if given:
            await known.create("first", admin=True, key=given)
        elif not await _is_set_up(client, known):
            old = _kept(kept)
            _, key = await known.create("first", admin=True, key=old)
            if not old:
                write_private(kept, key.get_secret_value())
                new = key
        with redis_errors():
            await command(client, "SET", keys.SETUP, 1)  # last: a start that was cut short is done over
    return new


async def _is_set_up(client: Redis, known: ApiKeys) -> bool:
    with redis_errors():
        marked = await command(client, "EXISTS", keys.SETUP)
    return bool(marked) or bool(await known.all())


def _kept(file: Path) -> SecretStr | None:
    """None if there is no file, or nothing in it: its writing was cut short."""
    key = file.read_text().strip() if file.exists() else ""
    return SecretStr(key) if key else None
