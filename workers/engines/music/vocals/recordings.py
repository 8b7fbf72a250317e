"""Spoken lines that are kept on disk, so that a line is spoken once: for both clips of a request, for extensions.

One file a line, beside the engines' models: a digest, then MessagePack. It appears under its name only when whole; what
the digest does not fit is taken for not there. The longest unused go when there are more than BYTES of them.
"""

import logging
import os
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import msgspec

from workers.engines.assets import models_folder

log = logging.getLogger(__name__)

VERSION = 1
BYTES = 64_000_000
"""About 500 lines of two and a half seconds."""

_DIGEST = 16


class Recording(msgspec.Struct, frozen=True):
    """A line as spoken; the `symbols` of a long one have a space where it was cut.

    `frames`: what each symbol lasts, one count more before and behind; `pcm`: 16 bit, mono, 24 kHz.
    """

    symbols: str
    frames: list[int]
    pcm: bytes


def folder() -> Path:
    return models_folder() / "spoken-lines"


def kept(symbols: str, voice: str, speed: float) -> Recording | None:
    """The recording of a line, if it is here and whole."""
    path = _path(symbols, voice, speed)
    try:
        content = path.read_bytes()
        os.utime(path)
    except OSError:
        return None
    body = content[_DIGEST:]
    if blake2b(body, digest_size=_DIGEST).digest() != content[:_DIGEST]:
        return None
    with suppress(msgspec.DecodeError, msgspec.ValidationError):
        return msgspec.msgpack.decode(body, type=Recording)
    return None


def keep(recording: Recording, symbols: str, voice: str, speed: float) -> None:
    """Keep it for what was asked. Where nothing can be written nothing is kept: the next song speaks the line again."""
    path = _path(symbols, voice, speed)
    body = msgspec.msgpack.encode(recording)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(blake2b(body, digest_size=_DIGEST).digest() + body)
        unfinished.replace(path)
        _prune(path.parent)
    except OSError as error:
        log.warning("spoken lines are not kept: %s", error)
        with suppress(OSError):
            unfinished.unlink()


def _prune(where: Path) -> None:
    """Drop the longest unused. Another process may do the same at the same time."""
    found = []
    for path in where.iterdir():
        with suppress(OSError):
            stat = path.stat()
            found.append((stat.st_mtime_ns, stat.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= BYTES:
            return
        with suppress(OSError):
            path.unlink()
        total -= size


def _path(symbols: str, voice: str, speed: float) -> Path:
    named = "\x1f".join((str(VERSION), voice, f"{speed:g}", symbols))
    return folder() / f"{blake2b(named.encode(), digest_size=20).hexdigest()}.line"
