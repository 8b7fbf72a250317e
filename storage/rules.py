"""What is special about some lanes. A lane that is not listed has none of it."""

from typing import NamedTuple


class Rule(NamedTuple):
    """`at_once`: how many jobs of one owner may be held at a time. `record_s`: how long records outlive their ends.
    `quiet`: its jobs are our own business: they make no events."""

    at_once: int
    record_s: int
    quiet: bool


DELIVERY = "delivery"
"""The lane of webhooks. An endpoint is the owner of its deliveries."""

RULES = {DELIVERY: Rule(at_once=8, record_s=3 * 86_400, quiet=True)}
