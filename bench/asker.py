"""The worker of `bench/poller.py`: submits songs to an account and asks after them; bringing them home is left out.

`python -m bench.asker FOLDER`: FOLDER has `gateway.toml`. How many jobs it has looked at is counted in Redis.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bench.peers.base import URL
from bench.program import say_ready
from storage.accounts import Accounts
from storage.addresses import Allowed, Guard
from storage.callbacks import Callbacks
from storage.connect import command
from storage.credentials import Credentials
from storage.job import Job, Status
from storage.outbound import Outbound
from storage.rules import UPSTREAM
from storage.settings import StorageSettings
from storage.store import Store
from workers.lanes import Lane
from workers.spool import Spool
from workers.upstream.adapters import AccountAdapters
from workers.upstream.poll import Poller
from workers.upstream.sending import Sending
from workers.upstream.submit import submit

LOOKS = "bench:looks"
SLOTS = 64


async def collect(_ctx: dict[str, Any], _job: Job) -> dict[str, Any]:
    """In the place of the real step: the job ends when its turn comes."""
    return {"progress": 1.0}


async def ask(folder: Path) -> None:
    settings = StorageSettings(
        redis_url=SecretStr(os.environ[URL]),
        s3_endpoint="http://127.0.0.1:1",
        s3_access_key=SecretStr("none"),
        s3_secret_key=SecretStr("none"),
        secret=SecretStr("s" * 32),
    )
    store, accounts = Store.open(settings), Accounts(folder / "gateway.toml")
    await store.start()
    seen = store.upstreams.seen

    async def counted(*args: Any, **fields: Any) -> bool:
        looks[0] += 1
        return await seen(*args, **fields)

    looks = [0]
    store.upstreams.seen = counted  # type: ignore[method-assign]
    adapters = AccountAdapters(accounts)
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    async with Outbound(Guard(Allowed.parse("127.0.0.0/8"))) as outbound:
        sending = Sending(outbound, Credentials())
        lane = Lane(UPSTREAM, [submit, collect], worker="bench", slots=SLOTS, taken=Status.SUBMITTING)
        await lane.start(
            {
                "store": store,
                "queue": store.queue,
                "signals": store.signals,
                "objects": None,
                "engines": {},
                "spool": Spool(folder / "spool"),
                "accounts": accounts,
                "adapters": adapters,
                "sending": sending,
                "fetching": outbound,
                "callbacks": Callbacks(settings.secret, None),
            }
        )
        polling = asyncio.create_task(Poller(store, accounts, adapters, sending, name="bench").run())
        telling = asyncio.create_task(_tell(store, looks))
        say_ready()
        await over.wait()
        for task in (polling, telling):
            task.cancel()
        await asyncio.gather(polling, telling, return_exceptions=True)
        await lane.stop()
    await store.close()


async def _tell(store: Store, looks: list[int]) -> None:
    while True:
        await command(store.redis, "SET", LOOKS, looks[0])
        await asyncio.sleep(0.5)


if __name__ == "__main__":
    asyncio.run(ask(Path(sys.argv[1])))
