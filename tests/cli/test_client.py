from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from cli.client import Client, Refused, answers


class Handler(BaseHTTPRequestHandler):
    """Says what it was asked; /refuse refuses, /cut ends in the middle."""

    def do_GET(self) -> None:
        self._answer(b'{"key": "%s"}' % str(self.headers["authorization"]).encode())

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["content-length"])))

    def _answer(self, body: bytes) -> None:
        refused = self.path == "/refuse"
        self.send_response(422 if refused else 200)
        self.send_header("content-length", str(len(body) + (self.path == "/cut")))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = Thread(target=server.serve_forever, args=[0.01])
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def test_the_key_is_sent_and_the_answer_read(url: str) -> None:
    assert Client(url, "sk-1").get("/") == {"key": "Bearer sk-1"}


def test_a_body_is_sent_as_json(url: str) -> None:
    assert Client(url, "sk-1").post("/", {"a": [1, "ü"]}) == {"a": [1, "ü"]}


def test_a_refusal_is_told_in_the_gateway_s_own_words(url: str) -> None:
    with pytest.raises(Refused, match=r'^POST /refuse: 422 \{"no": "way"\}$'):
        Client(url, "sk-1").post("/refuse", {"no": "way"})


def test_a_gateway_that_does_not_answer_is_told_as_such() -> None:
    with pytest.raises(Refused, match=r"^GET /: .*refused"):
        Client("http://127.0.0.1:9", "sk-1").get("/")
    assert not answers("http://127.0.0.1:9/health")


def test_a_file_is_saved(url: str, tmp_path: Path) -> None:
    Client(url, "sk-1").download(f"{url}/file", tmp_path / "file")
    assert (tmp_path / "file").read_text() == '{"key": "None"}'


def test_a_file_that_ends_too_early_is_not_taken_for_whole(url: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="the answer ended too early"):
        Client(url, "sk-1").download(f"{url}/cut", tmp_path / "file")


@pytest.mark.parametrize("path", ["/", "/refuse"])
def test_it_answers_if_it_says_so_with_200(url: str, path: str) -> None:
    assert answers(url + path) == (path == "/")
