"""The file that a batch is made of, as it was named on the command line."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path
from typing import IO, NamedTuple

import click

_STDIN = "standard input"


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
    """`content` may be read from its beginning more than once; `draft` may hold what is made of it. `shown`: how it is
    named to a person, who may want to open it; `digest`: of the bytes, and of how they are to be read."""

    content: IO[bytes]
    draft: IO[bytes]
    shown: str
    called: str
    format: str
    defaults: Defaults
    digest: str


@contextmanager
def source_of(file: Path, format: str | None, defaults: Defaults) -> Iterator[Source]:
    """What FILE says. Copies are files without a name, which a kill leaves nowhere. Raises UsageError."""
    format = format or ("csv" if file.suffix.lower() == ".csv" else "jsonl")
    shown, called = (_STDIN, _STDIN) if file == Path("-") else (str(file), file.name)
    try:
        content = _content(file)
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror}") from error
    with content, tempfile.TemporaryFile() as draft:
        bytes_digest = file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]  # any file open for reading
        digest = sha256(repr((bytes_digest, format, *defaults)).encode()).hexdigest()
        yield Source(content, draft, shown, called, format, defaults, digest)


def _content(file: Path) -> IO[bytes]:
    """The file itself; a copy of what can be read only once."""
    if file.is_file():
        return file.open("rb")
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - whoever asked closes it
    if file == Path("-"):
        shutil.copyfileobj(sys.stdin.buffer, copy)
    else:
        with file.open("rb") as pipe:
            shutil.copyfileobj(pipe, copy)
    copy.seek(0)
    return copy
