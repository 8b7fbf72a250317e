"""One account at one fake, workers that serve it, and gates before all that these talk to."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from cli.embedded import Objects as ObjectServer
from cli.fakes.command import family_of
from cli.fakes.server import FakeUpstream
from storage import keys
from storage.connect import command
from storage.ids import new_job_id
from storage.job import Job, Kind, Status
from storage.media import inputs_prefix
from storage.objects import Objects
from storage.rules import UPSTREAM
from storage.settings import StorageSettings
from storage.store import Store
from tests.waiting import until
from tests.workers.jobs import read, stored_settings
from tests.workers.upstream.gates import Gate, HttpLine, RedisLine
from tests.workers.upstream.nursery import Nursery
from tests.workers.upstream.ways import Way

ACCOUNT = "studio"
COST = 10
_PACE_S = 0.05


class Site:
    """`redis`, `upstream`, `objects`: its gates. One worker serves it at a time."""

    def __init__(self, way: Way, nursery: Nursery, direct: StorageSettings, folder: Path) -> None:
        self.way, self._nursery, self.direct, self.folder = way, nursery, direct, folder
        self.store = Store.open(direct)
        self._born = 0
        self._worker: psutil.Process | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Site"]:
        async with AsyncExitStack() as at_end:
            self.fake = await at_end.enter_async_context(FakeUpstream(family_of(self.way.family)(_PACE_S)).serving())
            self.kept = await asyncio.to_thread(Objects.open, self.direct)
            at_end.push_async_callback(self.kept.close)
            at_end.push_async_callback(self.store.close)
            doors = [
                Gate(*_address(self.direct.redis_url.get_secret_value()), RedisLine),
                Gate(*_address(self.fake.url), HttpLine),
                Gate(*_address(self.direct.s3_endpoint), HttpLine),
            ]
            self.redis, self.upstream, self.objects = [await at_end.enter_async_context(gate.open()) for gate in doors]
            self.fake.world.url = f"http://127.0.0.1:{self.upstream.port}"
            at_end.callback(self.kill)
            await self.store.start()
            await asyncio.to_thread(self._settle)
            yield self

    def _settle(self) -> None:
        self.folder.mkdir(parents=True)
        path = "/v1" if self.way.family == "openai" else ""
        (self.folder / "gateway.toml").write_text(
            f'[accounts.{ACCOUNT}]\nadapter = "{self.way.family}"\n'
            f'base_url = "{self.fake.world.url}{path}"\ntoken_file = "{self.folder}/token"\n'
            f'models = {{ "{self.way.model}" = "{self.way.model}" }}\n'
            f'cost = {{ "{self.way.kind}" = {COST} }}\n'
        )

    def spooled(self) -> list[Path]:
        """What its workers, of any machine, have in the spool."""
        return [*self.folder.glob("spool/*"), *self.folder.glob("*/spool/*")]

    @property
    def accepts(self) -> int:
        return len(self.fake.ledger.accepts)

    def work(self, **variables: str) -> None:
        """Let there be a worker, if there is none."""
        if self._worker is None:
            self._born += 1
            log = self.folder / f"worker-{self._born}.log"
            self._worker = self._nursery.born(self._environment() | variables, log)

    def _environment(self) -> dict[str, str]:
        direct = self.direct
        redis = urlsplit(direct.redis_url.get_secret_value())
        return {
            "GATEWAY_REDIS_URL": redis._replace(
                netloc=f"{redis.netloc.rpartition('@')[0]}@127.0.0.1:{self.redis.port}"
            ).geturl(),
            "GATEWAY_S3_ENDPOINT": f"http://127.0.0.1:{self.objects.port}",
            "GATEWAY_S3_BUCKET": direct.s3_bucket,
            "GATEWAY_S3_ACCESS_KEY": direct.s3_access_key.get_secret_value(),
            "GATEWAY_S3_SECRET_KEY": direct.s3_secret_key.get_secret_value(),
            "GATEWAY_SECRET": direct.secret.get_secret_value(),
            "GATEWAY_ACCOUNTS": str(self.folder / "gateway.toml"),
            "GATEWAY_DATA": str(self.folder),
            "GATEWAY_LANES": UPSTREAM,
            "GATEWAY_DRAIN_S": "0",
        }

    def kill(self) -> None:
        """kill -9 of the worker, if there is one."""
        if self._worker:
            self._worker.kill()
            self._worker.wait(60)
            self._worker = None

    async def begin_anew(self) -> None:
        """Nothing is known any more of earlier jobs, and the account is another, which has spent nothing yet."""
        await command(self.store.redis, "FLUSHDB")
        await asyncio.to_thread((self.folder / "token").write_text, secrets.token_hex(8))

    def terminate(self) -> psutil.Process:
        """SIGTERM to the worker, which ends in its own time."""
        assert self._worker
        worker, self._worker = self._worker, None
        worker.terminate()
        return worker

    async def end_leases(self, job: Job) -> None:
        """Nobody waits for the time of the dead to run out: it has."""
        redis = self.store.redis
        await command(redis, "ZADD", f"asleep:{UPSTREAM}", "XX", 0, job.id)
        await command(redis, "DEL", keys.poller(ACCOUNT))

    def new(self) -> Job:
        """A job that is not admitted yet. No two songs have one title, or they could not be told apart upstream."""
        way, id = self.way, new_job_id()
        return Job(
            id=id,
            kind=way.kind,
            owner="owner",
            dialect="jobs",
            model=way.model,
            engine="upstream",
            lane=UPSTREAM,
            step="submit",
            request={**way.request, "title": id} if way.kind == Kind.MUSIC_GENERATE else dict(way.request),
            priority=5,
            items=way.items,
            inputs={"file": f"{inputs_prefix(id)}file"} if way.input else {},
        )

    async def admit(self, job: Job) -> Job:
        for key in job.inputs.values():
            await self.kept.put_bytes(key, self.way.input, content_type="application/octet-stream")
        return (await self.store.jobs.admit(job)).job

    async def ended(self, job: Job) -> Job:
        """The job as it ended, or as it waits for somebody to say what became of it."""

        async def look() -> Job | None:
            waits = await self._waits_for_a_word(job)
            now = await read(self.store, job.id)
            return now if now.ended or waits else None

        found = await until(look, f"the end of {job.id}: {self.log()}", limit_s=120.0)
        assert isinstance(found, Job)
        return found

    async def _waits_for_a_word(self, job: Job) -> bool:
        """Seen in one moment: whoever looks after it has it asleep, until a lease ends, or waiting to be claimed."""
        look = self.store.redis.pipeline(transaction=True)
        look.hget(f"job:{job.id}", "status")
        for key in (f"asleep:{UPSTREAM}", f"wait:{UPSTREAM}:{job.priority}:{job.owner}"):
            look.zscore(key, job.id)
        status, asleep, waiting = await look.execute()
        return bool(status == Status.IN_DOUBT.encode() and asleep is None and waiting is None)

    def log(self) -> str:
        """What its worker has said of late."""
        log = self.folder / f"worker-{self._born}.log"
        return log.read_text()[-3000:] if log.exists() else ""


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def settings_of(redis_url: str, number: int, s3: ObjectServer) -> StorageSettings:
    """A database of its own for each: keys of one account never meet another's."""
    return stored_settings(redis_url.removesuffix("/0") + f"/{number}", s3)
