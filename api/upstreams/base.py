"""What a chat upstream's dialect looks like to the relay. Callers speak OpenAI's; this turns it, both ways.

Nothing here does I/O, and nothing looks at the clock but for `created`. Sources of all that is said of OpenAI's own
shapes: shared/protocols/openai.md §1–§3.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from storage.errors import UpstreamError

Headers = Sequence[tuple[bytes, bytes]]
"""Names in lower case."""

_BUSY = {503, 529}
_LATE = {408, 504, 524}


def doubtful(status: int, *, named: bool) -> bool:
    """Whether a status that is not good leaves open if the upstream has made an answer, and charged for it: something
    before it lost patience, or a page came instead of its own words. `named`: they are its own."""
    return status in _LATE or (status >= 500 and status not in _BUSY and not named)


class Asked(NamedTuple):
    """A caller's request. `body`: as it came, known to be a JSON object. `model`: the name it has here.

    `stream`: whether the answer is wanted as events. `usage`: whether the caller asked for a chunk of usage at their
    end (`stream_options.include_usage`). `choices`: how many answers are wanted at once (`n`).
    """

    body: bytes
    model: str
    stream: bool
    usage: bool
    choices: int = 1


class Outgoing(NamedTuple):
    """A call, without host and credential. `path` begins with a slash and goes behind the account's address."""

    path: str
    headers: Headers
    body: bytes


class Usage(NamedTuple):
    """Tokens, as the upstream counted them."""

    prompt: int
    completion: int


class Whole(NamedTuple):
    """An answer that was not streamed, in OpenAI's shape."""

    body: bytes
    usage: Usage | None


class Refused(NamedTuple):
    """An upstream's no. The caller is told `status`, `headers` (`retry-after`, ...) and `body`, OpenAI's envelope.

    `error`: what it means for the account (`storage/verdict.py`), and for whether another one is tried: none is if it
    is `in_doubt`, since the answer may have been made, and paid for, behind a proxy that lost patience.
    """

    status: int
    headers: Headers
    body: bytes
    error: UpstreamError


class Turned(Protocol):
    """One stream of events, turned as it comes."""

    usage: Usage | None
    """As far as it is known yet."""

    over: bool
    """Whether there is no more to come: it has ended, or failed and said so. What the upstream sends after is passed
    over."""

    failed: UpstreamError | None
    """What it failed of, if the upstream said so in an event, or sent what cannot be read."""

    def feed(self, data: bytes) -> bytes:
        """What the caller gets for some bytes of the upstream's, cut anywhere: whole events of OpenAI's, or nothing."""
        ...

    def end(self) -> bytes:
        """The same, when the upstream has closed the connection. One that had not ended has failed: an event says so,
        and there is no `[DONE]`."""
        ...


class Dialect(Protocol):
    """One protocol that chat upstreams speak. Built from an account's `options`."""

    auth: str
    """As an adapter's (`workers/adapters/base.py`): "bearer", "basic", "header" or "none"."""

    def outgoing(self, asked: Asked, model: str) -> Outgoing:
        """The call. `model`: what the upstream calls it. Raises InvalidRequest, with the field, for what cannot be said
        in this dialect."""
        ...

    def whole(self, asked: Asked, body: bytes) -> Whole:
        """What a good answer that is not streamed says. Raises UpstreamMalformed."""
        ...

    def passed(self, headers: Mapping[bytes, bytes]) -> Headers:
        """What callers may know of a good answer's head, in OpenAI's names. `headers` with names in lower case."""
        ...

    def turned(self, asked: Asked) -> Turned:
        """For the events of a good answer."""
        ...

    def refused(self, status: int, headers: Mapping[bytes, bytes], body: bytes) -> Refused:
        """What an answer that is not good (any status but 200) says. `headers` with names in lower case."""
        ...
