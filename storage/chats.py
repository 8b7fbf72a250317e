"""Answers of chat models on their way, as the events that a caller gets, kept for whoever comes back for the rest.

An event is bytes that go to a client as they are (`data: {…}` and a blank line), and is known by its number, from 1. A
stream is made by a job here, of the same id, or by nobody but the process that relays it.

Events that are added together are kept in one bundle, compressed: they are nearly alike, and a stream has hundreds.
"""

import asyncio
import zlib
from typing import NamedTuple

from storage.errors import NotFound
from storage.scripts import Scripts

NEWS = "chat"
"""What is said on a stream's channel (`storage/keys.py`) when there is more of it, or no more will come."""

KEPT_S = 600
"""How long after its last event a stream is there."""

OPEN_S = 3600
"""How long it is there without one, while it has not ended: whoever makes it may be gone for good."""

MOST_BYTES = 16 << 20
"""Of one stream, before they are compressed. Further events are not kept: it ends there, `cut`."""

_AT_ONCE_BYTES = 256 << 10
_BUNDLE_BYTES = 64 << 10
_END = b"\n\n"
_BARE = -15  # deflate without a head and a sum


def split(events: bytes) -> list[bytes]:
    """Some whole events, one by one."""
    return [event + _END for event in events.split(_END)[:-1]]


class Read(NamedTuple):
    """Some events, and whether no more come after them. `cut`: it grew too large, or will have. `ended`: the job that
    makes it, where one does, has ended; if it is not `over` then, no more will come all the same."""

    events: list[bytes]
    over: bool
    cut: bool = False
    ended: bool = False


class Chats:
    """The streams of chat events."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def begin(self, id: str, owner: str, *, keep_s: int = KEPT_S, open_s: int = OPEN_S) -> None:
        """Let there be a stream, and say whose it is. One that is there already stays as it is.

        While it is open it is there for `open_s` after each `add`, also one of no events.
        """
        await self._scripts.call("chat_begin", id, owner, keep_s, open_s)

    async def open(
        self, id: str, owner: str, events: bytes, *, over: bool, keep_s: int, open_s: int = OPEN_S
    ) -> int | None:
        """The same as `begin`, and `add` of its first events, in one."""
        return await self._add(id, 0, events, over, "", (owner, keep_s, open_s))

    async def add(
        self, id: str, after: int, events: bytes, *, over: bool = False, token: str | int | None = None
    ) -> int | None:
        """Keep some whole events (or none), numbered `after` + 1 and so on; those that are there already are passed
        over. `over`: they are the last. Returns the number of the last.

        None if that is of no use: there is no such stream (any more), it has ended, some before these are missing, it
        would be larger than MOST_BYTES; or, with the `token` of the job that makes it, that is no longer held.
        """
        return await self._add(id, after, events, over, "" if token is None else token, ("", 0, 0))

    async def _add(
        self, id: str, after: int, events: bytes, over: bool, fence: str | int, opening: tuple[str, int, int]
    ) -> int | None:
        many = len(events) > _BUNDLE_BYTES  # what a store that was away has let pile up: seconds of work
        bundles = await asyncio.to_thread(_bundles, events) if many else _bundles(events)
        words = [word for bundle in bundles for word in bundle]
        kept = await self._scripts.call("chat_add", id, after, int(over), fence, MOST_BYTES, *opening, *words)
        return after + sum(bundle.length for bundle in bundles) if kept else None

    async def read(self, id: str, owner: str, after: int) -> Read:
        """The events after number `after`: some, about 256 kB of them.

        Raises NotFound for a stream that is another's, was never, or is there no more.
        """
        reply = await self._scripts.call("chat_read", id, owner, after, _AT_ONCE_BYTES)
        if not reply:
            raise NotFound("there is no such stream, or it is kept no more")
        over, cut, ended, bundles = reply
        events = list[bytes]()
        for last, bundle in zip(map(int, bundles[::2]), bundles[1::2], strict=True):
            found = split(zlib.decompress(bundle, wbits=_BARE))
            events += found[len(found) - (last - after - len(events)) :]
        return Read(events, bool(over), bool(cut), bool(ended))


class _Bundle(NamedTuple):
    length: int
    size_bytes: int
    packed: bytes


def _bundles(events: bytes) -> list[_Bundle]:
    found = list[_Bundle]()
    while len(events) > _BUNDLE_BYTES:
        ends = events.rfind(_END, 0, _BUNDLE_BYTES)
        ends = (events.find(_END) if ends < 0 else ends) + len(_END)
        found.append(_bundle(events[:ends]))
        events = events[ends:]
    if events:
        found.append(_bundle(events))
    return found


def _bundle(events: bytes) -> _Bundle:
    return _Bundle(events.count(_END), len(events), zlib.compress(events, zlib.Z_BEST_SPEED, wbits=_BARE))
