"""A fake that serves, time that stands until it is told to leap, and a client that sends what adapters build."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from cli.fakes.command import family_of
from cli.fakes.faults import parse
from cli.fakes.server import FakeUpstream
from tests.workers.adapters.saved import adapter
from tests.workers.adapters.tasks import CLIP, task
from workers.adapters.base import Adapter, Call, Done, Item, Reply, Source, Taken, Task

PACE_S = 10.0


class Asking:
    """An account at a fake, and the adapter that speaks to it."""

    def __init__(self, fake: FakeUpstream, http: aiohttp.ClientSession, speaks: Adapter, model: str) -> None:
        self.fake, self.http, self.speaks, self.model = fake, http, speaks, model

    def break_(self, *faults: str) -> None:
        """Has these faults, as they are written on the command line, and no others."""
        self.fake.world.faults.set(parse(fault) for fault in faults)

    def pass_(self, seconds: float) -> None:
        self.fake.world.advance(seconds)
        self.fake.family.advanced()

    async def send(self, call: Call | None, key: str = "one") -> Reply:
        """As the gateway would. Raises aiohttp.ClientError where the connection breaks."""
        assert call
        async with self.http.request(
            call.method,
            self.fake.url + call.path,
            params=call.query,
            json=call.json,
            headers={"Authorization": f"Bearer {key}"} if key else {},
        ) as answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Reply(answer.status, headers, await answer.read())

    def task(self, kind: Any, source: Source | None = None, **request: Any) -> Task:
        about = task(kind, model=self.model, **request)
        sources = {CLIP: source} if source else {}
        return Task(job=about.job, model=self.model, sources=sources, callback_url=request.get("callback_url"))

    async def submit(self, about: Task, key: str = "one") -> Taken:
        """Raises UpstreamError as the adapter reads the answer."""
        return self.speaks.taken(about, await self.send(self.speaks.submit(about), key))

    async def look(self, taken: Taken) -> list[Item]:
        """How the items of a job stand. Those that the poll leaves out are left out."""
        found: dict[str, tuple[Item, ...]] = {}
        for at in range(0, len(taken.ids), self.speaks.batch):
            found |= self.speaks.read(await self.send(self.speaks.poll(taken.ids[at : at + self.speaks.batch])))
        return [item for id in taken.ids for item in found.get(id, ())]

    async def done(self, about: Task) -> tuple[Taken, list[Done]]:
        """A job's items once its time has passed, all of them done."""
        taken = await self.submit(about)
        self.pass_(2 * PACE_S)
        items = await self.look(taken)
        return taken, [item for item in items if isinstance(item, Done)]

    async def file(self, item: Item, part: str = "main") -> tuple[int, str, bytes]:
        """Status, type and bytes of a file, asked for without a credential."""
        assert isinstance(item, Done)
        [url] = [file.url for file in item.files if file.part == part]
        async with self.http.get(str(url)) as answer:
            return answer.status, answer.content_type, await answer.read()

    async def admin(self, method: str, path: str = "", body: Any = None) -> Any:
        async with self.http.request(method, f"{self.fake.url}/_fake{path}", json=body) as answer:
            return await answer.json()


@asynccontextmanager
async def asking(family: str, model: str = "chirp-v4", **options: Any) -> AsyncIterator[Asking]:
    """A fake of this family whose clock stands, until the end of the block."""
    fake = FakeUpstream(family_of(family)(PACE_S, lambda: 0.0))
    async with fake.serving(), aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
        yield Asking(fake, http, adapter(family, options), model)
