"""Streams of events, and what goes wrong with them by switch. What an event says is its family's business."""

import asyncio
import enum
import socket
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from cli.fakes.faults import FaultKind, Faults

FAULTS = {
    "stall_first": FaultKind("so many seconds between the head of a stream and its first event", 1.0),
    "stall": FaultKind("so many seconds of silence in the middle of a stream", 1.0),
    "half_line": FaultKind("the connection ends in the middle of a line of a stream"),
    "bad_event": FaultKind("an event more that is no good", "cut", ("cut", "garbage", "text", "list")),
    "ends_early": FaultKind(
        "a stream ends well as HTTP goes, and too early: half way, or just before its own mark", "half", ("half", "end")
    ),
    "error_event": FaultKind("half way, an event that says what went wrong; then the end"),
    "unfinished": FaultKind("nothing says why the answer is at its end"),
    "reset_stream": FaultKind("the connection is cut half way through a stream"),
    "big_event": FaultKind("an event more, of so many bytes", 1_000_000.0),
    "trickle": FaultKind("a stream is sent so many bytes at a time", 1.0),
    "crlf": FaultKind("lines of a stream end with CR LF"),
    "comments": FaultKind("a comment before each event"),
    "gzip": FaultKind("an answer is compressed, whatever was asked for"),
}
"""What the upstreams that stream can do wrong. Those of whole answers are in `cli/fakes/faults.py`."""

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing sends RST
_LOOKS_S = 0.02
_GARBAGE = {"garbage": b'{"id": oops}', "text": b"hello", "list": b"[1, 2]"}


class End(enum.Enum):
    """How a stream ends that does not end as it should."""

    QUIET = enum.auto()
    """As HTTP wants it."""
    CLOSED = enum.auto()
    """The connection is closed, before HTTP's end."""
    RESET = enum.auto()


Step = bytes | float | End
"""What is sent, how many seconds pass, or the end."""


class Events(NamedTuple):
    """`all`: whole events, the mark of the end among them. `error`: the one that says that it failed. `big`: makes one
    that says much."""

    all: Sequence[bytes]
    error: bytes
    big: Callable[[str], bytes]


def planned(events: Events, faults: Faults) -> list[Step]:
    """A stream with all that is to go wrong with it."""

    def take(name: str) -> Any:
        return faults.take(name, "submit")

    half = len(events.all) // 2
    before: list[Step] = [stall.number] if (stall := take("stall_first")) else []
    steps = _ended(events, half, _between(events, half, take), take)
    commented, crlf = bool(take("comments")), bool(take("crlf"))
    return [_dressed(step, commented, crlf) for step in before + steps]


def _between(events: Events, half: int, take: Callable[[str], Any]) -> list[Step]:
    """What comes in the middle and should not."""
    found: list[Step] = [stall.number] if (stall := take("stall")) else []
    if big := take("big_event"):
        found.append(events.big("x" * int(big.number)))
    if bad := take("bad_event"):
        found.append(_spoilt(events.all[half], str(bad.value)))
    return found


def _ended(events: Events, half: int, between: list[Step], take: Callable[[str], Any]) -> list[Step]:
    """The stream, up to the end that it comes to."""
    first: list[Step] = [*events.all[:half], *between]
    if take("error_event"):
        return [*first, events.error, End.QUIET]
    if early := take("ends_early"):
        return [*first, *(() if early.value == "half" else events.all[half:-1]), End.QUIET]
    if take("half_line"):
        return [*first, events.all[half][: len(events.all[half]) // 2], End.CLOSED]
    if take("reset_stream"):
        return [*first, End.RESET]
    return [*first, *events.all[half:]]


def _dressed(step: Step, commented: bool, crlf: bool) -> Step:
    if not isinstance(step, bytes):
        return step
    step = b": still here\n\n" + step if commented else step
    return step.replace(b"\n", b"\r\n") if crlf else step


class Stream(web.StreamResponse):
    """Events, sent as they are planned. `pace_s`: the time of the whole. `over`: told once how it went:
    "whole", "broken" by a fault, or "left" by the client."""

    def __init__(self, events: Events, faults: Faults, pace_s: float, headers: dict[str, str] | None = None) -> None:
        super().__init__(headers={"content-type": "text/event-stream; charset=utf-8", **(headers or {})})
        self._steps = planned(events, faults)
        self._pause_s = pace_s / max(1, len(self._steps))
        trickle, packed = faults.take("trickle", "submit"), faults.take("gzip", "submit")
        self._most = int(trickle.number) if trickle else 0
        self._packer = _packer() if packed else None
        if packed:
            self.headers["Content-Encoding"] = "gzip"
        self.over: Callable[[str], None] = lambda _how: None

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Sends all of it. Raises ConnectionError if the client has left, as any answer would."""
        try:
            writer = await super().prepare(request)
            self.over(await self._sent(request))
        except ConnectionError:
            self.over("left")
            raise
        return writer

    async def _sent(self, request: web.BaseRequest) -> str:
        """How it went. Raises ConnectionError if the client has left."""
        for step in self._steps:
            if isinstance(step, End):
                _end(request, step)
                return "broken"
            wait_s = step if isinstance(step, float) else self._pause_s
            if not await _there(request, wait_s):
                raise ConnectionResetError
            if isinstance(step, bytes):
                await self._put(step)
        if self._packer:
            await self.write(self._packer.flush())
        return "whole"

    async def _put(self, data: bytes) -> None:
        if self._packer:
            data = self._packer.compress(data) + self._packer.flush(zlib.Z_SYNC_FLUSH)
        for piece in _pieces(data, self._most or len(data)):
            await self.write(piece)
            if self._most:
                await asyncio.sleep(0)


def packed(response: web.Response, faults: Faults) -> web.Response:
    """A whole answer, compressed if that is switched on."""
    if faults.take("gzip", "submit") and isinstance(response.body, bytes):
        packer = _packer()
        response.body = packer.compress(response.body) + packer.flush()
        response.headers["Content-Encoding"] = "gzip"
    return response


def cut(request: web.BaseRequest) -> None:
    """Ends the connection as a machine does that has died: by RST, and without a word."""
    if request.transport is None:
        return
    connection = request.transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    request.transport.abort()


def _end(request: web.BaseRequest, how: End) -> None:
    if how is End.RESET:
        cut(request)
    elif how is End.CLOSED and request.transport is not None:
        request.transport.close()


async def _there(request: web.BaseRequest, seconds: float) -> bool:
    """Whether the client still is, when so many have passed; known soon if it is not."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    while request.transport is not None and not request.transport.is_closing():
        left_s = until - clock()
        if left_s <= 0:
            return True
        await asyncio.sleep(min(left_s, _LOOKS_S))
    return False


def _spoilt(event: bytes, how: str) -> bytes:
    """An event like this one whose data is no good: its JSON ends in the middle, or it is something else."""
    head, mark, data = event.partition(b"data: ")
    data = data.rstrip(b"\n")
    return head + mark + _GARBAGE.get(how, data[: len(data) // 2]) + b"\n\n"


def _pieces(data: bytes, size: int) -> Iterable[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def _packer() -> Any:
    return zlib.compressobj(wbits=31)
