"""From a file to a batch, and on to its results."""

import sys
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import click

from api.batches.lines import OPENAI
from cli.batch_folder import Folder
from cli.batch_follow import bring, end, follow, opened, path_of, print_id, show
from cli.batch_input import Prepared, prepare
from cli.batch_landing import Batch
from cli.batch_sending import Sending
from cli.batch_source import Fault, Source
from cli.batch_view import refused, show_check, show_faults
from cli.client import Rejected
from cli.exits import Exit
from cli.session import Session

_NOT_FOUND = 404
_LONGEST_NAME = 512


def check(session: Session, source: Source) -> None:
    """A dry run: what can be told here, and if that is nothing bad, what the gateway says."""
    prepared = _prepared(source)
    faults, count = prepared.faults, prepared.faulty
    if not count and prepared.lines:
        try:
            _ = session.client
        except click.UsageError:
            session.output.note("checked here only: no gateway was named, and none runs here")
        else:
            errors = Sending(session, prepared, source.draft, source.called).check()["errors"]
            faults = _told_faults(prepared, errors)
            count = len(faults)
    show_check(session.output, source.shown, prepared.lines, prepared.kinds, faults, count)
    if count or not prepared.lines:
        sys.exit(Exit.MISUSED)


def submit(
    session: Session, source: Source, name: str | None, key: str | None, out: Path | None, *, wait: bool
) -> None:
    """Exits, if not all is well."""
    prepared = _prepared(source)
    _demand_good(session, prepared, source.shown)
    sending = Sending(session, prepared, source.draft, (name or source.called)[:_LONGEST_NAME])
    if out is None:
        _without_folder(sending, source, key or f"cli-{uuid4()}", wait=wait)
        return
    with opened(out) as folder:
        _with_folder(sending, source, folder, wait=wait)


def _prepared(source: Source) -> Prepared:
    source.content.seek(0)
    return prepare(source.content, source.format, source.defaults, source.draft)


def _demand_good(session: Session, prepared: Prepared, shown: str) -> None:
    if prepared.faulty:
        show_faults(session.output, shown, prepared.faults, prepared.faulty)
        session.output.note("nothing was submitted")
        sys.exit(Exit.MISUSED)
    if not prepared.lines:
        raise click.UsageError(f"{shown} has no lines")
    for field, count in prepared.unknown.items():
        session.output.note(f"{shown}: no such field: {field}, in {count} lines; it is sent all the same")


def _told_faults(prepared: Prepared, errors: list[dict[str, Any]]) -> list[Fault]:
    """The gateway's errors, with the numbers of our file's lines."""
    faults = []
    for error in errors:
        where = f"{error['param']}: " if error.get("param") else ""
        number = prepared.numbers[error["line"] - 1] if error.get("line") else 0
        faults.append(Fault(number, f"{where}{error['message']}"))
    return faults


def _started(sending: Sending, key: str, folder: Folder | None = None) -> Batch:
    """The batch; made by an earlier run, if it came so far."""
    sending.session.get("/v1/feed?limit=1")  # a wrong key is told before all is sent
    if sending.prepared.form != OPENAI:
        return sending.submit(key, None)
    file = folder.head.get("file") if folder else None
    if file:
        try:
            return sending.submit(key, file)
        except Rejected as error:  # it may have expired since
            if error.status != _NOT_FOUND:
                raise
    file = sending.upload()
    if folder:
        folder.note(file=file)
    return sending.submit(key, file)


def _with_folder(sending: Sending, source: Source, folder: Folder, *, wait: bool) -> None:
    session, prepared = sending.session, sending.prepared
    if folder.is_new:
        about = {"file": source.shown, "sha256": prepared.sha256, "lines": prepared.lines}
        folder.begin(name=sending.name, input=about, gateway=session.client.url, alike=prepared.alike)
    elif folder.head.get("input", {}).get("sha256") != prepared.sha256:
        other = folder.head.get("input", {}).get("file", "a batch that was not submitted from here")
        raise click.UsageError(f"{folder.path} is for another input ({other}): use another folder")
    if "batch" not in folder.head:
        key = sha256(f"{folder.head['id']} {prepared.sha256}".encode()).hexdigest()
        sending = sending._replace(name=folder.head["name"])  # said as in the run before, it is the same request
        folder.note(batch=_started(sending, key, folder)["id"], source=source.digest)
    if not wait:
        print_id(session, session.get(path_of(folder.head["batch"])))
        return
    batch = bring(session, folder, source.shown, wait=True)
    if refused(batch):
        folder.forget()  # nothing has come of it: the mended file may take its place
        _tell_refusal(session, batch, prepared, source.shown)


def _without_folder(sending: Sending, source: Source, key: str, *, wait: bool) -> None:
    session, batch = sending.session, _started(sending, key)
    if not wait:
        print_id(session, batch)
        return
    batch = follow(session, batch, source.shown)
    if refused(batch):
        _tell_refusal(session, batch, sending.prepared, source.shown)
    show(session, batch)
    end(batch)


def _tell_refusal(session: Session, batch: Batch, prepared: Prepared, shown: str) -> None:
    faults = _told_faults(prepared, batch["errors"]["data"])
    show_faults(session.output, shown, faults, len(faults))
    session.output.note(f"{batch['id']}: the gateway has refused the file; nothing was submitted")
    sys.exit(Exit.MISUSED)
