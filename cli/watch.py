"""Starts again what has died: at once, then ever more slowly, until it has lived for a while."""

import time
from collections.abc import Callable

from cli.embedded import ServiceError
from cli.embedded.service import Service

PAUSES_S = (0.0, 1.0, 5.0, 15.0)
STEADY_S = 60.0


class Watch:
    """One part of a gateway. Call `look` now and then; `tell` gets a line for the operator."""

    def __init__(self, part: Service, tell: Callable[[str], None]) -> None:
        self._part, self._tell = part, tell
        self._deaths = 0
        self._since = time.monotonic()
        self._again_at: float | None = None

    @property
    def is_news(self) -> bool:
        """Whether it has died since the last look."""
        process = self._part.process
        return process is not None and process.poll() is not None and self._again_at is None

    def look(self) -> None:
        """Blocks while the part starts, if it must."""
        now, process = time.monotonic(), self._part.process
        if process and process.poll() is None:
            if now - self._since > STEADY_S:
                self._deaths = 0
            return
        if self._again_at is None:
            if process:
                self._tell(f"{self._part.name} ended with {process.returncode} (its log: {self._part.log})")
            self._again_at = now + PAUSES_S[min(self._deaths, len(PAUSES_S) - 1)]
            self._deaths += 1
        if now >= self._again_at:
            self._start()

    def _start(self) -> None:
        self._again_at = None
        self._part.kill()
        try:
            self._part.start()
        except ServiceError as error:
            self._tell(str(error))
        else:
            self._tell(f"{self._part.name} runs again")
        self._since = time.monotonic()
