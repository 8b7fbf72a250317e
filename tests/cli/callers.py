"""Callers of a gateway who use the command: in this process where only its words count, else in one of its own."""

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from click.testing import CliRunner

from cli.environment import PREFIX, without_ours
from cli.gateway import Gateway
from cli.keys import with_keys
from cli.main import main
from tests.cli.commands import COMMAND

WITHIN_S = 120.0


class Said(NamedTuple):
    """What a run has told, and how it ended."""

    code: int
    out: str
    notes: str

    def lines(self, code: int = 0) -> list[Any]:
        """The JSON lines of a run that ended so."""
        assert self.code == code, self.out + self.notes
        return [json.loads(line) for line in self.out.splitlines()]

    def one(self, code: int = 0) -> Any:
        (line,) = self.lines(code)
        return line


class Someone:
    """Someone with a key of their own, who finds the gateway by its URL."""

    def __init__(self, gateway: Gateway, name: str) -> None:
        _, key = with_keys(gateway.data, lambda keys: keys.create(name))
        self.gateway = gateway
        self.key = key.get_secret_value()
        self._variables = {"GATEWAY_URL": gateway.url, "GATEWAY_API_KEY": self.key, "COLUMNS": "140"}

    def call(self, *words: str | Path, input: str | None = None, **variables: str) -> Said:
        """Run the command to its end, in this process."""
        return call(*words, input=input, **self._variables | variables)

    def clips(self, job: str) -> list[dict[str, Any]]:
        """The clips of a job of theirs, as a Suno client sees them."""
        headers = {"authorization": f"Bearer {self.key}"}
        feed = f"{self.gateway.url}/v1/suno/api/feed/"
        found: list[dict[str, Any]] = httpx.get(feed, headers=headers, trust_env=False).json()
        return sorted((clip for clip in found if clip["id"][:32] == job[:32]), key=lambda clip: str(clip["id"]))

    @contextmanager
    def calling(self, *words: str | Path, **variables: str) -> "Iterator[subprocess.Popen[str]]":
        """The command in a process of its own, which is killed at the end of the block, if it is still there."""
        environment = without_ours(os.environ) | self._variables | variables
        command = [*COMMAND, *map(str, words)]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def seen(self, *words: str | Path) -> tuple[int, str]:
        """How the command ends, and all that it writes to a terminal."""
        environment = without_ours(os.environ) | self._variables | {"TERM": "xterm"}
        screen, terminal = pty.openpty()
        with subprocess.Popen(
            [*COMMAND, *map(str, words)], env=environment, stdin=terminal, stdout=terminal, stderr=terminal
        ) as process:
            os.close(terminal)
            written = b"".join(_read(screen))
            os.close(screen)
            return process.wait(WITHIN_S), written.decode()


def call(*words: str | Path, input: str | None = None, **variables: str) -> Said:
    """Run the command to its end, in this process. It finds no other `GATEWAY_…` variables than these."""
    hidden: dict[str, str | None] = {name: None for name in os.environ if name.startswith(PREFIX)}
    done = CliRunner().invoke(main, [*map(str, words)], input=input, env={**hidden, **variables})
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Said(done.exit_code, done.stdout, done.stderr)


def _read(screen: int) -> Iterator[bytes]:
    while True:
        try:
            written = os.read(screen, 65_536)
        except OSError:  # nobody has it open for writing any more
            return
        if not written:
            return
        yield written
