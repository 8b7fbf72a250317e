"""What an engine's process is held to."""

from typing import NamedTuple


class Limits(NamedTuple):
    """`memory_mb` caps its data; without progress for `stall_s` it is killed."""

    memory_mb: int = 1500
    stall_s: float = 60.0


USUAL = Limits()
