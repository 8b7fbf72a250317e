"""A child process of a benchmark: one of our modules, run until the benchmark is done with it."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from cli.embedded.service import Service

_ROOT = Path(__file__).parents[1]
READY = "BENCH_READY"


class Program(Service):
    """`python -m module words`, with exactly this environment (and PATH). It is up once `answers` says so; by default
    once it has touched the file named by `BENCH_READY`."""

    poll_s = 0.01

    def __init__(
        self,
        folder: Path,
        module: str,
        *words: str,
        environment: Mapping[str, str],
        answers: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__(folder)
        self.name = module
        self._words, self._variables, self._check = words, environment, answers
        self._ready = self.folder / "ready"

    def start(self) -> None:
        self._ready.unlink(missing_ok=True)
        super().start()

    def _choose_ports(self) -> None:
        """Where one is wanted, it is among the words."""

    def _command(self) -> list[str]:
        return [sys.executable, "-X", f"bench={self.folder}", "-m", self.name, *self._words]

    def _environment(self) -> Mapping[str, str]:
        return {**super()._environment(), "PYTHONPATH": str(_ROOT), READY: str(self._ready), **self._variables}

    def _answers(self) -> bool:
        return self._check() if self._check else self._ready.exists()


def say_ready() -> None:
    """In the child: it is up."""
    Path(os.environ[READY]).touch()
