"""Killing and freezing the parts of a gateway."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import psutil

from cli.embedded.service import Service
from cli.gateway import Gateway
from storage.job import OutputStatus, Status
from tests.gateway import part
from tests.waiting import until

REDIS, S3, WORKER, API = "Redis", "the S3 store", "the worker", "the api"

MAKING_FIRST = {"status": Status.RUNNING, "first": OutputStatus.MAKING}
MAKING_LAST = {"status": Status.RUNNING, "first": OutputStatus.STORED, "last": OutputStatus.MAKING}


class Killer:
    """Ends processes of a gateway by SIGKILL and starts them again, as a crash and a watch would."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def kill(self, *names: str) -> None:
        for name in names:
            await asyncio.to_thread(part(self._gateway, name).kill)

    async def start(self, *names: str) -> None:
        await asyncio.gather(*(asyncio.to_thread(part(self._gateway, name).start) for name in names))

    async def strike(self, *names: str) -> None:
        await self.kill(*names)
        await self.start(*names)

    async def strike_engine(self) -> None:
        for engine in await self._engines():
            engine.kill()

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """A part that is there and does nothing, in the block; it may be killed meanwhile."""
        with _frozen([_process(part(self._gateway, name))]):
            yield

    @asynccontextmanager
    async def frozen_engine(self) -> AsyncIterator[None]:
        """The clip that is being made stays in the making, in the block."""
        with _frozen(await self._engines()):
            yield

    async def _engines(self) -> list[psutil.Process]:
        def look() -> list[psutil.Process]:
            children = _process(part(self._gateway, WORKER)).children()
            return [child for child in children if "workers.engines.child" in child.cmdline()]

        engines = await until(look, "an engine at work")
        assert isinstance(engines, list)
        return engines


def _process(service: Service) -> psutil.Process:
    assert service.process
    return psutil.Process(service.process.pid)


@contextmanager
def _frozen(processes: list[psutil.Process]) -> Iterator[None]:
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()
