"""Being told when something changes, instead of asking again and again.

One subscription connection a process, whoever waits. A signal says "look", never what happened: it may come without a
change, and after a lost connection every waiter is signalled.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import cast

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection

from storage.connect import AWAY
from storage.errors import RedisUnavailable
from storage.tasks import end

_PATIENCE_S, _PAUSE_S = 3.0, 0.1
_SILENCE_S = 30.0  # then the server is asked whether it is there; after as long again the connection is given up
_MOST_SAID = 10_000  # kept for a watcher that does not look
_HOME = "signals"  # a channel nobody speaks on: its confirmation shows that the connection lives


class Signal:
    """Set when something was said on a channel; `said` holds what, oldest first, since the last look."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.said: deque[str] = deque(maxlen=_MOST_SAID)

    def set(self, what: str | None = None) -> None:
        if what is not None:
            self.said.append(what)
        self._event.set()

    async def wait(self, timeout_s: float | None = None) -> bool:
        """True when signalled, False when `timeout_s` passed first."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True

    def take(self) -> list[str]:
        """What was said since the last call."""
        said = list(self.said)
        self.said.clear()
        return said


class Signals:
    """Use between `start` and `stop`.

    redis-py's own PubSub is not for this: it may be spoken on by one task only while another listens and reconnects.
    Here one task makes, reads and ends the connection; others speak on it under a lock, or leave it to the next one.
    """

    def __init__(self, redis: Redis) -> None:
        self._pool = redis.connection_pool
        self._watchers: dict[str, set[Signal]] = {}
        self._listener: asyncio.Task[None] | None = None
        self._connection: AbstractConnection | None = None
        self._speaking = asyncio.Lock()

    async def start(self) -> None:
        self._listener = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        if self._listener:
            await end(self._listener)

    @asynccontextmanager
    async def watch(self, channel: str) -> AsyncIterator[Signal]:
        """A signal for what is said on `channel` from here on. Raises RedisUnavailable if that takes more than 3 s."""
        signal = Signal()
        watchers = self._watchers.setdefault(channel, set())
        watchers.add(signal)
        try:
            await self._say("SUBSCRIBE", channel)
            if not await signal.wait(_PATIENCE_S):  # the server's confirmation: what is said afterwards is heard
                raise RedisUnavailable("the job store does not answer; try again shortly")
            yield signal
        finally:
            watchers.discard(signal)
            if not watchers and self._watchers.get(channel) is watchers:
                del self._watchers[channel]
                await self._say("UNSUBSCRIBE", channel)

    async def _say(self, *words: str) -> None:
        """To the end, whoever is cancelled: words cut off in the middle would cost everybody the connection."""
        await asyncio.shield(self._send(words))

    async def _send(self, words: Sequence[str]) -> None:
        """Without a connection there is nothing to do: the next one begins with all that is watched."""
        async with self._speaking:
            if self._connection:
                with suppress(*AWAY):  # the listener will find out
                    await self._connection.send_command(*words, check_health=False)

    async def _listen(self) -> None:
        while True:
            with suppress(*AWAY):
                await self._live(cast(Callable[[], AbstractConnection], self._pool.make_connection)())
            await asyncio.sleep(_PAUSE_S)

    async def _live(self, connection: AbstractConnection) -> None:
        """The life of one connection. Raises what ends it."""
        try:
            await cast(Callable[[], Awaitable[None]], connection.connect)()
            async with self._speaking:
                await connection.send_command("SUBSCRIBE", _HOME, *self._watchers, check_health=False)
                self._connection = connection
            silences = 0
            while silences < 2:
                reply = await connection.read_response(timeout=_SILENCE_S, disconnect_on_error=False)
                silences = silences + 1 if reply is None else 0
                if reply is None:
                    await self._say("PING")
                else:
                    self._hear(*reply)
        finally:
            async with self._speaking:
                self._connection = None
                await connection.disconnect(nowait=True)

    def _hear(self, kind: bytes, channel: bytes, what: bytes | int = b"") -> None:
        if kind in (b"message", b"subscribe"):
            text = what.decode() if kind == b"message" and isinstance(what, bytes) else None
            for signal in self._watchers.get(channel.decode(), ()):
                signal.set(text)
