"""How much each account may have under way, and how it fares: shared by all workers, in Redis.

A slot is a lease with a deadline, never a counter. A job that finds none is put to sleep, says what it waits for,
blocks nothing behind it, and is woken when one is let go. An account that fails again and again rests, longer each
time; after its rest one job tries it. What only an operator can mend takes an account out of use until it is resumed.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from redis.asyncio import Redis

from storage import keys
from storage.accounts import Account
from storage.connect import redis_errors
from storage.job import Job
from storage.records import read_hashes
from storage.scripts import Scripts

ALLOWED_FAILURES = 3
FIRST_REST_S, LONGEST_REST_S = 5.0, 300.0
_LOOKS_AGAIN_S = 60.0


class AccountState(StrEnum):
    """All but the first two are an operator's to mend. GONE: it is in the file no more, and is in no state at all."""

    OK = "ok"
    COOLING = "cooling"
    NO_CREDITS = "no_credits"
    SESSION_EXPIRED = "session_expired"
    CHALLENGE = "challenge"
    SUSPENDED = "suspended"
    PAUSED = "paused"
    GONE = "gone"


class Fares(NamedTuple):
    """How an account does. `until`, `since`: Unix ms; 0 if there is no such time. `busy`: jobs under way."""

    state: AccountState
    why: str
    since: int
    until: int
    busy: int


class Seat(NamedTuple):
    """The account that a call may go to; None if there is none just now, and then why, and for how long."""

    account: str | None
    why: str = ""
    wait_s: float = 0.0


class Capacity:
    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis, self._scripts = redis, scripts

    async def take(self, job: Job, accounts: Sequence[Account], *, lease_s: float) -> str | None:
        """The first of these accounts (the best first) that has a slot for a held job, which starts now. None if there
        is none, and then the job sleeps; or if it is no longer held."""
        answer = await self._scripts.call(
            "account_take",
            job.id,
            job.token,
            int(lease_s * 1000),
            int(_LOOKS_AGAIN_S * 1000),
            *_words(accounts),
        )
        if answer[0] != b"taken":
            return None
        job.account, job.started = answer[1].decode(), int(answer[2])
        return job.account

    async def seat(self, call: str, accounts: Sequence[Account], *, lease_s: float) -> Seat:
        """The same for a call that is no job, known by `call`: who finds no slot does not wait here."""
        answer = await self._scripts.call(
            "account_seat", call, int(lease_s * 1000), int(_LOOKS_AGAIN_S * 1000), *_words(accounts)
        )
        if answer[0] == b"taken":
            return Seat(answer[1].decode())
        return Seat(None, answer[1].decode(), int(answer[2]) / 1000)

    async def keep(self, account: str, job: str, *, lease_s: float) -> None:
        """The job is still under way there."""
        await self._scripts.call("account_release", account, job, int(lease_s * 1000))

    async def release(self, account: str, job: str) -> None:
        """The job is under way there no longer: whoever waits longest for that account is woken."""
        await self._scripts.call("account_release", account, job, 0)

    async def went_well(self, account: str) -> None:
        """It did what it was asked: its failures are forgotten."""
        await self._fared(account, "ok", "")

    async def failed(self, account: str, why: str, *, rest_s: float = 0.0) -> Fares:
        """It failed, or is too busy, which may pass: it rests for `rest_s`, and longer if it fails again and again."""
        return await self._fared(account, AccountState.COOLING, why, rest_s)

    async def out_of_use(self, account: str, state: AccountState, why: str, *, for_s: float = 0.0) -> Fares:
        """Somebody has to see to it; but with `for_s` it is tried again after that."""
        return await self._fared(account, state, why, for_s)

    async def pause(self, account: str, why: str = "by the operator") -> None:
        await self._fared(account, AccountState.PAUSED, why)

    async def resume(self, account: str) -> None:
        """Whatever was wrong with it is forgotten, and who waits for it is woken."""
        await self._fared(account, "resumed", "")

    async def fares(self, *accounts: str) -> list[Fares]:
        rows = await read_hashes(self._redis, [keys.account(name) for name in accounts])
        with redis_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for name in accounts:
                    pipe.execute_command("ZCARD", keys.slots(name))
                busy = await pipe.execute()
        return [_fares(row, int(count)) for row, count in zip(rows, busy, strict=True)]

    async def _fared(self, account: str, outcome: str, why: str, rest_s: float = 0.0) -> Fares:
        state, until = await self._scripts.call(
            "account_fared",
            account,
            outcome,
            why,
            int(rest_s * 1000),
            ALLOWED_FAILURES,
            int(FIRST_REST_S * 1000),
            int(LONGEST_REST_S * 1000),
        )
        return Fares(AccountState(state.decode() or "ok"), why, 0, int(until), 0)


def _words(accounts: Sequence[Account]) -> list[str | int]:
    return [word for each in accounts for word in (each.name, each.concurrent, each.per_minute)]


def _fares(row: dict[bytes, bytes], busy: int) -> Fares:
    def number(name: bytes) -> int:
        return int(row.get(name, b"0"))

    state = row.get(b"named", row.get(b"state", b"ok")).decode()  # one that rests is called by what it rests for
    return Fares(AccountState(state), row.get(b"why", b"").decode(), number(b"since"), number(b"until"), busy)
