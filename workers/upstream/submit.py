"""The step that sends a job to an account: once. Where nobody can be sure that it arrived, it is looked for.

Before the call the intent is written, after it the upstream's ids, in the step that moves the state. Whoever finds a
job with an intent and no ids, because its worker died or no answer came, asks the upstream for its recent work. It is
sent again only where the upstream has said that it did not take it, or on an operator's word.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from storage.accounts import Account, Accounts, InDoubt
from storage.callbacks import Callbacks
from storage.errors import InvalidRequest, RequestError, UpstreamError
from storage.job import Failure, Job, Kind, Status, Upstream
from storage.standing import GIVEN_UP
from storage.tasks import end
from storage.upstream import COLLECT, SLOT_S
from storage.verdict import blame, is_patient
from storage.wire.reply import Reply
from workers.adapters.base import Adapter, Call, Done, Failed, Item, Source, Taken, Task, spread
from workers.outcomes import HandedOn, JobFailed, NoLongerHeld, PutOff
from workers.render import Attempt
from workers.upstream.chatting import answered, asked
from workers.upstream.choosing import ranked
from workers.upstream.fetching import made_of
from workers.upstream.items import kept
from workers.upstream.sending import Sending, fingerprint
from workers.upstream.sizes import sizes_of
from workers.upstream.sources import origin
from workers.upstream.spacing import FIRST_S
from workers.upstream.stopping import stop
from workers.upstream.watching import watching

MOST_TRIES = 6
"""How often a job is sent that accounts have refused to take, for reasons that may pass."""

LOOKS, LOOK_FIRST_S, LOOK_AGAIN_S = 4, 10.0, 30.0
"""How often a job in doubt is looked for before an operator is waited for: new work may be missing from a list."""

GONE_FOR_S, GONE_AGAIN_S = 7200.0, 60.0
"""For how long, and how often, one is kept to be looked for whose account has been taken out of the file."""

_ANSWER = 0  # no item: items have folders of their own, empty at first
_CLOCKS_MS = 120_000  # by how much an upstream's clock may be behind ours
_ELSEWHERE_S, _AGAIN_S = 0.0, 10.0


async def submit(ctx: dict[str, Any], job: Job) -> dict[str, Any]:
    """The arq function. `ctx` as in `workers.render.render`, and "accounts", "adapters" (by account), "sending"
    and "callbacks"."""
    return await _Submission(ctx, job).end()


class _Submission(Attempt):
    """One attempt at one job. Where the upstream answers with the result itself, that is stored in the same attempt."""

    def __init__(self, ctx: dict[str, Any], job: Job) -> None:
        super().__init__(ctx, job)
        self.accounts: Accounts = ctx["accounts"]
        self.adapters: Mapping[str, Adapter] = ctx["adapters"]
        self.sending: Sending = ctx["sending"]
        self.callbacks: Callbacks = ctx["callbacks"]

    async def make(self, item: int) -> None:
        """All items come at once: into the spool, or later, to be collected (HandedOn)."""
        if await asyncio.to_thread(self.spool.made, self.job, item):
            if item == 1:  # whoever had it made may have died before they could say so
                await self.store.upstreams.accepted(self.job)
            return
        if self.job.upstream and self.job.upstream.in_doubt:
            await self._look_for()
        else:
            await self._send()

    async def _send(self) -> None:
        if self.job.canceling:  # before anything was sent: whoever hands it back ends it
            raise PutOff(0.0)
        try:
            goes_on = await origin(self.store, self.job)
        except RequestError as error:
            raise JobFailed(Failure.of(error)) from error
        account = await self._account(goes_on.account)
        adapter = self.adapters[account.name]
        given = {name: Path(path) for name, path in (await self._inputs()).items()}
        sizes = await asyncio.to_thread(sizes_of, given)
        task = Task(
            job=await asyncio.to_thread(asked, self.job, given),
            model=account.models[self.job.model],
            sources=goes_on.sources,
            callback_url=self.callbacks.url(account.name, self.job.id),
            sizes=sizes,
        )
        try:
            call = adapter.submit(task)
        except (RequestError, UpstreamError) as error:  # it cannot be said in this dialect
            raise await self._failed(account, error) from error
        intent, units = fingerprint(call) if call.pays else None, account.cost.get(self.job.kind)
        if not await self.store.upstreams.intend(self.job, intent, served_by=account.adapter, units=units):
            await self.store.capacity.release(account.name, self.job.id)
            raise NoLongerHeld
        if call.timeout_s > SLOT_S:
            await self.store.capacity.keep(account.name, self.job.id, lease_s=call.timeout_s)
        sent = asyncio.ensure_future(self._sent(account, task, call, given))
        try:
            await asyncio.shield(sent)
        except asyncio.CancelledError:
            await stop(self.job, account, adapter, self.sending, self.jobs, sent)
            if call.pays:  # it is on its way: what is answered is still written, if we live as long
                await asyncio.wait([sent])
                sent.result()  # or raises what became of the job
            else:
                await end(sent)
                await self.store.capacity.release(account.name, self.job.id)
            raise

    async def _failed(self, account: Account, error: RequestError | UpstreamError) -> JobFailed:
        """The job's end, before anything was sent."""
        await self.store.capacity.release(account.name, self.job.id)
        return JobFailed(Failure.of(error))

    async def _account(self, only: str) -> Account:
        """The account that the job goes to, with a slot of it. Raises HandedOn where there is none just now,
        JobFailed where none of those that there are could make it."""
        serving = await asyncio.to_thread(self.accounts.serving, self.job.model)
        able = [limited for each in serving if (limited := self._able(each))]
        order = ranked(able, self.job, tried=self._tried(), only=only)
        if only and self.accounts.get(only) is None:
            raise JobFailed(Failure.of(InvalidRequest("the account that made the clip is there no more")))
        if serving and not order:
            what = "what made the clip" if only else "what serves this model"
            raise JobFailed(Failure.of(InvalidRequest(f"{what} does not make {self.job.kind}")))
        name = await self.store.capacity.take(self.job, order, lease_s=SLOT_S)
        if name is None:
            raise HandedOn
        return next(account for account in order if account.name == name)

    def _able(self, account: Account) -> Account | None:
        """The account as it may be used: with its adapter's limit, where it names none. None if it cannot make this."""
        adapter = self.adapters.get(account.name)
        if adapter is None or self.job.kind not in adapter.kinds:
            return None
        at_once = account.concurrent or adapter.at_once
        return account.model_copy(update={"concurrent": at_once})

    async def _sent(self, account: Account, task: Task, call: Call, given: Mapping[str, Path]) -> None:
        adapter = self.adapters[account.name]
        folder = await asyncio.to_thread(self.spool.folder, self.job, _ANSWER)
        try:
            async with watching(self.job, account, adapter, self.sending, self.queue):
                reply = await self.sending.call(account, adapter, call, given, into=folder / "answer")
            taken = await asyncio.to_thread(adapter.taken, task, reply)  # pictures in JSON, perhaps 100 MB of it
            await self._bind(taken)
        except RequestError as error:  # what the caller sent is not what it has to be
            raise await self._failed(account, error) from error
        except UpstreamError as error:
            await self._refused(account, error)
        else:
            await self.store.capacity.went_well(account.name)
            await self._answered(account, taken)

    async def _bind(self, taken: Taken) -> None:
        """Let go of the job, if it is made from now on under these ids. Raises UpstreamMalformed if another has one."""
        if taken.ids:
            await self.store.upstreams.taken(self.job, taken.ids, ask_after_s=FIRST_S)

    async def _answered(self, account: Account, taken: Taken) -> None:
        if taken.ids:
            raise HandedOn
        if self.job.kind == Kind.CHAT:
            await self._told(taken.items)
        else:
            await self._kept(account, taken.items)
        await self.store.capacity.release(account.name, self.job.id)

    async def _told(self, items: Sequence[Item]) -> None:
        """What was said, in the job's record."""
        answered(self.job, items)
        if not await self.store.upstreams.accepted(self.job, outputs=self.job.outputs):
            raise NoLongerHeld

    async def _kept(self, account: Account, told: Sequence[Item]) -> None:
        """What was made, in the spool, before anything else is said of it."""
        items = spread(told, self.job.items)
        if any(file.url for item in items if isinstance(item, Done) for file in item.files):
            await self.store.upstreams.accepted(self.job)
            await self._collected(account, items)
        for number, item in enumerate(items, 1):
            await self._keep(number, item)
        await self.store.upstreams.accepted(self.job)

    async def _collected(self, account: Account, items: Sequence[Item]) -> None:
        """The answer names addresses: what lies there is brought home as of any other upstream, which may take tries of
        its own, and sends nothing again. Raises PutOff."""
        way = Upstream(sent=self.job.upstream.sent if self.job.upstream else 0, items=kept(items))
        moved = await self.queue.advance(
            self.job.id, Status.STORING, token=self.job.token, stage="storing", step=COLLECT, upstream=way
        )
        if not moved:
            raise NoLongerHeld
        self.job.status, self.job.upstream = Status.STORING, way
        await self.store.capacity.release(account.name, self.job.id)
        raise PutOff(0.0)

    async def _keep(self, number: int, item: Item) -> None:
        """An item that came with the answer. What is wrong with it is its own: the others may be good."""
        match item:
            case Done():
                folder = await asyncio.to_thread(self.spool.folder, self.job, number)
                given = {name: Path(path) for name, path in (await self._inputs()).items()}
                try:
                    made = await made_of(item, folder, self.job, None, given)
                except (InvalidRequest, UpstreamError) as error:
                    await self.give_up(number, Failure.of(error))
                else:
                    await asyncio.to_thread(self.spool.keep, self.job, number, made)
            case Failed(error=error):
                await self.give_up(number, Failure.of(error))
            case _:
                await self.give_up(number, Failure("upstream_malformed", "the upstream answered without a result"))

    async def _refused(self, account: Account, error: UpstreamError) -> None:
        """Raises what becomes of the job."""
        verdict = await blame(self.store.capacity, account, error)
        if error.in_doubt:
            await self._doubt(error)
        await self.store.upstreams.forget_intent(self.job)
        await self.store.capacity.release(account.name, self.job.id)
        if not verdict.elsewhere or (self.job.attempt >= MOST_TRIES and not is_patient(error)):
            raise JobFailed(Failure.of(error))
        serving = await asyncio.to_thread(self.accounts.serving, self.job.model)
        others = {each.name for each in serving} - set(self._tried())
        delay_s = _ELSEWHERE_S if others else error.retry_after_s or _AGAIN_S
        raise PutOff(delay_s, stage=error.code, error=Failure.of(error))

    def _tried(self) -> Sequence[str]:
        return self.job.upstream.tried if self.job.upstream else []

    async def _doubt(self, error: UpstreamError | None = None, *, several: bool = False) -> None:
        """The job is looked for in a while, if its upstream lists its work; else its account's policy holds, or
        somebody has to say what became of it. `several`: it was looked for, and more than one could be it.

        Raises HandedOn, JobFailed.
        """
        way, adapter = self.job.upstream, self.adapters.get(self.job.account)
        looks = way.looks if way else 0
        more = adapter is not None and adapter.recent() is not None and looks < LOOKS
        fields = {"error": Failure.of(error)} if error else {}
        policy = "look" if more else self._policy(several)
        if policy == "fail":
            raise JobFailed(GIVEN_UP)
        look_s = None if policy == "hold" else LOOK_AGAIN_S if looks else LOOK_FIRST_S
        await self.store.upstreams.doubt(self.job, look_after_s=look_s, **fields)
        if policy == "resubmit":
            await self.store.upstreams.resubmit(self.job.id, resent=1)
        raise HandedOn

    def _policy(self, several: bool) -> InDoubt:
        """Sent again is a job once, and not if the upstream lists what could be it."""
        account, way = self.accounts.get(self.job.account), self.job.upstream
        policy = account.when_in_doubt(self.job.model) if account else "hold"
        return "hold" if policy == "resubmit" and (several or (way and way.resent)) else policy

    async def _look_for(self) -> None:
        """A job that may have been taken: ask the upstream for its recent work. Raises what becomes of it."""
        way, account = self.job.upstream, self.accounts.get(self.job.account)
        adapter = self.adapters.get(self.job.account)
        call = adapter.recent() if adapter else None
        if way is not None and account is None and time.time() * 1000 - way.sent < GONE_FOR_S * 1000:
            await self.store.upstreams.doubt(self.job, look_after_s=GONE_AGAIN_S)
            raise HandedOn
        if way is None or account is None or adapter is None or call is None:
            await self._doubt()
            return
        way.looks += 1
        try:
            reply = await self.sending.call(account, adapter, call)
            found = await self._found(account, adapter, way.sent - _CLOCKS_MS, reply)
            if len(found) == 1 and (found[0].whole or way.looks >= LOOKS):  # else the rest may be listed later
                await self._bind(found[0])
                await self.store.capacity.went_well(account.name)
                raise HandedOn
        except UpstreamError as error:
            await blame(self.store.capacity, account, error)
            await self._doubt(error)
            return
        if len(found) > 1:
            way.looks = LOOKS  # only a person can tell
        await self._doubt(several=len(found) > 1)

    async def _found(self, account: Account, adapter: Adapter, since_ms: int, reply: Reply) -> Sequence[Taken]:
        """What of the upstream's list may be the job, and is no other job's."""
        sources: Mapping[str, Source] = {}
        with suppress(RequestError):  # any source will do then
            sources = (await origin(self.store, self.job)).sources
        model = account.models.get(self.job.model, self.job.model)
        task = Task(job=self.job, model=model, sources=sources)
        found = await asyncio.to_thread(adapter.found, task, since_ms, reply)
        ids = [id for each in found for id in each.ids]
        others = {id for id, job in (await self.store.upstreams.bound(account.name, ids)).items() if job != self.job.id}
        if not others:
            return found
        task = msgspec.structs.replace(task, others=frozenset(others))
        return await asyncio.to_thread(adapter.found, task, since_ms, reply)
