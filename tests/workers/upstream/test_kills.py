"""A worker is killed, or cut off, at every step of a job at an upstream: nothing is lost, and nothing paid for twice.

Workers are real processes; a gate stops the one message that shows how far it has come, and there SIGKILL meets it.
Then another takes over. Each step is gone through for all adapters at once, each at a site of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from cli.embedded import Objects as ObjectServer
from cli.embedded import Redis
from cli.fakes.faults import parse
from storage.job import Job
from tests.waiting import until
from tests.workers.upstream.ends import assert_ended_well
from tests.workers.upstream.gates import Trap
from tests.workers.upstream.nursery import Nursery
from tests.workers.upstream.sites import Site, settings_of
from tests.workers.upstream.steps import DOUBTS, LOOKS, LOST, STEPS, Known, Step
from tests.workers.upstream.ways import WAYS

ELSEWHERE = [
    "kept in the spool, its slot not let go",
    "storing, and not told so",
    "stored, and not written down",
    "half a file fetched",
]
"""The steps at which something lies in the spool, and nowhere else."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with Redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sites(
    nursery: Nursery, database: Redis, s3_server: ObjectServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, Site]]:
    """One for each way. A worker that is alive at the end of a test serves the next."""
    folder: Path = tmp_path_factory.mktemp("sites")
    async with AsyncExitStack() as at_end:
        yield {
            name: await at_end.enter_async_context(
                Site(way, nursery, settings_of(database.url, number, s3_server), folder / str(number)).open()
            )
            for number, (name, way) in enumerate(WAYS.items())
        }


@pytest.mark.parametrize("name", STEPS)
async def test_a_worker_that_is_killed_there_loses_nothing_and_pays_nothing_twice(
    sites: dict[str, Site], name: str
) -> None:
    step = STEPS[name]

    async def killed(site: Site) -> None:
        job, trap = await reached(site, step)
        await killed_at(site, trap, job)
        site.work()
        await assert_ended_well(site, job, step.known)

    await at_all(sites, step, killed)


@pytest.mark.parametrize("name", STEPS)
async def test_a_worker_that_is_cut_off_there_goes_on_and_pays_nothing_twice(sites: dict[str, Site], name: str) -> None:
    step = STEPS[name]
    known = step.known if step.gate == "upstream" else Known.CERTAIN  # it is the same worker, and knows

    async def cut(site: Site) -> None:
        job, trap = await reached(site, step)
        trap.cut()
        if step.asks[0] == b"claim":  # it was never told that the job is its own: the lease has to run out
            await site.end_leases(job)
        await assert_ended_well(site, job, known)

    await at_all(sites, step, cut)


@pytest.mark.parametrize("name", [*DOUBTS, *LOOKS])
async def test_a_worker_that_is_killed_while_a_job_is_in_doubt_makes_it_no_worse(
    sites: dict[str, Site], name: str
) -> None:
    step = {**DOUBTS, **LOOKS}[name]

    async def killed_twice(site: Site) -> None:
        if not site.way.pays or (name in LOOKS and not site.way.lists):
            return
        job, trap = await reached(site, STEPS[LOST])
        await killed_at(site, trap, job)
        if name in DOUBTS:  # or it is found at once, where it can be looked for
            site.fake.world.faults.set([parse("error,times=1,on=poll")] if site.way.lists else [])
        again = set_at(site, step, job)
        site.work()
        await sprung(again)
        await killed_at(site, again, job)
        site.work()
        await assert_ended_well(site, job, Known.SENT)

    await at_all(sites, step, killed_twice)


@pytest.mark.parametrize("name", ELSEWHERE)
async def test_a_machine_that_is_lost_there_with_its_spool_loses_no_job_and_pays_nothing_twice(
    sites: dict[str, Site], name: str
) -> None:
    step = STEPS[name]

    async def lost(site: Site) -> None:
        job, trap = await reached(site, step)
        await killed_at(site, trap, job)
        site.work(GATEWAY_DATA=str(site.folder / "another"))
        await assert_ended_well(site, job, Known.SENT if "spooled" in site.way.sorts else Known.CERTAIN)
        await asyncio.to_thread(site.kill)
        site.work()  # the machine comes back, and looks through its spool

    await at_all(sites, step, lost)


async def test_a_worker_that_is_to_stop_waits_for_the_answer_to_what_it_has_paid(sites: dict[str, Site]) -> None:
    step = STEPS[LOST]

    async def stopped(site: Site) -> None:
        job, trap = await reached(site, step)
        worker = site.terminate()
        await until(lambda: "shutdown on SIGTERM" in site.log(), "it is about to stop", limit_s=60)
        if site.way.pays:
            assert worker.is_running()
            trap.let_go()
        await asyncio.to_thread(worker.wait, 60)
        trap.cut()
        assert "never retrieved" not in site.log()
        site.work()
        await assert_ended_well(site, job, Known.CERTAIN if site.way.pays else Known.SENT)

    await at_all(sites, step, stopped)


async def at_all(sites: dict[str, Site], step: Step, happens: Callable[[Site], Awaitable[None]]) -> None:
    """At each site that the step concerns, at the same time. Nothing is left in a spool."""
    concerned = {name: site for name, site in sites.items() if step.concerns(site)}

    async def at(site: Site) -> None:
        try:
            await happens(site)
            await until(lambda: not site.spooled(), "nothing is left in the spool", limit_s=60)
        except BaseException:
            await asyncio.to_thread(site.kill)  # it may be anywhere
            raise

    ends = await asyncio.gather(*(at(site) for site in concerned.values()), return_exceptions=True)
    for name, end in zip(concerned, ends, strict=True):
        if isinstance(end, BaseException):
            end.add_note(f"at {name}")
            raise end


async def reached(site: Site, step: Step) -> tuple[Job, Trap]:
    """A job whose worker is stopped at a step."""
    await site.begin_anew()
    site.fake.ledger.accepts.clear()
    site.fake.world.faults.set([parse(step.fault)] if step.fault else [])
    job = site.new()
    trap = set_at(site, step, job)
    site.work()
    await site.admit(job)
    await sprung(trap)
    return job, trap


def set_at(site: Site, step: Step, job: Job) -> Trap:
    gate = {"redis": site.redis, "upstream": site.upstream, "objects": site.objects}[step.gate]
    gate.trap = step.trap(site, job.id)
    return gate.trap


async def sprung(trap: Trap) -> None:
    async with asyncio.timeout(60):
        await trap.reached.wait()


async def killed_at(site: Site, trap: Trap, job: Job) -> None:
    """kill -9, and with it goes what was stopped; its leases have run out."""
    await asyncio.to_thread(site.kill)
    trap.cut()
    await site.end_leases(job)
