"""The shared poller: asks after the jobs of all accounts, many in a call, one asker an account, whichever worker it is.

It writes what it sees and moves jobs on; it holds none. A job that makes no progress for long, or is too old, is given
up with what there is: one clip of two is kept. Cancelled, or killed, it leaves nothing half-done: another goes on when
its lease has ended.
"""

import asyncio
import logging
from collections.abc import Mapping

from storage.accounts import Account, Accounts
from storage.errors import RedisUnavailable
from storage.job import Job
from storage.store import Store
from storage.tasks import end
from workers.adapters.base import Adapter
from workers.upstream.credits import Credits
from workers.upstream.looking import Look
from workers.upstream.progress import USUAL, Limits
from workers.upstream.sending import Sending
from workers.upstream.stranded import look_after

log = logging.getLogger(__name__)

LEASE_S = 15.0
MOST = 500
_IDLE_S, _AT_LEAST_S = 1.0, 0.2


class Poller:
    """A worker's. `adapters`: those of all accounts, by their names; `name`: the worker's."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        adapters: Mapping[str, Adapter],
        sending: Sending,
        *,
        name: str,
        limits: Limits = USUAL,
    ) -> None:
        self._store, self._accounts, self._adapters, self._sending = store, accounts, adapters, sending
        self._name, self._limits = name, limits
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, int] = {}
        self._credits = Credits(store, sending, name=name)

    async def run(self) -> None:
        """Until it is cancelled."""
        try:
            while True:
                wait_s = await self._safe_turn()
                await asyncio.sleep(wait_s)
        finally:
            await end(*self._asking.values())
            await self._credits.stop()

    async def _safe_turn(self) -> float:
        """A turn that breaks must not be the last one: nobody would notice."""
        try:
            return await self._turn()
        except RedisUnavailable as error:
            log.warning("poller: %s", error)
            return _IDLE_S
        except Exception:
            log.exception("poller: a turn broke")
            return _IDLE_S

    async def _turn(self) -> float:
        """Begin what is due. Returns the seconds until it is worth looking again."""
        waits = [_IDLE_S]
        self._asking = {name: task for name, task in self._asking.items() if not task.done()}
        asked = await self._asked()
        for name in dict.fromkeys([*asked, *await self._store.upstreams.waited_at()]):
            if name in self._asking:
                continue
            due = await self._store.upstreams.due(name, self._name, lease_s=LEASE_S, most=MOST)
            if due.ours and due.next_s is not None:
                waits.append(due.next_s)
            if due.ids:
                self._asking[name] = asyncio.create_task(self._safe_ask(name, asked.get(name), due.ids))
        return max(_AT_LEAST_S, min(waits))

    async def _asked(self) -> dict[str, tuple[Account, Adapter]]:
        """The accounts that can be asked after jobs."""
        found = {}
        for name, account in (await asyncio.to_thread(self._accounts.all)).items():
            if adapter := self._adapters.get(name):
                self._credits.look(account, adapter)
                if adapter.batch:
                    found[name] = account, adapter
        return found

    async def _safe_ask(self, name: str, asked: tuple[Account, Adapter] | None, ids: list[str]) -> None:
        try:
            jobs = [job for job in await self._store.jobs.get(*ids) if job is not None]
            if asked is None:
                await look_after(self._store, self._name, jobs, self._limits)
            else:
                await self._ask(*asked, jobs)
        except RedisUnavailable as error:
            log.warning("poller: %s", error)
        except Exception:  # it is asked after again, by us or another
            log.exception("poller: asking after the jobs of %s broke", name)

    async def _ask(self, account: Account, adapter: Adapter, jobs: list[Job]) -> None:
        look = Look(self._store, self._sending, account, adapter, self._name, self._limits)
        failed = await look.after(jobs, failures=self._failures.get(account.name, 0))
        self._failures[account.name] = self._failures.get(account.name, 0) + 1 if failed else 0
