import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from cli.embedded import Objects as ObjectServer
from storage.ids import OutputId, Part, new_job_id, output_id
from storage.job import Job, Kind, OutputStatus, Status
from storage.media import inputs_prefix, object_key
from storage.objects import Objects
from storage.store import Store
from tests.storage.samples import sample
from tests.waiting import until
from tests.workers.jobs import admit, read, stored_settings
from tests.workers.sketch_engine import drawing
from workers.engines.limits import Limits
from workers.engines.pool import EnginePool
from workers.lanes import Lane
from workers.render import render, seed
from workers.retry import LOST_ATTEMPTS
from workers.spool import Spool


class Bench:
    """A worker's parts around the render step, with the sketch engine."""

    def __init__(self, redis_url: str, s3: ObjectServer, spool: Path) -> None:
        self.settings = stored_settings(redis_url, s3)
        self.spool = Spool(spool)
        self.store = Store.open(self.settings)

    @asynccontextmanager
    async def serving(self, **options: Any) -> AsyncIterator[Lane]:
        """The lane, at work."""
        objects = await asyncio.to_thread(Objects.open, self.settings)
        engines = EnginePool(size=2, idle_s=60, limits=Limits(500, 30))
        lane = Lane("engines", [render], **({"worker": "w", "slots": 2, "lease_s": 5.0, "drain_s": 0.0} | options))
        await lane.start(
            {
                "store": self.store,
                "queue": self.store.queue,
                "signals": self.store.signals,
                "objects": objects,
                "engines": {"composer": partial(engines.generate, "tests.workers.sketch_engine:Sketch")},
                "spool": self.spool,
            }
        )
        try:
            yield lane
        finally:
            await lane.stop()
            await engines.close()
            await objects.close()

    async def admit(self, items: int = 2, **request: Any) -> Job:
        return await admit(self.store, step="render", items=items, request=request)

    async def admit_with(self, **inputs: bytes) -> Job:
        """A job that works on what came with it."""
        id = new_job_id()
        keys = {name: inputs_prefix(id) + name for name in inputs}
        objects = await asyncio.to_thread(Objects.open, self.settings)
        try:
            for name, data in inputs.items():
                await objects.put_bytes(keys[name], data, content_type="application/octet-stream")
        finally:
            await objects.close()
        return await admit(self.store, step="render", id=id, inputs=keys, request={"read": [*inputs]}, items=2)

    async def when(self, job: Job, **wanted: Any) -> Job:
        """The job, once its fields are as wanted."""

        async def look() -> Job | None:
            now = await read(self.store, job.id)
            return now if all(getattr(now, name) == value for name, value in wanted.items()) else None

        found = await until(look, f"{wanted}")
        assert isinstance(found, Job)
        return found

    async def stored(self, output_key: str | None) -> bytes:
        assert output_key
        objects = await asyncio.to_thread(Objects.open, self.settings)
        try:
            return await objects.get_bytes(output_key, limit_bytes=1 << 20)
        finally:
            await objects.close()


@pytest.fixture
async def bench(redis_url: str, s3_server: ObjectServer, tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(redis_url, s3_server, tmp_path / "spool")
    await bench.store.start()
    yield bench
    await bench.store.close()


async def test_every_item_is_made_and_stored_and_differs(bench: Bench) -> None:
    async with bench.serving():
        job = await bench.when(await bench.admit(), status=Status.SUCCEEDED)
    assert job.progress == 1.0
    first, second = job.output(1), job.output(2)
    for item, output in ((1, first), (2, second)):
        assert output.status == OutputStatus.STORED
        assert output.object_key == object_key(OutputId(job.id, item, Part.MAIN), ".mp3")
        assert await bench.stored(output.object_key) == drawing(seed(job, item))
        assert (output.duration_s, output.size_bytes) == (1.5, 3200)
        assert output.metadata == {"seed": seed(job, item)}
    assert first.sha256 != second.sha256
    assert not list(bench.spool.root.iterdir())


async def test_one_item_may_fail_alone(bench: Bench) -> None:
    async with bench.serving():
        admitted = await bench.admit(seed=7, fail_seeds=[])
        lucky = await bench.when(admitted, status=Status.SUCCEEDED)
        unlucky = await bench.admit(seed=7, fail_seeds=[seed(lucky, 1)])
        job = await bench.when(unlucky, status=Status.SUCCEEDED)
    assert [job.output(item).status for item in (1, 2)] == [OutputStatus.FAILED, OutputStatus.STORED]
    assert job.output(1).error
    assert job.output(1).error.code == "engine_failed"


async def test_a_job_of_which_nothing_came_out_has_failed(bench: Bench) -> None:
    async with bench.serving():
        job = await bench.when(await bench.admit(fail_all=True), status=Status.FAILED)
    assert job.error
    assert job.error.message.startswith("cannot draw")


async def test_what_is_stored_already_is_not_made_again(bench: Bench, tmp_path: Path) -> None:
    made = tmp_path / "made"
    async with bench.serving():
        job = await bench.admit(made=str(made))
        job = await bench.when(job, status=Status.SUCCEEDED)
        before = made.read_text()
    assert len(before.split()) == 2
    # the same job again, as after a worker's death between its last upload and its last word
    await bench.store.redis.hset(f"job:{job.id}", "status", "queued")
    await bench.store.redis.zadd("asleep:engines", {job.id: 1})
    async with bench.serving():
        await bench.when(job, status=Status.SUCCEEDED)
    assert made.read_text() == before


async def test_while_the_object_store_is_away_jobs_wait_in_storing_and_nothing_is_made_twice(
    redis_url: str, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    with ObjectServer(tmp_path / "s3") as s3:
        bench = Bench(redis_url, s3, tmp_path / "spool")
        await bench.store.start()
        async with bench.serving():
            await asyncio.to_thread(s3.kill)
            job = await bench.admit(made=str(made))
            waiting = await bench.when(job, status=Status.STORING, stage="objects_unavailable")
            assert waiting.public_status == "running"
            assert waiting.attempt == 0
            await asyncio.to_thread(s3.start)
            done = await bench.when(job, status=Status.SUCCEEDED)
        assert len(made.read_text().split()) == 2
        assert await bench.stored(done.output(2).object_key) == drawing(seed(job, 2))
        await bench.store.close()


async def test_what_was_lost_with_a_machine_is_made_again_as_it_was(redis_url: str, tmp_path: Path) -> None:
    with ObjectServer(tmp_path / "s3") as s3:
        there, here = (Bench(redis_url, s3, tmp_path / name) for name in ("there", "here"))
        await there.store.start()
        await here.store.start()
        async with there.serving():
            await asyncio.to_thread(s3.kill)
            job = await there.admit()
            await there.when(job, status=Status.STORING, stage="objects_unavailable")
        await asyncio.to_thread(s3.start)
        async with here.serving():
            done = await here.when(job, status=Status.SUCCEEDED)
        assert await here.stored(done.output(1).object_key) == drawing(seed(job, 1))
        await there.store.close()
        await here.store.close()


async def test_a_cancelled_job_ends_its_engine_at_once_and_leaves_nothing_in_the_spool(
    bench: Bench, tmp_path: Path
) -> None:
    async with bench.serving(lease_s=600.0) as lane:
        job = await bench.admit(hold=str(tmp_path / "never"))
        await bench.when(job, status=Status.RUNNING)
        await until(_engines)
        assert await bench.store.jobs.cancel(job)
        await until(lambda: not lane.held)
        assert not _engines()
        assert not list(bench.spool.root.iterdir())


async def test_a_clip_shows_what_is_being_made(bench: Bench, tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    async with bench.serving():
        job = await bench.admit(hold=str(hold))

        async def rendering() -> Job | None:
            now = await read(bench.store, job.id)
            return now if now.progress > 0 else None

        now = await until(rendering)
        assert now.stage == "rendering"
        assert [now.output(item).status for item in (1, 2)] == [OutputStatus.MAKING, OutputStatus.PENDING]
        hold.touch()
        await bench.when(job, status=Status.SUCCEEDED)


async def test_an_extension_of_a_clip_that_is_gone_says_so(bench: Bench) -> None:
    gone = output_id((await bench.admit()).id, 1)
    async with bench.serving():
        job = await admit(
            bench.store, step="render", kind=Kind.MUSIC_EXTEND, items=2, request={"continue_clip_id": gone}
        )
        await bench.when(job, status=Status.FAILED)
    error = (await read(bench.store, job.id)).error
    assert error
    assert "deleted" in error.message


async def test_an_engine_that_is_lost_again_and_again_fails_its_job(bench: Bench) -> None:
    async with bench.serving():
        job = await bench.admit(items=1, lose=True)
        await bench.store.redis.hset(f"job:{job.id}", "attempt", LOST_ATTEMPTS - 1)
        failed = await bench.when(job, status=Status.FAILED)
    assert failed.error
    assert failed.error.code == "engine_lost"


def _engines() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if child.is_running() and "sketch_engine" in " ".join(_command(child))
    ]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


async def test_what_came_with_a_job_lies_before_its_engine_as_files(bench: Bench) -> None:
    async with bench.serving():
        job = await bench.when(await bench.admit_with(image=b"one picture", mask=b"another"), status=Status.SUCCEEDED)
    for item in (1, 2):
        assert job.output(item).metadata["read"] == {"image": "one picture", "mask": "another"}
    assert not list(bench.spool.root.iterdir())


async def test_a_job_whose_inputs_are_gone_fails_and_says_so(bench: Bench) -> None:
    async with bench.serving():
        lost = await admit(bench.store, step="render", inputs={"image": "inputs/gone/image"}, request={})
        job = await bench.when(lost, status=Status.FAILED)
    assert job.error
    assert job.error.code == "object_missing"


async def test_what_an_item_looks_like_by_now_is_kept_while_it_is_made(bench: Bench, tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    async with bench.serving():
        job = await bench.admit(items=1, hold=str(hold), preview="how it looks")

        async def shown() -> bytes | None:
            return await bench.store.jobs.preview(job.id)

        assert await until(shown) == b"how it looks"
        hold.touch()
        await bench.when(job, status=Status.SUCCEEDED)


def test_the_seeds_of_pictures_are_the_one_asked_for_and_then_one_more_each() -> None:
    job = sample(kind=Kind.IMAGE_GENERATE, request={"seed": (1 << 32) - 2}, items=3)
    assert [seed(job, item) for item in (1, 2, 3)] == [(1 << 32) - 2, (1 << 32) - 1, 0]


async def test_after_the_first_of_two_items_half_of_the_work_is_done(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.render._TICK_S", 60.0)
    async with bench.serving():
        job = await bench.admit(items=2)
        seen: list[float] = []

        async def ended() -> bool:
            now = await read(bench.store, job.id)
            if now.output(1).status == OutputStatus.STORED:
                seen.append(now.progress)
            return now.ended

        await until(ended)
    assert seen[0] >= 0.475
