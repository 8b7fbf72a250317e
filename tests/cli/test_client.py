from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from cli.client import Away, Client, Refused, Rejected, answers

ANSWERS = {
    "/refuse": (422, {}, b'{"no": "way"}'),
    "/problem": (422, {}, b'{"title": "Unprocessable", "detail": "title: too long", "code": "invalid_request"}'),
    "/openai": (404, {}, b'{"error": {"message": "no such batch", "code": "not_found"}}'),
    "/page": (200, {}, b"<html>"),
    "/nothing": (204, {}, b""),
    "/later": (503, {"retry-after": "7"}, b""),
    "/many": (429, {}, b""),
    "/never": (501, {}, b""),
    "/elsewhere": (307, {"location": "/there"}, b""),
    "/there": (200, {}, b'"there"'),
}


class Handler(BaseHTTPRequestHandler):
    """Says what it was asked, but for ANSWERS; /cut ends in the middle."""

    def do_GET(self) -> None:
        self._answer(b'{"key": "%s"}' % str(self.headers["authorization"]).encode())

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["content-length"])))

    def _answer(self, body: bytes) -> None:
        status, headers, body = ANSWERS.get(self.path, (200, {}, body))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
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


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/refuse", '422 {"no": "way"}'),
        ("/problem", "422 title: too long"),
        ("/openai", "404 no such batch"),
        ("/never", "501 Not Implemented"),
    ],
)
def test_a_refusal_is_told_in_the_gateway_s_own_words(url: str, path: str, message: str) -> None:
    with pytest.raises(Rejected) as refused:
        Client(url, "sk-1").post(path, {})
    assert refused.value.message == f"POST {path}: {message}"
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(("path", "after_s"), [("/later", 7.0), ("/many", 0.0)])
def test_a_gateway_that_asks_to_come_again_is_away(url: str, path: str, after_s: float) -> None:
    with pytest.raises(Away) as away:
        Client(url, "sk-1").get(path)
    assert (away.value.retry_after_s, away.value.exit_code) == (after_s, 3)


def test_what_is_no_json_is_no_answer_of_a_gateway_s(url: str) -> None:
    with pytest.raises(Refused, match=r"^GET /page: the answer is not JSON\. Is there a gateway at http://127"):
        Client(url, "sk-1").get("/page")
    assert Client(url, "sk-1").get("/nothing") is None


def test_a_get_is_sent_on_and_a_post_is_not(url: str) -> None:
    assert Client(url, "sk-1").get("/elsewhere") == "there"
    with pytest.raises(Rejected, match="307"):
        Client(url, "sk-1").post("/elsewhere", {})


def test_the_key_goes_nowhere_else(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ANSWERS, "/away", (302, {"location": f"{url.replace('127.0.0.1', 'localhost')}/key"}, b""))
    assert Client(url, "sk-1").get("/away") == {"key": "None"}


def test_a_gateway_that_does_not_answer_is_told_as_such() -> None:
    with pytest.raises(Away, match=r"^GET /: Connection refused$"):
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
