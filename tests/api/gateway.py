"""A gateway to test: the real app in this process, callers with keys, and a hand that does a worker's work."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import httpx
from litestar import Litestar
from litestar.datastructures import State
from pydantic import SecretStr

from api.main import create_app
from api.services import Services
from api.settings import ApiSettings
from storage.apikeys import ApiKey, ApiKeys
from storage.ids import OutputId, Part
from storage.job import Failure, Job, OutputStatus, Status
from storage.keys import API_KEYS_CHANNEL
from storage.media import extension, object_key
from storage.settings import StorageSettings

SECRET = "only for tests: 0123456789abcdef"
LANE = "engines"
NOWHERE = "http://127.0.0.1:9"
SONG: dict[str, Any] = {
    "prompt": "[Verse 1]\nThe tide comes in",
    "tags": "acoustic folk",
    "mv": "chirp-v3-0",
    "title": "By the Sea",
    "make_instrumental": False,
}
LENGTH_S = 61.5


def storage_settings(redis_url: str, s3: dict[str, Any] | None = None) -> StorageSettings:
    """Without `s3` the object store is away."""
    away: dict[str, Any] = {"s3_endpoint": NOWHERE, "s3_access_key": "unused", "s3_secret_key": "unused"}
    return StorageSettings(redis_url=SecretStr(redis_url), secret=SecretStr(SECRET), **(s3 or away))


@dataclass(frozen=True)
class Caller:
    """Someone with a key."""

    key: ApiKey
    secret: str
    http: httpx.AsyncClient

    async def generate(self, **body: Any) -> dict[str, Any]:
        """Submit a song; `body` differs from SONG."""
        answer = await self.http.post("/v1/suno/api/generate/v2/", json={**SONG, **body})
        assert answer.status_code == 200, answer.text
        return cast(dict[str, Any], answer.json())

    async def feed(self, *ids: str) -> list[dict[str, Any]]:
        answer = await self.http.get("/v1/suno/api/feed/", params={"ids": ",".join(ids)} if ids else {})
        assert answer.status_code == 200, answer.text
        return cast(list[dict[str, Any]], answer.json())

    async def job(self, id: str) -> dict[str, Any]:
        answer = await self.http.get(f"/v1/jobs/{id}")
        assert answer.status_code == 200, answer.text
        return cast(dict[str, Any], answer.json())


class Gateway:
    """`alice` and `bob` have a key each; `nobody` has none."""

    def __init__(self, app: Litestar, nobody: httpx.AsyncClient, alice: Caller, bob: Caller) -> None:
        self.app, self.nobody, self.alice, self.bob = app, nobody, alice, bob

    @property
    def services(self) -> Services:
        return cast(Services, self.app.state["services"])

    async def revoke(self, whose: Caller) -> None:
        await ApiKeys(self.services.store.redis, SecretStr(SECRET)).revoke(whose.key.id)

    async def read(self, id: str) -> Job:
        (job,) = await self.services.store.jobs.get(id)
        assert job
        return job

    async def claim(self) -> Job:
        """Take the next job, as a worker would."""
        _, (job,) = await self.services.store.queue.claim(LANE, 1, lease_s=60)
        return job

    async def mark(self, job: Job, status: OutputStatus, items: Iterable[int] | None = None, **fields: Any) -> None:
        """Report the outputs of some items (all, by default) of a held job."""
        for output in job.outputs:
            if items is None or output.item in items:
                output.status = status
                if status == OutputStatus.STORED and output.part == Part.MAIN:
                    output.duration_s, output.content_type = LENGTH_S, "audio/mpeg"
                for name, value in fields.items():
                    setattr(output, name, value)
        assert await self.services.store.queue.report(job, outputs=job.outputs)

    async def end(self, job: Job, status: Status = Status.SUCCEEDED, **fields: Any) -> None:
        if status == Status.SUCCEEDED:
            assert await self.services.store.queue.advance(job.id, Status.STORING, token=job.token)
        assert await self.services.store.queue.advance(job.id, status, token=job.token, **fields)

    async def finish(self, **song: Any) -> list[str]:
        """Clip ids of a song of alice's, submitted and made."""
        clips = [clip["id"] for clip in (await self.alice.generate(**song))["clips"]]
        await self.make()
        return clips

    async def make(self) -> Job:
        """Do the next job to its end, without any bytes."""
        job = await self.claim()
        await self.mark(job, OutputStatus.STORED)
        await self.end(job)
        return job

    async def fail(self, message: str = "the engine broke") -> Job:
        job = await self.claim()
        await self.end(job, Status.FAILED, error=Failure("engine_failed", message))
        return job

    async def store(self, job: Job, item: int, data: bytes, *, part: Part = Part.MAIN, kind: str = "audio/mpeg") -> str:
        """Put real bytes where an output belongs, and report it stored."""
        output = job.output(item, part)
        output.object_key = object_key(OutputId(job.id, item, part), extension(kind))
        await self.services.objects.put_bytes(output.object_key, data, content_type=kind)
        output.status, output.content_type, output.size_bytes = OutputStatus.STORED, kind, len(data)
        output.duration_s = LENGTH_S
        assert await self.services.store.queue.report(job, outputs=job.outputs)
        return output.object_key


@asynccontextmanager
async def serving(
    storage: StorageSettings, settings: ApiSettings | None = None, base_url: str = "http://gateway.test"
) -> AsyncIterator[Gateway]:
    """The app, started, and two callers. Errors come as answers, as they would over a wire."""
    with application(storage, settings or ApiSettings()) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type]  # another scope type
        async with started(app), httpx.AsyncClient(transport=transport, base_url=base_url) as nobody:
            services = cast(Services, app.state["services"])
            keys = ApiKeys(services.store.redis, storage.secret)
            async with (
                caller(keys, "alice", transport, base_url) as alice,
                caller(keys, "bob", transport, base_url) as bob,
            ):
                await _news_of_keys_heard(services)
                yield Gateway(app, nobody, alice, bob)


@contextmanager
def application(storage: StorageSettings, settings: ApiSettings) -> Iterator[Litestar]:
    """The app, not started: one that has stopped in good order, if its settings were the same, or a new one.

    A new one takes a fifth of a second, much more than most tests; and all that it holds is made when it starts.
    """
    resting = next((each for each in _resting if each[:2] == (storage, settings)), None)
    if resting:
        _resting.remove(resting)
    app = resting[2] if resting else create_app(storage, settings)
    yield app
    app.state = State()
    _resting.appendleft((storage, settings, app))


_resting: deque[tuple[StorageSettings, ApiSettings, Litestar]] = deque(maxlen=4)


async def _news_of_keys_heard(services: Services) -> None:
    """From here on the memory of keys is emptied by a test's own doing only. News come in order, ours last."""
    async with services.store.signals.watch(API_KEYS_CHANNEL) as heard:
        await services.store.redis.publish(API_KEYS_CHANNEL, "heard")
        while "heard" not in heard.take():
            await heard.wait()
    for _ in range(10):  # the watcher, which was told in the same breath, has its turn
        await asyncio.sleep(0)


@asynccontextmanager
async def started(app: Litestar) -> AsyncIterator[None]:
    """The app's lifespan, begun and ended in one task, as servers do: fixtures are set up and torn down in two."""
    up, down = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            up.set()
            await down.wait()

    living = asyncio.create_task(live())
    opening = asyncio.create_task(up.wait())
    await asyncio.wait({living, opening}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if living.done():
            await living
        yield
    finally:
        opening.cancel()
        down.set()
        await living


@asynccontextmanager
async def caller(
    keys: ApiKeys, name: str, transport: httpx.AsyncBaseTransport | None, base_url: str
) -> AsyncIterator[Caller]:
    """Someone new, with a key of their own."""
    key, secret = await keys.create(name)
    headers = {"authorization": f"Bearer {secret.get_secret_value()}"}
    async with httpx.AsyncClient(transport=transport, base_url=base_url, headers=headers) as http:
        yield Caller(key, secret.get_secret_value(), http)
