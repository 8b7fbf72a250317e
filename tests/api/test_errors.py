"""Every error has a status, and no answer says more than it should."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from api.errors import STATUS
from storage import errors
from tests.api.gateway import Gateway


def leaves(root: type[errors.GatewayError] = errors.GatewayError) -> Iterator[type[errors.GatewayError]]:
    """The classes of `storage/errors.py` that nothing there is derived from."""
    below = [each for each in root.__subclasses__() if each.__module__ == errors.__name__]
    if not below:
        yield root
    for each in below:
        yield from leaves(each)


@pytest.mark.parametrize("leaf", list(leaves()))
def test_every_error_has_a_status(leaf: type[errors.GatewayError]) -> None:
    assert leaf in STATUS


@pytest.mark.parametrize("leaf", list(leaves()))
def test_a_status_tells_whose_fault_it_is(leaf: type[errors.GatewayError]) -> None:
    callers = leaf.fault == "caller" or leaf is errors.ObjectMissing
    assert STATUS[leaf] // 100 == (4 if callers else 5)


async def test_what_nobody_foresaw_is_logged_with_its_request_id_and_tells_the_caller_nothing(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the password is tulip")

    monkeypatch.setattr(gateway.services.public, "render", broken, raising=True)
    monkeypatch.setattr("api.dialects.suno_clips.Clips.render", broken)
    job = {"kind": "music.generate", "input": {}}
    with caplog.at_level(logging.ERROR, "api.errors"):
        ours = await gateway.alice.http.post("/v1/jobs", json=job, headers={"x-request-id": "mine-1"})
        suno = await gateway.alice.http.post("/v1/suno/api/generate/v2/", json={}, headers={"x-request-id": "mine-2"})
    assert ours.status_code == suno.status_code == 500
    assert ours.json()["code"] == "internal_error"
    assert list(suno.json()) == ["detail"]
    assert "tulip" not in ours.text + suno.text
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "request mine-1 failed",
        "request mine-2 failed",
    ]
    assert "tulip" in caplog.text


async def test_a_link_is_not_written_to_the_log(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("no more")

    monkeypatch.setattr("storage.links.Links.read", broken)
    with caplog.at_level(logging.ERROR):
        assert (await gateway.nobody.get("/media/the-right-to-a-file/song.mp3")).status_code == 500
    (record,) = [record for record in caplog.records if record.name == "api.errors"]
    assert record.getMessage().endswith("GET /media/{token}/{name}")
    assert "the-right-to-a-file" not in caplog.text


@pytest.mark.parametrize("sent", ["abc-123", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a" * 128])
async def test_a_callers_own_request_id_comes_back(gateway: Gateway, sent: str) -> None:
    for path in ("/health", "/nowhere", "/v1/feed"):
        assert (await gateway.nobody.get(path, headers={"x-request-id": sent})).headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", ["", "a b", "a" * 129, "<script>", 'x"y', "é"])
async def test_a_request_id_unfit_to_be_repeated_is_replaced(gateway: Gateway, sent: str) -> None:
    answer = await gateway.nobody.get("/nowhere", headers={b"x-request-id": sent.encode("latin-1")})
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_every_request_has_an_id_of_its_own(gateway: Gateway) -> None:
    ids = {(await gateway.nobody.get("/health")).headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20


async def test_an_address_that_is_not_there_is_a_problem_and_not_a_page(gateway: Gateway) -> None:
    answer = await gateway.nobody.get("/wp-admin")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    head = await gateway.nobody.head("/wp-admin")
    assert (head.status_code, head.content) == (404, b"")


async def test_who_leaves_in_the_midst_of_a_body_is_no_error_of_ours(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, *[{"type": "http.disconnect"}] * 3])
    headers = {"host": "gateway.test", "authorization": f"Bearer {gateway.alice.secret}", "content-length": "10"}
    path = "/v1/chat/completions"
    scope: Any = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("gateway.test", 80),
    }

    async def receive() -> Any:
        return next(messages)

    async def send(_message: Any) -> None:
        pass

    app: Any = gateway.app
    with caplog.at_level(logging.ERROR):
        await app(scope, receive, send)
    assert not caplog.records
