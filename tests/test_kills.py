"""Every process is killed at every step, and nothing is lost, nothing made twice, nothing said and taken back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import psutil
import pytest

from cli.embedded.service import Service
from cli.gateway import Gateway
from storage.job import OutputStatus, Status
from tests.gateway import Visitor, part, visiting, whole_gateway
from tests.waiting import until

LEASE_S = 2.0
REDIS, S3, WORKER, API = "Redis", "the S3 store", "the worker", "the api"
EVERYTHING = (REDIS, S3, WORKER, API)  # in the order of their start


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Kills do it no lasting harm, which is the point: one for all of these tests."""
    with whole_gateway(tmp_path_factory.mktemp("killed"), lease_s=f"{LEASE_S}", media_wait_s="5") as gateway:
        yield gateway


@pytest.fixture
async def visitor(gateway: Gateway) -> AsyncIterator[Visitor]:
    async with visiting(gateway) as visitor:
        yield visitor


class Killer:
    """Ends processes of a gateway by SIGKILL and starts them again, as an operating system and a watch would."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def strike(self, *names: str) -> None:
        for name in names:
            await asyncio.to_thread(part(self._gateway, name).kill)
        for name in names:
            await asyncio.to_thread(part(self._gateway, name).start)

    async def strike_engine(self) -> None:
        for engine in await until(lambda: engines(self._gateway), "an engine at work"):
            engine.kill()

    @asynccontextmanager
    async def frozen(self, name: str) -> AsyncIterator[None]:
        """A process that is there and does nothing, in the block; it may be killed meanwhile."""
        process = running(part(self._gateway, name))
        process.suspend()
        try:
            yield
        finally:
            if process.is_running():
                process.resume()


def running(service: Service) -> psutil.Process:
    assert service.process
    return psutil.Process(service.process.pid)


def engines(gateway: Gateway) -> list[psutil.Process]:
    return [child for child in running(part(gateway, WORKER)).children() if "workers.engines.child" in child.cmdline()]


@pytest.mark.parametrize("victims", [(API,), (WORKER,), (REDIS,), (S3,), EVERYTHING], ids=" and ".join)
async def test_a_job_outlives_kills_while_it_waits_is_made_and_is_stored(
    gateway: Gateway, visitor: Visitor, victims: tuple[str, ...]
) -> None:
    killer = Killer(gateway)
    async with killer.frozen(WORKER):
        first, last = await visitor.generate()
        await killer.strike(*victims)

    await visitor.when(first, status=Status.RUNNING, first=OutputStatus.MAKING)
    (clip,) = await until(lambda: visitor.feed(first))
    downloading = asyncio.create_task(visitor.download(clip["audio_url"]))
    await killer.strike(*victims)

    await visitor.when(first, status=Status.RUNNING, first=OutputStatus.STORED, last=OutputStatus.MAKING)
    await killer.strike(*victims)

    await visitor.when(first, status=Status.RUNNING, first=OutputStatus.STORED, last=OutputStatus.MAKING)
    async with killer.frozen(S3):
        await visitor.when(first, status=Status.STORING)
        await killer.strike(*victims)

    clips = await visitor.complete(first, last)
    await visitor.assert_done_once(first)
    assert await downloading == await visitor.download(clips[0]["audio_url"])
    spent = 2 if WORKER in victims else 0  # what a killed worker had not finished is made again, and nothing else is
    assert (await visitor.told(await visitor.record(first))).count("making") == 2 + spent


async def test_a_job_outlives_its_engine_and_no_finished_clip_is_made_again(gateway: Gateway, visitor: Visitor) -> None:
    killer = Killer(gateway)
    first, last = await visitor.generate()
    await visitor.when(first, status=Status.RUNNING, first=OutputStatus.MAKING)
    await killer.strike_engine()
    await visitor.when(first, status=Status.RUNNING, first=OutputStatus.STORED, last=OutputStatus.MAKING)
    await killer.strike_engine()
    await visitor.complete(first, last)
    await visitor.assert_done_once(first)
    assert (await visitor.told(await visitor.record(first))).count("making") == 4
