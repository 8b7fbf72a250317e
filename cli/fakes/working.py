"""Work that takes a while of a fake's own time, for fakes that answer when it is done."""

import asyncio
from contextlib import suppress

from cli.fakes.family import World


class Work:
    """One piece of work at a time: `begin` starts it, `end` waits for its end; `stir` after time has leapt."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stirred = asyncio.Condition()
        self._begun: float | None = None
        self._lasts_s = 0.0
        self.stopped = False

    def begin(self, lasts_s: float) -> None:
        self._begun, self._lasts_s, self.stopped = self._world.now(), lasts_s, False

    async def end(self) -> float:
        """How much of it was done, 0..1: less than 1 if it was stopped."""
        while self.progress < 1 and not self.stopped:
            left_s = (1 - self.progress) * self._lasts_s
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s), self._stirred:
                    await self._stirred.wait()
        done, self._begun = self.progress, None
        return done

    @property
    def going_on(self) -> bool:
        return self._begun is not None

    @property
    def progress(self) -> float:
        """0..1 of what goes on; 0 if nothing does."""
        if self._begun is None:
            return 0.0
        return min(1.0, (self._world.now() - self._begun) / self._lasts_s) if self._lasts_s else 1.0

    @property
    def left_s(self) -> float:
        return (1 - self.progress) * self._lasts_s if self.going_on else 0.0

    async def stir(self) -> None:
        async with self._stirred:
            self._stirred.notify_all()

    async def stop(self) -> None:
        """Ends what goes on just now; nothing, if nothing does."""
        if self.going_on:
            self.stopped = True
            await self.stir()
