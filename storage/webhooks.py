"""Webhook endpoints: where the events of a caller's jobs go, once and for all instead of with each job.

A record holds no secret, only which version of it signs (`storage/signing.py`). Records are written whole, and only
over what the writer has read (`storage/lua/hook.lua`).
"""

import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec
from redis.asyncio import Redis

from storage import keys
from storage.connect import command, redis_errors
from storage.errors import InvalidRequest, KeyReused, NotFound
from storage.jobs import Idempotency
from storage.scripts import Scripts
from storage.signing import Signing

MAX_ENDPOINTS = 20
"""How many endpoints a key may have."""

_WRITTEN, _FULL = 1, -1


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Times are in Unix ms. `base_url`: what links in its events start with. `fingerprint`: of the request that made
    it, if that had an Idempotency-Key."""

    id: str
    owner: str
    url: str
    events: list[str]
    base_url: str
    created: int
    updated: int
    name: str = ""
    enabled: bool = True
    disabled_reason: str | None = None
    signing: Signing = Signing()
    fingerprint: str = ""

    @property
    def whose(self) -> str:
        """Whose secrets these are. An endpoint that is made again under an old id has new ones."""
        return f"{self.id}:{self.created}"


class Webhooks:
    """`scripts` is where writes go: answered once they are as safe as the settings ask."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis, self._scripts = redis, scripts

    async def register(
        self, owner: str, fields: dict[str, Any], idempotency: Idempotency | None = None
    ) -> tuple[Endpoint, bool]:
        """A new endpoint; or the one that the same request has made before, and True.

        Raises InvalidRequest where there are `MAX_ENDPOINTS`, KeyReused.
        """
        now = now_ms()
        key, fingerprint = idempotency or ("", "")
        id = "we_" + (sha256(f"{owner} {key}".encode()).hexdigest()[:24] if key else secrets.token_hex(12))
        new = Endpoint(id=id, owner=owner, created=now, updated=now, fingerprint=fingerprint, **fields)
        written = await self._write(None, new)
        if written == _FULL:
            raise InvalidRequest(f"a key may have {MAX_ENDPOINTS} webhook endpoints, and this one has as many")
        if written == _WRITTEN:
            return new, False
        known = await self.find(owner, id)
        if known.fingerprint != fingerprint:
            raise KeyReused("this Idempotency-Key was used before with another body", field="Idempotency-Key")
        return known, True

    async def find(self, owner: str, id: str) -> Endpoint:
        """One of the owner's endpoints. Raises NotFound, for anyone else's too."""
        return (await self._read(owner, id))[1]

    async def all(self, owner: str) -> list[Endpoint]:
        """The owner's endpoints, oldest first, those that are off included."""
        with redis_errors():
            ids = await command(self._redis, "ZRANGE", keys.endpoints(owner), 0, -1)
            records = await command(self._redis, "MGET", *(keys.hook(id.decode()) for id in ids)) if ids else []
        return [read_endpoint(record) for record in records if record]

    async def change(self, owner: str, id: str, change: Callable[[Endpoint], Endpoint]) -> Endpoint:
        """Make `change` of an endpoint, again if it has become another meanwhile. Raises NotFound."""
        while True:
            record, before = await self._read(owner, id)
            after = msgspec.structs.replace(change(before), updated=now_ms())
            if await self._write(record, after) == _WRITTEN:
                return after

    async def switch_off(self, endpoint: Endpoint, reason: str) -> bool:
        """Send it nothing more until its owner switches it on again; False if it is off. NotFound if it is deleted."""
        if not (await self.find(endpoint.owner, endpoint.id)).enabled:
            return False

        def off(now: Endpoint) -> Endpoint:
            return msgspec.structs.replace(now, enabled=False, disabled_reason=reason)

        await self.change(endpoint.owner, endpoint.id, off)
        return True

    async def remove(self, owner: str, id: str) -> None:
        """From here on nothing is put in the outbox for it. Raises NotFound."""
        while True:
            record, endpoint = await self._read(owner, id)
            if await self._scripts.call("hook", id, owner, record, "", endpoint.created, "", 0) == _WRITTEN:
                return

    async def default_signing(self, owner: str) -> Signing:
        """What signs events for URLs that came with jobs."""
        return read_signing(await self._record(default_of(owner)))

    async def rotate_default(self, owner: str, overlap_s: int) -> Signing:
        """Sign those with a new secret from now on, and for `overlap_s` with the old ones too."""
        while True:
            record = await self._record(default_of(owner))
            after = read_signing(record).rotated(now_ms(), overlap_s)
            args = default_of(owner), "", record or "", msgspec.json.encode(after), 0, "", 0
            if await self._scripts.call("hook", *args) == _WRITTEN:
                return after

    async def _record(self, name: str) -> bytes | None:
        with redis_errors():
            record = await command(self._redis, "GET", keys.hook(name))
        return bytes(record) if record else None

    async def _read(self, owner: str, id: str) -> tuple[bytes, Endpoint]:
        record = await self._record(id) if id.startswith("we_") else None
        if record is None or (found := read_endpoint(record)).owner != owner:
            raise NotFound("there is no such webhook endpoint")
        return record, found

    async def _write(self, before: bytes | None, after: Endpoint) -> int:
        types = " ".join(after.events) if after.enabled else ""
        record = msgspec.json.encode(after)
        args = after.id, after.owner, before or "", record, after.created, types, MAX_ENDPOINTS
        return int(await self._scripts.call("hook", *args))


def default_of(owner: str) -> str:
    """Whose secret an owner's default one is, and what its record is called among endpoints."""
    return f"default:{owner}"


def read_signing(record: bytes | None) -> Signing:
    return msgspec.json.decode(record, type=Signing) if record else Signing()


def read_endpoint(record: bytes) -> Endpoint:
    return msgspec.json.decode(record, type=Endpoint)


def now_ms() -> int:
    return time.time_ns() // 1_000_000
