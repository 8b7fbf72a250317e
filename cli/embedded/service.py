"""One server of someone else's, run as our child: started, found healthy, stopped, and never left behind.

A service owns a folder: its data, its log, its pid file, and the lock that keeps a second gateway out.
"""

import contextlib
import fcntl
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import click

from cli.embedded import launch, orphan

START_LIMIT_S = 60.0
LOG_TAIL_BYTES = 2_000
PORT_TRIES = 3
LOOPBACK = "127.0.0.1"


class ServiceError(click.ClickException):
    """A server cannot be had; the message is for the operator, to whom the command shows it."""


class NotInstalled(ServiceError):
    """Neither a wheel nor PATH has its program."""


class FolderInUse(ServiceError):
    """Another gateway runs on this data folder."""


class StartFailed(ServiceError):
    """It exited or did not answer in time; the message ends with the tail of its log."""


class Exited(StartFailed):
    """It ended by itself: another try, on other ports, may fare better."""


# The kernel ties "kill the child when its parent dies" to the parent *thread*: children are born from one that stays.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


class Service:
    """What Redis and Objects share. A subclass says which ports it wants, how it is run and when it answers.

    `start` may be called again after `kill` or `stop`: the ports stay the same for the life of this object, so that
    clients find the server again. `process` is the running child.
    """

    name: str
    poll_s: float
    stop_limit_s = 15.0
    process: subprocess.Popen[bytes] | None = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.log = self.folder / "server.log"
        self._pid_file = self.folder / "server.pid"
        self._lock: int | None = None
        self._has_ports = False

    def _choose_ports(self) -> None:
        raise NotImplementedError

    def _command(self) -> list[str]:
        """Write the files the server reads, and say how to run it. An argument must hold `folder`, to know it by."""
        raise NotImplementedError

    def _environment(self) -> Mapping[str, str]:
        return {"PATH": os.environ.get("PATH", os.defpath)}

    def _answers(self) -> bool:
        """Whether a real request is served now."""
        raise NotImplementedError

    def _clean(self) -> None:
        """Remove what a dead server leaves outside its folder."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Return once it answers. Raises NotInstalled, FolderInUse or StartFailed, and then leaves nothing running."""
        if self.process and self.process.poll() is None:
            raise ServiceError(f"{self.name} is already running")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._lock is None:
            self._lock = take_lock(self.folder)
        try:
            orphan.end(self._pid_file, self.folder)
            if self._has_ports:
                self._start_here()
            else:
                self._start_anywhere()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ask it to end, kill it after `stop_limit_s`, and let go of the folder. May be called twice."""
        if self.process:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(self.stop_limit_s)
        self.kill()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def kill(self) -> None:
        """SIGKILL, as a crash would. The folder stays ours."""
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        self.process = None
        self._pid_file.unlink(missing_ok=True)
        self._clean()

    def _start_anywhere(self) -> None:
        """On new ports, and on others if one of them was taken before the server had it."""
        for tries_left in reversed(range(PORT_TRIES)):
            self._choose_ports()
            try:
                self._start_here()
            except Exited:
                if not tries_left:
                    raise
            else:
                self._has_ports = True
                return

    def _start_here(self) -> None:
        command = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), *self._command()]
        self.process = _spawner.submit(self._spawn, command).result()
        self._pid_file.write_text(str(self.process.pid))
        deadline = time.monotonic() + START_LIMIT_S
        while not self._answers():
            if (code := self.process.poll()) is not None:
                self.kill()
                raise Exited(f"{self.name} exited with {code} at its start. {self._log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise StartFailed(f"{self.name} did not answer within {START_LIMIT_S:.0f} s. {self._log_tail()}")
            time.sleep(self.poll_s)

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("wb") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us: the server ends when its clients are done
            )

    def _log_tail(self) -> str:
        tail = self.log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip()
        return f"The end of {self.log}:\n{tail}"


def take_lock(folder: Path) -> int:
    """The lock of a folder, as a file descriptor to be closed in the end. Raises FolderInUse."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise FolderInUse(f"another gateway is running on {folder}: stop it, or use another folder") from error
    return lock


def kept_secret(path: Path) -> str:
    """The secret in this file (mode 0600), made at first use: 256 bits, in letters that need no quoting anywhere."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_text()
    secret = secrets.token_hex(32)
    write_private(path, secret)
    return secret


def write_private(path: Path, text: str) -> None:
    """Replace a file at once by one that only we can read."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
