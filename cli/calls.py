"""`ai-gateway submit|get|watch|cancel|feed`: single jobs."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode
from uuid import uuid4

import click
from rich.filesize import decimal
from rich.text import Text

from cli.course import SUCCEEDED, Job, courses, ended, job_path
from cli.exits import JOBS, Exit
from cli.fetch import Fetch
from cli.follow import changes
from cli.job_view import bars, headline, show, table
from cli.media_links import file_name, links
from cli.output import Output
from cli.session import Session, for_callers

_PAGE = 100
_MOST_WATCHED = 50
_OUT = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Save the results there."
)


@click.command(epilog=JOBS)
@click.argument("kind")
@click.argument("fields", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option(
    "--input", "file", type=click.File("rb"), help="A JSON file with (more of) the input; - is standard input."
)
@click.option("--model", help="A name of the catalog; the kind's default, if missing.")
@click.option("--priority", type=click.IntRange(0, 9), help="0 is served first.")
@click.option("--metadata", multiple=True, metavar="NAME=VALUE", help="Comes back in every answer.")
@click.option("--webhook", metavar="URL", help="Where the job's end is told.")
@click.option("--idempotency-key", metavar="KEY", help="The same key and input give the same job.")
@click.option("--wait", is_flag=True, help="Until the job has ended.")
@_OUT
@for_callers
def submit(
    session: Session,
    kind: str,
    fields: Sequence[str],
    file: IO[bytes] | None,
    metadata: Sequence[str],
    idempotency_key: str | None,
    wait: bool,
    out: Path | None,
    **terms: Any,
) -> None:
    """Submit a job of this KIND.

    \b
    ai-gateway submit music.generate title="Paper Lanterns" tags="indie folk" --wait
    ai-gateway submit music.generate --input song.json --out songs
    """
    body = {"kind": kind, "input": _input(session, kind, fields, file)}
    body |= {name: value for name, value in terms.items() if value is not None}
    if metadata:
        body["metadata"] = dict(_pair(word) for word in metadata)
    key = {"Idempotency-Key": idempotency_key or f"cli-{uuid4()}"}  # so that it may be sent again
    job = session.patience.insist(lambda: session.client.post("/v1/jobs", body, key))
    if wait or out:
        _end(session, _watched(session, [job["id"]]), out)
    else:
        show(session.output, job)


@click.command(epilog=JOBS)
@click.argument("id")
@_OUT
@for_callers
def get(session: Session, id: str, out: Path | None) -> None:
    """Show a job as it stands."""
    job = session.get(job_path(id))
    show(session.output, job)
    if out:
        _save(session, job, out)


@click.command(epilog=JOBS)
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@_OUT
@for_callers
def watch(session: Session, ids: Sequence[str], out: Path | None) -> None:
    """Show how jobs go, until all of them have ended."""
    if len(ids) > _MOST_WATCHED:
        raise click.UsageError(f"at most {_MOST_WATCHED} jobs can be watched; `ai-gateway feed --follow` shows all")
    _end(session, _watched(session, ids, tell=session.output.line), out, shown=True)


@click.command(epilog=JOBS)
@click.argument("id")
@for_callers
def cancel(session: Session, id: str) -> None:
    """Cancel a job. What is stored by then stays."""
    show(session.output, session.patience.insist(lambda: session.client.post(f"{job_path(id)}/cancel")))


@click.command(epilog=JOBS)
@click.option("--kind", multiple=True, help="Only jobs of this kind. May be given more than once.")
@click.option("--status", multiple=True, help="Only jobs of this status. May be given more than once.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("--follow", is_flag=True, help="Go on, with every change, until Ctrl-C.")
@for_callers
def feed(session: Session, kind: Sequence[str], status: Sequence[str], limit: int, follow: bool) -> None:
    """List your jobs, newest first; with --follow oldest first, and then what happens."""
    if follow:
        for job in changes(session, kind, status, limit):
            _tell(session.output, job)
        return
    jobs = _listed(session, [("kind", name) for name in kind] + [("status", word) for word in status], limit)
    if not session.output.pretty:
        for job in jobs:
            session.output.line(job)
        return
    shown = list(jobs)
    session.output.console.print(table(shown) if shown else "no jobs")


def _input(session: Session, kind: str, fields: Sequence[str], file: IO[bytes] | None) -> dict[str, Any]:
    from cli.fields import UnknownKind, fields_of  # heavy: what the gateway itself checks bodies with

    try:
        known = fields_of(kind)
    except UnknownKind as error:
        raise click.UsageError(str(error)) from None
    content = _json(file) if file else {}
    for name, text in map(_pair, fields):
        try:
            content[name] = known.value(name, text)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    for name in content:
        if name not in known.names:
            session.output.note(
                f"{kind} has no field {name!r}; it is sent all the same. It has: {', '.join(known.names)}"
            )
    return content


def _json(file: IO[bytes]) -> dict[str, Any]:
    try:
        content = json.load(file)
    except ValueError as error:
        raise click.UsageError(f"--input: not JSON: {error}") from None
    if not isinstance(content, dict):
        raise click.UsageError("--input: an object is wanted")
    return content


def _pair(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not name or not equals:
        raise click.UsageError(f"{word!r} is not of the form name=value")
    return name, value


def _watched(session: Session, ids: Sequence[str], tell: Callable[[Job], None] | None = None) -> list[Job]:
    """The jobs at their ends. Meanwhile a person sees bars move; a program is told each change, if there is `tell`."""
    ends = {}
    with bars(session.output) as bar:
        for job in courses(session, list(dict.fromkeys(ids))):
            bar(job)
            if tell and not session.output.pretty:
                tell(job)
            if ended(job):
                ends[job["id"]] = job
    return list(ends.values())


def _end(session: Session, jobs: Sequence[Job], out: Path | None, *, shown: bool = False) -> None:
    """Show and save what has come of jobs."""
    for job in jobs:
        if session.output.pretty or not shown:
            show(session.output, job)
        if out:
            _save(session, job, out)
    if any(job.get("status") != SUCCEEDED for job in jobs):
        sys.exit(Exit.FAILED)


def _save(session: Session, job: Job, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for number, link in enumerate(links(job.get("outputs", [])), start=1):
        to = out / file_name(job["id"], number, link.suffix)
        saved = Fetch(session.client, link, to, out).run(session.patience)
        session.output.note(f"{saved.path}  {decimal(saved.size_bytes)}")


def _listed(session: Session, query: Sequence[tuple[str, str]], limit: int) -> Iterator[Job]:
    """The newest jobs, page by page."""
    cursor: list[tuple[str, str]] = []
    while limit > 0:
        page = session.get(f"/v1/feed?{urlencode([*query, *cursor, ('limit', str(min(limit, _PAGE)))])}")
        yield from page["data"]
        limit -= len(page["data"])
        if not page["next_cursor"]:
            return
        cursor = [("cursor", page["next_cursor"])]


def _tell(output: Output, job: Job) -> None:
    if output.pretty:
        output.console.print(Text(f"{datetime.now():%H:%M:%S}  ", "dim").append_text(headline(job)))  # noqa: DTZ005 - the clock on the wall
    else:
        output.line(job)
