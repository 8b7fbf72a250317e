"""The command as a person runs it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import IO, cast

import httpx
import psutil

from cli.embedded.service import LOOPBACK
from cli.environment import without_ours

COMMAND = [sys.executable, "-m", "cli.main"]
WITHIN_S = 60.0


def ai_gateway(*words: str | Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """One run of the command, from start to end. `variables` are all that it finds of `GATEWAY_…`."""
    return subprocess.run(
        [*COMMAND, *map(str, words)], env=_environment(variables), capture_output=True, text=True, timeout=2 * WITHIN_S
    )


class Up:
    """`ai-gateway up`, running. `said` is what it has told the operator so far, by lines."""

    def __init__(self, data: Path, port: int, process: psutil.Popen) -> None:
        self.data, self.port, self.process = data, port, process
        self.url = f"http://{LOOPBACK}:{port}"
        self.said: list[str] = []
        self._lines: Queue[str] = Queue()
        self._reader = Thread(target=self._read, args=[cast(IO[str], process.stderr)])
        self._reader.start()

    def hear(self, words: str) -> str:
        """The next line with these words. Fails if there is none within a minute, or no more to come."""
        while True:
            line = self._lines.get(timeout=WITHIN_S)
            assert line, f"it ended without saying {words!r}: {self.said}"
            self.said.append(line.rstrip())
            if words in line:
                return line.rstrip()

    def hear_all(self, *words: str) -> None:
        """The same for several, in whatever order they come."""
        wanted = set(words)
        while wanted:
            line = self.hear("")
            wanted -= {each for each in wanted if each in line}

    def status(self, path: str, key: str = "") -> int:
        """What a GET is answered with."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return httpx.get(self.url + path, headers=headers, trust_env=False).status_code

    def processes(self) -> list[psutil.Process]:
        """Everything it has started, and what that has started."""
        return self.process.children(recursive=True)

    def end(self, number: int) -> int:
        """Send it a signal, wait for its end, and return its exit code."""
        self.process.send_signal(number)
        return int(self.process.wait(WITHIN_S))

    def _read(self, said: IO[str]) -> None:
        with said:
            for line in said:
                self._lines.put(line)
        self._lines.put("")

    def close(self) -> None:
        self._reader.join()


@contextmanager
def up(data: Path, port: int, **variables: str) -> Iterator[Up]:
    """Runs until the end of the block, if it does not end before; then nothing that it started may still run."""
    command = [*COMMAND, "up", "--data", str(data), "--port", str(port)]
    process = psutil.Popen(command, env=_environment(variables), stderr=subprocess.PIPE, text=True)
    running = Up(data, port, process)
    started: list[psutil.Process] = []
    try:
        running.hear("Ctrl-C stops all of it")
        started = running.processes()
        yield running
        started = list({*started, *(running.processes() if process.is_running() else [])})
    finally:
        if process.is_running():
            process.terminate()
        process.wait(WITHIN_S)
        running.close()
        _, left = psutil.wait_procs(started, timeout=WITHIN_S)
        for child in left:
            child.kill()
    assert not left


def _environment(variables: dict[str, str]) -> dict[str, str]:
    """Songs are not sung: that takes as long as all the rest."""
    return without_ours(os.environ) | {"GATEWAY_SINGING": "off"} | variables
