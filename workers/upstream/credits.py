"""What accounts have left is asked for, seldom, and by one worker at a time: of upstreams that say it."""

import asyncio
import logging
import time

from storage.accounts import Account
from storage.capacity import AccountState
from storage.errors import RedisUnavailable, UpstreamError
from storage.store import Store
from storage.tasks import end
from workers.adapters.base import Adapter, Prepaid
from workers.upstream.sending import Sending

log = logging.getLogger(__name__)

LOOK_S = 30.0
"""How often a worker looks whether it is time to ask."""

_LET_ALONE = (AccountState.CHALLENGE, AccountState.SUSPENDED, AccountState.PAUSED)


class Credits:
    """A worker's. `name`: the worker's."""

    def __init__(self, store: Store, sending: Sending, *, name: str) -> None:
        self._store, self._sending, self._name = store, sending, name
        self._looked: dict[str, float] = {}
        self._asking: set[asyncio.Task[None]] = set()

    def look(self, account: Account, adapter: Adapter) -> None:
        """Have the account asked, if it is time. Returns at once."""
        now = time.monotonic()
        if not isinstance(adapter, Prepaid) or now - self._looked.get(account.name, -LOOK_S) < LOOK_S:
            return
        self._looked[account.name] = now
        task = asyncio.create_task(self._ask(account, adapter, adapter))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def stop(self) -> None:
        await end(*self._asking)

    async def _ask(self, account: Account, adapter: Adapter, prepaid: Prepaid) -> None:
        """One that wants to see a person, or is closed, is not asked. That an answer cannot be had is of no account."""
        try:
            (fares,) = await self._store.capacity.fares(account.name)
            if fares.state in _LET_ALONE or not await self._store.ledger.turn(account.name, self._name):
                return
            left = prepaid.balance(await self._sending.call(account, adapter, prepaid.credits()))
            await self._store.ledger.told(account, left)
        except (UpstreamError, RedisUnavailable) as error:
            log.warning("account %s: asking what it has left: %s", account.name, error)
        except Exception:  # it is asked again, by us or another
            log.exception("asking what %s has left broke", account.name)
