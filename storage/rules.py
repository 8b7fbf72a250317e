"""What is special about some lanes. A lane that is not listed has none of it."""

from typing import NamedTuple


class Rule(NamedTuple):
    """`at_once`: how many jobs of one owner may be held at a time. `record_s`: how long records outlive their ends, if
    not as everywhere. `quiet`: its jobs are our own business: they make no events. `starts_late`: a job that is claimed
    has not started yet: it may have to wait for an account (`storage/capacity.py`). `once`: nobody can go on with a job
    whose holder has vanished: it has failed."""

    at_once: int | None = None
    record_s: int | None = None
    quiet: bool = False
    starts_late: bool = False
    once: bool = False


DELIVERY = "delivery"
"""The lane of webhooks. An endpoint is the owner of its deliveries."""

PARTS = "parts"
"""The lane of what large jobs are divided into. Who owns a part is `part_owner` of who owns the whole."""

UPSTREAM = "upstream"
"""The lane of jobs that go to accounts elsewhere."""

CHAT = "chat"
"""The lane of chats, which are short, and are waited for: nothing long stands before them."""

DETACHED = "detached"
"""The lane of answers that an API process reads on, whose callers have left. No worker serves it, and no job waits in
it; workers look after it all the same, for those whose process is gone."""

RULES = {
    DELIVERY: Rule(at_once=8, record_s=3 * 86_400, quiet=True),
    PARTS: Rule(record_s=86_400, quiet=True),
    UPSTREAM: Rule(starts_late=True),
    DETACHED: Rule(once=True),
}


def part_owner(owner: str) -> str:
    """Parts are served in fair turns like everything else, and are in nobody's list of jobs."""
    return f"parts:{owner}"
