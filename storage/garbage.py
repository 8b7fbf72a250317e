"""Python's garbage collector in a process that runs for long."""

import gc

_AFTER = 10_000


def collect_seldom() -> None:
    """Say that all is loaded. What is there by now is left out of every collection, and one comes after 10 000 new
    objects instead of 700, which a few requests make: a fifth of a worker's time went into that."""
    if gc.get_freeze_count():  # said before
        return
    gc.collect()
    gc.freeze()
    gc.set_threshold(_AFTER, *gc.get_threshold()[1:])
