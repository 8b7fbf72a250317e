"""A lane claims jobs in order, runs each under a renewed lease, and hands back what it cannot finish.

It lives inside a stock `arq.Worker`, tied in by two of its public hooks (`on_startup`, `on_shutdown`): arq is the
process (signals, cron, shutdown order), the lane does the work. Steps are plain arq functions, `async def step(ctx,
job)`: what one returns are the fields of its job's last move, to SUCCEEDED; it may raise `arq.Retry`, any
`GatewayError`, or what `workers/outcomes.py` lists.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, cast

import msgspec
from arq.typing import WorkerCoroutine
from arq.worker import Function, Retry, func

from storage import keys
from storage.errors import GatewayError, RedisUnavailable
from storage.job import Failure, Job, Status
from storage.queue import Queue
from storage.signals import Signals
from storage.tasks import end
from workers.outcomes import JobFailed, NoLongerHeld, PutOff
from workers.retry import retry_in, spends_attempt

log = logging.getLogger(__name__)

Step = Callable[[dict[str, Any], Job], Awaitable[dict[str, Any]]]

_LISTEN_S = 1.0  # the longest a lost bell can cost


class Lane:
    """`slots` steps at once, their jobs held for `lease_s` at a time; at a stop they get `drain_s` to end themselves.
    `run_s`: how long a step may take, if the job does not say. `taken`: what a queued job is from when it is claimed.

    `lease_s` must be longer than the event loop is ever blocked.
    """

    def __init__(
        self,
        name: str,
        steps: Sequence[Step],
        *,
        worker: str,
        slots: int,
        lease_s: float = 10.0,
        drain_s: float = 10.0,
        run_s: float = 1800.0,
        taken: Status = Status.RUNNING,
    ) -> None:
        self.taken, self.run_s = taken, run_s
        self.name, self.worker, self.slots, self.lease_s, self.drain_s = name, worker, slots, lease_s, drain_s
        self.steps: dict[str, Function] = {function.name: function for function in map(_function, steps)}
        self.held: dict[str, tuple[Job, asyncio.Task[None]]] = {}
        self._running: set[asyncio.Task[None]] = set()  # those held, and such as have lost their job and not ended yet
        self._busy: set[asyncio.Task[None]] = set()  # those of them whose step has not ended: each has a slot
        self._asked = 0  # slots that are kept for what is being claimed
        self._calling = False  # a claim has been called in this turn of the loop
        self._more = self._closing = False
        self._look = asyncio.Event()  # there may be something to claim for
        self.done = 0

    async def start(self, ctx: dict[str, Any]) -> None:
        """arq's `on_startup`. `ctx` holds "queue" and "signals", and is handed to every step."""
        self._ctx = ctx
        self._queue: Queue = ctx["queue"]
        self._signals: Signals = ctx["signals"]
        self._listening: asyncio.Task[None] = asyncio.create_task(asyncio.sleep(0))
        self._filling = [asyncio.create_task(self._forever(loop)) for loop in (self._fill, self._fill_too)]
        self._tending = [asyncio.create_task(self._forever(loop)) for loop in (self._renew, self._heed)]

    async def stop(self) -> None:
        """arq's `on_shutdown`: claim no more, let short work end, hand back the rest with its attempt unspent."""
        self._closing = True  # and not cancelled: a claimed job always gets its task
        self._look.set()
        await end(self._listening)
        await asyncio.gather(*self._filling, return_exceptions=True)
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=self.drain_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await end(*self._tending)
        try:
            await self._queue.claim(self.name, 0, lease_s=self.lease_s)  # a bell we swallowed is passed on
            await self._queue.leave(self.name, self.worker, self.slots)
        except RedisUnavailable:
            log.warning("lane %s: Redis is away; leases and health keys will end by themselves", self.name)

    async def _forever(self, loop: Callable[[], Awaitable[None]]) -> None:
        """`loop`, from its beginning again when Redis has been away."""
        while True:
            try:
                await loop()
                return
            except (RedisUnavailable, TimeoutError) as error:  # leases protect the jobs meanwhile
                log.warning("lane %s: %s", self.name, error)
                await asyncio.sleep(0.5)
            except Exception:
                log.exception("lane %s is broken, leaving", self.name)
                os.kill(os.getpid(), signal.SIGTERM)
                return

    async def _fill(self) -> None:
        while await self._room():
            wake_s = await self._claim()
            if not self._more and not self._closing:
                within_s = min(_LISTEN_S, wake_s) if wake_s is not None else _LISTEN_S
                self._listening = asyncio.create_task(self._queue.listen(self.name, within_s))
                await self._listening

    async def _fill_too(self) -> None:
        """So that Redis works on one half of the slots while we are at the other's jobs."""
        while await self._room(only_while_more=True):
            await self._claim()

    async def _room(self, *, only_while_more: bool = False) -> bool:
        """Wait until there is a slot to claim for, and more to claim than the last one brought if that is asked. False:
        claim no more.

        Two claims that are called in one moment would travel together, and so would all that follows from them: Redis
        and we would take turns from then on.
        """
        while not self._closing and (self._calling or self._free() <= 0 or (only_while_more and not self._more)):
            self._look.clear()
            await self._look.wait()
        return not self._closing

    def _free(self) -> int:
        return self.slots - len(self._busy) - self._asked

    async def _claim(self) -> float | None:
        """Claim for half of the slots at the most. Returns the seconds until the next sleeper wakes.

        The moves of the jobs that had these slots are called in the same moment, so they travel together and Redis
        waits for its disk once: nothing may be awaited here before the call.
        """
        free = min(self._free(), -(-self.slots // 2))
        self._asked += free
        self._calling = True
        asyncio.get_running_loop().call_soon(self._called)
        try:
            wake_s, jobs = await self._queue.claim(self.name, free, lease_s=self.lease_s, taken=self.taken)
            for job in jobs:
                self._begin(job)
            self._more = len(jobs) == free
        finally:
            self._asked -= free
            self._look.set()  # for the other of the two: there is more, or slots that it waited for were not needed
        return wake_s

    def _called(self) -> None:
        self._calling = False
        self._look.set()

    def _begin(self, job: Job) -> None:
        self._drop(job.id)  # an earlier attempt of ours, whose lease ran out: its word no longer counts
        task = asyncio.create_task(self._run(job))
        self.held[job.id] = job, task
        self._running.add(task)
        self._busy.add(task)
        task.add_done_callback(partial(self._ended, job))

    async def _renew(self) -> None:
        while True:
            asked = [job for job, _ in self.held.values()]
            lost = await self._queue.renew(
                self.name,
                asked,
                lease_s=self.lease_s,
                worker=self.worker,
                slots=self.slots,
                health=msgspec.json.encode({"slots": self.slots, "held": len(self.held), "done": self.done}),
            )
            for job in asked:
                if job.id in lost and self._holds(job):  # and not a later attempt, claimed meanwhile
                    self._drop(job.id)
            await asyncio.sleep(self.lease_s / 3)

    async def _heed(self) -> None:
        """A cancelled job is dropped at once, not at the next renewal."""
        async with self._signals.watch(keys.canceled_channel(self.name)) as canceled:
            while True:
                await canceled.wait()
                for job in canceled.take():
                    self._drop(job)

    def _drop(self, job: str) -> None:
        if job in self.held:
            self.held[job][1].cancel()

    def _holds(self, job: Job) -> bool:
        return job.id in self.held and self.held[job.id][0] is job

    def _ended(self, job: Job, task: asyncio.Task[None]) -> None:
        """However it ended: a task that is cancelled before it has begun runs no line of its own."""
        self._running.discard(task)
        self._leave_slot(task)
        if self._holds(job):
            del self.held[job.id]
        self.done += 1

    def _leave_slot(self, task: asyncio.Task[Any] | None) -> None:
        if task in self._busy:
            self._busy.remove(task)
            self._look.set()

    async def _run(self, job: Job) -> None:
        try:
            await self._step(job)
        except RedisUnavailable as error:  # not the job's fault: its lease will end
            log.warning("job %s is left to its lease: %s", job.id, error)

    async def _step(self, job: Job) -> None:
        limit_s = job.run_s or self.run_s
        limit = asyncio.timeout(limit_s)
        try:
            step = self.steps[job.step]
            try:
                async with limit:
                    fields = await step.coroutine(self._ctx, job)
            finally:
                self._leave_slot(asyncio.current_task())
            await self._queue.advance(job.id, Status.SUCCEEDED, token=job.token, **fields)
        except Retry as again:
            await self._hand_back(job, delay_s=(again.defer_score or 0) / 1000, give_back=False)
        except asyncio.CancelledError:  # draining, or no longer ours (then the hand-back is refused)
            await self._hand_back(job, delay_s=0.0, give_back=True)
        except NoLongerHeld:
            return
        except JobFailed as error:
            await self._queue.fail(job, error.failure, **error.fields)
        except PutOff as off:
            await self._hand_back(job, delay_s=off.delay_s, give_back=False, **off.fields)
        except RedisUnavailable:
            raise
        except GatewayError as error:
            await self._settle(job, error)
        except Exception as error:
            if limit.expired():
                await self._expire(job, limit_s)
                return
            log.exception("job %s: step %s broke", job.id, job.step)
            await self._queue.fail(job, Failure("internal_error", f"the {job.step} step broke: {type(error).__name__}"))

    async def _expire(self, job: Job, limit_s: float) -> None:
        failure = Failure("deadline_passed", f"not done within {limit_s:g} s", retryable=True)
        if not await self._queue.advance(job.id, Status.EXPIRED, token=job.token, error=failure):
            await self._queue.fail(job, failure)  # which is all that one that is submitted can do

    async def _settle(self, job: Job, error: GatewayError) -> None:
        delay_s, failure = retry_in(error, job.attempt), Failure.of(error)
        if delay_s is None:
            await self._queue.fail(job, failure)
        else:
            log.warning("job %s, attempt %d: %s; again in %g s", job.id, job.attempt, error, delay_s)
            fields = {"stage": error.code, "error": failure}
            await self._hand_back(job, delay_s=delay_s, give_back=not spends_attempt(error), **fields)

    async def _hand_back(self, job: Job, *, delay_s: float, give_back: bool, **fields: Any) -> None:
        how: dict[str, Any] = {"delay_s": delay_s, "give_back": give_back, **fields}
        sent = job.upstream is not None and job.upstream.in_doubt  # never back to where it would be sent again
        if job.status in (Status.RUNNING, Status.SUBMITTING) and not sent:
            await self._queue.advance(job.id, Status.QUEUED, token=job.token, **how)
        else:  # further along: it keeps its state
            await self._queue.park(job, **how)


def _function(step: Step) -> Function:
    """An arq function under its plain name (a nested one's own name would be `outer.<locals>.inner`)."""
    return func(cast(WorkerCoroutine, step), name=getattr(step, "__name__", None))
