"""Ids: a job's is a UUIDv7 whose last 16 bits are zero; each of its outputs fills them in.

So an output's id (a Suno *clip id* is one) is minted before anything is made, names its job without an index, and
sorts by time. The 16 bits are `item` (12 bits, from 1: which song, which picture) and `part` (4 bits: which of its
files). Of the 74 random bits of a UUIDv7, 58 remain: per millisecond, and never used as a secret (`storage/links.py`).

A batch's id is `batch_` and a UUIDv7 whose last 36 bits are zero: the job of one of its lines fills in 20 of them. So
a line that is submitted again, after a crash, is the same job. A file's id is `file-` and a UUIDv7.
"""

import re
import secrets
import time
from enum import IntEnum
from hashlib import sha256
from threading import Lock
from typing import NamedTuple
from uuid import UUID

MAX_ITEMS = (1 << 12) - 1
MAX_LINES = (1 << 20) - 1
_LOW = (1 << 16) - 1
_BATCH_LOW = (1 << 36) - 1
_BATCH, _FILE = "batch_", "file-"


class Part(IntEnum):
    """The files that one item may have. `MAIN`'s id is the item's public id."""

    MAIN = 0
    COVER = 1
    COVER_LARGE = 2
    WAVEFORM = 3
    PLAN = 15  # what an engine remembers of the item, to continue it: never shown


class OutputId(NamedTuple):
    """An output id taken apart."""

    job: str
    item: int
    part: Part


class _Clock:
    """Time and noise for ids that grow, also within a millisecond. Source: RFC 9562 §6.2, method 2."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._stamp = self._noise = 0

    def next(self) -> tuple[int, int]:
        stamp = time.time_ns() // 1_000_000
        with self._lock:
            if self._stamp - _SET_BACK_MS < stamp <= self._stamp:
                self._noise += (1 + secrets.randbits(32)) << 16
            else:
                self._stamp, self._noise = stamp, secrets.randbits(73)
            return self._stamp, self._noise


_SET_BACK_MS = 1000  # a clock that goes back further has been set
_clock = _Clock()


def new_job_id(now_ms: int | None = None) -> str:
    """A fresh job id: RFC 9562 UUIDv7 with the last 16 bits zero. A process' own grow."""
    return _uuid7(*(_clock.next() if now_ms is None else (now_ms, secrets.randbits(74))))


def _uuid7(stamp: int, noise: int) -> str:
    value = stamp << 80 | 0x7 << 76 | (noise >> 62) << 64 | 0b10 << 62 | noise & ((1 << 62) - 1) & ~_LOW
    return str(UUID(int=value))


def new_batch_id(now_ms: int | None = None) -> str:
    """A fresh batch id."""
    return _BATCH + UUID(int=UUID(new_job_id(now_ms)).int & ~_BATCH_LOW).hex


def line_job_id(batch: str, line: int) -> str:
    """The id of the job of one line (counted from 1) of a batch."""
    return str(UUID(int=UUID(batch.removeprefix(_BATCH)).int | line << 16))


def line_of_job(batch: str, job: str) -> int | None:
    """The line of a batch whose job this is; None if it is none of its."""
    line, low = divmod(UUID(job).int ^ UUID(batch.removeprefix(_BATCH)).int, 1 << 16)
    return line if not low and 0 < line <= MAX_LINES else None


def part_job_id(job: str, number: int) -> str:
    """The id of the job of one part (counted from 0) of another: always the same, of that one's time, and after those
    of the parts before it."""
    noise = int.from_bytes(sha256(f"{job} part {number}".encode()).digest()) & ((1 << 62) - 1)
    return _uuid7(minted_ms(job), number << 62 | noise)


def new_file_id(now_ms: int | None = None) -> str:
    """A fresh file id."""
    return _FILE + UUID(int=UUID(new_job_id(now_ms)).int | secrets.randbits(16)).hex


def is_batch_id(text: str) -> bool:
    return bool(re.fullmatch(_BATCH + "[0-9a-f]{32}", text))


def is_file_id(text: str) -> bool:
    return bool(re.fullmatch(_FILE + "[0-9a-f]{32}", text))


def bare(id: str) -> str:
    """The UUID that a batch's or a file's id holds, as a job's is written."""
    return str(UUID(id[-32:]))


def output_id(job: str, item: int, part: Part = Part.MAIN) -> str:
    """The id of one file of one item (counted from 1) of a job."""
    return f"{job[:-4]}{item << 4 | part:04x}"


def split_output_id(text: str) -> OutputId | None:
    """The parts of an output id, or None if `text` is not one."""
    try:
        id = str(UUID(text))
        low = int(id[-4:], 16)
        part = Part(low & 0xF)
    except ValueError:
        return None
    return OutputId(id[:-4] + "0000", low >> 4, part) if low >> 4 else None


def is_job_id(text: str) -> bool:
    """Whether `text` is written like one of our job ids."""
    try:
        return str(UUID(text)) == text and text.endswith("0000")
    except ValueError:
        return False


def minted_ms(id: str) -> int:
    """Unix milliseconds at which the job of this job or output id was made, or the batch or file of this id."""
    return UUID(id.removeprefix(_BATCH).removeprefix(_FILE)).int >> 80
