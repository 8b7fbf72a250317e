"""Event streams over real connections: clients that others have written, that leave, that read nothing, that stay."""

import asyncio
import json
import random
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
import psutil
import pytest

from cli.embedded import Redis
from storage import keys
from storage.ids import new_job_id
from tests.api.gateway import Gateway, serving, storage_settings
from tests.api.granian import Server, served
from tests.waiting import until
from tests.workers.jobs import admit

LEFT = 200
MOST_MEMORY_BYTES = 64 << 20


@pytest.fixture(scope="module")
def server(redis_server: Redis) -> Iterator[Server]:
    with served(storage_settings(redis_server.url)) as running:
        yield running


@dataclass
class Wire:
    """A server in its own process, and a gateway in this one on the same Redis, to arrange things with."""

    server: Server
    gateway: Gateway

    @property
    def key(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.gateway.alice.secret}"}

    async def cancel(self, count: int) -> None:
        """So many jobs of alice's, queued and canceled: two events each."""
        store, owner = self.gateway.services.store, self.gateway.alice.key.id
        for start in range(0, count, 100):
            group = range(start, min(count, start + 100))
            jobs = await asyncio.gather(*(admit(store, owner=owner) for _ in group))
            assert all(await asyncio.gather(*map(store.jobs.cancel, jobs)))

    async def told(self) -> list[str]:
        """The places of all that alice was told."""
        found: list[str] = []
        while entries := await self.gateway.services.store.redis.xrange(
            keys.feed(self.gateway.alice.key.id), f"({found[-1]}" if found else "-", count=1000
        ):
            found += [id.decode() for id, _ in entries]
        return found

    async def listened_to(self) -> bool:
        return bool(await self.gateway.services.store.redis.pubsub_channels(keys.events_channel("*")))

    async def connect(self, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A bare connection that has asked for a stream."""
        address = urlsplit(self.server.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(
            f"GET {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: {self.key['authorization']}\r\n\r\n".encode()
        )
        return reader, writer

    def connections(self) -> list[Any]:
        """The server's ends of the connections that clients have to it."""
        port = urlsplit(self.server.url).port
        processes = [self.server.process, *self.server.process.children(recursive=True)]
        found = [each for process in processes for each in process.net_connections("tcp")]
        return [each for each in found if each.laddr.port == port and each.status != psutil.CONN_LISTEN]


@pytest.fixture
async def wire(server: Server, redis_url: str) -> AsyncIterator[Wire]:
    async with serving(storage_settings(redis_url)) as gateway:
        yield Wire(server, gateway)


async def test_httpx_reads_it_line_by_line_as_it_comes(wire: Wire) -> None:
    async with (
        httpx.AsyncClient(headers=wire.key) as http,
        http.stream("GET", f"{wire.server.url}/v1/events") as answer,
    ):
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        lines = answer.aiter_lines()
        assert await anext(lines) == ": still here"
        for _ in range(3):
            await wire.cancel(1)
            async with asyncio.timeout(5):
                block = [await anext(lines) for _ in range(8)]
            assert [line.partition(": ")[0] for line in block] == ["id", "event", "data", ""] * 2
            assert json.loads(block[6].removeprefix("data: "))["type"] == "job.canceled"


async def test_the_openai_sdk_reads_a_job_s_stream_to_its_end(wire: Wire) -> None:
    job = await admit(wire.gateway.services.store, owner=wire.gateway.alice.key.id)
    async with openai.AsyncOpenAI(base_url=f"{wire.server.url}/v1", api_key=wire.gateway.alice.secret) as client:
        stream = await client.get(
            f"/jobs/{job.id}/events", cast_to=object, stream=True, stream_cls=openai.AsyncStream[Any]
        )
        seen = [(await anext(stream))["type"]]
        await wire.gateway.services.store.jobs.cancel(job)
        async with asyncio.timeout(5):
            seen += [event["type"] async for event in stream]
    assert seen == ["job.queued", "job.canceled"]


@pytest.mark.skipif(not shutil.which("curl"), reason="this machine has no curl")
async def test_curl_shows_events_as_they_come(wire: Wire) -> None:
    job = await admit(wire.gateway.services.store, owner=wire.gateway.alice.key.id)
    url, header = f"{wire.server.url}/v1/jobs/{job.id}/events", f"authorization: {wire.key['authorization']}"
    curl = await asyncio.create_subprocess_exec("curl", "-sN", "-H", header, url, stdout=asyncio.subprocess.PIPE)
    assert curl.stdout
    async with asyncio.timeout(10):
        while not (line := await curl.stdout.readline()).startswith(b"event: "):
            pass
        assert line == b"event: job.queued\n"
        await wire.gateway.services.store.jobs.cancel(job)
        rest = await curl.stdout.read()
        assert await curl.wait() == 0
    assert rest.count(b"event: ") == 1
    assert b"\nevent: job.canceled\n" in rest
    assert rest.endswith(b"}\n\n")


async def test_head_and_refusals_on_the_wire(wire: Wire) -> None:
    async with httpx.AsyncClient(base_url=wire.server.url) as http:
        head = await http.head("/v1/events", headers=wire.key)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert (await http.get("/v1/events")).status_code == 401
        assert (await http.get(f"/v1/jobs/{new_job_id()}/events", headers=wire.key)).status_code == 404
        assert (await http.get("/v1/events?types=x", headers=wire.key)).status_code == 422  # still in step
    assert not await wire.listened_to()


async def test_clients_that_leave_leave_no_connection_and_no_subscription(wire: Wire) -> None:
    rng = random.Random(7)
    job = await admit(wire.gateway.services.store, owner=wire.gateway.alice.key.id)
    paths = ["/v1/events", "/v1/events?since=0-0", f"/v1/jobs/{job.id}/events"]
    stop = asyncio.Event()

    async def leave_some() -> None:
        for _ in range(LEFT // 10):
            reader, writer = await wire.connect(rng.choice(paths))
            await asyncio.sleep(rng.choice((0.0, rng.uniform(0, 0.1))))
            if rng.random() < 0.3:
                await reader.read(100)
            if rng.random() < 0.5:
                writer.transport.abort()
            writer.close()

    async def tell() -> None:
        while not stop.is_set():
            await wire.cancel(1)

    telling = asyncio.create_task(tell())
    await asyncio.gather(*(leave_some() for _ in range(10)))
    stop.set()
    await telling

    async def nobody() -> bool:
        return not wire.connections() and not await wire.listened_to()

    await until(nobody)
    async with httpx.AsyncClient(headers=wire.key) as http:
        assert (await http.get(f"{wire.server.url}/v1/jobs/{job.id}")).status_code == 200


async def test_clients_that_read_nothing_cost_little_memory_and_miss_nothing(wire: Wire) -> None:
    streams = [await wire.connect("/v1/events?since=0-0") for _ in range(30)]
    for reader, _ in streams:
        await reader.readuntil(b": still here\n")
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # the socket fills up, then the server's
    before = wire.server.rss_bytes()
    await wire.cancel(1_500)  # 6 MB of events, for each of them
    every = await wire.told()
    assert len(every) == 3_000
    async with httpx.AsyncClient(headers=wire.key) as http:
        url = f"{wire.server.url}/v1/events?since=0-0"
        async with http.stream("GET", url) as answer:  # one that does read; others had time enough by then
            assert await ids(answer.aiter_lines(), len(every)) == every
        assert wire.server.rss_bytes() - before < MOST_MEMORY_BYTES
        reader, writer = streams.pop()
        reader._transport.resume_reading()  # type: ignore[attr-defined]
        assert await ids(_lines(reader), len(every)) == every
        writer.close()
    for _, writer in streams:
        writer.close()


async def ids(lines: AsyncIterator[str], count: int) -> list[str]:
    found: list[str] = []
    async with asyncio.timeout(60):
        async for line in lines:
            if line.startswith("id: "):
                found.append(line.removeprefix("id: "))
                if len(found) == count:
                    break
    return found


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[str]:
    """Of a chunked body, whose chunks begin and end at lines here."""
    rest = b""
    while data := await reader.read(1 << 16):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line.decode()


NOT_KILLED = "[WARNING] Killing worker-1 after it refused to gracefully stop\n"
"""granian's words now and then, of a worker that has ended: two threads wait for the process, and the one that comes
second takes it to be alive (`granian/server/common.py`). One that is really killed is so after 20 s, when the test has
failed."""


async def test_a_stop_ends_open_streams_at_once_and_in_order(redis_url: str, tmp_path: Path) -> None:
    settings, log = storage_settings(redis_url), tmp_path / "log"
    with served(settings, log, kill_s=20) as server:
        async with serving(settings) as gateway:
            wire = Wire(server, gateway)
            job = await admit(gateway.services.store, owner=gateway.alice.key.id)
            paths = ["/v1/events", f"/v1/jobs/{job.id}/events"]
            streams = [await wire.connect(path) for path in paths * 25]
            for reader, _ in streams:
                await reader.readuntil(b": still here\n")
            server.process.terminate()
            async with asyncio.timeout(3):  # in earnest, whoever has not ended after 5 s is killed
                ends = await asyncio.gather(*(reader.read() for reader, _ in streams))
            assert all(end.endswith(b"0\r\n\r\n") for end in ends)
            assert await asyncio.to_thread(server.process.wait, 15) in (0, None)
            for _, writer in streams:
                writer.close()
    assert log.read_text() in ("", NOT_KILLED)
