"""A multipart form as it goes out: its length known beforehand, its files read as it goes, never all in memory."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import NamedTuple

from storage.disk import opened

_CHUNK = 1 << 18


class Part(NamedTuple):
    """`body`: its bytes, or the file that holds them."""

    name: str
    body: bytes | Path
    file_name: str | None = None
    content_type: str | None = None


class Form(NamedTuple):
    """`headers`: Content-Type and Content-Length. `chunks` may be read once."""

    headers: dict[str, str]
    chunks: AsyncIterator[bytes]


def form(parts: Sequence[Part]) -> Form:
    """Blocks on the disk, to ask for the files' sizes. Source: RFC 7578; names are escaped as browsers do it."""
    boundary = secrets.token_hex(16)
    heads = [_head(part, boundary) for part in parts]
    end = f"--{boundary}--\r\n".encode()
    size = sum(len(head) + _size(part.body) + 2 for head, part in zip(heads, parts, strict=True)) + len(end)
    headers = {"content-type": f"multipart/form-data; boundary={boundary}", "content-length": str(size)}
    return Form(headers, _chunks(heads, parts, end))


def _head(part: Part, boundary: str) -> bytes:
    lines = [f"--{boundary}", f'Content-Disposition: form-data; name="{_escaped(part.name)}"']
    if part.file_name is not None:
        lines[1] += f'; filename="{_escaped(part.file_name)}"'
    if part.content_type is not None:
        lines.append(f"Content-Type: {part.content_type}")
    return "\r\n".join([*lines, "", ""]).encode()


def _escaped(name: str) -> str:
    return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


def _size(body: bytes | Path) -> int:
    return len(body) if isinstance(body, bytes) else body.stat().st_size


async def _chunks(heads: Sequence[bytes], parts: Sequence[Part], end: bytes) -> AsyncIterator[bytes]:
    for head, part in zip(heads, parts, strict=True):
        yield head
        if isinstance(part.body, bytes):
            yield part.body
        else:
            async with opened(part.body, "rb") as file:
                while chunk := await asyncio.to_thread(file.read, _CHUNK):
                    yield chunk
        yield b"\r\n"
    yield end
