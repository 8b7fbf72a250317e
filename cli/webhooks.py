"""`ai-gateway webhook …`: where the events of a caller's jobs are sent, and what has come of it."""

import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any
from urllib.parse import quote, urlencode

import click
from rich.table import Column, Table

from cli.exits import Exit, told
from cli.job_view import printable
from cli.session import Session, for_callers

_EVENTS = click.option(
    "--event", "events", multiple=True, metavar="TYPE", help="job.succeeded, …, or job.*; the ends of jobs, if missing."
)
_OVERLAP = click.option(
    "--overlap",
    "overlap_s",
    type=click.IntRange(min=0),
    metavar="SECONDS",
    help="How long the old secret signs too; a day, if missing.",
)
_EXITS = told("a test was not taken")
_WEBHOOKS = "/v1/webhooks"
_PAGE = 100
_OUTCOMES = ("posted", "waiting", "delivered", "gone")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@click.group(epilog=_EXITS)
def webhook() -> None:
    """Register endpoints for the events of your jobs, and look after them."""


@webhook.command(name="list", epilog=_EXITS)
@for_callers
def list_endpoints(session: Session) -> None:
    """List your endpoints."""
    endpoints = session.get(_WEBHOOKS)["data"]
    if not session.output.pretty:
        _lines(session, endpoints)
        return
    table = Table(Column("id", no_wrap=True), "url", "events", "state")
    for each in endpoints:
        table.add_row(each["id"], each["url"], " ".join(each["event_types"]), _state(each))
    session.output.console.print(table if endpoints else "no endpoints")


@webhook.command(epilog=_EXITS)
@click.argument("to", metavar="URL")
@_EVENTS
@click.option("--name", help="How you call it.")
@for_callers
def create(session: Session, to: str, events: Sequence[str], name: str | None) -> None:
    """Register URL. Its secret is shown this once."""
    body = _given(url=to, events=list(events) or None, name=name)
    _show(session, session.client.post(_WEBHOOKS, body))


@webhook.command(epilog=_EXITS)
@click.argument("id")
@for_callers
def show(session: Session, id: str) -> None:
    """Show an endpoint, and how deliveries to it go."""
    _show(session, session.get(_path(id)))


@webhook.command(epilog=_EXITS)
@click.argument("id")
@_EVENTS
@click.option("--to", metavar="URL", help="Where it is now.")
@click.option("--name", help="How you call it.")
@click.option("--on/--off", "enabled", default=None, help="Whether anything is sent there.")
@for_callers
def change(session: Session, id: str, events: Sequence[str], to: str | None, **fields: Any) -> None:
    """Change an endpoint: its events, its name, or whether it is on."""
    body = _given(url=to, events=list(events) or None, **fields)
    if not body:
        raise click.UsageError("say what is to be changed")
    _show(session, session.patience.insist(lambda: session.client.send("PATCH", _path(id), body)))


@webhook.command(epilog=_EXITS)
@click.argument("id")
@_OVERLAP
@for_callers
def rotate(session: Session, id: str, overlap_s: int | None) -> None:
    """Give an endpoint a new secret; the old one signs too for a while."""
    _show(session, session.client.post(f"{_path(id)}/rotate", _given(overlap_s=overlap_s)))


@webhook.command(epilog=_EXITS)
@click.argument("id")
@for_callers
def test(session: Session, id: str) -> None:
    """Send an endpoint a test event, and say what came back. Its exit code says whether the endpoint took it."""
    answer = session.client.post(f"{_path(id)}/test", {})
    _show(session, answer)
    if not answer["delivered"]:
        sys.exit(Exit.FAILED)


@webhook.command(epilog=_EXITS)
@click.argument("id", required=False)
@click.option("--job", help="Those about this job, to any endpoint.")
@click.option("--status", type=click.Choice(["pending", "delivered", "failed"]), help="Only those.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@for_callers
def deliveries(session: Session, id: str | None, job: str | None, status: str | None, limit: int) -> None:
    """List what was sent to an endpoint, or about a job, newest first."""
    if (id is None) == (job is None):
        raise click.UsageError("name an endpoint, or a job by --job")
    path = f"{_path(id)}/deliveries" if id else f"/v1/jobs/{quote(job or '', safe='')}/deliveries"
    found = islice(_pages(session, path, _given(status=status), limit), limit)
    if not session.output.pretty:
        _lines(session, found)
        return
    id_column, job_column = Column("id", no_wrap=True), Column("job", no_wrap=True, min_width=12)
    table = Table(id_column, "event", "status", "tries", "answer", "next try", job_column)
    for each in found:
        table.add_row(each["id"], each["event_type"], each["status"], *_tries(each), each["job"])
    session.output.console.print(table if table.row_count else "no deliveries")


@webhook.command(epilog=_EXITS)
@click.argument("id")
@click.argument("delivery")
@for_callers
def redeliver(session: Session, id: str, delivery: str) -> None:
    """Send a delivery once more."""
    _show(session, session.client.post(f"{_path(id)}/deliveries/{quote(delivery, safe='')}/redeliver", {}))


@webhook.command(epilog=_EXITS)
@click.argument("id")
@click.argument("since")
@click.option("--until", help="And not from then on.")
@click.option("--all", "everything", is_flag=True, help="Also what the endpoint took.")
@for_callers
def replay(session: Session, id: str, since: str, until: str | None, everything: bool) -> None:
    """Send an endpoint what it was not sent, or did not take, SINCE a time.

    \b
    ai-gateway webhook replay we_… 2h
    ai-gateway webhook replay we_… 2026-01-31T08:00:00Z --all
    """
    body = _given(since=_time(since), until=_time(until) if until else None, all=everything or None)
    answer = session.client.post(f"{_path(id)}/replay", body)
    counts, missed = _outcomes(answer), answer["missed"]
    while answer["next_cursor"]:
        answer = session.client.post(f"{_path(id)}/replay", {**body, "cursor": answer["next_cursor"]})
        counts += _outcomes(answer)
        missed = missed or answer["missed"]
    _show(session, {**answer, **dict.fromkeys(_OUTCOMES, 0), **counts, "missed": missed})


@webhook.command(epilog=_EXITS)
@click.argument("id")
@for_callers
def delete(session: Session, id: str) -> None:
    """Forget an endpoint. Nothing more is sent there."""
    session.patience.insist(lambda: session.client.call("DELETE", _path(id)))
    session.output.note(f"{id} is deleted")


@webhook.command(epilog=_EXITS)
@click.option("--rotate", "anew", is_flag=True, help="Make a new one.")
@_OVERLAP
@for_callers
def secret(session: Session, anew: bool, overlap_s: int | None) -> None:
    """Show the secret that signs what is sent to the URLs that came with jobs."""
    if anew:
        found = session.client.post(f"{_WEBHOOKS}/secret/rotate", _given(overlap_s=overlap_s))
    else:
        found = session.get(f"{_WEBHOOKS}/secret")
    if session.output.pretty:
        click.echo(found["key"])
    else:
        session.output.line(found)


def _path(id: str) -> str:
    return f"{_WEBHOOKS}/{quote(id, safe='')}"


def _time(text: str) -> str | float:
    """A time as the gateway takes it: as it is, or so long ago (90s, 15m, 2h, 3d)."""
    ago = re.fullmatch(r"(\d{1,6})([smhd])", text)
    return round(time.time() - int(ago[1]) * _UNITS_S[ago[2]], 3) if ago else text


def _outcomes(answer: dict[str, Any]) -> Counter[str]:
    return Counter({word: answer[word] for word in _OUTCOMES})


def _tries(delivery: dict[str, Any]) -> tuple[str, str, str]:
    """How often it was tried, what the last one was answered with, and when the next one is."""
    attempts, error = delivery["attempts"], delivery["error"]
    last = attempts[-1] if attempts else {}
    answer = str(last.get("status") or "") or (error["code"] if error else "")
    return str(len(attempts) or ""), answer, (delivery["next_attempt_at"] or "")[:19]


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _pages(session: Session, path: str, query: dict[str, Any], limit: int) -> Iterator[dict[str, Any]]:
    while limit > 0:
        page = session.get(f"{path}?{urlencode({**query, 'limit': min(limit, _PAGE)})}")
        yield from page["data"]
        limit -= len(page["data"])
        if not page.get("next_cursor"):
            return
        query = {**query, "cursor": page["next_cursor"]}


def _lines(session: Session, values: Any) -> None:
    for value in values:
        session.output.line(value)


def _state(endpoint: dict[str, Any]) -> str:
    if not endpoint["enabled"]:
        return f"off: {endpoint['disabled_reason'] or 'switched off'}"
    failures = (endpoint.get("health") or {}).get("consecutive_failures")
    return f"{failures} failures in a row" if failures else "on"


def _show(session: Session, value: dict[str, Any]) -> None:
    """Every field of something that says anything, one a line."""
    if not session.output.pretty:
        session.output.line(value)
        return
    table = Table.grid(padding=(0, 2))
    for name, text in _flat(value):
        table.add_row(name, printable(text))
    session.output.console.print(table)


def _flat(value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, field in value.items():
        match field:
            case dict():
                yield from ((f"{name}.{inner}", text) for inner, text in _flat(field))
            case list():
                for each in field:
                    yield from _flat({name: each})
            case bool():
                yield name, "yes" if field else "no"
            case None | "":
                continue
            case _ if name != "object":
                yield name, str(field)
