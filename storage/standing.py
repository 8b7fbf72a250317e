"""What an operator sees of accounts and of jobs in doubt, and the word that they have on them. No secret is in it.

One shape for the API and the command.
"""

import time
from typing import Any

from storage.accounts import Account, Accounts
from storage.capacity import AccountState, Fares
from storage.errors import NotFound
from storage.job import Failure, Job, Status
from storage.ledger import Purse
from storage.public import iso
from storage.store import Store

STRANDED = Failure("upstream_failed", "the account that has it is there no more, and it was given up")
GIVEN_UP = Failure("upstream_failed", "whether the upstream took it could not be found out, and it was given up")


class Standing:
    """`why` is told as upstreams say it, names of accounts and all: for operators only."""

    def __init__(self, store: Store, accounts: Accounts) -> None:
        self._store, self._accounts = store, accounts

    async def accounts(self) -> list[dict[str, Any]]:
        """How each account of the file fares, in the file's order; then those that are there no more, and have jobs."""
        known = [*self._accounts.all().values()]
        names = [account.name for account in known]
        fares, purses = await self._store.capacity.fares(*names), await self._store.ledger.of(*names)
        listed = [shown(*each) for each in zip(known, fares, purses, strict=True)]
        return listed + [missing(name, len(jobs)) for name, jobs in (await self._gone()).items()]

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
        """The jobs in doubt, the longest first, 1000 at the most; then those whose account is there no more."""
        rows = dict(await self._store.upstreams.doubts())
        jobs = await self._store.jobs.get(*rows)
        found = [doubt(job, rows[job.id]) for job in jobs if job and job.status == Status.IN_DOUBT]
        gone = [id for ids in (await self._gone()).values() for id in ids]
        stranded = await self._store.jobs.get(*gone)
        return found + [doubt(job, job.upstream.sent) for job in stranded if job and job.upstream]

    async def resubmit(self, id: str) -> Job:
        """The upstream has not got it, or nothing will come of it: it is sent again. Raises NotFound."""
        only = await self._open(id)
        return await self._settled(id, await self._store.upstreams.resubmit(id, only=only))

    async def fail(self, id: str) -> Job:
        """It is given up. Raises NotFound."""
        only = await self._open(id)
        why = GIVEN_UP if only == Status.IN_DOUBT else STRANDED
        return await self._settled(id, await self._store.queue.advance(id, Status.FAILED, only=only, error=why))

    async def _open(self, id: str) -> Status:
        """The state in which a word may be said on a job: in doubt, or waiting at an account that is gone."""
        (job,) = await self._store.jobs.get(id)
        gone = job is not None and job.status == Status.WAITING and self._accounts.get(job.account) is None
        return Status.WAITING if gone else Status.IN_DOUBT

    async def _gone(self) -> dict[str, list[str]]:
        """Accounts that are in the file no more, and the jobs that wait there."""
        names = [name for name in await self._store.upstreams.waited_at() if self._accounts.get(name) is None]
        found = await self._store.upstreams.waiting_at(*names)
        return {name: ids for name, ids in zip(names, found, strict=True) if ids}

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
    what it had left at `credits_at`. `spent.today`: by key, since midnight (UTC). `chats`: relayed ones, in tokens."""
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
        "chats": {**purse.talk._asdict(), "today": purse.tokens},
    }


def missing(name: str, under_way: int) -> dict[str, Any]:
    """An account that has been taken out of the file while jobs wait there, in the shape of all others."""
    bare = shown(
        Account(name=name, adapter="", base_url="http://nowhere", models={"": ""}),
        Fares(AccountState.GONE, "it is in the file no more, and jobs wait there", 0, 0, under_way),
        Purse(),
    )
    return bare | {"adapter": None, "base_url": None, "models": {}}


def doubt(job: Job, since_ms: int) -> dict[str, Any]:
    """`looks`: how often it was looked for. `sent_at`: when it went out, as the upstream's own list may show it.
    `stage`: `in_doubt`; or `upstream` where it was taken, by an account that is there no more."""
    error = {"code": job.error.code, "message": job.error.message} if job.error else None
    return {
        "job": job.id,
        "object": "doubt",
        "kind": job.kind,
        "model": job.model,
        "owner": job.owner,
        "account": job.account,
        "stage": "in_doubt" if job.status == Status.IN_DOUBT else "upstream",
        "sent_at": iso(job.upstream.sent if job.upstream else 0),
        "in_doubt_since": iso(since_ms),
        "looks": job.upstream.looks if job.upstream else 0,
        "error": error,
    }
