"""Server-sent events out of bytes that are cut anywhere. Source: HTML Living Standard, "Server-sent events"."""

from storage.errors import UpstreamMalformed

MOST_BYTES = 8 << 20
"""Of one event."""

_BYTE_ORDER = "\ufeff".encode()
"""A mark that a stream may begin with, and that means nothing."""


class Splitter:
    """Takes bytes and gives the data of whole events, in time that is linear in their number."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._crlf = self._begun = False

    def feed(self, data: bytes) -> list[bytes]:
        """The data of each event that is complete by now. Comments and names of events are passed over.

        Raises UpstreamMalformed for an event that is larger than MOST_BYTES.
        """
        if data and (self._crlf or b"\r" in data):
            data = self._plain(data)
        rest = self._rest
        seen = max(0, len(rest) - 1)
        rest += data
        cut = rest.rfind(b"\n\n", seen)
        if cut < 0:
            if len(rest) > MOST_BYTES:
                raise UpstreamMalformed(f"the upstream sent an event of more than {MOST_BYTES} bytes")
            return []
        whole = bytes(rest[:cut])
        del rest[: cut + 2]
        if not self._begun:
            self._begun, whole = True, whole.removeprefix(_BYTE_ORDER)
        return _simple(whole) or [found for event in whole.split(b"\n\n") if (found := _data(event)) is not None]

    @property
    def half(self) -> bool:
        """Whether an event has begun and not ended."""
        return bool(self._rest.strip())

    def _plain(self, data: bytes) -> bytes:
        """With line ends of one byte. The LF after a CR is passed over, also if it comes with the next bytes."""
        if self._crlf and data.startswith(b"\n"):
            data = data[1:]
        self._crlf = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _simple(events: bytes) -> list[bytes]:
    """The data of events that are a line of data each; nothing, if one of them is more. Nearly all are."""
    if not events.startswith(b"data: "):
        return []
    found = events[6:].split(b"\n\ndata: ")
    return found if events.count(b"\n") == 2 * (len(found) - 1) else []


def _data(event: bytes) -> bytes | None:
    lines = [line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")]
    return b"\n".join(lines) if lines else None
