"""The folder that a batch's results land in, so kept that whoever works on it may be killed at any moment.

    results.jsonl, errors.jsonl   the first bytes of the gateway's own files: their sizes say where to read on
    media/                        whole files only; what is half there lies in .resume/parts
    manifest.json                 which batch this is, and what is here of it; replaced at once, now and then
    .resume/lines.jsonl           one line for each result that is here with all of its files

The manifest's first line is all but its list of lines, so that reading it takes no more memory than that.
"""

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

from cli.client import Refused
from cli.embedded.service import FolderInUse, take_lock

RESULTS, ERRORS = "results", "errors"
"""The gateway's two files: of lines that succeeded, and of those that failed."""

_CHUNK = 1 << 20


class Landed(NamedTuple):
    """A line's result, from its byte `at` in one of the two files on."""

    of: str
    at: int
    custom_id: str
    files: list[dict[str, Any]]
    error: str | None


class Folder:
    """Use in a `with` block: nobody else works on it meanwhile.

    `head` is the manifest without its lines. Raises Refused if the folder is another's, or in use.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.media = path, path / "media"
        self._kept = path / ".resume"
        self.parts = self._kept / "parts"
        self._manifest, self._lines = path / "manifest.json", self._kept / "lines.jsonl"
        self.head: dict[str, Any] = {}
        self.landed: dict[str, set[int]] = {RESULTS: set(), ERRORS: set()}
        self._log: IO[str] | None = None
        self._lock: int | None = None

    def __enter__(self) -> Self:
        try:
            for folder in (self.media, self.parts):
                folder.mkdir(parents=True, exist_ok=True)
            self._lock = take_lock(self._kept)
        except FolderInUse as error:
            raise Refused(f"another ai-gateway works on {self.path}") from error
        except OSError as error:
            raise Refused(f"the folder {self.path} cannot be used: {error.strerror}") from error
        try:
            self.head = self._read_head()
            self._read_lines()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._log:
            self._log.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def is_new(self) -> bool:
        return not self.head

    def begin(self, **head: Any) -> None:
        """Let this folder be for this, from now on: `id` is its own, and new."""
        self.head = {"object": "batch.manifest", "id": secrets.token_hex(16), **head}
        self.save()

    def note(self, **head: Any) -> None:
        """Remember it at once."""
        self.head |= head
        self.save()

    def forget(self) -> None:
        """Nothing came of it: the folder is free for another input."""
        for file in (self._manifest, self._lines):
            file.unlink(missing_ok=True)
        self.head = {}

    def file(self, of: str) -> Path:
        return self.path / f"{of}.jsonl"

    def size(self, of: str) -> int:
        """How many bytes of one of the two files are here."""
        file = self.file(of)
        return file.stat().st_size if file.exists() else 0

    def land(self, line: Landed) -> None:
        """A line's result is here, with all of its files that there are."""
        if self._log is None:
            self._log = self._lines.open("a")
        self._log.write(json.dumps(line._asdict(), separators=(",", ":")) + "\n")
        self._log.flush()
        self.landed[line.of].add(line.at)

    def save(self) -> None:
        """Write the manifest."""
        draft = self._manifest.with_suffix(".json.new")
        here = {of: {"file": self.file(of).name, "offset": self.size(of)} for of in (RESULTS, ERRORS)}
        head = {**self.head, **here, "saved_at": datetime.now(UTC).isoformat(timespec="seconds")}
        with draft.open("w") as file:
            file.write(f'{json.dumps(head)[:-1]}, "lines": [')
            before = "\n"
            for line in self._landed():
                file.write(before + json.dumps(_as_told(line)))
                before = ",\n"
            file.write("\n]}\n")
        draft.replace(self._manifest)

    def _landed(self) -> Iterator[Landed]:
        """What was noted of lines; the last may have been cut short."""
        if not self._lines.exists():
            return
        with self._lines.open() as file:
            for text in file:
                try:
                    yield Landed(**json.loads(text))
                except ValueError:
                    continue

    def _read_head(self) -> dict[str, Any]:
        if not self._manifest.exists():
            if self.size(RESULTS) or self.size(ERRORS):
                raise Refused(f"{self.path} holds results, but no manifest of them: use another folder")
            return {}
        try:
            with self._manifest.open() as file:
                head = json.loads(file.readline().rstrip() + "]}")
        except ValueError:
            head = {}
        if head.get("object") != "batch.manifest":
            raise Refused(f"{self._manifest} is no manifest of ours: use another folder")
        return {name: value for name, value in head.items() if name not in (RESULTS, ERRORS, "lines", "saved_at")}

    def _read_lines(self) -> None:
        """Which lines are here; those that lack a file are done over, and so are their notes."""
        draft = self._lines.with_suffix(".new")
        with draft.open("w") as file:
            for line in self._landed():
                if line.at not in self.landed[line.of] and all(map(self._is_here, line.files)):
                    file.write(json.dumps(line._asdict(), separators=(",", ":")) + "\n")
                    self.landed[line.of].add(line.at)
        draft.replace(self._lines)

    def _is_here(self, file: dict[str, Any]) -> bool:
        """By its name alone: it was whole when it got that, and whose owner has changed it since wants it so."""
        return "error" not in file and (self.path / file["path"]).exists()


def _as_told(line: Landed) -> Mapping[str, Any]:
    return {
        "custom_id": line.custom_id,
        "status": "succeeded" if line.of == RESULTS else "failed",
        "in": f"{line.of}.jsonl",
        "at": line.at,
        **({"error": line.error} if line.error else {}),
        "files": line.files,
    }
