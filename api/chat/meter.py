"""What relayed chats took, by account and by whose they were: counted here, and written down once a second.

The count is the upstream's own. Of an answer that was read to its end it is whole, whether its caller stayed or left.
One that was broken off ("cancel", or a failure) counts with what the upstream had said by then, which is mostly
nothing: it is counted as untold. A process that is killed forgets a second of it.
"""

import asyncio
import logging
from typing import NamedTuple

from api.upstreams.base import Usage
from storage.errors import RedisUnavailable
from storage.ledger import Ledger, Talk
from storage.tasks import end

log = logging.getLogger(__name__)

EVERY_S = 1.0


class _Whose(NamedTuple):
    account: str
    owner: str


class Meter:
    """Use between `start` and `stop`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._counts: dict[_Whose, Talk] = {}
        self._writing: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._writing.add(asyncio.create_task(self._forever()))

    async def stop(self) -> None:
        await end(*self._writing)
        await self._write()

    def count(self, account: str, owner: str, usage: Usage | None) -> None:
        """A chat that the account took."""
        whose = _Whose(account, owner)
        took = Talk(1, 0, usage.prompt, usage.completion) if usage else Talk(1, 1)
        self._counts[whose] = self._counts.get(whose, Talk()).plus(took)

    async def _forever(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            await self._write()

    async def _write(self) -> None:
        counts, self._counts = self._counts, {}
        await asyncio.gather(*(self._keep(whose, talk) for whose, talk in counts.items()))

    async def _keep(self, whose: _Whose, talk: Talk) -> None:
        try:
            await self._ledger.talked(whose.account, whose.owner, talk)
        except RedisUnavailable as error:  # later, then
            log.warning("what chats took is not written down yet: %s", error)
            self._counts[whose] = self._counts.get(whose, Talk()).plus(talk)
