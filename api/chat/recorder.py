"""What callers are sent in streams, kept in Redis for those who come back for the rest. Nobody waits for it.

All streams of a process are written down together, five times a second: one round trip for all, and none per chunk.
"""

import asyncio
import logging
import time
from uuid import uuid4

from api.upstreams.envelopes import envelope, event
from storage.chats import Chats
from storage.errors import RedisUnavailable, UpstreamDisconnected
from storage.tasks import end

log = logging.getLogger(__name__)

EVERY_S = 0.2
KEPT_S = 120
"""How long a relayed stream is there after its last event."""

OPEN_S = 60
"""How long it is there while it is open, should nobody say any more that it is: so a killed process leaves no reader
waiting."""

MOST_WAITING_BYTES = 64 << 20
"""Of all streams of a process, while Redis does not take them. What comes then is not kept, and their end says so."""

AGAIN_S = 1.0
LATE_S = 60.0
"""How often, and for how long after its end, a stream is tried again that Redis did not take."""


class Recording:
    """One stream. `id`: what it is asked for by."""

    def __init__(self, recorder: "Recorder", owner: str, id: str = "") -> None:
        self.id = id or f"chat_{uuid4().hex}"
        self.owner = owner
        self.begun, self.kept = False, 0
        self.over, self.torn, self.useless = False, False, False
        self.over_at = 0.0
        self.waiting: list[bytes] = []
        self.settled = asyncio.Event()
        """All of it is in Redis, or will never be."""
        self._recorder = recorder

    def add(self, events: bytes) -> None:
        """Some whole events."""
        if self.over or self.torn or self.useless:
            return
        self.torn = not self._recorder.has_room(len(events))
        if not self.torn:
            self.waiting.append(events)
            self._recorder.wake(self, len(events))

    def end(self) -> None:
        """No more will come."""
        if not self.over:
            if self.torn:
                self.waiting.append(event(envelope(UpstreamDisconnected("the rest of this answer was not kept")).body))
            self.over, self.over_at = True, time.monotonic()
            self._recorder.wake(self, len(self.waiting[-1]) if self.torn else 0)


class Recorder:
    """Use between `start` and `stop`."""

    def __init__(self, chats: Chats) -> None:
        self._chats = chats
        self._open: set[Recording] = set()
        self._due: set[Recording] = set()
        self._waiting_bytes = 0
        self._woken = asyncio.Event()
        self._writing: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._writing |= {asyncio.create_task(self._forever()), asyncio.create_task(self._stay())}

    def break_off(self) -> None:
        """What is still open ends with an error: nobody else can go on with it."""
        said = event(envelope(UpstreamDisconnected("the gateway has stopped; ask again"), 503).body)
        for recording in self._open:
            recording.add(said)
            recording.end()

    async def stop(self) -> None:
        self.break_off()
        await end(*self._writing)  # whatever it was at is done again: events are known by their numbers
        self._due = set(self._open)
        await self._write()

    def begin(self, owner: str, id: str = "") -> Recording:
        """`id`: what it is to be asked for by, if that is known already."""
        recording = Recording(self, owner, id)
        self._open.add(recording)
        return recording

    def has_room(self, size_bytes: int) -> bool:
        return self._waiting_bytes + size_bytes <= MOST_WAITING_BYTES

    def wake(self, recording: Recording, size_bytes: int) -> None:
        """It has so much more to be written down, or has ended."""
        self._waiting_bytes += size_bytes
        self._due.add(recording)
        self._woken.set()

    async def _forever(self) -> None:
        while True:
            await self._woken.wait()
            await asyncio.sleep(EVERY_S)
            self._woken.clear()
            if not await self._write():
                await asyncio.sleep(AGAIN_S)
                self._woken.set()

    async def _stay(self) -> None:
        """Say of what is silent, and open, that it is still being made."""
        while True:
            await asyncio.sleep(OPEN_S / 4)
            for recording in self._open:
                if recording.begun:
                    self.wake(recording, 0)

    async def _write(self) -> bool:
        """Whether Redis took all of it."""
        due, self._due = self._due, set()
        outcomes = await asyncio.gather(*map(self._keep, due), return_exceptions=True)
        failures = [(recording, error) for recording, error in zip(due, outcomes, strict=True) if error]
        for recording, error in failures:
            late = recording.over and time.monotonic() - recording.over_at > LATE_S
            if late or not isinstance(error, RedisUnavailable):
                self._forget(recording)
            else:
                self._due.add(recording)
        if failures:
            log.warning("%d streams are not kept so far: %s", len(failures), failures[0][1])
        return not failures

    async def _keep(self, recording: Recording) -> None:
        """Raises RedisUnavailable; what was to be written is still there then."""
        over, parts = recording.over, len(recording.waiting)
        if parts or recording.begun:  # of an answer that never began nobody knows
            events = b"".join(recording.waiting[:parts])
            if recording.begun:
                kept = await self._chats.add(recording.id, recording.kept, events, over=over)
            else:
                kept = await self._chats.open(
                    recording.id, recording.owner, events, over=over, keep_s=KEPT_S, open_s=OPEN_S
                )
                recording.begun = True
            recording.useless = kept is None
            recording.kept = kept or recording.kept
            del recording.waiting[:parts]
            self._waiting_bytes -= len(events)
        if over or recording.useless:
            self._forget(recording)

    def _forget(self, recording: Recording) -> None:
        recording.useless = True
        recording.settled.set()
        self._open.discard(recording)
        self._waiting_bytes -= sum(map(len, recording.waiting))
        recording.waiting.clear()
