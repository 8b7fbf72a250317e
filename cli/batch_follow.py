"""From a batch to its results: what the commands of `ai-gateway batch` do, but for reading a file and sending it."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import click

from cli.batch_folder import Folder
from cli.batch_landing import ENDED, FILES, Batch, Landing, pieces
from cli.batch_source import Source
from cli.batch_view import bar, landed, refused, summary
from cli.client import Refused
from cli.exits import Exit
from cli.session import Session

_POLL_S = 1.0


def status(session: Session, id: str) -> None:
    show(session, session.get(path_of(id)))


def cancel(session: Session, id: str) -> None:
    show(session, session.patience.insist(lambda: session.client.post(f"{path_of(id)}/cancel")))


def results(session: Session, id: str, *, wait: bool, out: Path | None) -> None:
    found = session.get(path_of(id))
    if out is None:
        batch = follow(session, found, id) if wait else found
        for file in filter(None, map(batch.get, FILES.values())):
            for piece in pieces(session, file, 0):
                sys.stdout.buffer.write(piece)
        sys.stdout.flush()
        end(batch)
        return
    with opened(out) as folder:
        if folder.is_new:
            folder.begin(batch=found["id"], gateway=session.client.url, alike=sys.platform != "linux")
        elif folder.head.get("batch") != found["id"]:
            raise click.UsageError(f"{out} is for another batch: use another folder")
        bring(session, folder, id, wait=wait)


def resume(session: Session, source: Source, out: Path, *, wait: bool) -> bool:
    """Go on with what an earlier run has submitted of the same file. False if none has."""
    if not out.exists():
        return False
    with opened(out) as folder:
        if "batch" not in folder.head or folder.head.get("source") != source.digest:
            return False
        if wait:
            return not refused(bring(session, folder, source.shown, wait=True))
        print_id(session, session.get(path_of(folder.head["batch"])))
        return True


@contextmanager
def opened(path: Path) -> Iterator[Folder]:
    try:
        with Folder(path) as folder:
            yield folder
    except OSError as error:  # what the network does is Away by now
        raise Refused(f"the folder {path} cannot be written: {error.strerror or error}") from error


def bring(session: Session, folder: Folder, name: str, *, wait: bool) -> Batch:
    """Let the results land, and exit if not all is well; return if the gateway refused the whole."""
    id, lines = folder.head["batch"], folder.head.get("input", {}).get("lines", 0)
    with _on_ctrl_c(session, id, "The same command again"), bar(session.output, name, lines) as tell:
        landing = Landing(session, folder, tell)
        batch = landing.follow(wait=wait)
    if not refused(batch):
        show(session, batch)
        session.output.note(landed(landing, str(folder.path)))
        end(batch, missing=landing.missing)
    return batch


def follow(session: Session, batch: Batch, name: str) -> Batch:
    """The batch at its end."""
    id = batch["id"]
    again = f"`ai-gateway batch results {id} --wait --out DIR`"
    with _on_ctrl_c(session, id, again), bar(session.output, name, batch["request_counts"]["total"]) as tell:
        while batch["status"] not in ENDED:
            tell(batch, None)
            time.sleep(_POLL_S)
            batch = session.get(path_of(id))
        tell(batch, None)
    return batch


@contextmanager
def _on_ctrl_c(session: Session, id: str, again: str) -> Iterator[None]:
    """Say how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        session.output.note(
            f"{id} goes on without us. {again} brings in the rest; `ai-gateway batch cancel {id}` ends it"
        )
        raise


def print_id(session: Session, batch: Batch) -> None:
    if session.output.as_json:
        session.output.line(batch)
    else:
        click.echo(batch["id"])


def show(session: Session, batch: Batch) -> None:
    if session.output.pretty:
        session.output.console.print(summary(batch))
    else:
        session.output.line(batch)


def end(batch: Batch, missing: int = 0) -> None:
    """Exit, if not all is well; a batch that still runs is well."""
    ended_badly = batch["status"] in ENDED and batch["status"] != "completed"
    if missing or ended_badly or batch["request_counts"]["failed"]:
        sys.exit(Exit.FAILED)


def path_of(id: str) -> str:
    return f"/v1/batches/{quote(id, safe='')}"
