"""The step that brings home what an upstream has made. It costs nothing, and is tried again apart from the making."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storage.accounts import Accounts
from storage.errors import InvalidRequest, RequestError, UpstreamError, UpstreamFailed, UpstreamMalformed
from storage.job import Failure, Job, Upstream
from storage.outbound import Outbound
from workers.adapters.base import Adapter, Done, Failed, Item
from workers.outcomes import PutOff
from workers.render import Attempt
from workers.upstream.fetching import made_of
from workers.upstream.items import kept
from workers.upstream.progress import standing
from workers.upstream.sending import Sending
from workers.upstream.unchanged import target_of

MOST_TRIES = 8
COVER_TRIES = 4
"""After so many tries a result comes home without what is not its main file."""

_FIRST_S, _FACTOR, _MOST_S = 2.0, 2.0, 60.0


async def collect(ctx: dict[str, Any], job: Job) -> dict[str, Any]:
    """The arq function. `ctx` as for `submit`, and "fetching": the client for addresses from outside."""
    return await _Collection(ctx, job).end()


class _Collection(Attempt):
    """One attempt at bringing a job's results home. Attempts count from the job's first, its submission."""

    def __init__(self, ctx: dict[str, Any], job: Job) -> None:
        super().__init__(ctx, job)
        self.accounts: Accounts = ctx["accounts"]
        self.adapters: Mapping[str, Adapter] = ctx["adapters"]
        self.sending: Sending = ctx["sending"]
        self.fetching: Outbound = ctx["fetching"]

    async def make(self, item: int) -> None:
        """The item's files in the spool, checked. What has failed upstream has failed."""
        if await asyncio.to_thread(self.spool.made, self.job, item):
            return
        stands = standing(self.job)[item - 1]
        if isinstance(stands, Done):
            await self._fetch(item, stands)
        else:
            error = stands.error if isinstance(stands, Failed) else UpstreamFailed("the upstream did not end it")
            await self.give_up(item, Failure.of(error))

    async def _fetch(self, item: int, stands: Done) -> None:
        folder = await asyncio.to_thread(self.spool.folder, self.job, item)
        try:
            spare = self.job.attempt >= COVER_TRIES
            made = await made_of(stands, folder, self.job, self.fetching, await self._target(), spare=spare)
        except InvalidRequest as error:
            await self.give_up(item, Failure.of(error))
            return
        except (UpstreamError, RequestError) as error:
            if self.job.attempt >= MOST_TRIES:
                await self.give_up(item, Failure.of(error))
                return
            await self._ask_again(item)
            raise PutOff(_delay_s(self.job.attempt), error=Failure.of(error)) from error
        output = self.job.output(item)
        output.upstream_id, output.upstream_task = stands.id, self._task(item)
        await asyncio.to_thread(self.spool.keep, self.job, item, made)

    async def _target(self) -> Mapping[str, Path]:
        """What the caller sent, where the result is compared with it."""
        if target_of(self.job) is None:
            return {}
        return {name: Path(path) for name, path in (await self._inputs()).items()}

    async def _ask_again(self, item: int) -> None:
        """Links run out: the upstream may have a fresh one. What it says now is used at the next attempt."""
        account, adapter = self.accounts.get(self.job.account), self.adapters.get(self.job.account)
        way, id = self.job.upstream, self._task(item)
        if account is None or adapter is None or way is None or id is None or not adapter.batch:
            return
        try:
            told = adapter.read(await self.sending.call(account, adapter, adapter.poll([id]))).get(id, ())
        except UpstreamError:
            return
        place = (item - 1) % way.each(self.job.items)
        fresh: Item | None = told[place] if place < len(told) else None
        if isinstance(fresh, Done):
            try:
                way.items[item - 1] = kept([fresh])[0]
            except UpstreamMalformed:
                return
            await self.queue.report(self.job, tell="changed", upstream=way)

    def _task(self, item: int) -> str | None:
        """What the item was polled by."""
        way = self.job.upstream or Upstream()
        place = (item - 1) // way.each(self.job.items)
        return way.ids[place] if place < len(way.ids) else None


def _delay_s(attempt: int) -> float:
    return float(min(_MOST_S, _FIRST_S * _FACTOR ** max(0, attempt - 1)))
