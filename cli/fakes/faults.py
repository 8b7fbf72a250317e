"""Faults by switch: what goes wrong, where, and how often.

Written as `name[=value][,times=N][,on=OPERATION]`: `busy=30,times=2` answers the first two calls 429 with a Retry-After
of 30 s. Without `times` a fault stays. Several may be on together; each counts its own uses.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec


class UnknownFault(ValueError):
    """No such fault here, or not with this value or at this operation; the message says what there is."""


class FaultKind(NamedTuple):
    """One thing that can go wrong. `value`: what it is without one; `words`: those it may be, if it is a word.
    `on`: the operation it is for, unless the fault says another."""

    says: str
    value: float | str | None = None
    words: tuple[str, ...] = ()
    on: str = "submit"


class Fault(msgspec.Struct, omit_defaults=True):
    """A fault that is on. `times`: how often yet; None: always. `on`: where; "any" is everywhere."""

    name: str
    value: float | str | None = None
    times: int | None = None
    on: str = ""

    @property
    def number(self) -> float:
        return float(self.value or 0)


COMMON = {
    "slow": FaultKind("the answer comes so many seconds late; what was asked for is done at once", 1.0),
    "busy": FaultKind("429; a value is the Retry-After in seconds"),
    "error": FaultKind("a 5xx: nothing was accepted", 503.0),
    "error_after": FaultKind("accepted, and then a 5xx, as by a proxy that lost patience", 502.0),
    "reset_before": FaultKind("the connection is cut; nothing was accepted"),
    "reset_after": FaultKind("accepted; then the connection is cut before the answer"),
    "html": FaultKind("200 and a web page where the answer should be"),
    "cut_json": FaultKind("the first half of the answer"),
    "wrong_file": FaultKind("instead of the file", "html", ("html", "decoy", "empty", "truncated"), on="file"),
    "expired": FaultKind("403 for every file", on="file"),
    "late": FaultKind("403 for so many seconds after a file was finished", 5.0, on="file"),
}
"""What any upstream can do wrong. A family adds its refusals, and what only it can do."""

ANYWHERE = "any"


class Faults:
    """The switches of one fake. `operations`: those it has."""

    def __init__(self, kinds: Mapping[str, FaultKind], operations: Iterable[str]) -> None:
        self.kinds = dict(kinds)
        self.operations = {*operations, ANYWHERE}
        self.on: list[Fault] = []

    def set(self, faults: Iterable[Fault]) -> None:
        """These and no others. Raises UnknownFault, and then nothing is changed."""
        self.on = [self._checked(fault) for fault in faults]

    def take(self, name: str, operation: str) -> Fault | None:
        """The fault, if it is on for this operation: one of its uses is spent."""
        for fault in self.on:
            if fault.name == name and fault.on in (operation, ANYWHERE) and fault.times != 0:
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None

    def _checked(self, fault: Fault) -> Fault:
        kind = self.kinds.get(fault.name)
        if kind is None:
            raise UnknownFault(f"no fault is called {fault.name}; there are: {', '.join(self.kinds)}")
        value = kind.value if fault.value is None else fault.value
        if kind.words and value not in kind.words:
            raise UnknownFault(f"{fault.name} is one of: {', '.join(kind.words)}")
        if not kind.words and isinstance(value, str):
            raise UnknownFault(f"{fault.name} takes a number")
        on = fault.on or kind.on
        if on not in self.operations:
            raise UnknownFault(f"{on} is no operation here; there are: {', '.join(sorted(self.operations))}")
        return Fault(fault.name, value, fault.times, on)


def parse(text: str) -> Fault:
    """A fault as it is written on the command line. Raises UnknownFault if it cannot be read."""
    head, *rest = text.split(",")
    name, _, value = head.partition("=")
    options = {option: told for option, _, told in (part.partition("=") for part in rest)}
    unknown = set(options) - {"times", "on"}
    if unknown or not options.get("times", "1").isdigit():
        raise UnknownFault(f"{text} is not of the form name[=value][,times=N][,on=OPERATION]")
    times = int(options["times"]) if "times" in options else None
    return Fault(name, _number(value) if value else None, times, options.get("on", ""))


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
