"""How a step may end, other than by returning its fields or raising a `GatewayError`."""

from storage.job import Failure


class JobFailed(Exception):
    """The job has failed for good, for a reason that is already in words."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class NoLongerHeld(Exception):
    """The job was cancelled, deleted or taken over while we worked on it: whatever we say about it is refused."""
