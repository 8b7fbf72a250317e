"""One file fetched whole: read on where an earlier try broke off, and under its name only when all of it is there."""

import re
from glob import escape
from hashlib import file_digest
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from cli.client import Answer, Away, Client, Refused, Rejected
from cli.media_links import Link
from cli.patience import Patience

_CHUNK = 256 * 1024
_TAG = re.compile(r'"([A-Za-z0-9_-]{1,64})"')
"""An ETag that can be part of a file's name."""


class Saved(NamedTuple):
    """A file that is here."""

    path: Path
    size_bytes: int
    sha256: str


class Fetch:
    """One file on its way to `to`. What is there of it lies in `parts` until it is whole."""

    def __init__(self, client: Client, link: Link, to: Path, parts: Path) -> None:
        self._client, self._link, self._to, self._parts = client, link, to, parts

    def run(self, patience: Patience) -> Saved:
        """The file; one that is there already is not asked for again.

        Raises Refused: Away when the gateway is for too long, anything else if there is no such file.
        """
        while not self._to.exists():
            patience.insist(self._attempt)
        with self._to.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        return Saved(self._to, self._to.stat().st_size, digest)

    def _attempt(self) -> None:
        """Get further with it. Raises Away if that did not come about."""
        half, tag = self._left()
        had = half.stat().st_size if half else 0
        headers = {"Range": f"bytes={had}-", "If-Range": f'"{tag}"'} if had else {}
        try:
            answer = self._client.media(self._link.url, headers)
        except Rejected as error:
            if half is None or error.status != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
            self._all_was_here(half, error)
            return
        with answer:
            if half is None or answer.status != HTTPStatus.PARTIAL_CONTENT:
                half, had = self._begun(answer), 0
            self._go_on(answer, half, had)

    def _left(self) -> tuple[Path | None, str]:
        """What an earlier try left that can be gone on with, and its ETag."""
        for half in self._parts.glob(f"{escape(self._to.name)}~?*.part"):
            return half, _tag(half)
        return None, ""

    def _begun(self, answer: Answer) -> Path:
        """An empty file. The ETag is in its name: nothing else can be joined to it."""
        for half in self._parts.glob(f"{escape(self._to.name)}~*.part"):
            half.unlink()
        tag = _TAG.fullmatch(answer.headers.get("etag", ""))
        return self._parts / f"{self._to.name}~{tag[1] if tag else ''}.part"  # no name of ours has a ~

    def _go_on(self, answer: Answer, half: Path, had: int) -> None:
        """What breaks off is no trouble, if something came that need not come again."""
        length = answer.headers["content-length"]
        size = had
        try:
            with half.open("ab" if had else "wb") as file:
                while chunk := answer.read(_CHUNK):
                    size += file.write(chunk)
            if length is not None and size < had + int(length):
                raise Away(f"GET {self._link.url}: the answer ended too early")
        except Away:
            if size == had or not _tag(half):
                raise
        else:
            self._done(half, size)

    def _all_was_here(self, half: Path, error: Rejected) -> None:
        """But for its name; or it is not the file it was."""
        size = half.stat().st_size
        if error.headers.get("content-range") == f"bytes */{size}":
            self._done(half, size)
        else:
            half.unlink()

    def _done(self, half: Path, size: int) -> None:
        told = self._link.size_bytes
        if told not in (None, size):
            half.unlink()
            raise Refused(f"GET {self._link.url}: the file has {size} bytes, and not {told} as was told")
        half.replace(self._to)


def _tag(half: Path) -> str:
    return half.name.rpartition("~")[2].removesuffix(".part")
