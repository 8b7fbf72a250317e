"""Everything a process needs of Redis, put together once."""

from dataclasses import dataclass
from typing import Self

from redis.asyncio import Redis

from storage.batches import Batches
from storage.capacity import Capacity
from storage.chats import Chats
from storage.connect import connect
from storage.feed import Feed
from storage.files import Files
from storage.jobs import Jobs
from storage.ledger import Ledger
from storage.outbox import Outbox
from storage.parts import Parts
from storage.queue import Queue
from storage.scripts import Confirm, Scripts
from storage.settings import Durability, StorageSettings
from storage.signals import Signals
from storage.sounds import Sounds
from storage.upstream import Upstreams
from storage.webhooks import Webhooks

_CONFIRM = {
    Durability.EVERYSEC: None,
    Durability.FSYNC: Confirm(disks=1),
    Durability.REPLICA: Confirm(replicas=1),
}


@dataclass(frozen=True, slots=True)
class Store:
    """One process' connections to Redis and what is done over them."""

    redis: Redis
    queue: Queue
    jobs: Jobs
    parts: Parts
    capacity: Capacity
    ledger: Ledger
    upstreams: Upstreams
    files: Files
    batches: Batches
    signals: Signals
    webhooks: Webhooks
    outbox: Outbox
    feed: Feed
    sounds: Sounds
    chats: Chats

    @classmethod
    def open(cls, settings: StorageSettings) -> Self:
        """Nothing is sent until the first call, or until `start`."""
        redis = connect(settings.redis_url)
        scripts = Scripts(redis)
        confirm = _CONFIRM[settings.durability]
        durable = Scripts(redis, confirm=confirm, batch=1024) if confirm else scripts
        queue = Queue(redis, scripts, record_s=settings.record_s)
        jobs = Jobs(redis, scripts, queue, durable=durable)
        outbox = Outbox(redis, scripts, queue, jobs)
        files = Files(redis, scripts, record_s=settings.record_s, durable=durable)
        batches = Batches(redis, scripts, record_s=settings.record_s, durable=durable)
        return cls(
            redis=redis,
            queue=queue,
            jobs=jobs,
            parts=Parts(redis, scripts),
            capacity=Capacity(redis, scripts),
            ledger=Ledger(redis, scripts),
            upstreams=Upstreams(redis, scripts, durable),
            files=files,
            batches=batches,
            signals=Signals(redis),
            webhooks=Webhooks(redis, durable),
            outbox=outbox,
            feed=Feed(scripts),
            sounds=Sounds(scripts),
            chats=Chats(scripts),
        )

    async def start(self) -> None:
        await self.signals.start()

    async def close(self) -> None:
        await self.signals.stop()
        await self.redis.aclose()
