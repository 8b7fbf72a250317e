"""The worker process: a stock `arq.Worker` whose hooks start and stop our lanes, and whose cron does the upkeep.

Run it with `ai-gateway worker`, or with arq's own command: `arq workers.main.WorkerSettings`.
"""

import asyncio
import logging
import os
import secrets
import socket
from contextlib import suppress
from typing import Any, cast

import msgspec
from arq import cron
from arq.connections import RedisSettings
from arq.typing import WorkerSettingsBase
from arq.worker import run_worker
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from storage.catalog import ENGINES
from storage.errors import RedisUnavailable
from storage.objects import Objects
from storage.settings import StorageSettings
from storage.store import Store
from workers.engines.pool import EnginePool
from workers.lanes import Lane, Step
from workers.render import render
from workers.settings import WorkerSettings as Settings
from workers.spool import Spool
from workers.upkeep import erase, prune, rescue

log = logging.getLogger(__name__)

STEPS: dict[str, list[Step]] = {"engines": [render]}
"""Which steps each lane runs."""

_AWAY_PATIENCE = 7200  # half seconds: as long as arq bears a Redis that is away before it gives up; lanes never do


class UnknownLane(ValueError):
    """A worker is to serve a lane that has no steps."""


class Process:
    """What one worker process holds between arq's start and stop hooks."""

    def __init__(self, storage: StorageSettings, settings: Settings) -> None:
        self.storage, self.settings = storage, settings
        self.name = settings.worker_name or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
        self.lanes: list[Lane] = []

    async def start(self, ctx: dict[Any, Any]) -> None:
        """arq's `on_startup`."""
        settings = self.settings
        store = Store.open(self.storage)
        await store.start()
        objects = await asyncio.to_thread(Objects.open, self.storage)
        spool = await asyncio.to_thread(Spool, settings.spool)
        engines = {
            name: EnginePool(
                engine.spec,
                size=settings.engine_slots,
                memory_mb=settings.engine_memory_mb,
                idle_s=settings.engine_idle_s,
                stall_s=settings.engine_stall_s,
            )
            for name, engine in ENGINES.items()
            if engine.lane in settings.lanes
        }
        ctx |= {
            "store": store,
            "queue": store.queue,
            "signals": store.signals,
            "objects": objects,
            "engines": engines,
            "spool": spool,
            "lanes": settings.lanes,
        }
        with suppress(RedisUnavailable):
            await spool.sweep(store.jobs)
        for name in settings.lanes:
            lane = Lane(
                name,
                STEPS[name],
                worker=self.name,
                slots=settings.engine_slots,
                lease_s=settings.lease_s,
                drain_s=settings.drain_s,
            )
            await lane.start(ctx)
            self.lanes.append(lane)
        log.info("worker %s serves %s, %d slots", self.name, ", ".join(settings.lanes), settings.engine_slots)

    async def stop(self, ctx: dict[Any, Any]) -> None:
        """arq's `on_shutdown`."""
        await asyncio.gather(*(lane.stop() for lane in self.lanes))
        await asyncio.gather(*(engine.close() for engine in ctx["engines"].values()))
        await ctx["objects"].close()
        await ctx["store"].close()


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
    run_worker(arq_settings(storage, settings))


def __getattr__(name: str) -> type[WorkerSettingsBase]:
    """`WorkerSettings`, made from the environment when arq's command asks for it."""
    if name == "WorkerSettings":
        return arq_settings(StorageSettings(), Settings())
    raise AttributeError(name)
