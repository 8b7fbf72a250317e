"""2 GB up, as a recording to be transcribed, and 2 GB down, as a result: what they cost one API process in memory.

The API on a Redis and an S3 store of its own, without a worker. Somebody else polls a feed meanwhile, once in 20 ms.
"""

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from bench.batches import Watch, Where, gateway
from bench.report import Row, number, percentile
from storage.ids import OutputId, Part, new_job_id, output_id
from storage.links import Links
from storage.media import object_key
from storage.objects import Objects

SIZE_BYTES = 2_000_000_000
WARM_BYTES = 20_000_000
MOST_GROWTH_BYTES = 64 << 20
LIMIT_S = 900.0
_CHUNK = bytes(range(256)) * 4096  # 1 MiB
_BOUNDARY = "x"
_FIELDS = (
    b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="long.wav"\r\n\r\n'
)
_END = b"\r\n--x--\r\n"


class Moved(NamedTuple):
    """What moving the bytes took, what it cost, and what others waited for meanwhile."""

    took_s: float
    grown_bytes: int
    others_s: list[float]


def run(folder: Path) -> list[Row]:
    with gateway(folder) as where:
        link = asyncio.run(stored(where, SIZE_BYTES))
        upload(where, WARM_BYTES)  # code has run once, and connections are there
        up = moved(where, lambda: upload(where, SIZE_BYTES))
        down = moved(where, lambda: download(where, link))
    return [row("up, as a recording to be transcribed", up), row("down, as a result", down)]


def row(what: str, seen: Moved) -> Row:
    rate = number(SIZE_BYTES / 1e6 / seen.took_s)
    others = number(1000 * percentile(seen.others_s, 0.99))
    return Row(
        f"2 GB {what}, one API process: its memory, at its peak",
        f"+ {number(seen.grown_bytes / 1e6)} MB; {rate} MB/s; somebody else's feed poll meanwhile, p99 {others} ms",
        "–",
        "–",
        f"< {number(MOST_GROWTH_BYTES / 1e6)} MB",
        seen.grown_bytes < MOST_GROWTH_BYTES,
    )


def moved(where: Where, move: Callable[[], None]) -> Moved:
    before = where.rss_bytes()
    with Watch(where) as watch:
        began = time.monotonic()
        move()
        took_s = time.monotonic() - began
    return Moved(took_s, watch.peak - before, watch.waits_s)


def upload(where: Where, size_bytes: int) -> None:
    """A WAV of that size in a form, as OpenAI's clients send it; the answer is the job. Then it is cancelled."""
    length = str(len(_FIELDS) + size_bytes + len(_END))
    kind = f"multipart/form-data; boundary={_BOUNDARY}"
    path = "/v1/audio/transcriptions"
    job = where.ask("POST", path, form(size_bytes), content_type=kind, content_length=length, prefer="respond-async")
    assert job["status"] == "queued", job
    where.ask("POST", f"/v1/jobs/{job['id']}/cancel")


def form(size_bytes: int) -> Iterator[bytes]:
    yield _FIELDS
    head = wav_head(size_bytes)
    yield head
    left = size_bytes - len(head)
    while left > 0:
        yield _CHUNK[:left]
        left -= len(_CHUNK)
    yield _END


def wav_head(size_bytes: int) -> bytes:
    """The head of a file of that size: 16-bit mono at 16 kHz. Source: Microsoft, "RIFF WAVE", 1994."""
    kind = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", size_bytes - 8, b"WAVE") + kind + struct.pack("<4sI", b"data", size_bytes - 44)
    )


async def stored(where: Where, size_bytes: int) -> str:
    """The path of the link to a result of that size, which is put into the store as workers do."""
    output = OutputId(new_job_id(), 1, Part.MAIN)
    objects = await asyncio.to_thread(Objects.open, where.settings)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(size_bytes // len(_CHUNK)):
            yield _CHUNK
        yield _CHUNK[: size_bytes % len(_CHUNK)]

    try:
        await objects.put_stream(object_key(output, ".wav"), chunks(), content_type="audio/wav")
    finally:
        await objects.close()
    return Links(where.settings.secret).path(output_id(output.job, 1), "result.wav")


def download(where: Where, path: str) -> None:
    connection = HTTPConnection("127.0.0.1", where.port, timeout=LIMIT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        came = 0
        while some := answer.read(1 << 20):
            came += len(some)
    finally:
        connection.close()
    assert (answer.status, came) == (200, SIZE_BYTES)
