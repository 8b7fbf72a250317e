"""What an upstream's error means: for the account, and for the job."""

from typing import NamedTuple

from storage.accounts import Account
from storage.capacity import AccountState, Capacity
from storage.errors import (
    ContentRefused,
    UpstreamBusy,
    UpstreamChallenged,
    UpstreamError,
    UpstreamOutOfCredits,
    UpstreamRefused,
    UpstreamSessionExpired,
    UpstreamSuspended,
)

BUSY_S = 15.0
"""How long a busy account rests that does not say."""

RENEWED_S = 60.0
"""After how long an account is tried again whose credential was refused: tokens are renewed by whoever keeps them."""

_LONGEST_ASKED_S = 3600.0
_OUT_OF_USE = {
    UpstreamOutOfCredits: AccountState.NO_CREDITS,
    UpstreamChallenged: AccountState.CHALLENGE,
    UpstreamSuspended: AccountState.SUSPENDED,
}


class Verdict(NamedTuple):
    """`state`: what becomes of the account; None if the error says nothing of it. `rest_s`: for how long at the least.
    `elsewhere`: whether the job may go to another account, or to this one again later; else the error is its own."""

    state: AccountState | None
    rest_s: float = 0.0
    elsewhere: bool = True


def judged(error: UpstreamError) -> Verdict:
    match error:
        case ContentRefused() | UpstreamRefused():
            return Verdict(None, elsewhere=False)
        case UpstreamBusy():
            return Verdict(AccountState.COOLING, min(error.retry_after_s or BUSY_S, _LONGEST_ASKED_S))
        case UpstreamSessionExpired():
            return Verdict(AccountState.SESSION_EXPIRED, RENEWED_S)
        case UpstreamOutOfCredits() | UpstreamChallenged() | UpstreamSuspended():
            return Verdict(_OUT_OF_USE[type(error)])
        case _:
            return Verdict(AccountState.COOLING, min(error.retry_after_s or 0.0, _LONGEST_ASKED_S))


def is_an_operators(error: UpstreamError) -> bool:
    """Whether somebody has to see to the account: jobs wait as long as that takes."""
    return isinstance(error, (UpstreamSessionExpired, *_OUT_OF_USE))


def is_patient(error: UpstreamError) -> bool:
    """Whether a job waits for its account however often it says so: it is full, or somebody has to see to it."""
    return isinstance(error, UpstreamBusy) or is_an_operators(error)


async def blame(capacity: Capacity, account: Account, error: UpstreamError) -> Verdict:
    """What the error means, written down so that all processes heed it: the account rests, or is out of use, if it
    means that."""
    verdict = judged(error)
    if verdict.state == AccountState.COOLING:
        await capacity.failed(account.name, str(error), rest_s=verdict.rest_s)
    elif verdict.state:
        await capacity.out_of_use(account.name, verdict.state, str(error), for_s=verdict.rest_s)
    return verdict
