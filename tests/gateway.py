"""A whole gateway to test: its real processes on a folder of its own, a caller, and a look at what is kept."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest
import soundfile

from cli.embedded.ports import free_ports
from cli.embedded.service import LOOPBACK, Service
from cli.environment import read, without_ours
from cli.gateway import Gateway
from cli.running import running_environment
from storage.errors import RedisUnavailable
from storage.ids import Part, split_output_id
from storage.job import TERMINAL, Job, OutputStatus, Status
from storage.media import job_prefix
from storage.objects import Objects
from storage.settings import StorageSettings
from storage.store import Store
from tests.waiting import until

SONG: dict[str, Any] = {
    "prompt": "[Verse]\nOne line is enough",
    "tags": "punk rock",
    "mv": "chirp-v3-0",
    "title": "One Line",
    "make_instrumental": False,
}
"""As short as songs get, some 35 s: each of its two clips takes one core about 3 s."""

GENERATE = "/v1/suno/api/generate/v2/"
CONCAT = "/v1/suno/api/generate/concat/v2/"
FEED = "/v1/suno/api/feed/"
PATIENCE_S = 90.0

_ORDER = ["submitted", "queued", "streaming", "complete"]
_LOOK_S = 0.05
_LONGEST_FILE = 50_000_000


def whole_gateway(folder: Path, **variables: str) -> Gateway:
    """A gateway that is not started, and does not sing. It inherits our environment, but of `GATEWAY_…` only these."""
    given = {"GATEWAY_SINGING": "off"} | {f"GATEWAY_{name.upper()}": text for name, text in variables.items()}
    return Gateway(folder, LOOPBACK, free_ports(1)[0], without_ours(os.environ) | given)


@pytest.fixture(scope="session")
def running_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway for the run, for tests that stop no part of it."""
    with whole_gateway(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


def part(gateway: Gateway, name: str) -> Service:
    """One of "Redis", "the S3 store", "the worker", "the api"."""
    return next(each for each in gateway.parts if each.name == name)


class Visitor:
    """Someone with a key, who has every clip of theirs watched: statuses never go back, links never change."""

    def __init__(self, data: Path, http: httpx.AsyncClient, store: Store, objects: Objects) -> None:
        self.http, self.store, self.objects = http, store, objects
        self._spool = data / "spool"
        self.seen: dict[str, list[str]] = {}
        self._links: dict[str, str] = {}

    async def generate(self, **body: Any) -> list[str]:
        """The ids of the two clips of a song; `body` differs from SONG."""
        clips = (await self.post(GENERATE, {**SONG, **body}))["clips"]
        return [self._watch(clip) for clip in clips]

    async def concat(self, clip: str) -> str:
        return self._watch(await self.post(CONCAT, {"clip_id": clip}))

    async def post(self, path: str, body: Any, **headers: str) -> Any:
        answer = await self.http.post(path, json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def feed(self, *ids: str) -> list[dict[str, Any]]:
        answer = await self.http.get(FEED, params={"ids": ",".join(ids)})
        assert answer.status_code == 200, answer.text
        return cast(list[dict[str, Any]], answer.json())

    async def complete(self, *ids: str) -> list[dict[str, Any]]:
        """The clips, polled until all of them are complete."""

        async def look() -> list[dict[str, Any]] | None:
            with suppress(httpx.TransportError):
                answer = await self.http.get(FEED, params={"ids": ",".join(ids)})
                clips: list[dict[str, Any]] = answer.json() if answer.status_code == 200 else []
                assert not [clip["metadata"] for clip in clips if clip["status"] == "error"]
                return clips if clips and all(clip["status"] == "complete" for clip in clips) else None
            return None

        return cast(list[dict[str, Any]], await until(look, f"{len(ids)} clips complete", limit_s=PATIENCE_S))

    async def download(self, url: str) -> bytes:
        """What a link leads to, asked for again for as long as the gateway, or its store, is away."""

        async def look() -> bytes | None:
            with suppress(httpx.TransportError):
                answer = await self.http.get(url)
                assert answer.status_code in (200, 503), answer.text
                return answer.content if answer.status_code == 200 else None
            return None

        return cast(bytes, await until(look, "a file", limit_s=PATIENCE_S))

    async def when(self, clip: str, **wanted: Any) -> Job:
        """The record of a clip's job, once it is as wanted. `first` and `last` stand for its clips' statuses."""

        async def look() -> Job | None:
            with suppress(RedisUnavailable):
                job = await self.record(clip)
                now = {
                    **msgspec.structs.asdict(job),
                    "first": job.output(1).status,
                    "last": job.output(job.items).status,
                }
                return job if now.items() >= wanted.items() else None
            return None

        return cast(Job, await until(look, f"{wanted}", limit_s=PATIENCE_S))

    async def ended(self, clip: str) -> Job:
        """The record of a clip's job at its end, which is a moment after that of its last clip."""

        async def look() -> Job | None:
            with suppress(RedisUnavailable):
                job = await self.record(clip)
                return job if job.ended else None
            return None

        return cast(Job, await until(look, "the job's end", limit_s=PATIENCE_S))

    async def record(self, clip: str) -> Job:
        parts = split_output_id(clip)
        assert parts
        (job,) = await self.store.jobs.get(parts.job)
        assert job
        return job

    async def told(self, job: Job) -> list[str]:
        """What the owner's stream of changes has of a job, in order."""
        entries = await self.store.redis.xrange(f"feed:{job.owner}")
        return [fields[b"event"].decode() for _, fields in entries if fields[b"job"].decode() == job.id]

    async def makings(self, clip: str) -> int:
        """How often the making of a clip began in a clip's job."""
        return (await self.told(await self.record(clip))).count("making")

    async def jobs(self) -> set[str]:
        """The ids of all the jobs there are."""
        found: set[str] = set()
        at: dict[str, str] = {}
        while True:
            answer = await self.http.get("/v1/feed", params={"limit": "100", **at})
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found |= {job["id"] for job in page["data"]}
            if page["next_cursor"] is None:
                return found
            at = {"cursor": page["next_cursor"]}

    async def cancel(self, job: str) -> None:
        answer = await self.http.post(f"/v1/jobs/{job}/cancel")
        assert answer.status_code == 200, answer.text

    async def assert_done_once(self, *clips: str) -> None:
        """Each clip's job has succeeded, once; what its record lists is in the store as listed, and nothing else is."""
        for clip in clips:
            job = await self.ended(clip)
            assert job.status == Status.SUCCEEDED, job.error
            ends = Counter(word for word in await self.told(job) if word in TERMINAL)
            assert ends == {Status.SUCCEEDED: 1}
            listed = {output.object_key: output for output in job.outputs if output.status == OutputStatus.STORED}
            assert len(listed) == len(job.outputs)
            assert [key async for key in self.objects.list_keys(job_prefix(job.id))] == sorted(map(str, listed))
            for key, output in listed.items():
                data = await self.objects.get_bytes(str(key), limit_bytes=_LONGEST_FILE)
                assert (len(data), sha256(data).hexdigest()) == (output.size_bytes, output.sha256)
                if output.part == Part.MAIN:
                    assert abs(seconds(data) - (output.duration_s or 0)) < 0.05
            assert not (self._spool / job.id).exists()

    def _watch(self, clip: dict[str, Any]) -> str:
        self.seen[clip["id"]] = [clip["status"]]
        return str(clip["id"])

    async def look(self) -> None:
        """One poll of everything that was ever submitted. Only not being answered, or 503, is put up with."""
        if not self.seen:
            return
        try:
            answer = await self.http.get(FEED, params={"ids": ",".join(self.seen)}, timeout=5.0)
        except httpx.TransportError:
            return
        assert answer.status_code in (200, 503), answer.text
        for clip in answer.json() if answer.status_code == 200 else ():
            words = self.seen[clip["id"]]
            if clip["status"] != words[-1]:
                words.append(clip["status"])
            if clip["audio_url"]:
                assert self._links.setdefault(clip["id"], clip["audio_url"]) == clip["audio_url"]

    async def keep_looking(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_S)

    def assert_never_went_back(self) -> None:
        for words in self.seen.values():
            places = [_ORDER.index(word) for word in words if word in _ORDER]
            assert places == sorted(set(places)), words


@asynccontextmanager
async def visiting(data: Path, key: str | None = None) -> AsyncIterator[Visitor]:
    """A visitor of the gateway that runs on this folder, with its kept key if none is given."""
    environment = running_environment(data)
    settings = read(StorageSettings, environment)
    store, objects = Store.open(settings), await asyncio.to_thread(Objects.open, settings)
    url = f"http://{environment['GATEWAY_HOST']}:{environment['GATEWAY_PORT']}"
    headers = {"authorization": f"Bearer {key or (data / 'api_key').read_text()}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=75.0, trust_env=False) as http:
        visitor = Visitor(data, http, store, objects)
        looking = asyncio.create_task(visitor.keep_looking())
        try:
            yield visitor
            if looking.done():
                await looking
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            await store.close()
            await objects.close()
        visitor.assert_never_went_back()


def seconds(mp3: bytes) -> float:
    """How long a file plays, by decoding all of it."""
    samples, rate = soundfile.read(BytesIO(mp3), dtype="float32")
    assert float(abs(samples).max()) > 0.01, "silence"
    return float(len(samples) / rate)
