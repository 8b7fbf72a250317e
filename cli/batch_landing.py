"""A batch's results brought into its folder while they are made: lines first, then the files that they lead to."""

import json
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, NamedTuple, cast

from cli.batch_folder import ERRORS, RESULTS, Folder, Landed
from cli.client import MEDIA_TIMEOUT_S, Away, Refused, Rejected
from cli.fetch import Fetch, Saved
from cli.fetchers import Fetched, Fetchers
from cli.media_links import Link, file_name, links
from cli.session import Session

Batch = dict[str, Any]
"""A batch, as the gateway shows it."""

ENDED = {"completed", "failed", "expired", "cancelled"}
FILES = {RESULTS: "output_file_id", ERRORS: "error_file_id"}
_PIECE = 1 << 20
_MOST_OPEN = 100
_POLL_S = 0.5
_SLOWEST_POLL_S = 5.0
_SAVE_S = 5.0
_SAVE_SHARE = 20
"""Writing the manifest may take one part in so many of the time."""


class _Line:
    """A result whose files are on their way."""

    def __init__(self, of: str, at: int, custom_id: str, error: str | None, count: int) -> None:
        self.of, self.at, self.custom_id, self.error = of, at, custom_id, error
        self.files: list[dict[str, Any]] = [{}] * count
        self.left = count


class _Order(NamedTuple):
    """One of a line's files."""

    line: _Line
    number: int
    name: str
    new: bool


class Landing:
    """Follows one batch. `tell` gets it at each look, with this, which counts what is `here`."""

    def __init__(self, session: Session, folder: Folder, tell: Callable[[Batch, "Landing"], None]) -> None:
        self._session, self._folder, self._tell = session, folder, tell
        self._fetchers = Fetchers[_Order](session.patience)
        self._read = dict.fromkeys(FILES, 0)  # up to where lines have been looked at
        self._lines = dict.fromkeys(FILES, 0)  # how many those were
        self.here = {of: len(folder.landed[of]) for of in FILES}
        self.files = self.bytes = self.missing = 0
        self._batch: Batch = {}
        self._saved_at = time.monotonic()
        self._save_took_s = 0.0

    def follow(self, *, wait: bool) -> Batch:
        """The batch, once all that is to come of it is here; without `wait`, all that there is of it now."""
        with self._fetchers:
            self._follow(wait=wait)
        counts = self._batch["request_counts"]
        self._folder.note(status=self._batch["status"], request_counts=counts)
        if self._batch["status"] in ENDED and [*self.here.values()] != [counts["completed"], counts["failed"]]:
            told = f"{counts['completed']} results and {counts['failed']} errors"
            raise Refused(f"the gateway tells of {told}, and here are {self.here[RESULTS]} and {self.here[ERRORS]}")
        return self._batch

    def _follow(self, *, wait: bool) -> None:
        pause_s = _POLL_S
        while True:
            batch = self._batch = cast(Batch, self._session.get(f"/v1/batches/{self._folder.head['batch']}"))
            over = batch["status"] in ENDED or not wait
            before = dict(self._lines)
            for of, name in FILES.items():
                if batch.get(name):
                    self._bring(of, batch[name])
                for at, text in self._unread(of):
                    self._dispatch(of, at, text)
            self._tell(batch, self)
            if over:
                break
            pause_s = _POLL_S if before != self._lines else min(pause_s * 1.5, _SLOWEST_POLL_S)
            self._collect(time.monotonic() + pause_s)
        while self._fetchers.open:
            self._collect(time.monotonic() + _POLL_S)

    def _bring(self, of: str, file_id: str) -> None:
        """Append what is new of one of the gateway's two files to ours."""
        with self._folder.file(of).open("ab") as file:
            for piece in pieces(self._session, file_id, file.tell()):
                file.write(piece)

    def _unread(self, of: str) -> Iterator[tuple[int, bytes]]:
        """Whole lines that were not looked at yet, and where they begin."""
        if not self._folder.size(of):
            return
        with self._folder.file(of).open("rb") as file:
            file.seek(self._read[of])
            for text in file:
                if not text.endswith(b"\n"):
                    return
                at = self._read[of]
                self._read[of] += len(text)
                self._lines[of] += 1
                yield at, text

    def _dispatch(self, of: str, at: int, text: bytes) -> None:
        if at in self._folder.landed[of]:
            return
        result = json.loads(text)
        body = (result.get("response") or {}).get("body")
        custom_id = result["custom_id"]
        found = [] if of == ERRORS else links(body)
        line = _Line(of, at, custom_id, _error(result, body) if of == ERRORS else None, len(found))
        if not found:
            self._land(line)
        for number, link in enumerate(found):
            name = file_name(custom_id, number + 1, link.suffix, alike=self._folder.head.get("alike", False))
            to = self._folder.media / name
            fetch = Fetch(self._session.client, self._at_this_gateway(link), to, self._folder.parts)
            self._fetchers.put(_Order(line, number, name, not to.exists()), fetch)
        while self._fetchers.open > _MOST_OPEN:
            self._collect(time.monotonic() + _POLL_S)

    def _at_this_gateway(self, link: Link) -> Link:
        """A gateway may be elsewhere than when it gave out its links."""
        then, now = self._folder.head["gateway"], self._session.client.url
        return link._replace(url=now + link.url.removeprefix(then)) if link.url.startswith(then + "/") else link

    def _collect(self, until: float) -> None:
        """Take what was fetched, until that time, or until there is nothing more to come."""
        while (left_s := until - time.monotonic()) > 0 and (self._fetchers.open or self._batch["status"] not in ENDED):
            if fetched := self._fetchers.take(left_s):
                self._take(fetched)
                self._tell(self._batch, self)
        self._save_now_and_then()

    def _take(self, fetched: Fetched[_Order]) -> None:
        line, number, name, new = fetched.ticket
        match fetched.result:
            case Saved(_, size, digest):
                line.files[number] = {"path": f"media/{name}", "size_bytes": size, "sha256": digest}
                self.files += new
                self.bytes += size if new else 0
            case Away() as error:
                raise error
            case error:
                line.files[number] = {"path": f"media/{name}", "error": error.message}
                self.missing += 1
        line.left -= 1
        if not line.left:
            self._land(line)

    def _land(self, line: _Line) -> None:
        self._folder.land(Landed(line.of, line.at, line.custom_id, line.files, line.error))
        self.here[line.of] += 1

    def _save_now_and_then(self) -> None:
        now = time.monotonic()
        if now - self._saved_at > max(_SAVE_S, _SAVE_SHARE * self._save_took_s):
            self._folder.save()
            self._saved_at = time.monotonic()
            self._save_took_s = self._saved_at - now


def pieces(session: Session, file_id: str, start: int) -> Iterator[bytes]:
    """A file of the gateway's from a byte on, as far as it goes by now."""
    path = f"/v1/files/{file_id}/content"

    def piece() -> bytes:
        wanted = {"Range": f"bytes={start}-{start + _PIECE - 1}"}
        try:
            with session.client.open("GET", path, headers=wanted, timeout_s=MEDIA_TIMEOUT_S) as answer:
                if answer.status != HTTPStatus.PARTIAL_CONTENT:
                    raise Refused(f"GET {path}: the gateway does not serve parts of it")
                data = answer.read()
        except Rejected as error:
            if error.status != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
            return b""
        return data

    while data := session.patience.insist(piece):
        yield data
        start += len(data)
        if len(data) < _PIECE:
            return


def _error(result: dict[str, Any], body: Any) -> str | None:
    match result.get("error") or body:
        case {"error": {"code": str(code)}} | {"code": str(code)}:
            return code
        case {"error": {"message": str(message)}} | {"detail": str(message)}:
            return message
        case _:
            return "failed"
