"""A song at a fake Suno: sent once, asked after, brought home, and stopped. How it fails, matrix.py says."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from cli.fakes.faults import parse
from cli.fakes.server import FakeUpstream
from storage.callbacks import Callbacks
from storage.ids import Part
from storage.job import Cost, Job, Kind, OutputStatus, Status
from storage.standing import GIVEN_UP
from tests.waiting import until
from tests.workers.upstream.asked import SONG
from tests.workers.upstream.bench import Bench
from workers.upstream.submit import LOOKS


@pytest.fixture
async def fake(bench: Bench) -> AsyncIterator[FakeUpstream]:
    async with bench.fake() as fake:
        bench.account("studio", fake)
        yield fake


def accepts(fake: FakeUpstream) -> int:
    """How many songs were made, and to be paid for."""
    return len(fake.ledger.accepts)


def err(fake: FakeUpstream, *faults: str) -> None:
    fake.world.faults.set([parse(fault) for fault in faults])


def stands(job: Job) -> list[str]:
    return [job.output(item).status for item in (1, 2)]


async def test_a_song_is_sent_once_and_comes_home_as_two_clips(bench: Bench, fake: FakeUpstream) -> None:
    async with bench.worker():
        done = await bench.ended(await bench.song())
    assert done.status == Status.SUCCEEDED, done.error
    assert (done.account, done.attempt, accepts(fake)) == ("studio", 1, 1)
    clips = [done.output(1), done.output(2)]
    assert stands(done) == [OutputStatus.STORED] * 2
    songs = [await bench.stored(clip.object_key) for clip in clips]
    assert songs[0] != songs[1]
    assert all(clip.upstream_id for clip in clips)
    assert all(clip.duration_s and clip.duration_s > 0.5 for clip in clips)
    assert (await bench.store.capacity.fares("studio"))[0].busy == 0


async def test_a_song_that_another_job_has_is_not_taken_for_the_one_that_is_looked_for(
    bench: Bench, fake: FakeUpstream
) -> None:
    async with bench.worker():
        first = await bench.ended(await bench.song())
        err(fake, "reset_after,times=1")
        second = await bench.ended(await bench.song())
    assert (first.status, second.status) == (Status.SUCCEEDED, Status.SUCCEEDED), second.error
    assert accepts(fake) == 2
    clips = {job.output(item).upstream_id for job in (first, second) for item in (1, 2)}
    assert len(clips) == 4


@pytest.mark.parametrize(
    ("lag", "made"),
    [("one_missing=2", [OutputStatus.STORED] * 2), ("one_missing", [OutputStatus.STORED, OutputStatus.FAILED])],
)
async def test_half_of_a_song_is_looked_for_again_and_then_taken_as_it_is(
    bench: Bench, fake: FakeUpstream, lag: str, made: list[OutputStatus]
) -> None:
    err(fake, "reset_after,times=1", lag)
    async with bench.worker():
        done = await bench.ended(await bench.song())
    assert done.status == Status.SUCCEEDED, done.error
    assert stands(done) == made
    assert accepts(fake) == 1


async def test_an_account_may_say_that_such_a_job_is_given_up(bench: Bench) -> None:
    async with bench.fake() as shop:
        bench.account("shop", shop, in_doubt='"fail"')
        err(shop, "reset_before")
        async with bench.worker():
            done = await bench.ended(await bench.song())
    assert (done.status, done.error, done.cost) == (Status.FAILED, GIVEN_UP, Cost(None, certain=False))
    assert await bench.store.upstreams.doubts() == []
    assert (await bench.store.capacity.fares("shop"))[0].busy == 0


@pytest.mark.parametrize(
    ("fault", "ends", "accepted"),
    [
        ("reset_before,times=1", Status.SUCCEEDED, 1),  # sent again, at that account's own risk
        ("reset_before,times=2", Status.IN_DOUBT, 0),  # and not a third time
        ("reset_after,times=1", Status.SUCCEEDED, 1),  # it was found
    ],
)
async def test_or_that_it_is_sent_again_once(bench: Bench, fault: str, ends: Status, accepted: int) -> None:
    async with bench.fake() as shop:
        bench.account("shop", shop, in_doubt='{ "chirp-v3-0" = "resubmit" }')
        err(shop, fault)
        async with bench.worker():
            job = await bench.song()

            async def settled() -> Job | None:
                now = await bench.when(job, ends)
                way = now.upstream
                return now if now.ended or (way and way.resent and way.looks >= LOOKS) else None

            found = await until(settled)
            assert isinstance(found, Job)
        assert (found.status, accepts(shop)) == (ends, accepted), found.error


async def test_but_not_where_several_songs_could_be_it(bench: Bench) -> None:
    async with bench.fake() as shop:
        bench.account("shop", shop, in_doubt='"resubmit"')
        err(shop, "reset_after,times=2")
        async with bench.worker():
            jobs = [await bench.song() for _ in range(2)]

            async def held() -> bool:
                ways = [(await bench.when(job, Status.SUBMITTING, Status.IN_DOUBT)).upstream for job in jobs]
                return all(way and way.looks >= LOOKS for way in ways)

            await until(held)
            assert accepts(shop) == 2


async def test_a_job_that_one_account_refuses_goes_to_another(bench: Bench, fake: FakeUpstream) -> None:
    async with bench.fake() as first:
        bench.account("first", first, weight=1000)  # nearly every draw
        err(first, "no_credits")
        async with bench.worker():
            songs = [await bench.song(title=f"Song {number}") for number in range(6)]
            done = [await bench.ended(job) for job in songs]
        assert [job.status for job in done] == [Status.SUCCEEDED] * 6
        assert {job.account for job in done} == {"studio"}
        assert (accepts(first), accepts(fake)) == (0, 6)
        assert first.ledger.asked["submit"] >= 1


async def test_one_that_may_have_been_taken_goes_nowhere_else(bench: Bench, fake: FakeUpstream) -> None:
    async with bench.fake() as other:
        bench.account("spare", other)
        for each in (fake, other):
            err(each, "reset_after,times=1")
        async with bench.worker():
            done = await bench.ended(await bench.song())
        assert done.status == Status.SUCCEEDED, done.error
        assert accepts(fake) + accepts(other) == 1


async def test_a_cancel_while_a_song_is_sent_is_carried_out_when_it_is_taken(bench: Bench, fake: FakeUpstream) -> None:
    err(fake, "slow=0.5")
    async with bench.worker():
        job = await bench.song()
        await until(lambda: asyncio.sleep(0, accepts(fake)))
        assert await bench.store.jobs.cancel(job)
        assert (await bench.ended(job)).status == Status.CANCELED
        assert (await bench.store.capacity.fares("studio"))[0].busy == 0
        assert accepts(fake) == 1
        err(fake)
        assert (await bench.ended(await bench.song(title="Next"))).status == Status.SUCCEEDED


async def test_a_picture_s_progress_is_told_while_it_is_drawn(bench: Bench) -> None:
    async with bench.fake("webui", 2.0) as painter:
        bench.account("painter", painter, models=["majicmixRealistic_v7"])
        picture = {"prompt": "a fox", "width": 64, "height": 64, "steps": 20, "format": "png"}
        async with bench.worker():
            job = await bench.admit(Kind.IMAGE_GENERATE, picture, dialect="webui", model="majicmixRealistic_v7")

            async def halfway() -> Job | None:
                now = await bench.when(job, Status.SUBMITTING)
                return now if now.progress >= 0.4 else None

            found = await until(halfway)
            assert isinstance(found, Job)
            assert found.progress <= 0.9
            done = await bench.ended(job)
    assert (done.status, done.progress) == (Status.SUCCEEDED, 1.0), done.error


async def test_an_account_has_one_job_at_a_time_where_its_adapter_says_so(bench: Bench) -> None:
    async with bench.fake("webui", 0.1) as painter:
        bench.account("painter", painter, models=["majicmixRealistic_v7"])
        picture = {"prompt": "a fox", "width": 64, "height": 64, "steps": 1, "format": "png"}
        err(painter, "slow=0.5")
        async with bench.worker():
            more: dict[str, Any] = {"dialect": "webui", "model": "majicmixRealistic_v7"}
            jobs = [await bench.admit(Kind.IMAGE_GENERATE, {**picture, "seed": n}, **more) for n in range(2)]

            async def why() -> str:
                found = await bench.store.jobs.get(*(job.id for job in jobs))
                return "".join(job.waits_for for job in found if job)

            assert await until(why) == "account painter has 1 jobs under way, as many as it may"
            done = [await bench.ended(job) for job in jobs]
    assert [job.status for job in done] == [Status.SUCCEEDED] * 2, done[0].error


async def test_an_upstream_that_calls_back_is_told_where(bench: Bench) -> None:
    bench.public_url = "https://gateway.example"
    async with bench.fake("sunoapi") as shop:
        bench.account("shop", shop, models=["V4"])
        async with bench.worker():
            done = await bench.ended(await bench.admit(Kind.MUSIC_GENERATE, SONG, items=2, model="V4"))
        assert done.status == Status.SUCCEEDED, done.error
        (task,) = shop.family.tasks.values()
        assert task.callback_url == Callbacks(bench.settings.secret, bench.public_url).url("shop", done.id)


async def test_a_song_whose_cover_cannot_be_had_comes_home_without_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.upstream.collect._MOST_S", 0.05)
    async with bench.fake() as fake:
        bench.account("studio", fake)
        err(fake, "no_cover")
        async with bench.worker():
            done = await bench.ended(await bench.song())
    assert done.status == Status.SUCCEEDED, done.error
    assert stands(done) == [OutputStatus.STORED] * 2
    assert {output.part for output in done.outputs} == {Part.MAIN}
    assert accepts(fake) == 1
