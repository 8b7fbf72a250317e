"""Who is calling: the key of a request, looked up by its digest and remembered for a moment, by another digest.

A key is looked up in Redis at most once in `TRUST_S`, however many requests come with it. A change to any key empties
the memory at once; should that news not get through, `TRUST_S` is also the longest that a revoked key works on.
"""

import asyncio
import base64
import secrets
from hashlib import blake2b
from typing import Any

from api.scope import header
from storage import keys
from storage.apikeys import ApiKey, ApiKeys
from storage.errors import RedisUnavailable, Unauthorized
from storage.signals import Signals

TRUST_S = 5.0
MOST_REMEMBERED = 10_000
_RETRY_S = 0.5


class Authenticator:
    """Finds callers. Use between `start` and `stop`."""

    def __init__(self, api_keys: ApiKeys, signals: Signals) -> None:
        self._keys, self._signals = api_keys, signals
        self._known: dict[bytes, tuple[float, asyncio.Task[ApiKey | None]]] = {}
        self._salt = secrets.token_bytes(32)
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._watcher = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        if self._watcher:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)

    async def caller(self, scope: Any) -> ApiKey:
        """Whose key came with a request. Raises Unauthorized."""
        text = presented(scope)
        if text is None:
            raise Unauthorized("an API key is needed: `Authorization: Bearer <key>`")
        found = await self._find(text)
        if found is None:
            raise Unauthorized("this API key is not known here, or was revoked")
        return found

    async def _find(self, text: str) -> ApiKey | None:
        # not the HMAC that keys are stored by: it took 7 % of the time of a relayed chat
        digest, now = blake2b(text.encode(), key=self._salt).digest(), asyncio.get_running_loop().time()
        known = self._known.get(digest)
        if known and now < known[0]:
            look_up = known[1]
        else:
            self._forget_oldest()
            look_up = asyncio.create_task(self._keys.find(text))  # callers of one moment share it
            self._known.pop(digest, None)
            self._known[digest] = now + TRUST_S, look_up
        try:
            return await asyncio.shield(look_up) if not look_up.done() else look_up.result()
        except RedisUnavailable:
            self._known.pop(digest, None)
            raise

    def _forget_oldest(self) -> None:
        if len(self._known) >= MOST_REMEMBERED:
            del self._known[next(iter(self._known))]

    async def _watch(self) -> None:
        while True:
            try:
                async with self._signals.watch(keys.API_KEYS_CHANNEL) as changed:
                    while True:
                        self._known.clear()
                        await changed.wait()
            except RedisUnavailable:
                await asyncio.sleep(_RETRY_S)


def presented(scope: Any) -> str | None:
    """The key that a request came with, in any of the three ways; None if there is none that can be read."""
    authorization = header(scope, b"authorization")
    if authorization is None:
        return header(scope, b"x-api-key") or None
    scheme, _, value = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return value.strip() or None
        case "basic":
            return _password(value.strip())
        case _:
            return None


def _password(encoded: str) -> str | None:
    """The password of Basic credentials (RFC 7617); the user name may be anything."""
    try:
        _, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:  # no ASCII, no Base64 or no UTF-8
        return None
    return (password or None) if colon else None
