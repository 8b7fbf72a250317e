"""What only a real server and a real connection show: parts, heads, clients that leave, stores that die midway."""

import asyncio
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from cli.embedded import Objects, Redis
from storage.job import Job, OutputStatus, Status
from storage.keys import job_channel
from tests.api.gateway import SONG, Gateway, serving, storage_settings
from tests.api.granian import Server, served
from tests.api.images import asked
from tests.waiting import until

BIG = os.urandom(1 << 20) * 64
MOST_MEMORY_BYTES = 32 << 20


@pytest.fixture(scope="module")
def server(redis_server: Redis, s3: dict[str, Any]) -> Iterator[Server]:
    with served(storage_settings(redis_server.url, s3)) as running:
        yield running


@dataclass
class Wire:
    """A server in its own process, and a gateway in this one on the same Redis and store, to arrange things with."""

    server: Server
    gateway: Gateway

    async def making(self) -> Job:
        await self.gateway.alice.generate()
        job = await self.gateway.claim()
        await self.gateway.mark(job, OutputStatus.MAKING)
        return job

    async def stored(self, data: bytes) -> str:
        job = await self.making()
        await self.gateway.store(job, 1, data)
        return await self.link(job)

    async def link(self, job: Job) -> str:
        (clip,) = await self.gateway.alice.feed(f"{job.id[:-4]}0010")
        return self.server.url + str(urlsplit(clip["audio_url"]).path)

    async def watchers(self, job: Job) -> int:
        """How many processes listen for news of a job."""
        command: Any = self.gateway.services.store.redis.execute_command
        _, count = await command("PUBSUB", "NUMSUB", job_channel(job.id))
        return int(count)


@pytest.fixture
async def wire(server: Server, redis_url: str, s3: dict[str, Any]) -> AsyncIterator[Wire]:
    async with serving(storage_settings(redis_url, s3)) as gateway:
        yield Wire(server, gateway)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


async def test_a_song_is_accepted_and_found_again(wire: Wire, http: httpx.AsyncClient) -> None:
    headers = {"authorization": f"Bearer {wire.gateway.alice.secret}"}
    answer = await http.post(f"{wire.server.url}/v1/suno/api/generate/v2/", json=SONG, headers=headers)
    assert answer.status_code == 200
    ids = ",".join(clip["id"] for clip in answer.json()["clips"])
    feed = await http.get(f"{wire.server.url}/v1/suno/api/feed/?ids={ids}", headers=headers)
    assert [clip["status"] for clip in feed.json()] == ["queued", "queued"]


async def test_head_parts_and_conditions_on_the_wire(wire: Wire, http: httpx.AsyncClient) -> None:
    url = await wire.stored(b"0123456789")
    head = await http.head(url)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "10", b"")
    part = await http.get(url, headers={"range": "bytes=2-4"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    same = await http.get(url, headers={"if-none-match": head.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    outside = await http.get(url, headers={"range": "bytes=10-"})
    assert (outside.status_code, outside.headers["content-range"]) == (416, "bytes */10")
    assert (await http.head(f"{wire.server.url}/nowhere")).status_code == 404
    assert (await http.get(url)).content == b"0123456789"  # and the connection is still in step


async def test_a_client_that_reads_nothing_costs_no_memory_and_one_that_leaves_no_connection(
    wire: Wire, http: httpx.AsyncClient, s3_server: Objects
) -> None:
    url, port = await wire.stored(BIG), int(urlsplit(s3_server.endpoint).port or 0)
    before = wire.server.rss_bytes()
    async with http.stream("GET", url) as answer:
        body = answer.aiter_raw()  # kept: one that is dropped would close the answer
        await anext(body)
        async with httpx.AsyncClient() as other:  # time enough to buffer the whole of the first answer
            assert (await other.get(url)).content == BIG
        assert wire.server.rss_bytes() - before < MOST_MEMORY_BYTES
        held = wire.server.connections_to(port)
    await until(lambda: held - wire.server.connections_to(port), "the connection to the store is cut")


async def test_nobody_waits_on_behalf_of_a_client_that_has_left(wire: Wire) -> None:
    job = await wire.making()
    path = urlsplit(await wire.link(job)).path
    with socket.create_connection(("127.0.0.1", int(urlsplit(wire.server.url).port or 0))) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nhost: gateway\r\n\r\n".encode())
        await until(lambda: wire.watchers(job))

    async def nobody() -> bool:
        return not await wire.watchers(job)

    await until(nobody)


BODY = b'{"prompt": "a boat"}'


def asking(wire: Wire) -> bytes:
    """A request that waits for its picture."""
    head = f"authorization: Bearer {wire.gateway.alice.secret}\r\ncontent-length: {len(BODY)}\r\n"
    return f"POST /v1/images/generations HTTP/1.1\r\nhost: gateway\r\n{head}\r\n".encode() + BODY


async def test_a_client_that_leaves_while_it_waits_leaves_nothing_behind_and_stops_no_job(wire: Wire) -> None:
    with socket.create_connection(("127.0.0.1", int(urlsplit(wire.server.url).port or 0))) as client:
        client.sendall(asking(wire))
        job = await asked(wire.gateway)
        await until(lambda: wire.watchers(job))

    async def nobody() -> bool:
        return not await wire.watchers(job)

    await until(nobody)
    assert (await wire.gateway.read(job.id)).status == Status.RUNNING


async def test_a_server_that_is_stopped_hands_over_the_jobs_that_it_waits_for(
    redis_url: str, redis_server: Redis, s3: dict[str, Any], http: httpx.AsyncClient
) -> None:
    async with serving(storage_settings(redis_url, s3)) as gateway:
        with served(storage_settings(redis_server.url, s3)) as server:
            wire = Wire(server, gateway)
            headers = {"authorization": f"Bearer {gateway.alice.secret}"}
            waiting = asyncio.create_task(
                http.post(f"{server.url}/v1/images/generations", content=BODY, headers=headers, timeout=60)
            )
            job = await asked(gateway)
            await until(lambda: wire.watchers(job))
            server.process.terminate()
            answer = await waiting
        assert (answer.status_code, answer.json()["id"]) == (202, job.id)


async def test_a_link_to_a_file_that_is_being_made_waits_for_it(wire: Wire, http: httpx.AsyncClient) -> None:
    job = await wire.making()
    waiting = asyncio.create_task(http.get(await wire.link(job)))
    await until(lambda: wire.watchers(job))
    await wire.gateway.store(job, 1, b"at last")
    async with asyncio.timeout(5):
        assert (await waiting).content == b"at last"


async def test_a_revoked_key_is_refused_by_every_process(wire: Wire, http: httpx.AsyncClient) -> None:
    headers = {"x-api-key": wire.gateway.bob.secret}
    url = f"{wire.server.url}/v1/feed"
    assert (await http.get(url, headers=headers)).status_code == 200
    await wire.gateway.revoke(wire.gateway.bob)

    async def refused() -> bool:
        return (await http.get(url, headers=headers)).status_code == 401

    await until(refused, limit_s=2.0)


async def test_a_body_above_the_limit_is_refused_before_it_is_read(wire: Wire) -> None:
    address = ("127.0.0.1", int(urlsplit(wire.server.url).port or 0))
    reader, writer = await asyncio.open_connection(*address)
    request = (
        "POST /v1/suno/api/generate/v2/ HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n"
        f"x-api-key: {wire.gateway.alice.secret}\r\ncontent-length: 1000000000\r\n\r\n{{"
    )
    writer.write(request.encode())
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    writer.close()


async def test_a_file_whose_rest_does_not_come_is_not_taken_for_whole(redis_url: str) -> None:
    with tempfile.TemporaryDirectory() as folder, Objects(Path(folder)) as store:
        own = {"s3_endpoint": store.endpoint, "s3_access_key": store.access_key, "s3_secret_key": store.secret_key}
        settings = storage_settings(redis_url, own)
        with served(settings) as server:
            async with serving(settings) as gateway, httpx.AsyncClient() as http:
                url = await Wire(server, gateway).stored(BIG)
                with pytest.raises(httpx.HTTPError):  # noqa: PT012 - reading is what raises, at some chunk
                    async with http.stream("GET", url) as answer:
                        assert answer.status_code == 200
                        async for _ in answer.aiter_raw():
                            store.kill()
