"""Worker processes, born quickly: one process imports all that they need, and forks one whenever it is asked for one.

What is born is what `ai-gateway worker` runs, in a process of its own, with less patience. Run as a script it reads a
line of JSON for each: {"environment", "log"}, and answers with the process' id. All of them die with it.
"""

import ctypes
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Self

import psutil

from cli.embedded.launch import PR_SET_PDEATHSIG
from cli.environment import read, without_ours
from storage.settings import StorageSettings
from tests.workers.upstream.patience import HURRIED
from workers.main import run
from workers.settings import WorkerSettings

log = logging.getLogger(__name__)


class Nursery:
    """`with Nursery() as nursery`."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            env=without_ours(os.environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def born(self, environment: Mapping[str, str], log: Path) -> psutil.Process:
        """A worker that has just begun to start. Blocks for some milliseconds."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps({"environment": dict(environment), "log": str(log)}), file=self._process.stdin, flush=True)
        return psutil.Process(int(self._process.stdout.readline()))


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are forgotten at once
    for name, seconds in HURRIED.items():
        module, _, constant = name.rpartition(".")
        setattr(import_module(module), constant, seconds)
    for line in sys.stdin:
        asked = json.loads(line)
        if pid := os.fork():
            sys.stdout.write(f"{pid}\n")
            sys.stdout.flush()
        else:
            _live(asked["environment"], asked["log"])


def _live(environment: dict[str, str], log: str) -> None:
    """Become a worker."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with Path(log).open("ab") as out, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    logging.basicConfig(level=logging.INFO)
    os.environ.update(environment)
    code = 1
    try:
        run(read(StorageSettings, environment), read(WorkerSettings, environment))
        code = 0
    except BaseException:
        log.exception("the worker broke")
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
