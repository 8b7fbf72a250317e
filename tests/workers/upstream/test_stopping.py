"""A cancel reaches the upstream where it can be told, and only where what ends there is surely the job."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from cli.fakes.faults import parse
from cli.fakes.server import FakeUpstream
from storage.job import Job, Kind, Status
from tests.waiting import until
from tests.workers.upstream.bench import Bench

PICTURE = {"prompt": "a fox", "width": 64, "height": 64, "steps": 20, "format": "png"}
MODEL = "majicmixRealistic_v7"


@pytest.fixture
async def painter(bench: Bench) -> AsyncIterator[FakeUpstream]:
    """It takes half a minute for a picture."""
    async with bench.fake("webui", 30.0) as painter:
        yield painter


async def drawn(bench: Bench, painter: FakeUpstream) -> Job:
    """A picture that is being drawn there."""
    job = await bench.admit(Kind.IMAGE_GENERATE, PICTURE, dialect="webui", model=MODEL)
    await until(lambda: asyncio.sleep(0, painter.family.working))
    return job


@pytest.mark.parametrize("paid", ["false", "true"])
async def test_a_canceled_picture_is_drawn_no_further_and_the_next_one_is(
    bench: Bench, painter: FakeUpstream, paid: str
) -> None:
    bench.account("painter", painter, models=[MODEL], options=f"{{ paid = {paid} }}")
    async with bench.worker():
        job = await drawn(bench, painter)
        assert await bench.store.jobs.cancel(job)
        ended = await bench.ended(job, limit_s=10)
        assert ended.status == Status.CANCELED
        assert [output.object_key for output in ended.outputs] == [None]
        assert painter.ledger.asked["cancel"] >= 1
        assert not painter.family.working
        assert (await bench.store.capacity.fares("painter"))[0].busy == 0
        painter.world.pace_s = 0.1
        other = await bench.admit(Kind.IMAGE_GENERATE, PICTURE, dialect="webui", model=MODEL)
        assert (await bench.ended(other, limit_s=10)).status == Status.SUCCEEDED


async def test_an_upstream_that_does_not_heed_it_is_left_to_itself(bench: Bench, painter: FakeUpstream) -> None:
    painter.world.faults.set([parse("error,on=cancel")])
    painter.world.faults.set([parse("slow=30,on=submit"), parse("error,on=cancel")])
    bench.account("painter", painter, models=[MODEL])
    async with bench.worker():
        job = await drawn(bench, painter)
        assert await bench.store.jobs.cancel(job)
        assert (await bench.ended(job, limit_s=10)).status == Status.CANCELED
        assert painter.ledger.asked["cancel"] >= 1
        assert (await bench.store.capacity.fares("painter"))[0].busy == 0


async def test_where_several_may_run_there_none_is_ended_for_another(bench: Bench, painter: FakeUpstream) -> None:
    bench.account("painter", painter, models=[MODEL], concurrent=2)
    async with bench.worker():
        job = await drawn(bench, painter)
        assert await bench.store.jobs.cancel(job)
        assert (await bench.ended(job, limit_s=10)).status == Status.CANCELED
        assert painter.family.working
        assert painter.ledger.asked["cancel"] == 0


async def test_a_worker_that_stops_ends_nothing_there(bench: Bench, painter: FakeUpstream) -> None:
    bench.account("painter", painter, models=[MODEL])
    async with bench.worker():
        job = await drawn(bench, painter)
    assert (await bench.when(job, Status.QUEUED)).attempt == 0
    assert painter.ledger.asked["cancel"] == 0


async def test_a_song_that_is_canceled_at_its_upstream_is_asked_after_no_more_and_not_brought_home(
    bench: Bench,
) -> None:
    async with bench.fake("suno", 0.5) as studio:
        bench.account("studio", studio)
        async with bench.worker():
            job = await bench.song()
            await bench.when(job, Status.WAITING)
            assert await bench.store.jobs.cancel(job)
            ended = await bench.ended(job)
            done = await bench.ended(await bench.song(title="Next"))
        assert (ended.status, done.status) == (Status.CANCELED, Status.SUCCEEDED)
        now = await bench.when(job, Status.CANCELED)
        assert [output.object_key for output in now.outputs if output.part == 1] == [None, None]
        assert (await bench.store.capacity.fares("studio"))[0].busy == 0
        assert studio.ledger.asked["cancel"] == 0
