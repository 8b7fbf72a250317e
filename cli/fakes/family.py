"""What a family is made of; how one is written, the package's docstring says."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import msgspec
from aiohttp import web

from cli.fakes.faults import COMMON, FaultKind, Faults


class Refusal(Exception):
    """The upstream says no, in its own words: nothing was accepted."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, dict(headers or {})

    def with_headers(self, **headers: str) -> "Refusal":
        return Refusal(self.status, self.body, {**self.headers, **headers})


class Asked(NamedTuple):
    """A request. `form`: its fields, those of files as bytes; `account`: a digest of its credential, or empty."""

    method: str
    path: str
    operation: str
    account: str
    query: Mapping[str, str]
    inside: Mapping[str, str]
    """What the placeholders of the route's path stand for."""
    headers: Mapping[str, str]
    body: bytes
    form: Mapping[str, list[str | bytes]]

    @property
    def json(self) -> dict[str, Any]:
        """The body. Raises Refusal unless it is a JSON object."""
        try:
            return msgspec.json.decode(self.body, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refusal(400, {"detail": "the body is no JSON object"}) from error


Handler = Callable[[Asked], Awaitable[Any]]


class Route(NamedTuple):
    """`path` as aiohttp writes it ("/files/{name}"). `pays`: what is answered here is counted as accepted.
    `free`: needs no credential, as links to files do not."""

    method: str
    path: str
    operation: str
    handler: Handler
    pays: bool = False
    free: bool = False


class World:
    """What a fake and its family share: time, its pace, the switches, and where it is reached."""

    def __init__(self, faults: Faults, *, pace_s: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.faults, self.pace_s = faults, pace_s
        self.url = ""
        self._clock, self._ahead = clock, 0.0
        self._unix_s = time.time() - clock()

    def now(self) -> float:
        """Seconds, of no particular beginning. They never go back."""
        return self._clock() + self._ahead

    def unix_s(self, at: float | None = None) -> float:
        """The same as a date, of now or of another moment of `now`."""
        return self._unix_s + (self.now() if at is None else at)

    def advance(self, seconds: float) -> None:
        self._ahead += max(0.0, seconds)


class Family:
    """One upstream's dialect."""

    name: ClassVar[str]
    refusals: ClassVar[Mapping[str, Refusal]]
    faults: ClassVar[Mapping[str, FaultKind]] = {}
    volatile: ClassVar[frozenset[str]] = frozenset()
    needs_key: ClassVar[bool] = True

    def __init__(self, pace_s: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        words = {name: FaultKind(f"says no: {refusal.status}") for name, refusal in self.refusals.items()}
        operations = {route.operation for route in self.routes()}
        self.world = World(Faults({**words, **COMMON, **self.faults}, operations), pace_s=pace_s, clock=clock)

    def routes(self) -> list[Route]:
        """All that it answers. Called before there is a `world`."""
        raise NotImplementedError

    async def open(self) -> None:
        """The server listens: `world.url` is known."""

    async def close(self) -> None:
        """The server has ended."""

    def advanced(self) -> None:
        """Time has leapt, or the pace was changed."""

    def file(self, data: bytes, content_type: str, finished: float, decoy: bytes = b"") -> web.Response:
        """A file, or what a bad host makes of it. `finished`: when it was, by `world.now`; `decoy`: a file of the
        same kind that is not what was asked for."""
        take = self.world.faults.take
        if take("expired", "file"):
            return _denied()
        if (late := take("late", "file")) and self.world.now() < finished + late.number:
            return _denied()
        wrong = take("wrong_file", "file")
        if wrong and wrong.value == "html":
            return page()
        instead = {"decoy": decoy, "empty": b"", "truncated": data[: len(data) // 2]}
        return web.Response(body=instead[str(wrong.value)] if wrong else data, content_type=content_type)


def page() -> web.Response:
    """What a web server says that has lost what is behind it."""
    text = "<!DOCTYPE html><html><head><title>Just a moment…</title></head><body>Please wait.</body></html>"
    return web.Response(text=text, content_type="text/html")


def _denied() -> web.Response:
    text = '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
    return web.Response(status=403, text=text, content_type="application/xml")
