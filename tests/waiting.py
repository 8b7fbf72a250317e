"""Waiting for something to come true, with a limit: what tests do instead of sleeping."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

_LIMIT_S = 20.0
_LOOK_S = 0.005


async def until(true: Callable[[], Any | Awaitable[Any]], what: str = "", *, limit_s: float = _LIMIT_S) -> Any:
    """The first truthy value of `true()`, plain or awaited. AssertionError after `limit_s`."""
    deadline = time.monotonic() + limit_s
    while True:
        value = true()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {limit_s:g} s: {what or inspect.getsource(true).strip()}"
        await asyncio.sleep(_LOOK_S)
