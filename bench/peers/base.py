"""What the benchmarks ask of a queue."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, Self

URL = "BENCH_REDIS_URL"
SLOTS = 100
"""Jobs that a worker runs at once, whichever queue it serves."""

AT_ONCE = 32
"""Jobs that are being sent at once."""


class Ran(NamedTuple):
    """When a job was sent, began and was said to be done; Unix seconds."""

    sent: float
    began: float
    ended: float


class Peer(Protocol):
    """A queue on the Redis at `url`; its worker is `python -m` its module."""

    name: str
    module: str

    @classmethod
    async def open(cls, url: str) -> Self: ...

    async def send(self, count: int) -> None:
        """Jobs that do nothing but say when they began, each with a request of 300 bytes."""
        ...

    async def left(self) -> int:
        """How many have not ended yet."""
        ...

    async def ran(self) -> list[Ran]:
        """What became of all that have been sent."""
        ...

    async def close(self) -> None: ...


def groups(count: int) -> Iterator[int]:
    """How many to send at once, again and again, until `count` have been sent."""
    for sent in range(0, count, AT_ONCE):
        yield min(AT_ONCE, count - sent)


def request() -> dict[str, Any]:
    """300 bytes of JSON, or close to it."""
    return {"sent": time.time(), "prompt": "a song about the sea " * 12}


def done() -> dict[str, Any]:
    """What a job that does nothing results in."""
    return {"began": time.time(), "note": "done"}
