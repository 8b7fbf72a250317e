"""Those who listen to events. However many they are, an owner's news are read once, and put into words once.

An owner that somebody listens to has a channel: a subscription, and a task that reads the feed on when it is told to
look. What is new goes to each listener. One that does not keep up is not waited for: it falls behind, and reads on for
itself, from where it stands.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from typing import Any, NamedTuple

from litestar.exceptions import ServiceUnavailableException

from api.sse import line
from storage.apikeys import ApiKeys
from storage.errors import RedisUnavailable
from storage.events import Event
from storage.feed import Gap, Place, Told
from storage.job import Job, Kind
from storage.keys import API_KEYS_CHANNEL, events_channel
from storage.public import PublicJobs
from storage.signals import Signal
from storage.store import Store
from storage.tasks import end

log = logging.getLogger(__name__)

MOST_WAITING = 256
"""Events kept for a listener that does not take them; with more it falls behind, and they are let go."""

_RETRY_S = 0.5
_KEYS_S = 60.0  # news of a revoked key should be heard at once; it is looked for as often as this in any case


class News:
    """An event and its job as it stood a moment later; None if it was deleted by then."""

    __slots__ = ("_said", "event", "job", "place")

    def __init__(self, told: Told, job: Job | None) -> None:
        self.place, self.event = told
        self.job = job
        self._said: tuple[str, bytes] | None = None

    def said(self, public: PublicJobs, base_url: str) -> bytes:
        """The event as callers see it, as JSON. Most listeners of an owner know us by the same URL."""
        if self._said is None or self._said[0] != base_url:
            self._said = base_url, line(self.event.rendered(self.job, public, base_url))
        return self._said[1]


class Wish(NamedTuple):
    """What a listener wants to hear. `job`: of this one only. No kinds are all kinds; an event of a job that has been
    deleted since is of any kind."""

    types: frozenset[str]
    kinds: frozenset[Kind] = frozenset()
    job: str = ""

    def may_want(self, event: Event) -> bool:
        return event.type in self.types

    def wants(self, news: News) -> bool:
        return self.may_want(news.event) and (not self.kinds or news.job is None or news.job.kind in self.kinds)


class Listener:
    """One who listens, from `place` in the feed on."""

    def __init__(self, channel: "_Channel", wish: Wish, place: Place | None) -> None:
        self.wish, self.place = wish, place or channel.place
        self._channel = channel
        self._behind = place is not None
        self._over = False
        self._waiting: list[News] = []
        self._woken = asyncio.Event()

    async def next(self) -> Sequence[News | Gap]:
        """What is new, once there is something; nothing when it is over. May be cancelled, and called again."""
        while not self._over:
            if found := await self._read_on() if self._behind else self._take():
                return found
            if not self._behind:
                await self._woken.wait()
                self._woken.clear()
        return ()

    def offer(self, news: News) -> None:
        if self._behind or not self.wish.wants(news):
            return
        if len(self._waiting) == MOST_WAITING:
            self.fall_behind()
        else:
            self._waiting.append(news)
        self._woken.set()

    def fall_behind(self) -> None:
        self._behind = True
        self._waiting.clear()
        self._woken.set()

    def end(self) -> None:
        self._over = True
        self._woken.set()

    def _take(self) -> list[News]:
        found = [news for news in self._waiting if news.place > self.place]  # the rest has been read already
        self._waiting.clear()
        if found:
            self.place = found[-1].place
        return found

    async def _read_on(self) -> Sequence[News | Gap]:
        """What comes next in the feed. Whoever has read as far as the channel has is behind no longer."""
        channel, turn = self._channel, self._channel.turn
        try:
            stretch = await channel.feed.after(channel.owner, self.place, job=self.wish.job)
            told = [each for each in stretch.told if self.wish.may_want(each.event)]
            jobs = await channel.read(told)
        except RedisUnavailable:
            await asyncio.sleep(_RETRY_S)
            return ()
        self.place = stretch.reached
        passed_over = channel.turn != turn and self.place < channel.place  # what was handed on meanwhile, not to us
        self._behind = stretch.more or passed_over
        found = [news for each in told if self.wish.wants(news := News(each, jobs[each.event.job]))]
        return [stretch.gap, *found] if stretch.gap else found


class _Channel:
    """What one owner is told, handed on to all who listen."""

    def __init__(self, owner: str, store: Store) -> None:
        self.owner, self.feed, self.place = owner, store.feed, Place(0, 0)
        self.turn = 0  # how many stretches of the feed have been handed on
        self.opened = asyncio.Event()
        self.error: RedisUnavailable | None = None
        self.over = False
        self.users = 0
        self._store = store
        self._signal: Signal | None = None
        self._listeners: dict[str, set[Listener]] = {"": set()}  # of all jobs, and by job

    async def run(self) -> None:
        """Ends when it is told to, and then tells its listeners that it is over."""
        try:
            while not self.over:
                try:
                    async with self._store.signals.watch(events_channel(self.owner)) as self._signal:
                        await self._follow(self._signal)
                except RedisUnavailable as error:
                    if not self.opened.is_set():
                        self.error = error
                        break
                    await asyncio.sleep(_RETRY_S)
        except Exception:
            log.exception("listening to the events of %s broke", self.owner)
            self.error = self.error or RedisUnavailable("events cannot be listened to; try again shortly")
        finally:
            self.close()
            self.opened.set()

    def close(self) -> None:
        """End it, not by cancelling: its words to Redis are said on the connection of all."""
        self.over = True
        if self._signal:
            self._signal.set()
        for listener in chain(*self._listeners.values()):
            listener.end()

    def join(self, listener: Listener) -> None:
        self._listeners.setdefault(listener.wish.job, set()).add(listener)
        if self.over:
            listener.end()

    def leave(self, listener: Listener) -> None:
        listeners = self._listeners[listener.wish.job]
        listeners.discard(listener)
        if not listeners and listener.wish.job:
            del self._listeners[listener.wish.job]

    async def read(self, told: Sequence[Told]) -> dict[str, Job | None]:
        """The jobs of these events, as they stand."""
        ids = list({each.event.job for each in told})
        return dict(zip(ids, await self._store.jobs.get(*ids), strict=True))

    async def _follow(self, signal: Signal) -> None:
        if self.opened.is_set():
            await self._catch_up()
        else:
            self.place = await self.feed.end(self.owner)
            self.opened.set()
        while not self.over:
            await signal.wait()
            signal.take()
            await self._catch_up()

    async def _catch_up(self) -> None:
        while not self.over and await self._read_on():
            pass

    async def _read_on(self) -> bool:
        """Hand on a stretch of the feed; whether there is more."""
        stretch = await self.feed.after(self.owner, self.place)
        jobs = await self.read([told for told in stretch.told if any(self._for(told.event))])
        self.place, self.turn = stretch.reached, self.turn + 1
        if stretch.gap:
            for listener in chain(*self._listeners.values()):
                listener.fall_behind()  # and finds the gap where it stands itself
        for told in stretch.told:
            news = News(told, jobs.get(told.event.job))
            for listener in self._for(told.event):
                if told.event.job in jobs:
                    listener.offer(news)
                else:  # it has joined while they were read
                    listener.fall_behind()
        return stretch.more

    def _for(self, event: Event) -> Iterator[Listener]:
        both = chain(self._listeners[""], self._listeners.get(event.job, ()))
        return (listener for listener in both if listener.wish.may_want(event))


class Listeners:
    """All of a process. Use between `start` and `stop`."""

    def __init__(self, store: Store, api_keys: ApiKeys) -> None:
        self._store, self._keys = store, api_keys
        self._channels: dict[str, _Channel] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def start(self) -> None:
        self._run(self._heed_revocations())

    async def stop(self) -> None:
        self.close()
        await end(*self._tasks)

    def close(self) -> None:
        """All is over: who listens is told so, and nobody may listen any more."""
        self._closed = True
        for channel in self._channels.values():
            channel.close()

    @asynccontextmanager
    async def listen(self, owner: str, wish: Wish, place: Place | None = None) -> AsyncIterator[Listener]:
        """Listen to an owner's events: all after `place`, or from now on. Raises RedisUnavailable."""
        channel = self._channel(owner)
        channel.users += 1
        try:
            await channel.opened.wait()
            if channel.error:
                raise RedisUnavailable(str(channel.error)) from channel.error
            listener = Listener(channel, wish, place)
            channel.join(listener)
            try:
                yield listener
            finally:
                channel.leave(listener)
        finally:
            channel.users -= 1
            if not channel.users:
                channel.close()
                if self._channels.get(owner) is channel:
                    del self._channels[owner]

    def _channel(self, owner: str) -> _Channel:
        if self._closed:
            raise ServiceUnavailableException("this server is about to stop; come again")
        channel = self._channels.get(owner)
        if channel is None or channel.over:
            channel = self._channels[owner] = _Channel(owner, self._store)
            self._run(channel.run())
        return channel

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _heed_revocations(self) -> None:
        """Whoever listens with a key that is revoked hears no more."""
        while True:
            try:
                async with self._store.signals.watch(API_KEYS_CHANNEL) as changed:
                    while True:
                        await changed.wait(_KEYS_S)
                        changed.take()
                        for owner in await self._keys.revoked([*self._channels]):
                            if owner in self._channels:
                                self._channels[owner].close()
            except RedisUnavailable:
                await asyncio.sleep(_RETRY_S)
