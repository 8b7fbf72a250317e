"""A worker's parts around the steps of upstreams, in this process: lane, poller, real Redis and S3, fake upstreams."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from cli.fakes import FAMILIES
from cli.fakes.command import family_of
from cli.fakes.server import FakeUpstream
from storage.accounts import Accounts
from storage.addresses import Allowed, Guard
from storage.callbacks import Callbacks
from storage.credentials import Credentials
from storage.ids import new_job_id
from storage.job import Job, Kind, Status
from storage.objects import Objects
from storage.outbound import Outbound
from storage.rules import UPSTREAM
from storage.settings import StorageSettings
from storage.store import Store
from storage.tasks import end
from tests.waiting import until
from tests.workers.jobs import read
from tests.workers.upstream.asked import SONG
from workers.lanes import Lane
from workers.spool import Spool
from workers.upstream.adapters import AccountAdapters
from workers.upstream.collect import collect
from workers.upstream.poll import Poller
from workers.upstream.progress import USUAL, Limits
from workers.upstream.sending import Sending
from workers.upstream.submit import submit

TOKEN = "tulip"


class Bench:
    def __init__(self, settings: StorageSettings, objects: Objects, folder: Path) -> None:
        self.settings, self.objects, self.folder = settings, objects, folder
        self.store = Store.open(settings)
        self.public_url: str | None = None
        self.file = folder / "gateway.toml"
        self.accounts = Accounts(self.file)
        (folder / "token").write_text(TOKEN)

    @asynccontextmanager
    async def fake(self, family: str = "suno", pace_s: float = 0.2) -> AsyncIterator[FakeUpstream]:
        assert family in FAMILIES
        async with FakeUpstream(family_of(family)(pace_s)).serving() as fake:
            yield fake

    def account(
        self,
        name: str,
        fake: FakeUpstream,
        *,
        models: Sequence[str] | Mapping[str, str] = ("chirp-v3-0",),
        **more: Any,
    ) -> None:
        """Add an account to the file. `models`: names that mean themselves, or what each means there."""
        meant = models if isinstance(models, Mapping) else {model: model for model in models}
        named = ", ".join(f'"{model}" = "{there}"' for model, there in meant.items())
        lines = [
            f"[accounts.{name}]",
            f'adapter = "{more.pop("adapter", fake.family.name)}"',
            f'base_url = "{fake.url}{more.pop("path", "")}"',
            f'token_file = "{self.folder}/token"',
            f"models = {{ {named} }}",
            *(f"{key} = {value}" for key, value in more.items()),
            "",
        ]
        before = self.file.read_text() if self.file.exists() else ""
        self.file.write_text(before + "\n".join(lines))

    def parts(self, name: str) -> dict[str, Any]:
        """What every step of a worker is given."""
        return {
            "store": self.store,
            "queue": self.store.queue,
            "signals": self.store.signals,
            "objects": self.objects,
            "engines": {},
            "spool": Spool(self.folder / name),
        }

    @asynccontextmanager
    async def worker(
        self, name: str = "w", limits: Limits = USUAL, *, polls: bool = True, slots: int = 8
    ) -> AsyncIterator[Lane]:
        async with AsyncExitStack() as at_end:
            anywhere = await at_end.enter_async_context(Outbound(Guard(Allowed.parse("127.0.0.0/8"))))
            sending = Sending(anywhere, Credentials())
            adapters = AccountAdapters(self.accounts)
            lane = Lane(
                UPSTREAM, [submit, collect], worker=name, slots=slots, lease_s=2.0, drain_s=0.0, taken=Status.SUBMITTING
            )
            await lane.start(
                {
                    **self.parts(name),
                    "accounts": self.accounts,
                    "adapters": adapters,
                    "sending": sending,
                    "fetching": anywhere,
                    "callbacks": Callbacks(self.settings.secret, self.public_url),
                }
            )
            at_end.push_async_callback(lane.stop)
            if polls:
                poller = Poller(self.store, self.accounts, adapters, sending, name=name, limits=limits)
                polling = asyncio.create_task(poller.run())
                at_end.push_async_callback(end, polling)
            yield lane

    async def song(self, **request: Any) -> Job:
        return await self.admit(Kind.MUSIC_GENERATE, {**SONG, **request}, items=2)

    async def admit(self, kind: Kind, request: dict[str, Any], **more: Any) -> Job:
        fields: dict[str, Any] = {
            "id": new_job_id(),
            "kind": kind,
            "owner": "owner",
            "dialect": "suno",
            "model": "chirp-v3-0",
            "engine": "upstream",
            "lane": UPSTREAM,
            "step": "submit",
            "priority": 5,
        }
        return (await self.store.jobs.admit(Job(request=request, **(fields | more)))).job

    async def when(self, job: Job, *statuses: Status, limit_s: float = 30.0) -> Job:
        async def look() -> Job | None:
            now = await read(self.store, job.id)
            return now if now.status in statuses else None

        found = await until(look, f"{statuses}", limit_s=limit_s)
        assert isinstance(found, Job)
        return found

    async def ended(self, job: Job, limit_s: float = 30.0) -> Job:
        over = (Status.SUCCEEDED, Status.FAILED, Status.CANCELED, Status.EXPIRED)
        return await self.when(job, *over, limit_s=limit_s)

    async def stored(self, key: str | None) -> bytes:
        assert key
        return await self.objects.get_bytes(key, limit_bytes=1 << 24)
