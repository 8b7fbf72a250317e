"""What a person is shown of batches."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from rich.filesize import decimal
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli.batch_landing import ENDED, Batch, Landing
from cli.batch_source import Fault
from cli.job_view import printable
from cli.output import Output

_MOST_FAULTS = 20
_UNKNOWN = "–"


@contextmanager
def bar(output: Output, name: str, lines: int) -> Iterator[Callable[[Batch, Landing | None], None]]:
    """A bar that moves as it is told how a batch stands, and what of it is here, if somebody looks."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(30),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
        TextColumn("ETA {task.fields[eta]}"),
    )
    with Progress(*columns, disable=not output.animated, console=output.notes) as progress:
        row = progress.add_task(name, total=lines or None, words="", eta=_UNKNOWN)

        def tell(batch: Batch, landing: Landing | None) -> None:
            total = batch["request_counts"]["total"] or lines
            done, failed, words = _standing(batch, landing, total)
            progress.update(row, total=total or None, completed=done + failed, words=words, eta=_eta(batch))

        yield tell


def summary(batch: Batch) -> str:
    counts = batch["request_counts"]
    words = f"{batch['id']}  {batch['status']}: {_count(counts['total'], 'line')}, {counts['completed']} done"
    return words + (f", {counts['failed']} failed" if counts["failed"] else "")


def refused(batch: Batch) -> bool:
    """Whether the gateway has judged its lines, and not begun with any."""
    return batch["status"] == "failed" and not batch["request_counts"]["total"]


def landed(landing: Landing, folder: str) -> str:
    """What this run has brought."""
    missing = f"; {landing.missing} could not be had" if landing.missing else ""
    here = sum(landing.here.values())
    return (
        f"{_count(here, 'result')} in {folder}, {_count(landing.files, 'new file')}, {decimal(landing.bytes)}{missing}"
    )


def show_check(
    output: Output, file: str, lines: int, kinds: Mapping[str, int], faults: Sequence[Fault], count: int
) -> None:
    """What a dry run has found: good lines, and `count` faults, of which some are listed."""
    if output.pretty:
        among = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
        output.console.print(f"{file}: {_count(lines, 'line')} good{f' ({among})' if among else ''}, {count} bad")
        show_faults(output, file, faults, count)
    else:
        errors = [{"line": fault.number or None, "message": fault.message} for fault in faults]
        output.line({"object": "batch.dry_run", "lines": lines, "kinds": dict(kinds), "errors": errors})


def show_faults(output: Output, file: str, faults: Sequence[Fault], count: int) -> None:
    for fault in faults[:_MOST_FAULTS]:
        output.note(printable(fault.shown(file)))
    if count > _MOST_FAULTS:
        output.note(f"… and {count - _MOST_FAULTS} more")


def _standing(batch: Batch, landing: Landing | None, total: int) -> tuple[int, int, str]:
    counts: dict[str, Any] = batch["request_counts"]
    if batch["status"] == "validating":
        return 0, 0, "being validated"
    if landing:
        done, failed = landing.here.values()
    else:
        done, failed = counts["completed"], counts["failed"]
    running = total - counts["completed"] - counts["failed"]
    words = f"{done + failed}/{total}  done {done}  failed {failed}  running {running}"
    return done, failed, words + (f"  {decimal(landing.bytes)}" if landing and landing.bytes else "")


def _eta(batch: Batch) -> str:
    """How long the gateway will take for the rest, if it goes on as it went since it began."""
    counts, begun = batch["request_counts"], batch["in_progress_at"]
    ended = counts["completed"] + counts["failed"]
    if not begun or not ended or batch["status"] in ENDED:
        return _UNKNOWN
    left_s = (counts["total"] - ended) * max(time.time() - begun, 0) / ended
    return str(timedelta(seconds=round(left_s)))


def _count(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"
