"""Some subprocesses of one engine, so that as many items are made at once as a worker has slots."""

from asyncio import LifoQueue, gather
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workers.engines.base import Made, Report
from workers.engines.host import EngineHost


class EnginePool:
    """`size` hosts, each with a subprocess of its own that starts when it is first needed and ends when it is not."""

    def __init__(self, spec: str, *, size: int, memory_mb: int, idle_s: float, stall_s: float) -> None:
        self._hosts = [EngineHost(spec, memory_mb=memory_mb, idle_s=idle_s, stall_s=stall_s) for _ in range(size)]
        self._idle: LifoQueue[EngineHost] = LifoQueue()  # the one last used is warm
        for host in self._hosts:
            self._idle.put_nowait(host)

    async def generate(self, task: Mapping[str, Any], folder: Path, on_progress: Report) -> Made:
        """Make one item, when a host is free. Raises what the engine raises, EngineLost or EngineTimedOut.

        Cancelled, it kills the subprocess at once.
        """
        host = await self._idle.get()
        try:
            return await host.generate(task, folder, on_progress)
        finally:
            self._idle.put_nowait(host)

    async def close(self) -> None:
        """End every subprocess."""
        await gather(*(host.close() for host in self._hosts))
