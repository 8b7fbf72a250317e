"""What accounts have left to pay with, as their upstreams say, and what jobs have cost there by their tables.

One asks an account at a time, and seldom. An account that has too little left is out of use before a job is spent on
finding that out, and is used again when there is enough.
"""

import time
from typing import NamedTuple

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


class Purse(NamedTuple):
    """`credits`: what it had left at `asked` (Unix ms; 0: it has not said). `units`, `jobs`: all that was accepted
    there. `today`: units of this day (UTC), by whose jobs they were."""

    credits: float | None = None
    asked: int = 0
    units: float = 0.0
    jobs: int = 0
    today: dict[str, float] = {}  # noqa: RUF012 - nobody writes into it


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

    async def of(self, *accounts: str) -> list[Purse]:
        day = int(time.time()) // _DAY_S
        names = [name for each in accounts for name in (keys.purse(each), keys.spent(each), keys.spent(each, day))]
        rows = await read_hashes(self._redis, names)
        return [_purse(*rows[at : at + 3]) for at in range(0, len(rows), 3)]


def _purse(left: dict[bytes, bytes], spent: dict[bytes, bytes], today: dict[bytes, bytes]) -> Purse:
    return Purse(
        credits=float(left[b"left"]) if left else None,
        asked=int(left.get(b"at", 0)),
        units=float(spent.get(b"units", 0)),
        jobs=int(spent.get(b"jobs", 0)),
        today={owner.decode(): float(units) for owner, units in sorted(today.items())},
    )
