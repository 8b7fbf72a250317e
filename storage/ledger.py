"""What accounts have left to pay with, as their upstreams say, and what jobs have cost there by their tables.

One asks an account at a time, and seldom. An account that has too little left is out of use before a job is spent on
finding that out, and is used again when there is enough.
"""

import time
from typing import NamedTuple
from uuid import uuid4

from redis.asyncio import Redis

from storage import keys
from storage.accounts import Account
from storage.capacity import AccountState
from storage.connect import command, redis_errors
from storage.records import read_hashes
from storage.scripts import Scripts

EVERY_S = 600
"""How often an account is asked what it has left."""

_REMEMBERED = 6
_DAY_S = 86_400


class Talk(NamedTuple):
    """Chats, and the tokens they took; of the `untold` among them the upstream has not said."""

    chats: int = 0
    untold: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def plus(self, more: "Talk") -> "Talk":
        return Talk(*map(sum, zip(self, more, strict=True)))


class Purse(NamedTuple):
    """`credits`: what it had left at `asked` (Unix ms; 0: it has not said). `units`, `jobs`: all that was accepted
    there. `today`: units of this day (UTC), by whose jobs they were. `talk`: all chats; `tokens`: those of this day, in
    and out, by whose they were."""

    credits: float | None = None
    asked: int = 0
    units: float = 0.0
    jobs: int = 0
    today: dict[str, float] = {}  # noqa: RUF012 - nobody writes into it
    talk: Talk = Talk()
    tokens: dict[str, dict[str, int]] = {}  # noqa: RUF012


class Ledger:
    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis, self._scripts = redis, scripts

    async def turn(self, account: str, asker: str) -> bool:
        """Whether it is time to ask an account what it has left, and nobody else does."""
        with redis_errors():
            return bool(await command(self._redis, "SET", keys.asked(account), asker, "NX", "EX", EVERY_S))

    async def told(self, account: Account, left: float) -> AccountState:
        """The account has so much left. Returns how it fares now."""
        least = min((units for units in account.cost.values() if units > 0), default=0.0)
        enough = left >= least if least else left > 0
        why = f"{left:g} credits are left"
        state = await self._scripts.call("account_credits", account.name, left, int(enough), why, _REMEMBERED * EVERY_S)
        return AccountState(state.decode() or "ok")

    async def talked(self, account: str, owner: str, talk: Talk) -> None:
        """Chats of an owner were answered there."""
        await self._scripts.call("chat_spent", account, owner, *talk, uuid4().hex)

    async def of(self, *accounts: str) -> list[Purse]:
        day = int(time.time()) // _DAY_S
        names = [
            name
            for each in accounts
            for name in (keys.purse(each), keys.spent(each), keys.spent(each, day), keys.tokens(each, day))
        ]
        rows = await read_hashes(self._redis, names)
        return [_purse(*rows[at : at + 4]) for at in range(0, len(rows), 4)]


def _purse(
    left: dict[bytes, bytes], spent: dict[bytes, bytes], today: dict[bytes, bytes], tokens: dict[bytes, bytes]
) -> Purse:
    return Purse(
        credits=float(left[b"left"]) if left else None,
        asked=int(left.get(b"at", 0)),
        units=float(spent.get(b"units", 0)),
        jobs=int(spent.get(b"jobs", 0)),
        today={owner.decode(): float(units) for owner, units in sorted(today.items())},
        talk=Talk(*(int(spent.get(name.encode(), 0)) for name in Talk._fields)),
        tokens=_by_owner(tokens),
    )


def _by_owner(tokens: dict[bytes, bytes]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for name, count in sorted(tokens.items()):
        owner, _, which = name.decode().partition(" ")
        found.setdefault(owner, {})[which] = int(count)
    return found
