"""The steps of a job at an upstream: each moment between two effects, and what is certain of the job if all ends there.

An effect is a script run in Redis, a request that an upstream has had, a file in the spool, an object in the store.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from storage.library import FUNCTIONS
from tests.workers.upstream.gates import Message, Trap, When
from tests.workers.upstream.sites import Site

BEFORE, AFTER, HALF = When.BEFORE, When.AFTER, When.HALF
JOB = b"JOB"
"""Stands for the job's id."""


class Known(StrEnum):
    """What Redis knows of a job whose worker ends at a step. CERTAIN: where it stands. INTENDED, SENT: that it was to
    be sent, which was not done, or was."""

    CERTAIN = "certain"
    INTENDED = "intended"
    SENT = "sent"


class Step(NamedTuple):
    """`gate`: where it can be seen. Of Redis `asks` are a script's name and words of its call, and `answers` words of
    its reply; of the others the beginning of a request. `of`: whom it concerns (`Way.sorts`).
    `fault`: what the upstream has to do wrong for it.
    """

    gate: str
    when: When
    asks: tuple[bytes, ...]
    answers: tuple[bytes, ...] = ()
    known: Known = Known.CERTAIN
    of: str = "all"
    fault: str = ""

    def trap(self, site: Site, job: str) -> Trap:
        """Sprung by the job's message, once."""
        matches = _script if self.gate == "redis" else _request

        def wants(message: Message) -> bool:
            return matches(self, site, job.encode(), message)

        return Trap(wants, self.when)

    def concerns(self, site: Site) -> bool:
        return self.of in site.way.sorts


def _script(step: Step, _site: Site, job: bytes, message: Message) -> bool:
    name, *words = (job if word == JOB else word for word in step.asks)
    answers = {job if word == JOB else word for word in step.answers}
    return any(
        function == FUNCTIONS[name.decode()] and {*words} <= {*said} and answers <= {*_flat(answer)}
        for function, said, answer in _calls(message)
    )


def _calls(message: Message) -> Iterator[tuple[str, list[bytes], Any]]:
    """The functions that a command calls: what each is called, its arguments, and its reply."""
    command, function, _, *words = [*(message.asked or []), b"", b"", b""]
    if command != b"FCALL":
        return
    if function.decode() != FUNCTIONS["many"]:
        yield function.decode(), words, message.answered
        return
    calls = msgspec.msgpack.decode(words[0])
    answers = message.answered if isinstance(message.answered, list) else [None] * len(calls)
    for name, said, answer in zip(calls[::2], calls[1::2], answers[1::2], strict=True):
        yield FUNCTIONS[name], [word.encode() for word in said], answer


def _request(step: Step, site: Site, _job: bytes, message: Message) -> bool:
    known = {b"submit": site.way.submits, b"poll": site.way.polls}
    return bool(message.asked.startswith(known.get(step.asks[0], step.asks[0])))


def _flat(reply: Any) -> Iterator[Any]:
    if isinstance(reply, list):
        for each in reply:
            yield from _flat(each)
    elif isinstance(reply, bytes) and reply[:1] > b"\x7f":  # a row, and not a word
        yield from (word.encode() for word in msgspec.msgpack.decode(reply))
    else:
        yield reply


def _redis(when: When, *asks: bytes, answers: tuple[bytes, ...] = (), **more: Any) -> Step:
    return Step("redis", when, asks, answers, **more)


_SUBMIT = {
    "claimed, and not told so": _redis(AFTER, b"claim", answers=(JOB, b"submit")),
    "about to take a slot": _redis(BEFORE, b"account_take", JOB),
    "slot taken, and not told so": _redis(AFTER, b"account_take", JOB),
    "about to write the intent": _redis(BEFORE, b"report", JOB, b"served_by"),
    "intent written, and not told so": _redis(AFTER, b"report", JOB, b"served_by", known=Known.INTENDED),
    "request sent, and not arrived": Step("upstream", BEFORE, (b"submit",), known=Known.INTENDED),
    "request arrived, and not answered": Step("upstream", AFTER, (b"submit",), known=Known.SENT),
    "answer half read": Step("upstream", HALF, (b"submit",), known=Known.SENT),
}

_POLL = {
    "answer read, and about to write the ids": _redis(BEFORE, b"upstream_taken", JOB, known=Known.SENT),
    "ids written, and not told so": _redis(AFTER, b"upstream_taken", JOB),
    "ids written, and the account not said to be well": _redis(BEFORE, b"account_fared", b"ok"),
    "about to ask after it": _redis(AFTER, b"upstream_due", answers=(JOB,)),
    "asked after it": Step("upstream", BEFORE, (b"poll",)),
    "told how it stands": Step("upstream", AFTER, (b"poll",)),
    "about to write that it has ended": _redis(BEFORE, b"upstream_seen", JOB, b"-1"),
    "its end written, and not told so": _redis(AFTER, b"upstream_seen", JOB, b"-1"),
    "claimed to be collected": _redis(AFTER, b"claim", answers=(JOB, b"collect")),
    "asked for a file": Step("upstream", BEFORE, (b"GET /files/",)),
    "half a file fetched": Step("upstream", HALF, (b"GET /files/",)),
}

_KEEP = {
    "answer read, and not kept": _redis(BEFORE, b"account_fared", b"ok", known=Known.SENT),
    "kept in the spool, its cost not counted": _redis(BEFORE, b"upstream_accepted", JOB, of="spooled"),
    "answer read, and not written down": _redis(BEFORE, b"upstream_accepted", JOB, known=Known.SENT, of="told"),
    "its cost counted, and not told so": _redis(AFTER, b"upstream_accepted", JOB),
    "kept in the spool, its slot not let go": _redis(BEFORE, b"account_release", JOB, b"0"),
    "slot let go, and not told so": _redis(AFTER, b"account_release", JOB, b"0"),
    "about to enter storing": _redis(BEFORE, b"advance", JOB, b"storing", b"stage"),
    "storing, and not told so": _redis(AFTER, b"advance", JOB, b"storing", b"stage"),
}

_STORE = {
    "kept in the spool, and not stored": Step("objects", BEFORE, (b"PUT /",), of="stored"),
    "stored, and not told so": Step("objects", AFTER, (b"PUT /",), of="stored"),
    "stored, and not written down": _redis(BEFORE, b"report", JOB, b"output 1", of="stored"),
    "written down, and not told so": _redis(AFTER, b"report", JOB, b"output 1", of="stored"),
}

_END = {
    "about to end it": _redis(BEFORE, b"advance", JOB, b"succeeded"),
    "ended, and not told so": _redis(AFTER, b"advance", JOB, b"succeeded"),
}

_AGAIN = {
    "refused, and not written down": _redis(
        BEFORE, b"account_fared", b"cooling", fault="busy=0,times=1", known=Known.INTENDED
    ),
    "refused and forgotten, its slot not let go": _redis(BEFORE, b"account_release", JOB, b"0", fault="busy=0,times=1"),
    "about to be sent to another": _redis(BEFORE, b"advance", JOB, b"queued", fault="busy=0,times=1"),
    "waiting to be sent again, and not told so": _redis(AFTER, b"advance", JOB, b"queued", fault="busy=0,times=1"),
    "about to put off a file": _redis(BEFORE, b"park", JOB, fault="expired,times=1", of="polled"),
    "a file put off, and not told so": _redis(AFTER, b"park", JOB, fault="expired,times=1", of="polled"),
}

STEPS = {
    **_SUBMIT,
    **_AGAIN,
    **{name: step._replace(of="polled") for name, step in _POLL.items()},
    **{name: step._replace(of="answering") if step.of == "all" else step for name, step in _KEEP.items()},
    **_STORE,
    **_END,
}
"""By what a worker has come to."""

LOST = "request arrived, and not answered"

DOUBTS = {
    "about to say that it is in doubt": _redis(BEFORE, b"upstream_doubt", JOB),
    "in doubt, and not told so": _redis(AFTER, b"upstream_doubt", JOB),
}

LOOKS = {
    "claimed to be looked for": _redis(AFTER, b"claim", answers=(JOB, b"submit")),
    "asked for recent work": Step("upstream", BEFORE, (b"GET /api/feed/ ",)),
    "told of recent work": Step("upstream", AFTER, (b"GET /api/feed/ ",)),
    "found, and about to write the ids": _redis(BEFORE, b"upstream_taken", JOB),
    "found, and the ids written": _redis(AFTER, b"upstream_taken", JOB),
}
"""The same, once its submission's answer is lost (LOST)."""
