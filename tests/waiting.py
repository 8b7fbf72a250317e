"""Waiting for something to come true, with a limit: what tests do instead of sleeping.

A look may cost both sides some milliseconds of the processor that what is waited for needs itself. So the longer the
wait, the rarer the looks.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

_LIMIT_S = 20.0
_LOOK_S = 0.005, 0.1
"""Between two looks: the least and the most; else a twentieth of the time that has been waited for."""


async def until(true: Callable[[], Any | Awaitable[Any]], what: str = "", *, limit_s: float = _LIMIT_S) -> Any:
    """The first truthy value of `true()`, plain or awaited. AssertionError after `limit_s`."""
    began = time.monotonic()
    while True:
        value = true()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        waited = time.monotonic() - began
        assert waited < limit_s, f"not within {limit_s:g} s: {what or inspect.getsource(true).strip()}"
        least, most = _LOOK_S
        await asyncio.sleep(min(max(least, waited / 20), most))
