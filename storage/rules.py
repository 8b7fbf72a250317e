"""What is special about some lanes. A lane that is not listed has none of it."""

from typing import NamedTuple


class Rule(NamedTuple):
    """`at_once`: how many jobs of one owner may be held at a time, if there is a limit. `record_s`: how long records
    outlive their ends. `quiet`: its jobs are our own business: they make no events."""

    at_once: int | None
    record_s: int
    quiet: bool


DELIVERY = "delivery"
"""The lane of webhooks. An endpoint is the owner of its deliveries."""

PARTS = "parts"
"""The lane of what large jobs are divided into. Who owns a part is `part_owner` of who owns the whole."""

RULES = {
    DELIVERY: Rule(at_once=8, record_s=3 * 86_400, quiet=True),
    PARTS: Rule(at_once=None, record_s=86_400, quiet=True),
}


def part_owner(owner: str) -> str:
    """Parts are served in fair turns like everything else, and are in nobody's list of jobs."""
    return f"parts:{owner}"
