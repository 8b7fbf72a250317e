"""`ai-gateway key …`."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console
from rich.table import Table

from cli.environment import Misconfigured, read
from cli.running import running_environment
from storage.apikeys import ApiKeys
from storage.connect import connect
from storage.errors import GatewayError
from storage.settings import StorageSettings

T = TypeVar("T")


def create_key(data: Path, name: str, *, admin: bool) -> None:
    made, text = with_keys(data, lambda keys: keys.create(name, admin=admin))
    click.echo(f"{made.id} ({name}); keep the key, it is not shown again:", err=True)
    click.echo(text.get_secret_value())


def show_keys(data: Path) -> None:
    table = Table("id", "name", "made", "admin")
    for key in with_keys(data, lambda keys: keys.all()):
        made = datetime.fromtimestamp(key.created, UTC).strftime("%Y-%m-%d %H:%M")
        table.add_row(key.id, key.name, made, "yes" if key.admin else "")
    Console().print(table)


def revoke_key(data: Path, key_id: str) -> None:
    with_keys(data, lambda keys: keys.revoke(key_id))
    click.echo(f"{key_id} is revoked")


def with_keys(data: Path, use: Callable[[ApiKeys], Awaitable[T]]) -> T:
    try:
        settings = read(StorageSettings, running_environment(data))
    except Misconfigured as error:
        raise click.ClickException(f"no gateway runs on {data}, and {error}") from error

    async def call() -> T:
        async with connect(settings.redis_url) as redis:
            return await use(ApiKeys(redis, settings.secret))

    try:
        return asyncio.run(call())
    except GatewayError as error:
        raise click.ClickException(str(error)) from error
