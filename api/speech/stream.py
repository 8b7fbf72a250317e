"""Speech on its way to whoever listens, sentence by sentence, while the rest is being made.

What was sent is the beginning of a right whole, or the answer has no proper end: no client can take half for all.
"""

import base64
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from litestar.types import Receive, Scope, Send

from api.dialects.speech import usage
from api.openai_events import never, refusal, stopping
from api.operation import why_not
from api.reply import Header
from api.services import Services
from api.sse import frame, line
from api.wait import while_connected
from storage.errors import EngineMisproduced, GatewayError, Gone, ObjectMissing
from storage.events import LAST_WORDS
from storage.job import Job, Status
from storage.sounds import NEWS, Heard

log = logging.getLogger(__name__)

_LONGEST_S = 86_400.0  # nobody waits as long: a job has its own limits, and whoever leaves is noticed
_WORDS = LAST_WORDS | {NEWS}
_BLOCK_BYTES = 256 << 10
_PART_BYTES = 24 << 10  # in Base64 32 kB: some clients bear no longer lines
_OVERLAP_BYTES = 64
_OTHERWISE = "the speech had to be made again, and came out otherwise"


class Stopping(Exception):
    """This server stops; the job goes on."""


class Sound:
    """A job's sound from its beginning: as it is passed on while it is made, and where that has gone, from its file."""

    def __init__(self, services: Services, job: Job) -> None:
        self.job = job
        self._services = services
        self._ready: Heard | None = None
        self._next, self._sent_bytes, self._tail = 1, 0, b""

    async def begin(self, receive: Receive, wait_s: float) -> bool:
        """Wait for the first of it, as long as the client is there; `job` is as it stands then.

        False if there is nothing to hear meanwhile: the job has ended, or the time is up. Raises Gone.
        """
        heard = await self._when(receive, wait_s)
        self.job = self._known(heard)
        if not heard.pieces or self.job.ended or heard.broken:
            return False
        self._ready = heard
        return True

    async def next(self) -> bytes:
        """Some more of it; nothing at its end. May be cancelled, and called again.

        Raises what has ended the job otherwise, EngineMisproduced, Gone, Stopping, StorageError.
        """
        heard = self._ready or await self._when(never, _LONGEST_S)
        self._ready = None
        self.job = self._known(heard)
        done = self.job.status == Status.SUCCEEDED
        if heard.broken and (self._sent_bytes or not done):
            raise EngineMisproduced(_OTHERWISE)
        if heard.pieces:
            self._next += len(heard.pieces)
            return self._sent(b"".join(heard.pieces))
        if self._is_all(heard):
            return b""
        if done:
            return self._sent(await self._from_file())
        if self.job.ended:
            raise why_not(self.job)
        raise Stopping

    async def _when(self, receive: Receive, wait_s: float) -> Heard:
        return await self._services.waits.found_when(
            self._look, self._is_news, self.job.id, receive, wait_s, words=_WORDS
        )

    async def _look(self) -> Heard:
        return await self._services.store.sounds.read(self.job.id, self._next)

    def _is_news(self, heard: Heard) -> bool:
        if heard.broken and not self._sent_bytes:  # nobody has heard any of it: the file will do, once it is there
            return heard.job is None or heard.job.ended
        return bool(heard.job is None or heard.job.ended or heard.pieces or heard.broken or self._is_all(heard))

    def _is_all(self, heard: Heard) -> bool:
        return heard.all is not None and self._next == heard.all + 1

    def _known(self, heard: Heard) -> Job:
        if heard.job is None:
            raise Gone("the job was deleted while it was waited for")
        return heard.job

    def _sent(self, data: bytes) -> bytes:
        self._sent_bytes += len(data)
        self._tail = (self._tail + data)[-_OVERLAP_BYTES:]
        return data

    async def _from_file(self) -> bytes:
        """The next block of what is stored, which is byte for byte what was passed on, but for its header."""
        output = self.job.output(1)
        if output.object_key is None or output.size_bytes is None:
            raise ObjectMissing("the speech is stored no more")
        if self._sent_bytes > output.size_bytes:
            raise EngineMisproduced(_OTHERWISE)
        start, end = self._sent_bytes - len(self._tail), min(self._sent_bytes + _BLOCK_BYTES, output.size_bytes)
        async with self._services.objects.read(output.object_key, start=start, end=end - 1) as reading:
            block = b"".join([chunk async for chunk in reading])
        if not block.startswith(self._tail):
            raise EngineMisproduced(_OTHERWISE)
        return block[len(self._tail) :]


class AudioStream:
    """The answer whose body is the sound. Should it fail midway, the connection is cut off: the only sign there is."""

    def __init__(self, sound: Sound, headers: Sequence[Header]) -> None:
        self._sound, self._headers = sound, headers

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        whole = False
        async with while_connected(receive):
            await send({"type": "http.response.start", "status": 200, "headers": [*self._headers]})
            try:
                while data := await self._sound.next():
                    for at in range(0, len(data), _BLOCK_BYTES):
                        body = data[at : at + _BLOCK_BYTES]
                        await send({"type": "http.response.body", "body": body, "more_body": True})
                whole = True
            except (GatewayError, Stopping) as error:
                log.warning("job %s: its listener is cut off: %r", self._sound.job.id, error)
        if whole:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


@asynccontextmanager
async def spoken(sound: Sound, headers: Sequence[Header]) -> AsyncIterator["_Spoken"]:
    """For an `EventStream`. The job goes on, whoever leaves."""
    yield _Spoken(sound, headers)


class _Spoken:
    """The sound in OpenAI's events."""

    def __init__(self, sound: Sound, headers: Sequence[Header]) -> None:
        self.headers = headers
        self._sound = sound
        self._over = False

    async def next(self) -> Sequence[bytes]:
        if self._over:
            return []
        try:
            data = await self._sound.next()
        except GatewayError as error:
            self._over = True
            return [refusal(error)]
        except Stopping:
            self._over = True
            return [stopping(self._sound.job)]
        if data:
            return [_delta(data[at : at + _PART_BYTES]) for at in range(0, len(data), _PART_BYTES)]
        self._over = True
        return [_event("speech.audio.done", usage=usage(self._sound.job))]


def _delta(data: bytes) -> bytes:
    return _event("speech.audio.delta", audio=base64.b64encode(data).decode())


def _event(type: str, **body: object) -> bytes:
    return frame(type, line({"type": type, **body}))
