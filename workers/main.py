"""The worker process: a stock `arq.Worker` whose hooks start and stop our lanes, and whose cron does the upkeep.

Run it with `ai-gateway worker`, or with arq's own command: `arq workers.main.WorkerSettings`.
"""

import asyncio
import logging
import os
import secrets
import socket
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any, cast

import msgspec
from arq import cron
from arq.connections import RedisSettings
from arq.typing import WorkerSettingsBase
from arq.worker import Worker, get_kwargs
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff, NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from storage.accounts import Accounts
from storage.addresses import Guard
from storage.callbacks import Callbacks
from storage.catalog import ENGINES
from storage.connect import AWAY
from storage.credentials import Credentials
from storage.errors import RedisUnavailable
from storage.garbage import collect_seldom
from storage.job import Status
from storage.links import Links
from storage.objects import Objects
from storage.outbound import Outbound
from storage.public import PublicJobs
from storage.rules import CHAT, DELIVERY, PARTS, UPSTREAM
from storage.sender import Sender
from storage.settings import StorageSettings
from storage.signing import Signer
from storage.store import Store
from storage.tasks import end
from workers.chat import chat
from workers.deliver import deliver
from workers.engines.limits import Limits
from workers.engines.pool import EnginePool
from workers.lanes import Lane, Step
from workers.render import Generate, render
from workers.settings import WorkerSettings as Settings
from workers.spool import Spool
from workers.transcribe import transcribe, transcribe_part
from workers.upkeep import erase, prune, rescue, retire
from workers.upstream.adapters import AccountAdapters, check
from workers.upstream.collect import collect
from workers.upstream.poll import Poller
from workers.upstream.sending import Sending
from workers.upstream.submit import submit

log = logging.getLogger(__name__)

STEPS: dict[str, list[Step]] = {
    "engines": [render, transcribe],
    PARTS: [transcribe_part],
    CHAT: [chat],
    UPSTREAM: [submit, collect],
    DELIVERY: [deliver],
}
"""Which steps each lane runs."""

_UPSTREAM: dict[str, Any] = {"taken": Status.SUBMITTING, "run_s": 86_400.0}  # calls have limits of their own
_AWAY_PATIENCE = 7200  # half seconds: as long as arq bears a Redis that is away before it gives up; lanes never do


class UnknownLane(ValueError):
    """A worker is to serve a lane that has no steps."""


class Process:
    """What one worker process holds between arq's start and stop hooks."""

    def __init__(self, storage: StorageSettings, settings: Settings) -> None:
        self.storage, self.settings = storage, settings
        self.name = settings.worker_name or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
        self.lanes: list[Lane] = []
        self._at_stop = AsyncExitStack()

    async def start(self, ctx: dict[Any, Any]) -> None:
        """arq's `on_startup`."""
        store = Store.open(self.storage)
        self._at_stop.push_async_callback(store.close)
        await store.start()
        objects = await asyncio.to_thread(Objects.open, self.storage)
        self._at_stop.push_async_callback(objects.close)
        spool = await asyncio.to_thread(Spool, self.settings.spool)
        ctx |= {
            "store": store,
            "queue": store.queue,
            "signals": store.signals,
            "objects": objects,
            "engines": self._engines(),
            "spool": spool,
            "lanes": self.settings.lanes,
            **await self._senders(store),
            **await self._upstreams(),
        }
        with suppress(RedisUnavailable):
            await spool.sweep(store.jobs)
        self._at_stop.push_async_callback(self._stop_lanes)
        for name in self.settings.lanes:
            self.lanes.append(self._lane(name))
            await self.lanes[-1].start(ctx)
        self._poll(ctx)
        served = ", ".join(f"{lane.name} ({lane.slots} slots)" for lane in self.lanes)
        log.info("worker %s serves %s", self.name, served)

    async def stop(self, _ctx: dict[Any, Any]) -> None:
        """arq's `on_shutdown`: end what was started, the last first. May be called twice."""
        await self._at_stop.aclose()

    def _engines(self) -> dict[str, Generate]:
        """The engines that our lanes need. None of their processes starts before its first item."""
        settings = self.settings
        making = EnginePool(size=settings.engine_slots, idle_s=settings.engine_idle_s)
        talking = EnginePool(size=settings.chat_slots, idle_s=settings.engine_idle_s)
        for pool in (making, talking):
            self._at_stop.push_async_callback(pool.close)
        return {
            name: partial(
                (talking if engine.lane == CHAT else making).generate,
                engine.spec,
                limits=Limits(settings.engine_memory_mb or engine.memory_mb, settings.engine_stall_s or engine.stall_s),
            )
            for name, engine in ENGINES.items()
            if engine.spec
        }

    async def _senders(self, store: Store) -> dict[str, Any]:
        """What deliveries need. That no receiver takes all connections is the lane's doing, not the client's."""
        slots = self.settings.delivery_slots
        outbound = Outbound(Guard(self.storage.outbound_allow), connections=slots, per_host=slots)
        await outbound.open()
        self._at_stop.push_async_callback(outbound.close)
        return {
            "webhooks": store.webhooks,
            "outbox": store.outbox,
            "sender": Sender(outbound, Signer(self.storage.secret)),
            "public": PublicJobs(Links(self.storage.secret), record_s=self.storage.record_s),
        }

    async def _upstreams(self) -> dict[str, Any]:
        """What jobs at accounts need. What the operator has named as an account's address is called, public or not;
        all other addresses come out of upstreams' answers."""
        accounts = await asyncio.to_thread(Accounts.load, self.storage.accounts, check)
        slots = self.settings.upstream_slots
        outbound = Outbound(
            Guard(self.storage.outbound_allow, named=accounts.named), connections=4 * slots, per_host=2 * slots
        )
        await outbound.open()
        self._at_stop.push_async_callback(outbound.close)
        return {
            "accounts": accounts,
            "adapters": AccountAdapters(accounts),
            "sending": Sending(outbound, Credentials()),
            "fetching": outbound,
            "callbacks": Callbacks(self.storage.secret, self.settings.public_url),
        }

    def _poll(self, ctx: dict[Any, Any]) -> None:
        """Whoever serves the lane asks after its jobs, if there are accounts."""
        accounts: Accounts = ctx["accounts"]
        if UPSTREAM in self.settings.lanes and accounts.used:
            poller = Poller(ctx["store"], accounts, ctx["adapters"], ctx["sending"], name=self.name)
            self._at_stop.push_async_callback(end, asyncio.create_task(poller.run()))

    def _lane(self, name: str) -> Lane:
        settings = self.settings
        slots = {CHAT: settings.chat_slots, DELIVERY: settings.delivery_slots, UPSTREAM: settings.upstream_slots}
        return Lane(
            name,
            STEPS[name],
            worker=self.name,
            slots=slots.get(name, settings.engine_slots),
            lease_s=settings.lease_s,
            drain_s=settings.drain_s,
            **_UPSTREAM if name == UPSTREAM else {},
        )

    async def _stop_lanes(self) -> None:
        await asyncio.gather(*(lane.stop() for lane in self.lanes))


class PromptWorker(Worker):
    """arq's worker, which at a stop asks Redis first, for as long as that takes. Our jobs do not wait for that."""

    async def close(self) -> None:
        if self._pool and self.on_shutdown:
            self._pool.set_retry(Retry(NoBackoff(), 0))
            await self.on_shutdown(self.ctx)
        with suppress(*AWAY):
            await super().close()


def arq_settings(storage: StorageSettings, settings: Settings) -> type[WorkerSettingsBase]:
    """The settings class for arq: its own queue carries nothing but the upkeep. Raises UnknownLane."""
    unknown = set(settings.lanes) - set(STEPS)
    if unknown:
        raise UnknownLane(f"no lane is called {', '.join(sorted(unknown))}; there are: {', '.join(STEPS)}")
    process = Process(storage, settings)
    redis = RedisSettings.from_dsn(storage.redis_url.get_secret_value())
    redis.retry = Retry(ConstantBackoff(0.5), _AWAY_PATIENCE)
    redis.retry_on_error = [RedisConnectionError, RedisTimeoutError, OSError]  # a refused connection is an OSError here

    class WorkerSettings:
        functions = (rescue, erase, prune)
        cron_jobs = (
            cron(rescue, second={0, 10, 20, 30, 40, 50}),
            cron(erase, second={5, 35}),
            cron(prune, minute=17, second=0),
            cron(retire, hour=3, minute=29, second=0),
        )
        on_startup = process.start
        on_shutdown = process.stop
        redis_settings = redis
        queue_name = "arq:upkeep"
        health_check_key = f"arq:health:{process.name}"
        job_timeout = 30  # a killed worker's cron message stays locked for this long + 10 s
        keep_result = 0
        max_jobs = 4
        job_serializer = msgspec.json.encode
        job_deserializer = msgspec.json.decode

    return cast("type[WorkerSettingsBase]", WorkerSettings)


def run(storage: StorageSettings, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then finish short work and hand back the rest."""
    options: dict[str, Any] = {**get_kwargs(arq_settings(storage, settings))}  # which arq types as errors
    start = options["on_startup"]

    async def started(ctx: dict[Any, Any]) -> None:
        await start(ctx)
        collect_seldom()

    PromptWorker(**options | {"on_startup": started}).run()


def __getattr__(name: str) -> type[WorkerSettingsBase]:
    """`WorkerSettings`, made from the environment when arq's command asks for it."""
    if name == "WorkerSettings":
        return arq_settings(StorageSettings(), Settings())
    raise AttributeError(name)
