"""Slots of accounts for calls that are under way: asked for in one call to Redis, and only where that may matter."""

import asyncio
import logging
from collections.abc import Sequence

from api.chat.routes import Offered
from storage.capacity import Capacity
from storage.errors import RedisUnavailable, UpstreamBusy
from storage.tasks import end

log = logging.getLogger(__name__)

LEASE_S = 30.0


class Seats:
    """Use between `start` and `stop`. A process that is killed leaves slots that are free again after LEASE_S."""

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._taken: dict[str, str] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._renewing: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._renewing.add(asyncio.create_task(self._renew()))

    async def stop(self) -> None:
        for call in list(self._taken):
            self.leave(call)
        await asyncio.gather(*self._leaving)
        await end(*self._renewing)

    async def take(self, call: str, offered: Sequence[Offered]) -> Offered:
        """The first of them that can take the call. Raises UpstreamBusy if none can now, RedisUnavailable."""
        if offered[0].route.at_ease:
            return offered[0]
        seat = await self._capacity.seat(call, [each.route.account for each in offered], lease_s=LEASE_S)
        if seat.account is None:
            raise UpstreamBusy("all that serves this model is busy, or rests", retry_after_s=seat.wait_s)
        self._taken[call] = seat.account
        return next(each for each in offered if each.route.account.name == seat.account)

    def leave(self, call: str) -> None:
        """The call is over, however it ended. May be called twice."""
        account = self._taken.pop(call, None)
        if account is not None:
            task = asyncio.create_task(self._leave(account, call))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _leave(self, account: str, call: str) -> None:
        try:
            await self._capacity.release(account, call)
        except RedisUnavailable as error:
            log.warning("a slot is left to its lease: %s", error)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 3)
            try:
                taken = self._taken.items()
                await asyncio.gather(*(self._capacity.keep(account, call, lease_s=LEASE_S) for call, account in taken))
            except RedisUnavailable as error:
                log.warning("slots could not be kept: %s", error)
