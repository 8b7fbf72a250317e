"""Gates before what a worker talks to: they pass everything on, and can stop one message, before or after its effect.

So a test knows exactly how far a worker has come, and may kill it there, or cut that connection. Redis' protocol is
read for that, and as much of HTTP as tells one request from the next.
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

import hiredis

_MOST = 1 << 16
_REQUEST = re.compile(rb"(?:GET|HEAD|POST|PUT|DELETE) \S+ HTTP/1\.1\r\n")


class When(StrEnum):
    """Before a message is passed on; when it has been answered, and none of that is passed on; or half of it is."""

    BEFORE = "before"
    AFTER = "after"
    HALF = "half"


class Message(NamedTuple):
    """What was asked, and what was answered if it was: a command and its reply, or a request's first line and None."""

    asked: Any
    answered: Any = None


class Trap:
    """`wants`: the message that is stopped, once. `reached` is set when it is."""

    def __init__(self, wants: Callable[[Message], bool], when: When) -> None:
        self.wants, self.when = wants, when
        self.reached, self._over = asyncio.Event(), asyncio.Event()
        self._cut = False

    def let_go(self) -> None:
        self._over.set()

    def cut(self) -> None:
        """The message, or its answer, is lost, and its connection with it."""
        self._cut = True
        self._over.set()

    async def lost(self) -> bool:
        """Stops a message until it is known whether it is lost."""
        self.reached.set()
        await self._over.wait()
        return self._cut


class Line(Protocol):
    """One connection's protocol."""

    def asked(self, data: bytes) -> Iterator[tuple[Message, bytes]]:
        """What a client sends, a message at a time, with its bytes."""
        ...

    def answered(self, data: bytes) -> list[Message]:
        """The messages that this answers, or begins to answer."""
        ...

    def half(self, data: bytes) -> int:
        """How many of an answer's bytes to let through if half of it is to come; 0: it has no body yet."""
        ...


class Gate:
    """Before one server. `trap`: what is to be stopped next."""

    def __init__(self, host: str, port: int, line: Callable[[], Line]) -> None:
        self._server, self._line = (host, port), line
        self.port = 0
        self.trap: Trap | None = None
        self._open: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Gate"]:
        server = await asyncio.start_server(self._enter, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def left(task: asyncio.Task[None]) -> None:
            self._open.discard(task)
            writer.transport.abort()

        task = asyncio.create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(left)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._server)
        line = self._line()
        ways = [
            asyncio.create_task(self._there(line, reader, far_writer)),
            asyncio.create_task(self._back(line, far_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            far_writer.transport.abort()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _there(self, line: Line, reader: asyncio.StreamReader, far: asyncio.StreamWriter) -> None:
        while data := await reader.read(_MOST):
            for message, raw in line.asked(data):
                if await self._loses(message, When.BEFORE):
                    return
                far.write(raw)
                await far.drain()

    async def _back(self, line: Line, far: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await far.read(_MOST):
            for message in line.answered(data):
                if await self._loses(message, When.AFTER):
                    return
                if (size := line.half(data)) and self._trapped(message, When.HALF):
                    writer.write(data[:size])
                    await writer.drain()
                    if await self._loses(message, When.HALF):
                        return
                    data = data[size:]
            writer.write(data)
            await writer.drain()

    def _trapped(self, message: Message, when: When) -> Trap | None:
        trap = self.trap
        return trap if trap and trap.when == when and trap.wants(message) else None

    async def _loses(self, message: Message, when: When) -> bool:
        trap = self._trapped(message, when)
        if trap is None:
            return False
        self.trap = None
        return await trap.lost()


class RedisLine:
    """Commands and their replies. A channel's messages, which answer nothing, pass as replies to nothing."""

    def __init__(self) -> None:
        self._commands, self._replies = hiredis.Reader(), hiredis.Reader()
        self._open: deque[list[bytes]] = deque()

    def asked(self, data: bytes) -> Iterator[tuple[Message, bytes]]:
        self._commands.feed(data)
        while (command := self._commands.gets()) is not False:
            self._open.append(command)
            yield Message(command), hiredis.pack_command(tuple(command))

    def answered(self, data: bytes) -> list[Message]:
        self._replies.feed(data)
        found = []
        while (reply := self._replies.gets()) is not False:
            found.append(Message(self._open.popleft() if self._open else [], reply))
        return found

    def half(self, _data: bytes) -> int:
        return 0


class HttpLine:
    """Requests, one after the other, each sent when the one before it has been answered."""

    def __init__(self) -> None:
        self._now = b""

    def asked(self, data: bytes) -> Iterator[tuple[Message, bytes]]:
        if request := _REQUEST.match(data):
            self._now = request[0]
            yield Message(self._now), data
        else:  # more of its body
            yield Message(b""), data

    def answered(self, data: bytes) -> list[Message]:
        return [] if data.startswith(b"HTTP/1.1 100") else [Message(self._now)]

    def half(self, data: bytes) -> int:
        head = data.index(b"\r\n\r\n") + 4 if data.startswith(b"HTTP/1.1") else 0
        return head + (len(data) - head) // 2 if len(data) > head + 1 else 0
