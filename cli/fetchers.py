"""Several files fetched at a time, by threads that hold nothing worth saving: the process may end under them."""

from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, NamedTuple, Self, TypeVar

from cli.client import Refused
from cli.fetch import Fetch, Saved
from cli.patience import Patience

AT_ONCE = 4

Ticket = TypeVar("Ticket")


class Fetched(NamedTuple, Generic[Ticket]):
    """What has come of a fetch, and whose it was."""

    ticket: Ticket
    result: Saved | Refused


class Fetchers(Generic[Ticket]):
    """In a `with` block: `put` what is wanted, `take` what has come of it. `open`: how many were put and not taken."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._wanted: SimpleQueue[tuple[Ticket, Fetch] | None] = SimpleQueue()
        self._done: SimpleQueue[Fetched[Ticket] | BaseException] = SimpleQueue()
        self.open = 0

    def __enter__(self) -> Self:
        for _ in range(AT_ONCE):
            Thread(target=self._work, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        """Nobody waits for what is under way: it can be gone on with."""
        for _ in range(AT_ONCE):
            self._wanted.put(None)

    def put(self, ticket: Ticket, fetch: Fetch) -> None:
        self._wanted.put((ticket, fetch))
        self.open += 1

    def take(self, timeout_s: float) -> Fetched[Ticket] | None:
        """The next that is done; None if none is in that time. Raises what nobody foresaw."""
        try:
            done = self._done.get(timeout=timeout_s)
        except Empty:
            return None
        if isinstance(done, BaseException):
            raise done
        self.open -= 1
        return done

    def _work(self) -> None:
        while wanted := self._wanted.get():
            ticket, fetch = wanted
            try:
                self._done.put(Fetched(ticket, fetch.run(self._patience)))
            except Refused as error:
                self._done.put(Fetched(ticket, error))
            except BaseException as error:  # noqa: BLE001 - raised again by whoever takes
                self._done.put(error)
