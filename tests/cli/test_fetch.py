"""`cli/fetch.py`: a file read on where it broke off, and never under its name before it is whole."""

from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import cast

import pytest

from cli.client import Away, Client, Refused, Rejected
from cli.fetch import Fetch, Saved
from cli.media_links import Link
from cli.patience import Patience

DATA = bytes(range(256)) * 4_000


class Store(ThreadingHTTPServer):
    """Serves one file, in ranges; `cuts` says after how many bytes each of the next answers breaks off."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.data, self.etag = DATA, '"one"'
        self.cuts: list[int] = []
        self.asked: list[str | None] = []
        self.statuses: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        store = cast(Store, self.server)
        store.asked.append(self.headers["range"])
        if store.statuses:
            self.send_response(store.statuses.pop(0))
            self.send_header("content-length", "0")
            self.end_headers()
            return
        start = 0
        if self.headers["range"] and self.headers["if-range"] == store.etag:
            start = int(self.headers["range"].removeprefix("bytes=").removesuffix("-"))
        body = store.data[start:]
        self.send_response(416 if start and not body else 206 if start else 200)
        if start and not body:
            self.send_header("content-range", f"bytes */{len(store.data)}")
        self.send_header("content-length", str(len(body)))
        if store.etag:
            self.send_header("etag", store.etag)
        self.end_headers()
        self.wfile.write(body[: store.cuts.pop(0)] if store.cuts else body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def store() -> Iterator[Store]:
    with Store() as server:
        serving = Thread(target=server.serve_forever, args=[0.01])
        serving.start()
        yield server
        server.shutdown()
        serving.join()


class Here:
    """Where files come to."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.to, self.parts = folder / "song-1.mp3", folder / "parts"
        self.parts.mkdir()
        self.notes: list[str] = []
        self._store = store

    def fetch(self, size: int | None = len(DATA), patience_s: float = 5) -> Saved:
        link = Link(f"{self._store.url}/media/token/song.mp3", size)
        client = Client(self._store.url, "sk-1")
        return Fetch(client, link, self.to, self.parts).run(Patience(patience_s, self.notes.append))

    @property
    def left(self) -> list[str]:
        return [file.name for file in self.parts.iterdir()]


@pytest.fixture
def here(tmp_path: Path, store: Store) -> Here:
    return Here(tmp_path, store)


def whole(saved: Saved, here: Here) -> bool:
    return saved == (here.to, len(DATA), sha256(DATA).hexdigest()) and here.to.read_bytes() == DATA and not here.left


def test_a_file_is_fetched_and_hashed(here: Here) -> None:
    assert whole(here.fetch(), here)


def test_a_file_that_is_here_is_not_asked_for_again(here: Here, store: Store) -> None:
    here.fetch()
    assert whole(here.fetch(), here)
    assert store.asked == [None]


def test_what_broke_off_is_read_on_from_there(here: Here, store: Store) -> None:
    store.cuts = [100_000, 300_000]
    assert whole(here.fetch(), here)
    assert store.asked == [None, "bytes=100000-", "bytes=400000-"]
    assert not here.notes, "it went on, so nobody has to be told"


def test_what_an_earlier_run_left_is_read_on(here: Here, store: Store) -> None:
    with pytest.raises(Away):
        _cut_then_away(here, store)
    assert here.left == ["song-1.mp3~one.part"]
    assert not here.to.exists()
    assert whole(here.fetch(), here)
    assert store.asked[-1] == "bytes=100000-"


def _cut_then_away(here: Here, store: Store) -> None:
    """The first answer breaks off, and there is no other."""
    store.cuts = [100_000, 0]
    here.fetch(patience_s=0)


def test_a_file_that_has_changed_meanwhile_is_read_from_its_beginning(here: Here, store: Store) -> None:
    with pytest.raises(Away):
        _cut_then_away(here, store)
    store.data, store.etag = DATA[::-1], '"two"'
    assert here.fetch().sha256 == sha256(DATA[::-1]).hexdigest()


def test_a_file_that_lacks_only_its_name_is_given_it(here: Here, store: Store) -> None:
    (here.parts / "song-1.mp3~one.part").write_bytes(DATA)
    assert whole(here.fetch(), here)
    assert store.asked == [f"bytes={len(DATA)}-"]


def test_a_file_without_a_tag_is_read_anew(here: Here, store: Store) -> None:
    store.etag, store.cuts = "", [100_000]
    assert whole(here.fetch(), here)
    assert store.asked == [None, None]
    assert [note.rpartition(": ")[2] for note in here.notes] == [
        "the answer ended too early; trying again for up to 5 s",
        "the gateway answers again",
    ]


def test_a_gateway_that_is_away_is_asked_again(here: Here, store: Store) -> None:
    store.statuses = [503, 500, 429]
    assert whole(here.fetch(), here)
    assert len(here.notes) == 2


def test_a_file_that_is_not_there_is_not_asked_for_again(here: Here, store: Store) -> None:
    store.statuses = [410]
    with pytest.raises(Rejected, match="410"):
        here.fetch()
    assert len(store.asked) == 1


def test_a_file_of_another_size_than_told_is_refused(here: Here) -> None:
    with pytest.raises(Refused, match=f"the file has {len(DATA)} bytes, and not 7 as was told"):
        here.fetch(size=7)
    assert not here.to.exists()
    assert not here.left
