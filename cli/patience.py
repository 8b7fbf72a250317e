"""Trying again while a gateway is away, for as long as the caller has patience."""

import random
import time
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from cli.client import Away

_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 5.0
_LONGEST_OBEYED_S = 60.0

T = TypeVar("T")


class Patience:
    """For one command, whichever of its threads asks. `tell` gets a line when trouble begins, and when it is over."""

    def __init__(self, limit_s: float, tell: Callable[[str], None]) -> None:
        self._limit_s, self._tell = limit_s, tell
        self._troubled = 0
        self._lock = Lock()

    def insist(self, call: Callable[[], T]) -> T:
        """What `call()` returns, called again while it raises Away. Raises Away when that has lasted too long."""
        try:
            return call()
        except Away as error:
            self._begin(error)
        try:
            value = self._again(call)
        except BaseException:
            self._end()
            raise
        if self._end():
            self._tell("the gateway answers again")
        return value

    def _again(self, call: Callable[[], T]) -> T:
        deadline, pause_s = time.monotonic() + self._limit_s, _FIRST_PAUSE_S
        while True:
            time.sleep(pause_s * random.uniform(0.5, 1))
            try:
                return call()
            except Away as error:
                if time.monotonic() > deadline:
                    raise
                pause_s = min(max(2 * pause_s, error.retry_after_s), _LONGEST_PAUSE_S)

    def _begin(self, error: Away) -> None:
        with self._lock:
            self._troubled += 1
            first = self._troubled == 1
        if not self._limit_s:
            self._end()
            raise error
        if first:
            self._tell(f"{error.message}; trying again for up to {self._limit_s:g} s")

    def _end(self) -> bool:
        """Whether no other call is in trouble."""
        with self._lock:
            self._troubled -= 1
            return not self._troubled
