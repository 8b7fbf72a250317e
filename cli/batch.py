"""`ai-gateway batch …`: many jobs from one file. The work is done in `cli/batch_run.py`."""

from pathlib import Path

import click

from cli.exits import told
from cli.session import Session, for_callers

_OUT = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Where results and media go."
)
_EXITS = told("a line has failed, was canceled or has expired, or a file could not be had")


@click.group(epilog=_EXITS)
def batch() -> None:
    """Submit files of many jobs, and bring in what they make."""


@batch.command(epilog=_EXITS)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@click.option("--format", type=click.Choice(["jsonl", "csv"]), help="That of FILE; as its name ends, if missing.")
@click.option("--kind", help="The kind of lines that do not name one.")
@click.option("--model", help="The model of lines that do not name one.")
@click.option("--priority", type=click.IntRange(0, 9), help="That of lines without one: 0 is served first.")
@click.option("--name", help="What the batch is called; the name of FILE, if missing.")
@click.option("--dry-run", is_flag=True, help="Only say what is wrong with which line, and what the others are.")
@click.option("--wait", is_flag=True, help="Until all is done.")
@_OUT
@click.option("--idempotency-key", metavar="KEY", help="Where there is no DIR: the same key gives the same batch.")
@for_callers
def submit(
    session: Session,
    file: Path,
    format: str | None,
    kind: str | None,
    model: str | None,
    priority: int | None,
    name: str | None,
    dry_run: bool,
    wait: bool,
    out: Path | None,
    idempotency_key: str | None,
) -> None:
    """Submit the lines of FILE: .jsonl, .csv, or - for standard input.

    A line is a request of OpenAI's batches (custom_id, method, url, body), a submission (kind, input, …), or the
    fields of an input, with --kind. Columns of a CSV file are such fields, and custom_id, kind, model, priority and
    metadata.x.

    With --out, what was killed or interrupted goes on when it is run again as it was: nothing is submitted twice.

    \b
    ai-gateway batch submit prompts.csv --kind music.generate --wait --out songs
    """
    from cli.batch_follow import resume
    from cli.batch_source import Defaults, source_of

    with source_of(file, format, Defaults(kind, model, priority)) as source:
        if out and not dry_run and resume(session, source, out, wait=wait):
            return
        from cli import batch_submit  # heavy: what the gateway itself checks bodies with

        if dry_run:
            batch_submit.check(session, source)
        else:
            batch_submit.submit(session, source, name, idempotency_key, out, wait=wait)


@batch.command(epilog=_EXITS)
@click.argument("id")
@for_callers
def status(session: Session, id: str) -> None:
    """Show how a batch stands."""
    from cli.batch_follow import status as run

    run(session, id)


@batch.command(epilog=_EXITS)
@click.argument("id")
@for_callers
def cancel(session: Session, id: str) -> None:
    """Submit no more of a batch, and cancel what waits. What is done is kept."""
    from cli.batch_follow import cancel as run

    run(session, id)


@batch.command(epilog=_EXITS)
@click.argument("id")
@click.option("--wait", is_flag=True, help="Until all is done.")
@_OUT
@for_callers
def results(session: Session, id: str, wait: bool, out: Path | None) -> None:
    """Bring in what a batch has made by now; without --out, print its results."""
    from cli.batch_follow import results as run

    run(session, id, wait=wait, out=out)
