"""What every command for callers has: which gateway and which key, how it speaks, and how long it tries."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import click

from cli.client import Client
from cli.exits import Exit
from cli.output import Output
from cli.patience import Patience
from cli.running import DATA, KEY_FILE, running_url

_OPTIONS = [
    click.option("--url", envvar="GATEWAY_URL", show_envvar=True, help="The gateway; the one on --data, if missing."),
    click.option(
        "--key",
        envvar="GATEWAY_API_KEY",
        show_envvar=True,
        help="Its API key. Others on this machine can read command lines: better in the environment, or in a file.",
    ),
    click.option(
        "--key-file",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="GATEWAY_API_KEY_FILE",
        show_envvar=True,
        help="A file that holds the key.",
    ),
    DATA,
    click.option("--json", "as_json", is_flag=True, help="JSON lines, as in a pipe."),
    click.option(
        "--patience",
        type=click.FloatRange(min=0),
        default=600.0,
        show_default=True,
        metavar="SECONDS",
        help="How long a gateway that does not answer is asked again.",
    ),
]


class Session:
    """One run of a command. The gateway is looked for when it is first needed."""

    def __init__(self, target: "Target", output: Output, patience_s: float) -> None:
        self.output = output
        self.patience = Patience(patience_s, output.note)
        self._target = target

    @functools.cached_property
    def client(self) -> Client:
        """Raises UsageError if nobody has said which gateway, or with which key."""
        return self._target.client()

    def get(self, path: str) -> Any:
        """What a GET is answered with, as soon as it is."""
        return self.patience.insist(lambda: self.client.get(path))


class Target(NamedTuple):
    """What was said about the gateway."""

    url: str | None
    key: str | None
    key_file: Path | None
    data: Path

    def client(self) -> Client:
        url = self._url()
        return Client(url, self._key(url))

    def _url(self) -> str:
        if self.url is None:
            if url := running_url(self.data):
                return url
            raise click.UsageError(
                f"no gateway runs on {self.data}, and none is named: set GATEWAY_URL, or start one with `ai-gateway up`"
            )
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise click.UsageError("the gateway's URL must begin with http:// or https:// and name a host")
        return self.url.rstrip("/").removesuffix("/v1")

    def _key(self, url: str) -> str:
        if self.key:
            return self.key.strip()
        file = self.key_file or (None if self.url else self.data / KEY_FILE)
        if file is None or (not self.key_file and not file.exists()):
            raise click.UsageError(f"no key for {url}: set GATEWAY_API_KEY, or GATEWAY_API_KEY_FILE to a file with it")
        try:
            key = file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(f"the key file {file} cannot be read: {error}") from error
        if not key:
            raise click.UsageError(f"the key file {file} is empty")
        return key


def for_callers(run: Callable[..., None]) -> Callable[..., None]:
    """Let `run(session, …)` be a command: with the options that say which gateway, and its own exit code at Ctrl-C."""

    @functools.wraps(run)
    def command(
        url: str | None, key: str | None, key_file: Path | None, data: Path, as_json: bool, patience: float, **own: Any
    ) -> None:
        session = Session(Target(url, key, key_file, data), Output(as_json=as_json), patience)
        try:
            run(session, **own)
        except KeyboardInterrupt:
            session.output.note("interrupted")
            sys.exit(Exit.INTERRUPTED)

    return functools.reduce(lambda decorated, option: option(decorated), reversed(_OPTIONS), command)
