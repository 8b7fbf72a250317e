"""Which account a job goes to: those that serve its model, in an order drawn by their weights."""

import math
import random
from collections.abc import Iterable, Sequence

from storage.accounts import Account
from storage.job import Job


def ranked(accounts: Iterable[Account], job: Job, *, tried: Sequence[str] = (), only: str = "") -> list[Account]:
    """The accounts to try, the first first. The draw is the job's own, and another one at each attempt; in the long run
    an account comes first in proportion to its weight. Those that have been `tried` come last: theirs was an error that
    another account may not have. `only`: the one that made what the job goes on from.

    Source of the draw: Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006.
    """
    draw = random.Random(f"{job.id}:{job.attempt}")
    keyed = sorted(
        (account.name in tried, -math.log(1 - draw.random()) / account.weight, account.name, account)
        for account in sorted(accounts, key=lambda one: one.name)
        if not only or account.name == only
    )
    return [account for *_, account in keyed]
