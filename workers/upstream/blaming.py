"""Where an account's error is written down, so that all workers heed it."""

from storage.accounts import Account
from storage.capacity import AccountState, Capacity
from storage.errors import UpstreamError
from storage.verdict import Verdict, judged


async def blame(capacity: Capacity, account: Account, error: UpstreamError) -> Verdict:
    """What the error means; the account rests, or is out of use, if it means that."""
    verdict = judged(error)
    if verdict.state == AccountState.COOLING:
        await capacity.failed(account.name, str(error), rest_s=verdict.rest_s)
    elif verdict.state:
        await capacity.out_of_use(account.name, verdict.state, str(error), for_s=verdict.rest_s)
    return verdict
