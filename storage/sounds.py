"""Sound on its way from the worker that makes it to whoever listens already, in pieces, by way of Redis.

The pieces of a job together are its stored file, byte for byte, but for what a header says of the whole (its length,
which nobody knows before the end). So who has heard some of them may go on from the file.
"""

from typing import NamedTuple

from storage.job import Job
from storage.scripts import Scripts

NEWS = "sound"
"""What is said on a job's channel when there is more of its sound."""

MOST_BYTES = 16 << 20
"""Of one sound in Redis: 5 minutes of pcm, half an hour of mp3. What goes beyond is in the file, in the end."""

KEPT_S = 300
"""How long after the last piece came, or was read, all of them are there."""

_AT_ONCE_BYTES = 256 << 10


class Heard(NamedTuple):
    """A job (None if there is none), the next pieces of its sound, how many there are in all (None: not known yet).

    `broken`: two attempts at it made different sounds.
    """

    job: Job | None
    pieces: list[bytes]
    all: int | None
    broken: bool


class Sounds:
    """The sounds that are being made."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def add(self, job: Job, number: int, piece: bytes) -> bool:
        """Pass on a piece of a held job's sound, counted from 1; once, however often.

        False if that is of no use: the job is no longer held, the pieces before are there no more, or others were made.
        """
        return bool(await self._scripts.call("sound_add", job.id, job.token, number, piece, KEPT_S))

    async def end(self, job: Job, count: int) -> bool:
        """Say that there are `count` pieces, and no more."""
        return bool(await self._scripts.call("sound_add", job.id, job.token, count, b"", KEPT_S))

    async def read(self, id: str, start: int) -> Heard:
        """A job, and its pieces from number `start` on: some, about 256 kB of them."""
        row, broken, count, pieces = await self._scripts.call("sound_read", id, start, _AT_ONCE_BYTES, KEPT_S)
        return Heard(Job.from_row(id, row), pieces, count if count >= 0 else None, bool(broken))
