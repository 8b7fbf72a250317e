"""Some subprocesses that all engines share, so that no more run at once than a worker has slots."""

from asyncio import Semaphore, gather
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workers.engines.base import Made, Report
from workers.engines.host import EngineHost
from workers.engines.limits import USUAL, Limits


class EnginePool:
    """`size` hosts. Each starts its subprocess when it is first needed, and ends it when it is not, or when a call for
    another engine finds no better host. `limits` hold for engines that have none of their own."""

    def __init__(self, *, size: int, idle_s: float, limits: Limits = USUAL) -> None:
        self._hosts = [EngineHost("", limits=limits, idle_s=idle_s) for _ in range(size)]
        self._limits = limits
        self._idle = [*self._hosts]  # the one last used at the end
        self._free = Semaphore(size)

    async def generate(
        self, spec: str, task: Mapping[str, Any], folder: Path, on_progress: Report, *, limits: Limits | None = None
    ) -> Made:
        """Make one item with the engine `spec` ("module:Class"), when a host is free.

        Raises what the engine raises, EngineLost or EngineTimedOut. Cancelled, it kills the subprocess at once.
        """
        async with self._free:
            host = self._best(spec)
            self._idle.remove(host)
            try:
                await host.serve(spec, limits or self._limits)
                return await host.generate(task, folder, on_progress)
            finally:
                self._idle.append(host)

    def _best(self, spec: str) -> EngineHost:
        """A warm host of this engine, else one without a subprocess, else the one that has been idle for longest."""
        warm = [host for host in reversed(self._idle) if host.spec == spec and host.pid]
        cold = [host for host in self._idle if not host.pid]
        return (warm or cold or self._idle)[0]

    async def close(self) -> None:
        """End every subprocess."""
        await gather(*(host.close() for host in self._hosts))
