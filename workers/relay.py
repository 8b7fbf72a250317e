"""What an engine leaves piece by piece, passed on to those who listen already. Nobody here waits for a listener."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from storage.catalog import ELSEWHERE
from storage.errors import RedisUnavailable
from storage.job import Job
from storage.sounds import MOST_BYTES, Sounds
from storage.tasks import end
from workers.engines.pieces import piece

_AGAIN_S = 0.5


class Relay:
    """The pieces of one attempt at a job, in order. `wanted`: somebody listens, and more can be passed on to them."""

    def __init__(self, sounds: Sounds, job: Job) -> None:
        self._sounds, self._job = sounds, job
        self.wanted = job.request.get("streamed") is True and job.engine != ELSEWHERE  # whose sound comes whole
        self._next, self._passed_bytes = 1, 0
        self._news = asyncio.Event()

    def look(self) -> None:
        """There may be another piece."""
        self._news.set()

    @asynccontextmanager
    async def following(self, folder: Path) -> AsyncIterator[None]:
        """Meanwhile pieces that come to the folder are passed on, at each `look`."""
        if not self.wanted:
            yield
            return
        following = asyncio.create_task(self._follow(folder))
        try:
            yield
        finally:
            await end(following)

    async def finish(self, folder: Path) -> None:
        """Pass on what is left of a whole that has been found good, and that this is its end.

        Raises RedisUnavailable.
        """
        await self._pass_on(folder)
        if self.wanted:
            await self._sounds.end(self._job, self._next - 1)

    async def _follow(self, folder: Path) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self._pass_on(folder)
            except RedisUnavailable:  # later, then; and at the end without fail
                await asyncio.sleep(_AGAIN_S)
                self.look()

    async def _pass_on(self, folder: Path) -> None:
        while self.wanted:
            data = await asyncio.to_thread(piece, folder, self._next)
            if data is None:
                return
            fits = self._passed_bytes + len(data) <= MOST_BYTES
            self.wanted = fits and await self._sounds.add(self._job, self._next, data)
            self._next += 1
            self._passed_bytes += len(data)
