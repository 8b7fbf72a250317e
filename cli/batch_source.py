"""The file that a batch is made of, as it was named on the command line."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path
from typing import NamedTuple

import click

_STDIN = Path("-")


class Defaults(NamedTuple):
    """What holds for every line that does not say otherwise."""

    kind: str | None = None
    model: str | None = None
    priority: int | None = None


class Fault(NamedTuple):
    """What is wrong with a line (counted from 1; 0: with all of it) of the file."""

    number: int
    message: str

    def shown(self, file: str) -> str:
        return f"{file}:{self.number}: {self.message}" if self.number else f"{file}: {self.message}"


class Source(NamedTuple):
    """`file` holds the bytes, and `draft` may hold what is made of them. `shown`: how it is named to a person, who may
    want to open it; `digest`: of the bytes, and of how they are to be read."""

    file: Path
    draft: Path
    shown: str
    called: str
    format: str
    defaults: Defaults
    digest: str


@contextmanager
def source_of(file: Path, format: str | None, defaults: Defaults) -> Iterator[Source]:
    """What FILE says; standard input is kept for as long as the block runs. Raises UsageError."""
    format = format or ("csv" if file.suffix.lower() == ".csv" else "jsonl")
    with tempfile.TemporaryDirectory(prefix="ai-gateway-") as folder:
        shown, called, draft = str(file), file.name, Path(folder) / "lines.jsonl"
        if file == _STDIN:
            shown = called = "standard input"
            file = Path(folder) / "input"
            with file.open("wb") as copy:
                shutil.copyfileobj(sys.stdin.buffer, copy)
        yield Source(file, draft, shown, called, format, defaults, _digest(file, format, defaults))


def _digest(file: Path, format: str, defaults: Defaults) -> str:
    try:
        with file.open("rb") as content:
            bytes_digest = file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror}") from error
    return sha256(repr((bytes_digest, format, *defaults)).encode()).hexdigest()
