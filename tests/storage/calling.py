"""A guarded client that may call loopback, by names that need no name server, and what its failures must not say."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from storage.addresses import Allowed, Guard
from storage.errors import GatewayError
from storage.outbound import Outbound

NAME = "hooks.example.com"
SECRET = "/hook/tulip?token=tulip"


class Names:
    """A name server that gives these answers, one after the other, and then the last of them again and again."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def client(allow: str = "127.0.0.1", names: Names | None = None, **options: Any) -> Outbound:
    """May call 127.0.0.1, which is where every name leads, unless something else is said."""
    return Outbound(Guard(Allowed.parse(allow), names or Names(["127.0.0.1"])), **options)


@contextmanager
def failing(kind: type[GatewayError]) -> Iterator[pytest.ExceptionInfo[GatewayError]]:
    """Whatever fails in here, how it is told holds nothing secret, and no other error drags along."""
    with pytest.raises(kind) as failure:
        yield failure
    assert "tulip" not in str(failure.value)
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__ or failure.value.__context__ is None
