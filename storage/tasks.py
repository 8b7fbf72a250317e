"""Ending background tasks."""

import asyncio
from typing import Any

_AGAIN_S = 0.5


async def end(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel tasks and return once they have ended, however they did.

    More than once if need be: a cancellation that meets redis-py while it gives a connection back can get lost in an
    error of the connection's own (seen about once in 200 ends of a blocking read).
    """
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=_AGAIN_S)
