"""What to do about a failure: try again, and when. Pure: the error and the attempt in, seconds or None out."""

from storage.errors import EngineLost, GatewayError, StorageError

_FIRST_S, _FACTOR, _MOST_S = 2.0, 3.0, 60.0
_STORE_AWAY_S = 5.0
ATTEMPTS = 3
"""How often a job is tried whose failure may pass. (Deaths of workers are counted apart: `storage.queue.TRIES`.)"""

LOST_ATTEMPTS = 6
"""The same where the engine's process died, which is seldom the job's doing."""


def retry_in(error: GatewayError, attempt: int) -> float | None:
    """Seconds until the next try, or None if this failure is final. `attempt` counts from 1.

    A store that is away is waited for without limit: that is nobody's attempt (`spends_attempt`).
    """
    if not error.retryable:
        return None
    if not spends_attempt(error):
        return _STORE_AWAY_S
    most = LOST_ATTEMPTS if isinstance(error, EngineLost) else ATTEMPTS
    return min(_MOST_S, _FIRST_S * _FACTOR ** (attempt - 1)) if attempt < most else None


def spends_attempt(error: GatewayError) -> bool:
    """Whether this failure says anything about the job."""
    return not isinstance(error, StorageError)
