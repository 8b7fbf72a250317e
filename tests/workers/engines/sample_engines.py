"""Small real engines for tests of the host: each does one thing, good or bad, in a subprocess of its own."""

import ctypes
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from storage.errors import EngineMisproduced, InvalidRequest, UpstreamBusy
from workers.engines.base import Artifact, Made, Report


class Sample:
    """`task` names the method to run, as in {"do": "draw"}."""

    name = "sample"

    def __init__(self) -> None:
        self.loads = 0
        self.calls = 0

    def load(self) -> None:
        self.loads += 1

    def unload(self) -> None:
        """Nothing to drop."""

    def generate(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        self.calls += 1
        return cast(Made, getattr(self, f"_{task['do']}")(task, folder, report))

    def _draw(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        for reached in task.get("progress", []):
            report(reached)
        (folder / "main.txt").write_text(json.dumps(task))
        known = {"pid": os.getpid(), "loads": self.loads, "calls": self.calls}
        return Made([Artifact("main", str(folder / "main.txt"), "text/plain", duration_s=1.5)], known)

    def _echo(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        return Made([], dict(task))

    def _describe(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        """What the process looks like from inside."""
        return Made([], {"environment": dict(os.environ), "nice": os.nice(0), "path": sys.path})

    def _chatter(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        """As native libraries do: print where the protocol would be, were it spoken there."""
        sys.stdout.write('{"made": "nonsense"}\n')
        sys.stdout.flush()
        os.write(1, b'{"made": "nonsense"}\n')
        return self._draw(task, folder, report)

    def _hang(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        """In native code that no signal handler of Python's interrupts."""
        report(0.25)
        ctypes.CDLL(None).pause()
        raise AssertionError("unreachable")

    def _kill(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        os.kill(os.getpid(), task["signal"])
        signal.pause()
        raise AssertionError("unreachable")

    def _segfault(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        ctypes.string_at(0)
        raise AssertionError("unreachable")

    def _exit(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        os._exit(3)

    def _gorge(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        import numpy as np  # the others start faster without

        eaten = []
        while True:
            eaten.append(np.ones(1 << 20))

    def _refuse(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        raise InvalidRequest("the song is too long", field="input.duration_s")

    def _spoil(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        raise EngineMisproduced("silence")

    def _wait(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        raise UpstreamBusy("later")

    def _break(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        raise KeyError("/home/someone/secret")

    def _return(self, task: Mapping[str, Any], folder: Path, report: Report) -> Any:
        return task["what"]

    def _name(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        """Claim to have made a file that is not there, is empty or lies elsewhere."""
        (folder / "empty").touch()
        return Made([Artifact("cover", str(folder / task["path"]), "image/png")], {})

    def _unencodable(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        return Made([], {"lock": threading.Lock()})


class Unloadable(Sample):
    def load(self) -> None:
        raise FileNotFoundError("no weights")
