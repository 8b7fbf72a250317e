"""Learning that the server is about to stop, while requests are still under way.

granian says so to an app only after its last answer, and a stream has none by itself.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def at_stop(call: Callable[[], None]) -> Iterator[None]:
    """Meanwhile `call` is called in this event loop when the process is asked to stop; what happens then, happens too.

    Event loops take signals from a pipe that Python writes them to, and leave a handler in Python that does nothing:
    its place is taken. Where there is no handler nobody stops in order, and nothing is done.
    """
    loop, before = asyncio.get_running_loop(), dict[int, Callable[[int, FrameType | None], Any]]()

    def heard(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(call)
        before[number](number, frame)

    if threading.current_thread() is threading.main_thread():
        for each in _SIGNALS:
            if callable(handler := signal.getsignal(each)):
                before[each] = handler
                signal.signal(each, heard)
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is heard:
                signal.signal(number, handler)
