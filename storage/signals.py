"""Being told when something changes, instead of asking again and again.

One subscription connection a process, whoever waits. A signal says "look", never what happened: it may come without a
change, and after a lost connection every waiter is signalled.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from storage.connect import AWAY
from storage.errors import RedisUnavailable
from storage.tasks import end

_PATIENCE_S, _PAUSE_S = 3.0, 0.1
_HOME = "signals"  # a channel nobody speaks on: a subscription connection needs one


class Signal:
    """Set when something was said on a channel; `said` holds what, oldest first, since the last look."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.said: list[str] = []

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
        said, self.said = self.said, []
        return said


class Signals:
    """Use between `start` and `stop`."""

    def __init__(self, redis: Redis) -> None:
        self._pubsub: PubSub = redis.pubsub()
        self._watchers: dict[str, set[Signal]] = {_HOME: set()}
        self._reader: asyncio.Task[None] | None = None
        self._speaking = asyncio.Lock()  # two first words at once would open two connections and lose one

    async def start(self) -> None:
        self._reader = asyncio.create_task(self._read())

    async def stop(self) -> None:
        if self._reader:
            await end(self._reader)
        await self._pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py leaves it without types

    @asynccontextmanager
    async def watch(self, channel: str) -> AsyncIterator[Signal]:
        """A signal for what is said on `channel` from here on. Raises RedisUnavailable if that takes more than 3 s."""
        signal = Signal()
        watchers = self._watchers.setdefault(channel, set())
        watchers.add(signal)
        try:
            await self._subscribe(channel, signal)
            yield signal
        finally:
            watchers.discard(signal)
            if not watchers and channel != _HOME:
                self._watchers.pop(channel, None)
                with suppress(*AWAY, AttributeError):
                    async with self._speaking:
                        await self._pubsub.unsubscribe(channel)

    async def _subscribe(self, channel: str, signal: Signal) -> None:
        """Returns once the server has confirmed: what is said afterwards is heard."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while not await self._ask_for(channel):
                    await asyncio.sleep(_PAUSE_S)
                await signal.wait()
        except TimeoutError as error:
            raise RedisUnavailable("the job store does not answer; try again shortly") from error

    async def _ask_for(self, *channels: str) -> bool:
        try:
            async with self._speaking:
                await self._pubsub.subscribe(*channels)
        except (*AWAY, AttributeError):  # the latter while the reader makes the connection anew: it has no writer then
            return False
        return True

    async def _read(self) -> None:
        while True:
            try:
                if not self._pubsub.subscribed and not await self._ask_for(*self._watchers):
                    await asyncio.sleep(_PAUSE_S)
                    continue
                message = await self._pubsub.get_message(ignore_subscribe_messages=False, timeout=30.0)
            except AWAY:
                await asyncio.sleep(_PAUSE_S)
                continue
            if message and message["type"] in ("message", "subscribe"):
                text = message["data"].decode() if message["type"] == "message" else None
                for signal in self._watchers.get(message["channel"].decode(), ()):
                    signal.set(text)
