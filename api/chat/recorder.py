"""What callers are sent in streams, kept in Redis for those who come back for the rest. Nobody waits for it.

All streams of a process are written down together, ten times a second: one round trip for all, and none per chunk.
"""

import asyncio
import logging
from uuid import uuid4

from api.upstreams.envelopes import envelope, event
from storage.chats import Chats
from storage.errors import RedisUnavailable, UpstreamDisconnected
from storage.tasks import end

log = logging.getLogger(__name__)

EVERY_S = 0.1
KEPT_S = 120
"""How long a relayed stream is there after its last event."""

_END = b"\n\n"


class Recording:
    """One stream. `id`: what it is asked for by."""

    def __init__(self, recorder: "Recorder", owner: str) -> None:
        self.id = f"chat_{uuid4().hex}"
        self.owner = owner
        self.begun, self.kept, self.over = False, 0, False
        self.waiting: list[bytes] = []
        self._recorder = recorder

    def add(self, events: bytes) -> None:
        """Some whole events."""
        self.waiting.append(events)
        self._recorder.wake(self)

    def end(self) -> None:
        """No more will come."""
        if not self.over:
            self.over = True
            self._recorder.wake(self)


class Recorder:
    """Use between `start` and `stop`."""

    def __init__(self, chats: Chats) -> None:
        self._chats = chats
        self._open: set[Recording] = set()
        self._due: set[Recording] = set()
        self._woken = asyncio.Event()
        self._writing: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._writing.add(asyncio.create_task(self._forever()))

    async def stop(self) -> None:
        """What is still open ends with an error: nobody else can go on with it."""
        said = event(envelope(UpstreamDisconnected("the gateway has stopped; ask again"), 503).body)
        for recording in list(self._open):
            recording.add(said)
            recording.end()
        await end(*self._writing)
        await self._write()

    def begin(self, owner: str) -> Recording:
        recording = Recording(self, owner)
        self._open.add(recording)
        return recording

    def wake(self, recording: Recording) -> None:
        self._due.add(recording)
        self._woken.set()

    async def _forever(self) -> None:
        while True:
            await self._woken.wait()
            await asyncio.sleep(EVERY_S)
            self._woken.clear()
            await self._write()

    async def _write(self) -> None:
        due, self._due = self._due, set()
        await asyncio.gather(*map(self._keep, due))

    async def _keep(self, recording: Recording) -> None:
        over, events = recording.over, b"".join(recording.waiting).split(_END)[:-1]
        recording.waiting.clear()
        if over:
            self._open.discard(recording)
        try:
            if not recording.begun:
                recording.begun = True
                await self._chats.begin(recording.id, recording.owner, keep_s=KEPT_S)
            after, recording.kept = recording.kept, recording.kept + len(events)
            await self._chats.add(recording.id, after, [each + _END for each in events], over=over)
        except RedisUnavailable as error:  # its caller has it all the same
            log.warning("a stream is not kept: %s", error)
