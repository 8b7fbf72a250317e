"""A long recording is divided, heard in parts side by side, and comes out as if it had been heard at once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.embedded import Objects as ObjectServer
from storage.catalog import ENGINES
from storage.ids import new_job_id
from storage.job import Job, Kind, OutputStatus, Status
from storage.media import inputs_prefix
from storage.objects import Objects
from storage.rules import PARTS
from storage.settings import StorageSettings
from storage.store import Store
from storage.transcripts import Transcript, parsed
from tests.waiting import until
from tests.workers.engines.transcription.conftest import SPEECH, write_wav
from tests.workers.jobs import admit, read, stored_settings
from tests.workers.sketch_scribe import BROKEN
from workers.engines.limits import Limits
from workers.engines.pool import EnginePool
from workers.engines.transcription.reading import RATE, sound
from workers.lanes import Lane
from workers.spool import Spool
from workers.transcribe import transcribe, transcribe_part

LINES = ["It was late", "when the train", "came in at last", "and nobody was there"]
SCRIBE = "tests.workers.sketch_scribe:Scribe"


class Bench:
    """A worker's parts around the steps of transcriptions, with the sketch engine."""

    def __init__(self, configured: StorageSettings, objects: Objects, folder: Path) -> None:
        self.settings, self.objects, self.folder = configured, objects, folder
        self.store = Store.open(configured)

    @asynccontextmanager
    async def worker(self, name: str = "w", spec: str = SCRIBE, lanes: Sequence[str] = ("engines", PARTS)) -> Any:
        """Serves these lanes with two slots and a spool of its own."""
        engines = EnginePool(size=2, idle_s=60, limits=Limits(2500, 60))
        ctx: dict[str, Any] = {
            "store": self.store,
            "queue": self.store.queue,
            "signals": self.store.signals,
            "objects": self.objects,
            "engines": {"whisper": partial(engines.generate, spec)},
            "spool": Spool(self.folder / name),
        }
        async with AsyncExitStack() as at_end:
            at_end.push_async_callback(engines.close)
            for lane in lanes:
                step = transcribe if lane == "engines" else transcribe_part
                serving = Lane(lane, [step], worker=name, slots=2, lease_s=2.0, drain_s=0.0)
                await serving.start(ctx)
                at_end.push_async_callback(serving.stop)
            yield

    async def admit(self, data: bytes, **request: Any) -> Job:
        id = new_job_id()
        key = f"{inputs_prefix(id)}file"
        await self.objects.put_bytes(key, data, content_type="application/octet-stream")
        return await admit(
            self.store,
            step="transcribe",
            id=id,
            kind=Kind.TRANSCRIPTION,
            engine="whisper",
            inputs={"file": key},
            request={"task": "transcribe", **request},
        )

    async def said(self, lines: Sequence[str], **request: Any) -> Job:
        return await self.admit("\n".join(lines).encode(), **{"divide_from_s": 15.0, **request})

    async def ended(self, job: Job) -> Job:
        async def look() -> Job | None:
            now = await read(self.store, job.id)
            return now if now.ended else None

        found = await until(look, limit_s=60)
        assert isinstance(found, Job)
        return found

    async def parts(self, job: Job, status: Status) -> list[int]:
        """Which of a job's parts stand so."""
        state = await self.store.parts.state(job.id)
        parts = await self.store.jobs.get(*state.ids) if state else []
        return [number for number, part in enumerate(parts) if part and part.status == status]

    async def until_parts(self, job: Job, status: Status, *numbers: int) -> None:
        async def look() -> bool:
            return await self.parts(job, status) == [*numbers]

        await until(look, f"{numbers} {status}")

    async def transcript(self, job: Job) -> Transcript:
        return parsed(await self.objects.get_bytes(str(job.output(1).object_key), limit_bytes=1 << 20))

    def heard(self) -> list[int]:
        """Which lines were heard, in that order, each as often as it was."""
        path = self.folder / "heard"
        return [int(number) for number in path.read_text().split()] if path.exists() else []

    def let(self, *numbers: int) -> None:
        for number in numbers:
            (self.folder / f"go{number}").touch()


@pytest.fixture
async def bench(redis_url: str, s3_server: ObjectServer, tmp_path: Path) -> AsyncIterator[Bench]:
    configured = stored_settings(redis_url, s3_server)
    objects = await asyncio.to_thread(Objects.open, configured)
    bench = Bench(configured, objects, tmp_path)
    await bench.store.start()
    yield bench
    await bench.store.close()
    await objects.close()


async def test_a_short_recording_is_heard_at_once(bench: Bench) -> None:
    job = await bench.said(LINES[:1])
    async with bench.worker(lanes=["engines"]):
        done = await bench.ended(job)
    assert done.status == Status.SUCCEEDED
    assert (await bench.transcript(done)).text == LINES[0]
    assert await bench.store.parts.state(job.id) is None


async def test_a_long_one_comes_out_in_order_with_the_times_of_the_whole(bench: Bench) -> None:
    job = await bench.said(LINES, heard=str(bench.folder / "heard"))
    async with bench.worker():
        done = await bench.ended(job)
    assert done.status == Status.SUCCEEDED, done.error
    said = await bench.transcript(done)
    assert said.text == " ".join(LINES)
    assert [(one.id, one.start, one.end) for one in said.segments] == [
        (0, 1, 9), (1, 11, 19), (2, 21, 29), (3, 31, 39),
    ]  # fmt: skip
    assert said.duration_s == 40.0
    assert sorted(bench.heard()) == [0, 1, 2, 3]
    about = done.output(1).metadata
    assert (about["text"], about["loops"], about["language"]) == (" ".join(LINES), 4, "en")
    assert (done.attempt, done.rescues) == (1, 0)


async def test_parts_are_heard_side_by_side_by_all_workers_there_are(bench: Bench) -> None:
    job = await bench.said(LINES, hold=str(bench.folder / "go"), heard=str(bench.folder / "heard"))
    async with bench.worker("a"), bench.worker("b"):
        await bench.until_parts(job, Status.RUNNING, 0, 1, 2, 3)
        bench.let(3, 2, 1, 0)
        done = await bench.ended(job)
    assert (await bench.transcript(done)).text == " ".join(LINES)


async def test_a_part_lost_with_its_worker_is_heard_again_and_no_other(bench: Bench) -> None:
    job = await bench.said(LINES, hold=str(bench.folder / "go"), heard=str(bench.folder / "heard"))
    bench.let(0, 1)
    async with bench.worker("a"):
        await bench.until_parts(job, Status.SUCCEEDED, 0, 1)
        await bench.until_parts(job, Status.RUNNING, 2, 3)
    bench.let(2, 3)
    async with bench.worker("b"):
        done = await bench.ended(job)
    assert done.status == Status.SUCCEEDED
    assert sorted(bench.heard()) == [0, 1, 2, 3]
    assert (await bench.transcript(done)).text == " ".join(LINES)


async def test_a_part_that_fails_fails_the_whole_with_its_reason(bench: Bench) -> None:
    job = await bench.said([*LINES[:2], BROKEN, LINES[3]], hold=str(bench.folder / "go"))
    bench.let(2)
    async with bench.worker("a"), bench.worker("b"):
        done = await bench.ended(job)
    assert done.status == Status.FAILED
    assert done.error
    assert (done.error.code, done.error.message) == ("engine_failed", "it cannot make anything of this")
    assert done.output(1).status == OutputStatus.FAILED


async def test_nothing_is_left_in_the_spool_and_what_the_parts_left_is_the_job_s(bench: Bench) -> None:
    job = await bench.said(LINES)
    async with bench.worker():
        done = await bench.ended(job)
        await until(lambda: not any((bench.folder / "w").iterdir()))
    assert done.status == Status.SUCCEEDED
    left = [key async for key in bench.objects.list_keys("inputs/") if job.id in key]
    assert sorted(left) == sorted(
        [f"inputs/{job.id}/file"]
        + [f"inputs/{job.id}/part-{number:04d}.{kind}" for number in range(4) for kind in ("flac", "json")]
    )


async def test_an_incomplete_join_is_not_reported_done(bench: Bench) -> None:
    job = await bench.said(LINES[:2], hold=str(bench.folder / "go"))
    async with bench.worker(lanes=[PARTS]):
        async with bench.worker("b", lanes=["engines"]):

            async def divided() -> bool:
                return bool(await bench.store.parts.state(job.id))

            await until(divided)
        bench.let(0, 1)
        await bench.until_parts(job, Status.SUCCEEDED, 0, 1)
    await bench.objects.delete([f"inputs/{job.id}/part-0001.json"])
    async with bench.worker("b", lanes=["engines"]):
        done = await bench.ended(job)
    assert done.status == Status.FAILED
    assert done.error
    assert done.error.code == "object_missing"


async def test_the_real_engine_s_parts_are_joined_with_the_times_of_the_recording(bench: Bench) -> None:
    voice = np.concatenate(list(sound(SPEECH / "en.opus")))
    quiet = np.random.default_rng(1).normal(0, 0.001, 70 * RATE).astype(np.float32)
    truth = [4.0, 42.0]
    for at in truth:
        quiet[round(at * RATE) :][: len(voice)] += voice
    path = write_wav(bench.folder / "long.wav", quiet)
    job = await bench.admit(path.read_bytes(), divide_from_s=20.0, part_s=30.0, language="en")
    async with bench.worker(spec=ENGINES["whisper"].spec):
        done = await bench.ended(job)
    assert done.status == Status.SUCCEEDED, done.error
    said = await bench.transcript(done)
    state = await bench.store.parts.state(job.id)
    assert state is None
    assert said.text.count("old") == 2
    starts = [one.start for one in said.segments if "old" in one.text]
    assert starts == pytest.approx(truth, abs=0.5)
    assert said.duration_s == pytest.approx(70.0, abs=0.01)
