"""Answers of chat models on their way, as the events that a caller gets, kept for whoever comes back for the rest.

An event is bytes that go to a client as they are (`data: {…}` and a blank line), and is known by its number, from 1. A
stream is made by a job here, of the same id, or by nobody but the process that relays it.
"""

from collections.abc import Sequence
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
"""Of one stream. Further events are not kept: it ends there, `cut`."""

_AT_ONCE_BYTES = 256 << 10


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
        self, id: str, owner: str, events: Sequence[bytes], *, over: bool, keep_s: int, open_s: int = OPEN_S
    ) -> bool:
        """The same as `begin`, and `add` of its first events, in one."""
        opening = owner, keep_s, open_s
        return bool(await self._scripts.call("chat_add", id, 0, int(over), "", MOST_BYTES, *opening, *events))

    async def add(
        self, id: str, after: int, events: Sequence[bytes], *, over: bool = False, token: str | int | None = None
    ) -> bool:
        """Keep the events numbered `after` + 1 and so on; those that are there already are passed over. `over`: they
        are the last.

        False if that is of no use: there is no such stream (any more), it has ended, some before these are missing, it
        would be larger than MOST_BYTES; or, with the `token` of the job that makes it, that is no longer held.
        """
        fence = "" if token is None else token
        return bool(await self._scripts.call("chat_add", id, after, int(over), fence, MOST_BYTES, "", 0, 0, *events))

    async def read(self, id: str, owner: str, after: int) -> Read:
        """The events after number `after`: some, about 256 kB of them.

        Raises NotFound for a stream that is another's, was never, or is there no more.
        """
        reply = await self._scripts.call("chat_read", id, owner, after, _AT_ONCE_BYTES)
        if not reply:
            raise NotFound("there is no such stream, or it is kept no more")
        over, cut, ended, events = reply
        return Read(events, bool(over), bool(cut), bool(ended))
