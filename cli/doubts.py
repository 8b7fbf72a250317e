"""`ai-gateway doubt …`: jobs that were sent, and of which nobody knows whether the upstream took them."""

from pathlib import Path

import click
from rich.console import Console
from rich.table import Column, Table

from cli.operator import with_standing
from cli.running import DATA

_BECAUSE = {
    "in_doubt": "its worker was gone before the answer came",
    "upstream": "it was taken, and its account is in the file no more",
}


@click.group()
def doubt() -> None:
    """Settle jobs that an upstream may or may not have taken (of the gateway running on --data)."""


@doubt.command(name="list")
@DATA
def list_doubts(data: Path) -> None:
    """List the jobs in doubt, the longest first; then those whose account is in the file no more."""
    found = with_standing(data, lambda standing: standing.doubts())
    table = Table(Column("job", no_wrap=True), "kind", "model", "account", "sent", "looked for", "because")
    for each in found:
        because = each["error"]["message"] if each["error"] else _BECAUSE[each["stage"]]
        table.add_row(
            each["job"], each["kind"], each["model"], each["account"], each["sent_at"], str(each["looks"]), because
        )
    Console().print(table if found else "no job is in doubt")


@doubt.command()
@click.argument("job")
@DATA
def resubmit(job: str, data: Path) -> None:
    """Send JOB again: you have looked, and the upstream has not got it. If it has, it is paid for twice. (One whose
    account is in the file no more goes to another.)"""
    with_standing(data, lambda standing: standing.resubmit(job))
    click.echo(f"{job} waits to be sent again")


@doubt.command()
@click.argument("job")
@DATA
def fail(job: str, data: Path) -> None:
    """Give JOB up: it ends as failed."""
    with_standing(data, lambda standing: standing.fail(job))
    click.echo(f"{job} has failed")
