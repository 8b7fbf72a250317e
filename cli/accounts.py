"""`ai-gateway accounts …`: how accounts at upstreams fare, and whether they are used."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from cli.operator import with_standing
from cli.running import DATA


@click.group()
def accounts() -> None:
    """See how accounts at upstreams fare, and take them out of use (of the gateway running on --data)."""


@accounts.command(name="list")
@DATA
def list_accounts(data: Path) -> None:
    """List the accounts: their state, and why; what is under way there, was spent there, and is left."""
    found = with_standing(data, lambda standing: standing.accounts())
    table = Table("name", "adapter", "state", "why", "until", "under way", "credits", "spent", "models")
    for each in found:
        most = f" of {each['concurrent']}" if each["concurrent"] else ""
        table.add_row(
            each["name"],
            each["adapter"] or "",
            each["state"],
            each["why"] or "",
            each["until"] or "",
            f"{each['under_way']}{most}",
            "" if each["credits"] is None else f"{each['credits']:g}",
            _spent(each),
            ", ".join(each["models"]),
        )
    Console().print(table if found else "no accounts: GATEWAY_ACCOUNTS names no file, or an empty one")


@accounts.command()
@click.argument("name")
@DATA
def pause(name: str, data: Path) -> None:
    """Give the account called NAME no new jobs. Those under way go on."""
    _tell(with_standing(data, lambda standing: standing.pause(name)))


@accounts.command()
@click.argument("name")
@DATA
def resume(name: str, data: Path) -> None:
    """Use the account called NAME again, whatever was the matter with it."""
    _tell(with_standing(data, lambda standing: standing.resume(name)))


def _spent(account: dict[str, Any]) -> str:
    jobs, chats = account["spent"], account["chats"]
    said = [f"{jobs['units']:g} for {jobs['jobs']} jobs"] if jobs["jobs"] else []
    if chats["chats"]:
        said.append(f"{chats['prompt_tokens']} + {chats['completion_tokens']} tokens in {chats['chats']} chats")
    return "; ".join(said)


def _tell(account: dict[str, Any]) -> None:
    click.echo(f"{account['name']} is {account['state']}")
