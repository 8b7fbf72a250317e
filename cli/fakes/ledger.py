"""What a fake was asked, and what it accepted: where a call that was paid twice shows."""

import json
from collections import Counter, deque
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any

import msgspec

_KEPT = 10_000


class Accepted(msgspec.Struct, frozen=True):
    """A call that counts. `account`: a digest of its credential; `at_s`: of the fake's own time."""

    fingerprint: str
    operation: str
    path: str
    account: str
    at_s: float


class Request(msgspec.Struct, frozen=True):
    """A call of any kind, and what was made of it: a status, or "reset"."""

    method: str
    path: str
    operation: str
    account: str
    answer: int | str
    at_s: float


class Ledger:
    def __init__(self) -> None:
        self.accepts: list[Accepted] = []
        self.requests: deque[Request] = deque(maxlen=_KEPT)
        self.asked: Counter[str] = Counter()
        self.streams: Counter[str] = Counter()

    def accept(self, accepted: Accepted) -> None:
        self.accepts.append(accepted)

    def log(self, request: Request) -> None:
        self.requests.append(request)
        self.asked[request.operation] += 1

    def begin_stream(self) -> Callable[[str], None]:
        """A stream is open, until it is told how it went."""
        self.streams["open"] += 1

        def over(how: str) -> None:
            self.streams["open"] -= 1
            self.streams[how] += 1

        return over

    def counts(self) -> dict[str, Any]:
        """`duplicates`: how many calls were accepted that had been accepted before. `streams`: how many are open, and
        how many went how (`cli/fakes/streams.py`)."""
        by_fingerprint = Counter(accepted.fingerprint for accepted in self.accepts)
        return {
            "accepted": len(self.accepts),
            "duplicates": len(self.accepts) - len(by_fingerprint),
            "by_fingerprint": dict(by_fingerprint),
            "asked": dict(self.asked),
            "streams": dict(self.streams),
        }


def fingerprint(method: str, path: str, body: Any, volatile: Iterable[str] = ()) -> str:
    """The same for two sendings of one request. `body`: JSON, the fields of a form, or bytes."""
    left_out = set(volatile)
    told = json.dumps([method, path, _plain(body, left_out)], sort_keys=True, ensure_ascii=False)
    return sha256(told.encode()).hexdigest()[:16]


def digest(text: str | bytes) -> str:
    """Short, and enough to tell things apart by."""
    return sha256(text.encode() if isinstance(text, str) else text).hexdigest()[:8]


def _plain(value: Any, left_out: set[str]) -> Any:
    if isinstance(value, bytes):
        return ["bytes", len(value), sha256(value).hexdigest()]
    if isinstance(value, dict):
        return {name: _plain(inner, left_out) for name, inner in value.items() if name not in left_out}
    if isinstance(value, list | tuple):
        return [_plain(inner, left_out) for inner in value]
    return value
