"""Server-sent events, read as they come. Wire format: the HTML Living Standard, "Server-sent events"."""

from collections.abc import Iterator
from typing import NamedTuple, Self

from cli.client import Answer, Away, Client, Rejected

_SILENCE_S = 60.0
"""A stream has heartbeats; one that is silent for so long is dead."""

_NO_STREAM = {404, 405, 406, 501}


class NoStream(Exception):
    """This gateway, or something before it, serves no event streams."""


class Told(NamedTuple):
    """One event: its type, and its data as sent."""

    type: str
    data: str


class EventStream:
    """One connection at a time: `with stream.open(): for told in stream: …`, and again where it broke off."""

    def __init__(self, client: Client, path: str) -> None:
        self._client, self._path = client, path
        self._last_id = ""
        self._answer: Answer | None = None

    def open(self) -> Self:
        """Raises Away, Rejected, NoStream."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self._last_id:
            headers["Last-Event-ID"] = self._last_id
        try:
            self._answer = self._client.open("GET", self._path, headers=headers, timeout_s=_SILENCE_S)
        except Rejected as error:
            if error.status in _NO_STREAM:
                raise NoStream from error
            raise
        if self._answer.headers.get_content_type() != "text/event-stream":
            self._answer.__exit__()
            raise NoStream
        self._last_id = self._last_id or self._answer.headers.get("last-event-id", "")  # where it begins
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._answer:
            self._answer.__exit__()

    def __iter__(self) -> Iterator[Told]:
        """Events until the stream ends. Raises Away if it breaks."""
        if self._answer is None:
            raise Away("the stream is not open")
        type, id, data = "message", self._last_id, list[str]()
        for raw in self._answer.lines():
            line = raw.decode(errors="replace").rstrip("\r\n")
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match name:
                case "data":
                    data.append(value)
                case "event":
                    type = value
                case "id":
                    id = value
                case _ if not line:
                    self._last_id = id
                    if data:
                        yield Told(type, "\n".join(data))
                    type, data = "message", []
                case _:
                    pass  # a comment: somebody is there; or a word that we have no use for
