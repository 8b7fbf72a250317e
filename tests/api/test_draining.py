"""Uploads over a real wire: in little memory, and those that are refused are told so, whichever client sends them."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
import pytest
import requests

from api import draining
from api.draining import drain
from cli.embedded import Redis
from tests.api.gateway import Gateway, storage_settings
from tests.api.granian import Server, served
from tests.api.recordings import ASR, LATER, TRANSCRIPTIONS, WAV, inputs, jobs_of
from tests.waiting import until

LARGE_BYTES = 80 << 20
MOST_MEMORY_BYTES = 48 << 20
LIMIT_BYTES = 100_000_000
PAGE = b"<!doctype html>" + bytes(24 << 20)
FILE = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
HEAD = (
    "POST {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {key}\r\n{more}"
    "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {length}\r\n\r\n"
)


@pytest.fixture(scope="module")
def server(redis_server: Redis, s3: dict[str, Any]) -> Iterator[Server]:
    with served(storage_settings(redis_server.url, s3), GATEWAY_FILE_MAX_BYTES=str(LIMIT_BYTES)) as running:
        yield running


def by_httpx(url: str, key: str, data: bytes) -> tuple[int, Any]:
    with httpx.Client(trust_env=False, headers={"authorization": f"Bearer {key}"}) as client:
        answer = client.post(url + TRANSCRIPTIONS, files={"file": ("a.mp3", data)})
    return answer.status_code, answer.json()["error"]["param"]


def by_requests(url: str, key: str, data: bytes) -> tuple[int, Any]:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(f"{url}{ASR}", files={"audio_file": data}, headers={"x-api-key": key}, timeout=30)
    return answer.status_code, answer.json()["detail"][0]["loc"][1]


def by_openai(url: str, key: str, data: bytes) -> tuple[int, Any]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        try:
            client.audio.transcriptions.create(file=("a.mp3", data), model="whisper-1")
        except openai.APIStatusError as error:
            return error.status_code, error.param
    raise AssertionError("it was taken")


def by_hand(url: str, key: str, data: bytes) -> tuple[int, Any]:
    """All of it is sent before any of the answer is read, and nothing is made of errors while it is sent."""
    to = urlsplit(url)
    form = FILE + data + b"\r\n--x--\r\n"
    with socket.create_connection((to.hostname, to.port), 30) as connection:
        head = HEAD.format(path=TRANSCRIPTIONS, key=key, length=len(form), more="Connection: close\r\n")
        connection.sendall(head.encode() + form)
        told = b"".join(iter(lambda: connection.recv(65536), b""))
    head_, _, body = told.partition(b"\r\n\r\n")
    return int(head_.split()[1]), json.loads(body)["error"]["param"]


CLIENTS: list[Callable[[str, str, bytes], tuple[int, Any]]] = [by_httpx, by_requests, by_openai, by_hand]


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_refusal_reaches_who_reads_only_after_having_sent(
    server: Server, stocked: Gateway, client: Callable[[str, str, bytes], tuple[int, Any]]
) -> None:
    status, param = await asyncio.to_thread(client, server.url, stocked.alice.secret, PAGE)
    assert (status // 100, param in ("file", "audio_file")) == (4, True)
    assert await jobs_of(stocked.alice) == []


@pytest.mark.parametrize("client", CLIENTS[:3])
async def test_one_beyond_the_limit_is_refused_by_its_length(
    server: Server, stocked: Gateway, client: Callable[[str, str, bytes], tuple[int, Any]]
) -> None:
    data = WAV + bytes(LIMIT_BYTES + 3_000_000)
    status, param = await asyncio.to_thread(client, server.url, stocked.alice.secret, data)
    assert (status, param in ("file", "audio_file")) == (413, True)


def refused_at_once(url: str, key: str, length: int, more: str, sent: bytes) -> bytes:
    """The beginning of the answer to a request of which only this has been sent."""
    to = urlsplit(url)
    with socket.create_connection((to.hostname, to.port), 10) as connection:
        connection.sendall(HEAD.format(path=TRANSCRIPTIONS, key=key, length=length, more=more).encode() + sent)
        return connection.recv(65536)


@pytest.mark.parametrize(
    ("length", "more", "sent", "status"),
    [
        (3_000_000_000, "", b"", 413),
        (3_000_000_000, "Expect: 100-continue\r\n", b"", 413),
        (90_000_000, "", FILE + PAGE[:600], 400),
        (90_000_000, "", FILE.replace(b"file", b"wrong", 1), 400),
    ],
)
async def test_who_listens_while_sending_is_told_at_once(
    server: Server, stocked: Gateway, length: int, more: str, sent: bytes, status: int
) -> None:
    answer = await asyncio.to_thread(refused_at_once, server.url, stocked.alice.secret, length, more, sent)
    assert answer.split()[1] == b"%d" % status


async def test_without_a_key_nothing_is_read(server: Server, stocked: Gateway) -> None:
    answer = await asyncio.to_thread(refused_at_once, server.url, "sk-none", 90_000_000, "", b"")
    assert answer.split()[1] == b"401"


async def test_a_large_recording_goes_through_in_little_memory(server: Server, stocked: Gateway) -> None:
    before = server.rss_bytes()
    peak = before
    piece = bytes(1 << 20)

    async def form() -> AsyncIterator[bytes]:
        nonlocal peak
        yield FILE + WAV
        for number in range(LARGE_BYTES >> 20):
            yield piece
            if number % 8 == 0:
                peak = max(peak, server.rss_bytes())
        yield b"\r\n--x--\r\n"

    headers = {**LATER, "content-type": "multipart/form-data; boundary=x"}
    async with httpx.AsyncClient(headers=stocked.alice.http.headers, timeout=60, trust_env=False) as http:
        answer = await http.post(server.url + TRANSCRIPTIONS, content=form(), headers=headers)
    assert answer.status_code == 202, answer.text
    job = await stocked.read(answer.json()["id"])
    info = await stocked.services.objects.head(job.inputs["file"])
    assert info.size_bytes == LARGE_BYTES + len(WAV)
    assert peak - before < MOST_MEMORY_BYTES


async def test_who_hangs_up_leaves_nothing_behind(server: Server, stocked: Gateway) -> None:
    await stocked.services.objects.delete_prefix("inputs/")
    to = urlsplit(server.url)
    with socket.create_connection((to.hostname, to.port), 10) as connection:
        head = HEAD.format(path=TRANSCRIPTIONS, key=stocked.alice.secret, length=90_000_000, more="")
        await asyncio.to_thread(connection.sendall, head.encode() + FILE + WAV + bytes(12 << 20))

        async def begun() -> bool:
            return any(key.startswith("unfinished") for key in await inputs(stocked))

        await until(begun, "an upload in parts")

    async def nothing() -> bool:
        return await inputs(stocked) == []

    await until(nothing, "nothing in the store")
    assert await jobs_of(stocked.alice) == []


# --- the limits of patience ---


def coming(*events: dict[str, Any]) -> Callable[[], Any]:
    """A `receive` that gives these, and then nothing, ever."""
    left = iter(events)

    async def receive() -> Any:
        event = next(left, None)
        if event is None:
            await asyncio.Event().wait()
        return event

    return receive


def piece(size: int, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": bytes(size), "more_body": more}


async def test_what_is_left_of_a_body_is_dropped_to_its_end() -> None:
    assert await drain(coming(piece(10, more=True), piece(5, more=False), piece(1, more=True))) == 15
    assert await drain(coming(piece(10, more=True), {"type": "http.disconnect"})) == 10


async def test_so_much_is_dropped_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "MOST_BYTES", 100)
    assert await drain(coming(*(piece(60, more=True) for _ in range(10)))) == 120


async def test_who_sends_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "MOST_S", 0.05)
    assert await drain(coming(piece(10, more=True))) == 10
