"""`python -m bench [names]` measures and prints a Markdown table; `python -m bench list` says what there is."""

import argparse
import importlib
import inspect
import sys
import tempfile
import time
from pathlib import Path
from typing import Protocol, cast

from bench.report import Row, machine, table

NAMES = (
    "submit",
    "feed",
    "noop",
    "pickup",
    "memory",
    "recovery",
    "fair",
    "deliveries",
    "streams",
    "batches",
    "waiting",
    "pictures",
    "speech",
    "recordings",
    "large",
    "poller",
    "chat",
    "clients",
    "integrity",
)


class Benchmark(Protocol):
    """A module of this package."""

    def run(self, folder: Path) -> list[Row]: ...


def load(name: str) -> Benchmark:
    return cast(Benchmark, importlib.import_module(f"bench.{name}"))


def main() -> int:
    """1 if a promise was not kept."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"list, or any of: {', '.join(NAMES)} (default: all)")
    names = parser.parse_args().names or list(NAMES)
    if names == ["list"]:
        for name in NAMES:
            print(f"{name}: {inspect.getdoc(load(name))}\n")
        return 0
    if unknown := set(names) - set(NAMES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    rows: list[Row] = []
    for name in names:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            rows += load(name).run(Path(folder))
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(f"{machine()}\n\n{table(rows)}")
    return int(any(row.kept is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
