"""Events out of bytes that are cut anywhere."""

import random

import pytest

from api.upstreams import events
from api.upstreams.events import Splitter
from storage.errors import UpstreamMalformed

PLAIN = b"data: one\n\ndata: two\n\n"


def fed(stream: bytes, *, size: int | None = None) -> list[bytes]:
    splitter = Splitter()
    size = size or max(1, len(stream))
    return [found for at in range(0, len(stream), size) for found in splitter.feed(stream[at : at + size])]


STREAMS: dict[str, tuple[bytes, list[bytes]]] = {
    "plain": (PLAIN, [b"one", b"two"]),
    "CR LF": (PLAIN.replace(b"\n", b"\r\n"), [b"one", b"two"]),
    "lone CR": (PLAIN.replace(b"\n", b"\r") + b":", [b"one", b"two"]),
    "mixed": (b"data: one\r\n\ndata: two\r\rdata: three\n\r\n", [b"one", b"two", b"three"]),
    "comments": (b": hello\n\n: still\ndata: one\n: here\n\n:\n\ndata: two\n\n", [b"one", b"two"]),
    "names": (b"event: ping\ndata: one\nid: 7\nretry: 5\n\nevent: pong\n\ndata: two\n\n", [b"one", b"two"]),
    "no space": (b"data:one\n\ndata:two\n\n", [b"one", b"two"]),
    "one space is taken": (b"data:  one\n\n", [b" one"]),
    "several lines": (b"data: {\ndata:  1\ndata:}\n\n", [b"{\n 1\n}"]),
    "blank lines": (b"\n\n\n" + PLAIN + b"\n\n\n\n", [b"one", b"two"]),
    "a mark of byte order": (b"\xef\xbb\xbf" + PLAIN, [b"one", b"two"]),
    "not ASCII": ("data: 漢字 🦜\n\ndata: ü\n\n".encode(), ["漢字 🦜".encode(), "ü".encode()]),
    "other line ends of Unicode": ("data: a\u2028b\x85c\x0bd\n\n".encode(), ["a\u2028b\x85c\x0bd".encode()]),
    "no data": (b"event: one\n\ndatum: two\n\n", []),
    "nothing said": (b"data\n\ndata:\n\n", [b""]),
    "half an event at the end": (PLAIN + b"data: thr", [b"one", b"two"]),
    "an event without its blank line": (PLAIN + b"data: three\n", [b"one", b"two"]),
}


@pytest.mark.parametrize("size", [None, 1, 2, 3, 7])
@pytest.mark.parametrize("kind", STREAMS)
def test_events_are_found_wherever_the_bytes_are_cut(kind: str, size: int | None) -> None:
    stream, expected = STREAMS[kind]
    assert fed(stream, size=size) == expected


def test_all_ways_to_cut_in_two_give_the_same() -> None:
    stream = b": a\r\n\r\ndata: one\r\ndata: 1\r\n\r\n\r\ndata: \xc3\xbc\r\n\r\n"
    for at in range(len(stream)):
        splitter = Splitter()
        assert splitter.feed(stream[:at]) + splitter.feed(stream[at:]) == [b"one\n1", b"\xc3\xbc"], at


def test_random_cuts_of_random_streams_give_what_one_piece_gives() -> None:
    chance = random.Random(5)
    for _ in range(300):
        parts = [b"data: ", b"data:", b"x", b"\n", b"\r\n", b"\r", b"\n\n", b": c", b"event: e"]
        stream = b"".join(chance.choices(parts, k=40))
        splitter, found, at = Splitter(), list[bytes](), 0
        while at < len(stream):
            size = chance.randint(1, 9)
            found += splitter.feed(stream[at : at + size])
            at += size
        assert found == fed(stream), stream


def line_by_line(stream: bytes) -> list[bytes]:
    """As the standard says it, for a stream whose line ends are LF."""
    found, data = list[bytes](), list[bytes]()
    for line in stream.split(b"\n")[:-1]:
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif not line and data:
            found.append(b"\n".join(data))
            data = []
    return found


def test_many_events_at_once_are_those_found_line_by_line() -> None:
    chance = random.Random(6)
    parts = [b"data: x\n\n"] * 6 + [b"data: ", b"data:", b"x", b"\n", b"\n", b": c\n", b"data: {}\n", b"\n\ndata: \n\n"]
    for _ in range(3000):
        stream = b"".join(chance.choices(parts, k=chance.randint(1, 12)))
        assert fed(stream) == line_by_line(stream), stream


def test_an_event_is_there_as_soon_as_its_blank_line_is() -> None:
    splitter = Splitter()
    assert splitter.feed(b"data: one\n") == []
    assert splitter.half
    assert splitter.feed(b"\n") == [b"one"]
    assert not splitter.half


def test_an_event_may_be_large_but_not_without_end() -> None:
    splitter = Splitter()
    half = b"x" * (events.MOST_BYTES // 2)
    assert splitter.feed(b"data: " + half) == []
    assert splitter.feed(half[:-100]) == []
    assert splitter.feed(b"\n\n") == [half + half[:-100]]
    splitter.feed(half)
    with pytest.raises(UpstreamMalformed, match="more than 8388608 bytes"):
        splitter.feed(half + b"x")


class Counting(bytearray):
    """Counts the bytes that are looked through for the end of an event, and those that are moved."""

    def __init__(self) -> None:
        super().__init__()
        self.work = 0

    def rfind(self, *args: object) -> int:
        self.work += len(self) - (args[1] if len(args) > 1 and isinstance(args[1], int) else 0)
        return super().rfind(*args)  # type: ignore[arg-type]

    def __delitem__(self, cut: object) -> None:
        super().__delitem__(cut)  # type: ignore[arg-type]
        self.work += len(self)


@pytest.mark.parametrize("size", [1, 64, 4096])
@pytest.mark.parametrize("event", [10, 25_000])
def test_the_work_is_linear_in_the_bytes(size: int, event: int) -> None:
    splitter = Splitter()
    rest = splitter._rest = Counting()
    stream = (b"data: " + b"x" * event + b"\n\n") * (50_000 // event)
    found = [one for at in range(0, len(stream), size) for one in splitter.feed(stream[at : at + size])]
    assert len(found) == 50_000 // event
    assert 0 < rest.work <= 4 * len(stream)
