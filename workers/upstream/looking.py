"""One look after the jobs of an account: as few calls as its dialect allows, and what they say written down."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from storage.accounts import Account
from storage.errors import UpstreamError
from storage.events import progress_word
from storage.job import Failure, Job, OutputStatus
from storage.store import Store
from storage.verdict import blame, is_an_operators
from storage.wire.reply import Reply
from workers.adapters.base import Adapter, Call, Failed, Item, Pending
from workers.upstream import spacing
from workers.upstream.progress import Limits, Sight, given_up, is_old, missing, open_ids, sight
from workers.upstream.sending import Sending

log = logging.getLogger(__name__)

_AT_ONCE = 8  # calls to one account
_SHARE = 0.9  # of a job's progress: bringing it home is the rest

Told = Mapping[str, Sequence[Item]]


class _Asked(NamedTuple):
    """What polls said, and after which ids nothing could be learnt."""

    told: dict[str, Sequence[Item]]
    unknown: dict[str, UpstreamError]

    @property
    def error(self) -> UpstreamError | None:
        return next(reversed(self.unknown.values()), None)

    def error_of(self, ids: Sequence[str]) -> UpstreamError | None:
        """Why nothing could be learnt of some of these."""
        return next((self.unknown[id] for id in ids if id in self.unknown), None)


class Look:
    """`asker`: who holds the account's lease."""

    def __init__(
        self, store: Store, sending: Sending, account: Account, adapter: Adapter, asker: str, limits: Limits
    ) -> None:
        self._store, self._sending, self._account, self._adapter = store, sending, account, adapter
        self._asker, self._limits = asker, limits

    async def after(self, jobs: Sequence[Job], *, failures: int) -> bool:
        """Ask after jobs, and write what is seen. True if the account could not be asked (after `failures` before)."""
        asked = await self._asked([id for job in jobs for id in open_ids(job)])
        if asked.error:
            await blame(self._store.capacity, self._account, asked.error)
        usual_s = await self._store.upstreams.usual_s(*{job.kind for job in jobs})
        await asyncio.gather(*(self._look(job, asked, usual_s[job.kind], failures) for job in jobs))
        return asked.error is not None

    async def _look(self, job: Job, asked: _Asked, usual_s: float, failures: int) -> None:
        error, now_ms = asked.error_of(open_ids(job)), int(time.time() * 1000)
        if error is None:
            await self._write(job, await self._seen(job, asked.told, usual_s))
        elif not is_an_operators(error) and is_old(job, now_ms, self._limits):
            await self._write(job, given_up(job, error))
        else:
            await self._store.upstreams.seen(job, self._asker, again_s=spacing.after_failures_s(failures))

    async def _asked(self, ids: Sequence[str]) -> _Asked:
        asked, turns, size = _Asked({}, {}), asyncio.Semaphore(_AT_ONCE), self._adapter.batch

        async def ask(some: Sequence[str]) -> None:
            try:
                async with turns:
                    reply = await self._call(self._adapter.poll(some))
                asked.told.update(self._adapter.read(reply))
            except UpstreamError as error:
                log.warning("account %s: asking after %d jobs: %s", self._account.name, len(some), error)
                asked.unknown.update(dict.fromkeys(some, error))

        await asyncio.gather(*(ask(ids[at : at + size]) for at in range(0, len(ids), size)))
        return asked

    async def _seen(self, job: Job, told: Told, usual_s: float) -> Sight:
        now_ms = int(time.time() * 1000)
        seen = sight(job, told, now_ms, usual_s=usual_s, limits=self._limits)
        alone: dict[str, Sequence[Item]] = {}
        for id in missing(seen.way, now_ms):
            if call := self._adapter.single(id):
                try:
                    alone |= self._adapter.read(await self._call(call))
                except UpstreamError as error:  # of one job; it stays missing, and is given up in its time
                    log.warning("account %s: looking for one job: %s", self._account.name, error)
        return sight(job, {**told, **alone}, now_ms, usual_s=usual_s, limits=self._limits) if alone else seen

    async def _write(self, job: Job, seen: Sight) -> None:
        before, progress = job.progress, max(job.progress, round(_SHARE * seen.progress, 3))
        ends = seen.again_s is None
        for number, item in enumerate(seen.items, 1):
            _mark(job, number, item, ended=ends)
        job.upstream = seen.way
        back = {"waits_for": ""} if job.waits_for else {}  # its account was gone
        await self._store.upstreams.seen(
            job,
            self._asker,
            again_s=seen.again_s,
            tell=progress_word(before, progress),
            progress=progress,
            outputs=job.outputs,
            **back,
        )

    async def _call(self, call: Call) -> Reply:
        return await self._sending.call(self._account, self._adapter, call)


def _mark(job: Job, number: int, item: Item, *, ended: bool) -> None:
    """What callers may see of an item: that it is being made, or has failed. A failure counts once all have ended."""
    for output in job.outputs:
        if output.item != number:
            continue
        if isinstance(item, Failed) and ended:
            output.status, output.error = OutputStatus.FAILED, Failure.of(item.error)
        elif output.status == OutputStatus.PENDING and not (isinstance(item, Pending) and not item.begun):
            output.status = OutputStatus.MAKING
