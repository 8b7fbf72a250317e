"""What an account has left, asked of a fake Suno that counts; and what a song cost, on its record."""

from cli.fakes.faults import parse
from storage.capacity import AccountState
from storage.job import Cost, Status
from storage.ledger import Purse
from tests.waiting import until
from tests.workers.upstream.bench import Bench


async def purse(bench: Bench) -> Purse:
    (found,) = await bench.store.ledger.of("studio")
    return found


async def test_a_song_s_cost_is_on_its_record_and_the_account_s_and_what_is_left_is_known(bench: Bench) -> None:
    async with bench.fake() as studio:
        bench.account("studio", studio, cost='{ "music.generate" = 10 }')
        async with bench.worker("w1"), bench.worker("w2"):

            async def asked() -> bool:
                return (await purse(bench)).credits is not None

            await until(asked)
            done = await bench.ended(await bench.song())
        assert (done.status, done.cost) == (Status.SUCCEEDED, Cost(10.0, certain=True))
        spent = await purse(bench)
        assert (spent.units, spent.jobs, spent.today) == (10.0, 1, {"owner": 10.0})
        assert studio.ledger.asked["credits"] == 1


async def test_an_empty_account_is_not_tried_and_used_again_when_it_is_filled(bench: Bench) -> None:
    async with bench.fake() as studio:
        bench.account("studio", studio, cost='{ "music.generate" = 10000 }')  # more than it has
        async with bench.worker():

            async def empty() -> bool:
                return (await bench.store.capacity.fares("studio"))[0].state == AccountState.NO_CREDITS

            await until(empty)
            job = await bench.song()
            waiting = await bench.when(job, Status.QUEUED)
            assert studio.ledger.asked["submit"] == 0
            bench.file.write_text(bench.file.read_text().replace("10000", "10"))

            async def filled() -> bool:
                await bench.store.redis.delete(
                    "asked:studio"
                )  # time passes: whoever asks just now has read the old file
                return (await bench.store.capacity.fares("studio"))[0].state == AccountState.OK

            await until(filled)
            done = await bench.ended(waiting)
        assert done.status == Status.SUCCEEDED, done.error


async def test_an_account_that_does_not_say_is_used_all_the_same(bench: Bench) -> None:
    async with bench.fake() as studio:
        studio.world.faults.set([parse("error,on=credits")])
        bench.account("studio", studio)
        async with bench.worker():
            done = await bench.ended(await bench.song())
        assert (done.status, done.cost) == (Status.SUCCEEDED, Cost(None, certain=True))
        assert (await purse(bench)).credits is None
        assert (await bench.store.capacity.fares("studio"))[0].state == AccountState.OK
