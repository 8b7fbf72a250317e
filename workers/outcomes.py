"""How a step may end, other than by returning its fields or raising a `GatewayError`. `fields` are written with it."""

from typing import Any

from storage.job import Failure


class JobFailed(Exception):
    """The job has failed for good, for a reason that is already in words."""

    def __init__(self, failure: Failure, **fields: Any) -> None:
        super().__init__(failure.message)
        self.failure, self.fields = failure, fields


class PutOff(Exception):
    """The job is to be tried again in `delay_s`; this attempt is spent."""

    def __init__(self, delay_s: float, **fields: Any) -> None:
        super().__init__(f"again in {delay_s:g} s")
        self.delay_s, self.fields = delay_s, fields


class NoLongerHeld(Exception):
    """The job was cancelled, deleted or taken over while we worked on it: whatever we say about it is refused."""


class HandedOn(NoLongerHeld):
    """We have let go of the job ourselves: it sleeps, or is made elsewhere, and needs nothing here any more."""
