"""Ending in good order, whoever asks for it."""

import signal
from types import FrameType


def end_as_by_ctrl_c() -> None:
    """From here on SIGTERM, and a terminal that closes, raise KeyboardInterrupt too."""
    for asked in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(asked, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
