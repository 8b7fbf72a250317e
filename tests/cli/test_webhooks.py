"""`ai-gateway webhook …`, on a whole gateway, with a receiver that listens."""

import asyncio
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import cast

import pytest
from standardwebhooks import Webhook

from tests.cli.callers import Someone
from tests.waiting import until

SUBMIT = ["submit", "music.generate", "title=One", "--wait"]


class Receiver(ThreadingHTTPServer):
    """Takes what is sent to /good, and nothing else."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.taken: list[tuple[dict[str, str], bytes]] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if good := self.path == "/good":
            cast(Receiver, self.server).taken.append((dict(self.headers), body))
        self.send_response(200 if good else 500)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        serving = Thread(target=server.serve_forever, args=[0.01])
        serving.start()
        yield server
        server.shutdown()
        serving.join()


def made(someone: Someone, url: str, *words: str) -> str:
    return str(someone.call("webhook", "create", url, *words).one()["id"])


def test_an_endpoint_is_made_shown_changed_and_deleted(someone: Someone, receiver: Receiver) -> None:
    url = receiver.url("/good")
    new = someone.call(
        "webhook", "create", url, "--event", "job.succeeded", "--event", "job.failed", "--name", "x"
    ).one()
    id, secret = new["id"], new["signing_secret"]
    assert (new["url"], new["name"], new["event_types"]) == (url, "x", ["job.succeeded", "job.failed"])
    assert [each["id"] for each in someone.call("webhook", "list").lines()] == [id]
    changed = someone.call("webhook", "change", id, "--event", "job.*", "--off").one()
    assert (changed["enabled"], len(changed["event_types"])) == (False, 9)
    assert someone.call("webhook", "show", id).one() == changed
    assert someone.call("webhook", "rotate", id, "--overlap", "60").one()["signing_secret"] != secret
    assert someone.call("webhook", "delete", id).code == 0
    assert someone.call("webhook", "list").lines() == []


def test_a_test_says_what_came_back_and_ends_it_with_1_if_that_was_bad(someone: Someone, receiver: Receiver) -> None:
    good, bad = made(someone, receiver.url("/good")), made(someone, receiver.url("/bad"))
    assert someone.call("webhook", "test", good).one()["status"] == 200
    assert someone.call("webhook", "test", bad).one(code=1)["status"] == 500


def test_what_was_sent_is_listed_sent_again_and_replayed(someone: Someone, receiver: Receiver) -> None:
    id = made(someone, receiver.url("/good"))
    job = someone.call(*SUBMIT).one()["id"]
    delivery = delivered(someone, id, 1)
    assert (delivery["job"], delivery["event_type"]) == (job, "job.succeeded")
    assert someone.call("webhook", "deliveries", "--job", job).one()["id"] == delivery["id"]
    assert someone.call("webhook", "deliveries", id, "--status", "failed").lines() == []

    again = someone.call("webhook", "redeliver", id, delivery["id"]).one()
    assert (again["event_id"], again["id"] != delivery["id"]) == (delivery["event_id"], True)
    delivered(someone, id, 2)
    assert someone.call("webhook", "replay", id, "1h").one()["delivered"] == 1
    assert someone.call("webhook", "replay", id, "1h", "--all").one()["posted"] == 1
    delivered(someone, id, 3)
    assert len({body for _, body in receiver.taken}) == 1, "the same event, byte for byte"


def delivered(someone: Someone, endpoint: str, count: int) -> dict[str, str]:
    """The newest delivery, once there are so many that were taken."""

    def look() -> list[dict[str, str]] | None:
        found = someone.call("webhook", "deliveries", endpoint, "--status", "delivered").lines()
        return found if len(found) == count else None

    return cast("list[dict[str, str]]", asyncio.run(until(look, f"{count} deliveries")))[0]


def test_the_secret_signs_what_is_sent_to_a_url_that_came_with_a_job(someone: Someone, receiver: Receiver) -> None:
    secret = someone.call("webhook", "secret").one()["key"]
    job = someone.call(*SUBMIT, "--webhook", receiver.url("/good")).one()
    headers, body = asyncio.run(until(lambda: receiver.taken, "the event"))[0]
    assert Webhook(secret).verify(body, {name.lower(): value for name, value in headers.items()})["data"] == job
    assert someone.call("webhook", "secret", "--rotate").one()["key"] != secret


def test_a_person_sees_tables(someone: Someone, receiver: Receiver) -> None:
    id = made(someone, receiver.url("/good"), "--name", "mine")
    code, screen = someone.seen("webhook", "list")
    assert (code, id in screen, "━" in screen) == (0, True, True)
    code, screen = someone.seen("webhook", "show", id)
    assert (code, "mine" in screen, "{" in screen) == (0, True, False)
    someone.call(*SUBMIT)
    delivery = delivered(someone, id, 1)["id"]
    code, screen = someone.seen("webhook", "deliveries", id)
    assert (code, delivery in screen, "delivered" in screen) == (0, True, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show", "we_none"], "404"),
        (["create", "http://10.0.0.1/"], "url: this address is not public"),
        (["create", "http://127.0.0.1/", "--event", "job.done"], "events: there is no event type 'job.done'"),
        (["change", "we_none"], "say what is to be changed"),
        (["deliveries"], "name an endpoint, or a job by --job"),
        (["replay", "we_none", "yesterday"], "since"),
    ],
)
def test_what_is_wrong_is_told_and_ends_it_with_2(someone: Someone, words: list[str], message: str) -> None:
    said = someone.call("webhook", *words)
    assert said.code == 2
    assert message in said.notes
