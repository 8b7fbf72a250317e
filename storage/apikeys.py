"""API keys: 256 random bits, shown once, kept only as an HMAC digest."""

import hmac
import secrets
import time
from collections.abc import Sequence

import msgspec
from pydantic import SecretStr
from redis.asyncio import Redis

from storage import keys
from storage.connect import command, redis_errors
from storage.errors import NotFound

PREFIX = "sk-"


class ApiKey(msgspec.Struct, frozen=True):
    """A caller. `id` is the owner of its jobs; `created` is in Unix seconds."""

    id: str
    name: str
    created: int
    admin: bool = False


class ApiKeys:
    """The keys in Redis. `secret` is the HMAC key: without it a copy of Redis proves nothing."""

    def __init__(self, redis: Redis, secret: SecretStr) -> None:
        self._redis = redis
        self._pepper = hmac.digest(secret.get_secret_value().encode(), b"api keys", "sha256")

    def digest(self, key: str) -> str:
        return hmac.digest(self._pepper, key.encode(), "sha256").hex()

    async def create(self, name: str, *, admin: bool = False, key: SecretStr | None = None) -> tuple[ApiKey, SecretStr]:
        """A new key, or `key` itself made known; one that is known already is returned as it is."""
        text = key.get_secret_value() if key else PREFIX + secrets.token_urlsafe(32)
        digest = self.digest(text)
        if known := await self.find(text):
            return known, SecretStr(text)
        made = ApiKey(id=f"key_{secrets.token_hex(8)}", name=name, created=int(time.time()), admin=admin)
        with redis_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.execute_command("SET", keys.api_key(digest), msgspec.json.encode(made))
                pipe.execute_command("HSET", keys.API_KEYS, made.id, digest)
                pipe.execute_command("PUBLISH", keys.API_KEYS_CHANNEL, made.id)
                await pipe.execute()
        return made, SecretStr(text)

    async def find(self, key: str) -> ApiKey | None:
        """Whose key this is, or None if it is nobody's."""
        with redis_errors():
            found = await self._redis.get(keys.api_key(self.digest(key)))
        return msgspec.json.decode(found, type=ApiKey) if found else None

    async def all(self) -> list[ApiKey]:
        """Every key, oldest first."""
        with redis_errors():
            digests = await command(self._redis, "HVALS", keys.API_KEYS)
            rows = await self._redis.mget([keys.api_key(digest.decode()) for digest in digests]) if digests else []
        found = [msgspec.json.decode(row, type=ApiKey) for row in rows if row]
        return sorted(found, key=lambda key: (key.created, key.id))

    async def revoked(self, ids: Sequence[str]) -> list[str]:
        """Those of these ids whose key there is no more."""
        with redis_errors():
            digests = await command(self._redis, "HMGET", keys.API_KEYS, *ids) if ids else []
        return [id for id, digest in zip(ids, digests, strict=True) if digest is None]

    async def revoke(self, id: str) -> None:
        """End a key at once, everywhere. Raises NotFound."""
        with redis_errors():
            digest = await command(self._redis, "HGET", keys.API_KEYS, id)
            if digest is None:
                raise NotFound(f"no API key has the id {id}")
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.execute_command("DEL", keys.api_key(digest.decode()))
                pipe.execute_command("HDEL", keys.API_KEYS, id)
                pipe.execute_command("PUBLISH", keys.API_KEYS_CHANNEL, id)
                await pipe.execute()
