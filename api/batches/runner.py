"""Every API process works on batches: it holds some by leases, and takes over those whose process has gone."""

import asyncio
import logging
from contextlib import suppress
from typing import Self

from api.batches.work import Work
from api.services import Services
from storage import keys
from storage.batches import Batch, NoLongerHeld
from storage.errors import RedisUnavailable, StorageError
from storage.signals import Signal
from storage.tasks import end

log = logging.getLogger(__name__)

LEASE_S = 8.0
RENEW_S = 2.5
MOST = 32
"""How many batches one process works on at a time."""

_AT_ONCE_JUDGED = 2
_PAUSE_S = 0.5


class BatchRunner:
    """`async with BatchRunner(services)`."""

    def __init__(self, services: Services) -> None:
        self._services, self._batches = services, services.store.batches
        self._held: dict[str, tuple[Work, asyncio.Task[None]]] = {}
        self._judging = asyncio.Semaphore(_AT_ONCE_JUDGED)

    async def __aenter__(self) -> Self:
        self._serving = asyncio.create_task(self._serve())
        return self

    async def __aexit__(self, *_: object) -> None:
        """What was held is let go of, so that another process need not wait for the leases to end."""
        await end(self._serving)
        held = [work.batch for work, _ in self._held.values()]
        await end(*(task for _, task in self._held.values()))
        with suppress(RedisUnavailable):
            await self._batches.renew(held, lease_s=0)

    async def _serve(self) -> None:
        while True:
            try:
                async with self._services.store.signals.watch(keys.BATCHES_CHANNEL) as bell:
                    await self._hold(bell)
            except StorageError as error:
                log.info("no batch can be claimed: %s", error)
            except Exception:
                log.exception("no batch can be claimed")
            await asyncio.sleep(_PAUSE_S)

    async def _hold(self, bell: Signal) -> None:
        while True:
            await self._renew()
            if (free := MOST - len(self._held)) > 0:
                for batch in await self._batches.claim(free, lease_s=LEASE_S):
                    self._start(batch)
            await bell.wait(RENEW_S)

    async def _renew(self) -> None:
        works = [work for work, _ in self._held.values()]
        if works:
            statuses = await self._batches.renew([work.batch for work in works], lease_s=LEASE_S)
            for work in works:
                if status := statuses.get(work.batch.id):
                    work.told(status)
                elif held := self._held.get(work.batch.id):  # it may have ended meanwhile
                    held[1].cancel()

    def _start(self, batch: Batch) -> None:
        work = Work(self._services, batch, self._judging)
        task = asyncio.create_task(self._run(work))
        self._held[batch.id] = work, task
        task.add_done_callback(lambda _: self._held.pop(batch.id, None))

    async def _run(self, work: Work) -> None:
        """What cannot go on now is left to its lease, and taken up again after it."""
        try:
            await work.run()
        except NoLongerHeld:
            log.info("%s is another runner's by now", work.batch.id)
        except StorageError as error:
            log.warning("%s is put off: %s", work.batch.id, error)
        except Exception:
            log.exception("%s cannot be worked on", work.batch.id)
