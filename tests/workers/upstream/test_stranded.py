"""An account that is taken out of the file while jobs wait there: they say so, wait for it, and not for ever."""

from collections.abc import AsyncIterator

import pytest

from cli.fakes.faults import parse
from cli.fakes.server import FakeUpstream
from storage.job import Job, Kind, Status
from storage.public import waits
from storage.standing import STRANDED, Standing
from tests.waiting import until
from tests.workers.upstream.bench import Bench
from workers.upstream.progress import Limits
from workers.upstream.stranded import GONE


@pytest.fixture
async def studio(bench: Bench) -> AsyncIterator[FakeUpstream]:
    async with bench.fake("suno", 30.0) as studio:
        bench.account("studio", studio)
        yield studio


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.upstream.stranded.AGAIN_S", 0.05)


async def stranded(bench: Bench, studio: FakeUpstream) -> Job:
    """A song that was taken by an account that is in the file no more."""
    job = await bench.song()
    await bench.when(job, Status.WAITING)
    bench.file.write_text("")

    async def says_so() -> Job | None:
        now = await bench.when(job, Status.WAITING)
        return now if now.waits_for else None

    found = await until(says_so)
    assert isinstance(found, Job)
    return found


async def test_its_job_says_why_it_waits_and_goes_on_when_the_account_comes_back(
    bench: Bench, studio: FakeUpstream
) -> None:
    async with bench.worker(limits=Limits(stalled_s=0.5)):
        job = await stranded(bench, studio)
        assert (job.waits_for, waits(job)) == ("account studio is there no more", True)
        standing = Standing(bench.store, bench.accounts)
        (account,) = await standing.accounts()
        assert (account["name"], account["state"], account["under_way"]) == ("studio", "gone", 1)
        ((one, stage),) = [(each["job"], each["stage"]) for each in await standing.doubts()]
        assert (one, stage) == (job.id, "upstream")
        studio.world.advance(120)
        bench.account("studio", studio)
        done = await bench.ended(job)
        assert (done.status, done.waits_for) == (Status.SUCCEEDED, ""), done.error
        assert await standing.doubts() == []

        async def forgotten() -> bool:
            return await bench.store.upstreams.waited_at() == []

        await until(forgotten)
    assert len(studio.ledger.accepts) == 1


async def test_it_ends_when_it_is_too_old(bench: Bench, studio: FakeUpstream) -> None:
    async with bench.worker(limits=Limits(longest_s=1.5)):
        job = await bench.song()
        await bench.when(job, Status.WAITING)
        bench.file.write_text("")
        done = await bench.ended(job)
    assert done.status == Status.FAILED
    assert done.error
    assert (done.error.code, done.error.message) == (GONE.code, str(GONE))


async def test_an_operator_may_give_it_up(bench: Bench, studio: FakeUpstream) -> None:
    async with bench.worker():
        job = await stranded(bench, studio)
        assert (await Standing(bench.store, bench.accounts).fail(job.id)).error == STRANDED
        assert await bench.store.upstreams.waiting_at("studio") == [[]]


async def test_or_have_another_account_make_it(bench: Bench, studio: FakeUpstream) -> None:
    async with bench.fake() as spare, bench.worker():
        job = await stranded(bench, studio)
        bench.account("spare", spare)
        await Standing(bench.store, bench.accounts).resubmit(job.id)
        done = await bench.ended(job)
        assert (done.status, done.account, done.waits_for) == (Status.SUCCEEDED, "spare", ""), done.error
        assert len(spare.ledger.accepts) == 1


async def test_one_that_was_not_sent_goes_to_another_account_by_itself(bench: Bench, studio: FakeUpstream) -> None:
    await bench.store.capacity.pause("studio")
    async with bench.fake() as spare, bench.worker():
        job = await bench.song()

        async def waits_there() -> bool:
            return bool((await bench.when(job, Status.QUEUED)).waits_for)

        await until(waits_there)
        bench.file.write_text("")
        bench.account("spare", spare)
        await bench.store.capacity.resume("studio")  # what it waits for ends
        done = await bench.ended(job)
        assert (done.status, done.account) == (Status.SUCCEEDED, "spare"), done.error


async def test_one_in_doubt_is_looked_for_when_the_account_comes_back(
    bench: Bench, studio: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.upstream.submit.GONE_AGAIN_S", 0.05)
    monkeypatch.setattr("workers.upstream.submit.LOOK_FIRST_S", 1.0)
    studio.world.faults.set([parse("reset_after,times=1")])
    studio.world.pace_s = 0.2
    async with bench.worker():
        job = await bench.song()
        await bench.when(job, Status.IN_DOUBT)
        whole = bench.file.read_text()
        bench.file.write_text("")
        doubted = await bench.when(job, Status.IN_DOUBT)
        assert [each["job"] for each in await Standing(bench.store, bench.accounts).doubts()] == [doubted.id]
        bench.file.write_text(whole)
        done = await bench.ended(job)
    assert done.status == Status.SUCCEEDED, done.error
    assert len(studio.ledger.accepts) == 1


async def test_what_goes_on_from_a_clip_of_it_fails_and_says_why(bench: Bench, studio: FakeUpstream) -> None:
    async with bench.fake() as spare, bench.worker():
        studio.world.pace_s = 0.2
        done = await bench.ended(await bench.song())
        bench.file.write_text("")
        bench.account("spare", spare)
        request = {"continue_clip_id": done.output_id(done.output(1)), "continue_at": 1.0, "prompt": "[Verse]\nOn"}
        failed = await bench.ended(await bench.admit(Kind.MUSIC_EXTEND, request, items=2))
    assert failed.status == Status.FAILED
    assert failed.error
    assert "is there no more" in failed.error.message
    assert len(spare.ledger.accepts) == 0
