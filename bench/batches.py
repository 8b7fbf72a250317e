"""A batch of 100 000 songs is uploaded, and every line judged: what that takes, and what it costs others.

One API process on a Redis and an S3 store of its own. Beside it somebody reads a feed, once in 20 ms, before and while
the lines are judged. Then 5 000 lines are done by a worker that makes nothing: how fast lines become results.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec
import psutil
from pydantic import SecretStr

from bench.duel import SECRET, answers, new_key
from bench.program import Program
from bench.report import Row, number, percentile
from cli.embedded import Objects, Redis
from cli.embedded.ports import free_ports
from storage.job import Job, OutputStatus
from storage.settings import StorageSettings
from storage.store import Store
from workers.lanes import Lane

LINES, DONE_LINES = 100_000, 5_000
MOST_GROWTH_BYTES = 64 << 20
ENDPOINT = "/v1/suno/api/generate/v2"
SLOTS = 64
GAP_S = 0.02
LIMIT_S = 600.0


def run(folder: Path) -> list[Row]:
    with gateway(folder) as where:
        accepted = accept(where, LINES)
        rate = asyncio.run(done_rate(where))
    what = f"lines of a batch of {number(DONE_LINES)} becoming results, jobs that do nothing"
    return [*rows(accepted), Row(what, f"{number(rate)}/s", "–", "–", "–", None)]


def rows(accepted: "Accepted") -> list[Row]:
    took_s = accepted.upload_s + accepted.judged_s
    grown = accepted.grown_bytes
    before, during = (percentile(waits, 0.99) * 1000 for waits in (accepted.idle_s, accepted.busy_s))
    size = f"{number(accepted.size_bytes / 1e6)} MB"
    return [
        Row(
            f"accept a batch of {number(LINES)} songs ({size}): upload, judge every line",
            f"{number(took_s)} s: {number(accepted.upload_s)} + {number(accepted.judged_s)}",
            f"{number(LINES / accepted.judged_s)} lines/s judged",
            "–",
            "–",
            None,
        ),
        Row(
            "the API's memory meanwhile, at its peak",
            f"+ {number(grown / 1e6)} MB",
            "–",
            "–",
            f"≤ {number(MOST_GROWTH_BYTES / 1e6)} MB",
            grown <= MOST_GROWTH_BYTES,
        ),
        Row(
            "somebody else's feed poll meanwhile, p99",
            f"{number(during)} ms",
            f"{number(before)} ms with nothing else to do",
            f"{number(during / before)} ×",
            "–",
            None,
        ),
    ]


class Where(NamedTuple):
    """A gateway, and a key."""

    port: int
    key: str
    settings: StorageSettings
    process: psutil.Process

    def ask(self, method: str, path: str, body: bytes | Iterator[bytes] | None = None, **headers: str) -> Any:
        """The body of an answer; RuntimeError if it is not a good one."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        try:
            words = {name.replace("_", "-"): text for name, text in headers.items()}
            connection.request(method, path, body, {"authorization": f"Bearer {self.key}", **words})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status // 100 != 2:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:500]!r}")
        return msgspec.json.decode(content)

    def rss_bytes(self) -> int:
        processes = [self.process, *self.process.children(recursive=True)]
        return sum(int(each.memory_info().rss) for each in processes)


@contextmanager
def gateway(folder: Path) -> Iterator[Where]:
    (port,) = free_ports(1)
    with Redis(folder / "redis") as redis, Objects(folder / "objects") as objects:
        settings = StorageSettings(
            redis_url=SecretStr(redis.url),
            s3_endpoint=objects.endpoint,
            s3_bucket=objects.bucket,
            s3_region=objects.region,
            s3_access_key=SecretStr(objects.access_key),
            s3_secret_key=SecretStr(objects.secret_key),
            secret=SecretStr(SECRET),
        )
        environment = {
            "GATEWAY_REDIS_URL": redis.url,
            "GATEWAY_S3_ENDPOINT": objects.endpoint,
            "GATEWAY_S3_BUCKET": objects.bucket,
            "GATEWAY_S3_REGION": objects.region,
            "GATEWAY_S3_ACCESS_KEY": objects.access_key,
            "GATEWAY_S3_SECRET_KEY": objects.secret_key,
            "GATEWAY_SECRET": SECRET,
            "GATEWAY_PORT": str(port),
            "GATEWAY_LOG_LEVEL": "WARNING",
        }
        key = asyncio.run(new_key(redis.url))
        with Program(folder / "api", "cli.main", "api", environment=environment, answers=lambda: answers(port)) as api:
            assert api.process
            yield Where(port, key, settings, psutil.Process(api.process.pid))


def song(count: int) -> Iterator[bytes]:
    """Lines as somebody would write them, some 300 bytes each."""
    body = {
        "prompt": "[Verse]\nThe sea is wide, the sea is old\n[Chorus]\nIt keeps whatever it is told\n",
        "tags": "acoustic folk, calm, male voice",
        "mv": "chirp-v3-0",
        "make_instrumental": False,
    }
    for n in range(count):
        line = {"custom_id": f"song-{n}", "method": "POST", "url": ENDPOINT, "body": {**body, "title": f"Sea {n}"}}
        yield msgspec.json.encode(line) + b"\n"


def form(count: int) -> Iterator[bytes]:
    """An upload of so many lines, a few hundred at a time."""
    yield b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="songs.jsonl"\r\n\r\n'
    lines = song(count)
    while some := b"".join(islice(lines, 300)):
        yield some
    yield b"\r\n--x--\r\n"


def begin(where: Where, count: int) -> tuple[dict[str, Any], float]:
    """A new batch of so many songs, and when its upload was over."""
    file = where.ask("POST", "/v1/files", form(count), content_type="multipart/form-data; boundary=x")
    uploaded_s = time.monotonic()
    body = msgspec.json.encode({"input_file_id": file["id"], "endpoint": ENDPOINT, "completion_window": "24h"})
    batch = where.ask("POST", "/v1/batches", body, content_type="application/json")
    return {**batch, "bytes": file["bytes"]}, uploaded_s


class Accepted(NamedTuple):
    """What it took. `idle_s` and `busy_s`: what others waited for their answers, before and while lines were judged."""

    upload_s: float
    judged_s: float
    size_bytes: int
    grown_bytes: int
    idle_s: list[float]
    busy_s: list[float]


def accept(where: Where, count: int) -> Accepted:
    begin(where, 100)  # scripts are loaded, and code has run once
    with Watch(where) as watch:
        time.sleep(3)
        idle_s, watch.waits_s = watch.waits_s, []
        before, began = where.rss_bytes(), time.monotonic()
        batch, uploaded_s = begin(where, count)
        watch.waits_s = []
        while (status := where.ask("GET", f"/v1/batches/{batch['id']}")["status"]) == "validating":
            time.sleep(0.1)
        judged_s, busy_s = time.monotonic() - uploaded_s, watch.waits_s
    assert status == "in_progress", status
    where.ask("POST", f"/v1/batches/{batch['id']}/cancel")
    while where.ask("GET", f"/v1/batches/{batch['id']}")["status"] != "cancelled":
        time.sleep(0.2)
    return Accepted(uploaded_s - began, judged_s, batch["bytes"], watch.peak - before, idle_s, busy_s)


class Watch(threading.Thread):
    """Somebody else who polls a feed, and looks at how large the API is."""

    def __init__(self, where: Where) -> None:
        super().__init__(name="watch", daemon=True)
        self.waits_s: list[float] = []
        self.peak = 0
        self._where, self._over = where, threading.Event()

    def run(self) -> None:
        while not self._over.wait(GAP_S):
            began = time.monotonic()
            self._where.ask("GET", "/v1/suno/api/feed/?ids=none")
            self.waits_s.append(time.monotonic() - began)
            self.peak = max(self.peak, self._where.rss_bytes())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


async def done_rate(where: Where) -> float:
    """Lines a second, from the first that is submitted to the last result."""
    store = Store.open(where.settings)
    await store.start()
    try:
        async with working(store):
            batch, _ = await asyncio.to_thread(begin, where, DONE_LINES)
            async with asyncio.timeout(LIMIT_S):
                while True:
                    now = await asyncio.to_thread(where.ask, "GET", f"/v1/batches/{batch['id']}")
                    if now["status"] == "completed":
                        break
                    await asyncio.sleep(0.1)
        assert now["request_counts"]["completed"] == DONE_LINES
        [owner] = [key async for key in store.redis.scan_iter("batches:*")]
        found = await store.batches.get(owner.decode().partition(":")[2], batch["id"])
        return DONE_LINES / ((found.completed_at - found.in_progress_at) / 1000)
    finally:
        await store.close()


@asynccontextmanager
async def working(store: Store) -> AsyncIterator[None]:
    """A worker's lane in this process."""

    async def render(_ctx: dict[str, Any], job: Job) -> dict[str, Any]:
        for output in job.outputs:
            output.status = OutputStatus.STORED
        return {"outputs": job.outputs}

    lane = Lane("engines", [render], worker="bench", slots=SLOTS)
    await lane.start({"queue": store.queue, "signals": store.signals})
    try:
        yield
    finally:
        await lane.stop()
