"""What an operator sees of accounts and of jobs in doubt, and the word that they have on them. No secret is in it.

One shape for the API and the command.
"""

import time
from typing import Any

from storage.accounts import Account, Accounts
from storage.capacity import Fares
from storage.errors import NotFound
from storage.job import Failure, Job, Status
from storage.ledger import Purse
from storage.public import iso
from storage.store import Store

GIVEN_UP = Failure("upstream_failed", "whether the upstream took it could not be found out, and it was given up")


class Standing:
    """`why` is told as upstreams say it, names of accounts and all: for operators only."""

    def __init__(self, store: Store, accounts: Accounts) -> None:
        self._store, self._accounts = store, accounts

    async def accounts(self) -> list[dict[str, Any]]:
        """How each account of the file fares, in the file's order."""
        known = [*self._accounts.all().values()]
        names = [account.name for account in known]
        fares, purses = await self._store.capacity.fares(*names), await self._store.ledger.of(*names)
        return [shown(*each) for each in zip(known, fares, purses, strict=True)]

    async def pause(self, name: str) -> dict[str, Any]:
        """It is given no new jobs. Those under way go on. Raises NotFound."""
        account = self._known(name)
        await self._store.capacity.pause(name)
        return await self._one(account)

    async def resume(self, name: str) -> dict[str, Any]:
        """It is used again, whatever was the matter, and jobs that wait for it look again. Raises NotFound."""
        account = self._known(name)
        await self._store.capacity.resume(name)
        return await self._one(account)

    async def doubts(self) -> list[dict[str, Any]]:
        """The jobs in doubt, the longest first, 1000 at the most."""
        rows = dict(await self._store.upstreams.doubts())
        jobs = await self._store.jobs.get(*rows)
        return [doubt(job, rows[job.id]) for job in jobs if job and job.status == Status.IN_DOUBT]

    async def resubmit(self, id: str) -> Job:
        """The upstream has not got it: it is sent again. Raises NotFound."""
        return await self._settled(id, await self._store.upstreams.resubmit(id))

    async def fail(self, id: str) -> Job:
        """It is given up. Raises NotFound."""
        return await self._settled(
            id, await self._store.queue.advance(id, Status.FAILED, only=Status.IN_DOUBT, error=GIVEN_UP)
        )

    async def _settled(self, id: str, done: bool) -> Job:
        (job,) = await self._store.jobs.get(id)
        if job is None or not done:
            raise NotFound("no job in doubt has this id")
        return job

    async def _one(self, account: Account) -> dict[str, Any]:
        (fares,) = await self._store.capacity.fares(account.name)
        (purse,) = await self._store.ledger.of(account.name)
        return shown(account, fares, purse)

    def _known(self, name: str) -> Account:
        account = self._accounts.get(name)
        if account is None:
            raise NotFound("there is no such account")
        return account


def shown(account: Account, fares: Fares, purse: Purse) -> dict[str, Any]:
    """`until`: when it is tried again by itself; null if somebody has to say so, or nothing is the matter. `credits`:
    what it had left at `credits_at`. `spent.today`: by key, since midnight (UTC)."""
    return {
        "name": account.name,
        "object": "account",
        "adapter": account.adapter,
        "base_url": account.base_url,
        "models": dict(account.models),
        "weight": account.weight,
        "concurrent": account.concurrent,
        "per_minute": account.per_minute,
        "state": fares.state,
        "why": fares.why or None,
        "since": iso(fares.since),
        "until": iso(fares.until) if fares.until > time.time() * 1000 else None,
        "under_way": fares.busy,
        "cost": dict(account.cost),
        "credits": purse.credits,
        "credits_at": iso(purse.asked),
        "spent": {"units": purse.units, "jobs": purse.jobs, "today": purse.today},
    }


def doubt(job: Job, since_ms: int) -> dict[str, Any]:
    """`looks`: how often it was looked for. `sent_at`: when it went out, as the upstream's own list may show it."""
    error = {"code": job.error.code, "message": job.error.message} if job.error else None
    return {
        "job": job.id,
        "object": "doubt",
        "kind": job.kind,
        "model": job.model,
        "owner": job.owner,
        "account": job.account,
        "sent_at": iso(job.upstream.sent if job.upstream else 0),
        "in_doubt_since": iso(since_ms),
        "looks": job.upstream.looks if job.upstream else 0,
        "error": error,
    }
