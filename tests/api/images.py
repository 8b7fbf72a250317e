"""Pictures to send, a hand that makes what was asked for, and a look at what an answer shows."""

import asyncio
import base64
import struct
import zlib
from io import BytesIO
from typing import Any

import httpx
from PIL import Image, ImageDraw

from storage.job import Job, OutputStatus
from tests.api.gateway import LANE, Caller, Gateway
from tests.waiting import until

GENERATIONS, EDITS, VARIATIONS = "/v1/images/generations", "/v1/images/edits", "/v1/images/variations"
OUTSIDE = 70_000
"""A side that no picture may have, and no memory should hold."""


def picture(
    size: tuple[int, int] = (96, 64), format: str = "PNG", *, mode: str = "RGB", hole: tuple[int, ...] = (), **how: Any
) -> bytes:
    """A picture with something on it; a `hole` in it is transparent."""
    image = Image.linear_gradient("L").resize(size).convert(mode)
    draw = ImageDraw.Draw(image)
    colour = {"RGB": (200, 40, 40), "RGBA": (200, 40, 40, 255)}.get(mode, 128)
    draw.ellipse((size[0] // 8, size[1] // 8, size[0] // 2, size[1] // 2), fill=colour)
    if hole:
        draw.rectangle(hole, fill=(0, 0, 0, 0))
    return encoded(image, format, **how)


def encoded(image: Image.Image, format: str = "PNG", **how: Any) -> bytes:
    data = BytesIO()
    image.save(data, format, **how)
    return data.getvalue()


def bomb(side: int = OUTSIDE) -> bytes:
    """The head of a PNG that claims to be enormous, and some of its data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def data_uri(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def shown(data: bytes) -> tuple[str | None, tuple[int, int]]:
    """Format and size of a picture, after all of it was decoded."""
    with Image.open(BytesIO(data)) as image:
        image.load()
        return image.format, image.size


async def asked(gateway: Gateway) -> Job:
    """The next job, taken as a worker would, once there is one."""

    async def look() -> Job | None:
        _, jobs = await gateway.services.store.queue.claim(LANE, 1, lease_s=60)
        return jobs[0] if jobs else None

    job: Job = await until(look, "a job")
    return job


async def drawn(gateway: Gateway, *pictures: bytes, **metadata: Any) -> Job:
    """Do the next job: its items are these pictures. There may be fewer: the rest has failed."""
    job = await asked(gateway)
    for output in job.outputs[len(pictures) :]:
        output.status = OutputStatus.FAILED
    for output, data in zip(job.outputs, pictures, strict=False):
        format, (output.width_px, output.height_px) = shown(data)
        output.metadata = metadata
        await gateway.store(job, output.item, data, kind=f"image/{str(format).lower()}")
    await gateway.end(job, outputs=job.outputs)
    return job


async def answered(
    gateway: Gateway, *pictures: bytes, path: str = GENERATIONS, caller: Caller | None = None, **body: Any
) -> tuple[httpx.Response, Job]:
    """The answer to a request whose job is done with these pictures, and that job."""
    http = (caller or gateway.alice).http
    if not {"json", "content", "files", "data"} & body.keys():
        body = {"json": body}
    posting = asyncio.create_task(http.post(path, **body))
    try:
        job = await drawn(gateway, *pictures)
        return await posting, job
    finally:
        posting.cancel()
