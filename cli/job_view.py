"""What a person is shown of jobs."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.filesize import decimal
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column, Table
from rich.text import Text

from cli.course import Job, ended
from cli.output import Output

_STYLES = {
    "queued": "yellow",
    "running": "cyan",
    "succeeded": "green",
    "failed": "red",
    "canceled": "magenta",
    "expired": "red",
    "deleted": "magenta",
}


def show(output: Output, job: Job) -> None:
    """A job and its outputs; its JSON for a program."""
    if not output.pretty:
        output.line(job)
        return
    output.console.print(headline(job))
    for line in (*_details(job), *map(_made, job.get("outputs", ()))):
        output.console.print(f"  {line}")


def headline(job: Job) -> Text:
    """One line: which job, and where it stands."""
    status = _status(job)
    words = [job["id"], job.get("kind"), job.get("model")]
    text = Text("  ".join(str(word) for word in words if word) + "  ")
    text.append(status, _STYLES.get(status, ""))
    took = _seconds(job.get("started_at"), job.get("finished_at"))
    if took is not None:
        text.append(f"  in {took:.1f} s")
    elif not ended(job):
        text.append(f"  {job['progress']:.0%}  {job['stage']}")
    return text


def table(jobs: Sequence[Job]) -> Table:
    shown = Table(Column("id", no_wrap=True), "kind", "status", "done", "submitted", "files")
    for job in jobs:
        status = _status(job)
        progress = "" if ended(job) else f"{job['progress']:.0%}"
        made = [output for output in job["outputs"] if output["status"] == "stored"]
        at = datetime.fromisoformat(job["created_at"]).astimezone().strftime("%m-%d %H:%M:%S")
        files = str(len(made)) if made else ""
        shown.add_row(job["id"], job["kind"], Text(status, _STYLES.get(status, "")), progress, at, files)
    return shown


@contextmanager
def bars(output: Output) -> Iterator[Callable[[Job], None]]:
    """A bar for each job that is told, while the block runs, if somebody looks."""
    columns = (BarColumn(20), TextColumn("{task.description}"))
    with Progress(*columns, disable=not output.animated, console=output.notes) as progress:
        rows: dict[str, TaskID] = {}

        def tell(job: Job) -> None:
            row = rows.get(job["id"])
            if row is None:
                row = rows[job["id"]] = progress.add_task("", total=1.0)
            words = headline(job).markup
            progress.update(row, description=words, completed=1.0 if ended(job) else job["progress"])

        yield tell


def printable(text: str) -> str:
    """Without what a terminal would take for commands."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _status(job: Job) -> str:
    return str(job.get("status", "deleted"))


def _details(job: Job) -> list[str]:
    details = []
    if queue := job.get("queue"):
        eta = f", begins in about {queue['eta_s']:.0f} s" if queue.get("eta_s") is not None else ""
        details.append(f"waits: {printable(queue['why_waiting'])}{eta}")
    if error := job.get("error"):
        details.append(f"{error['code']}: {printable(error['message'])}")
    return details


def _made(output: dict[str, Any]) -> str:
    """One output: what it is, how large, and where."""
    size = [output["role"]]
    if output["duration_s"] is not None:
        size.append(f"{output['duration_s']:.1f} s")
    if output["width_px"]:
        size.append(f"{output['width_px']}×{output['height_px']}")
    if output["size_bytes"] is not None:
        size.append(decimal(output["size_bytes"]))
    return "  ".join([*size, output["url"] or output["status"]])


def _seconds(start: str | None, end: str | None) -> float | None:
    if not start or not end:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
