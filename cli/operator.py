"""What the operator's commands `accounts` and `doubt` have in common: the store of the gateway that they are about."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click

from cli.environment import Misconfigured, read
from cli.running import running_environment
from storage.accounts import Accounts
from storage.errors import GatewayError
from storage.settings import StorageSettings
from storage.standing import Standing
from storage.store import Store

T = TypeVar("T")


def with_standing(data: Path, use: Callable[[Standing], Awaitable[T]]) -> T:
    """What `use` makes of the gateway that runs on `data`, or of the environment's. Raises ClickException."""
    try:
        settings = read(StorageSettings, running_environment(data))
    except Misconfigured as error:
        raise click.ClickException(f"no gateway runs on {data}, and {error}") from error

    async def call() -> T:
        store = Store.open(settings)
        try:
            return await use(Standing(store, Accounts.load(settings.accounts)))
        finally:
            await store.close()

    try:
        return asyncio.run(call())
    except GatewayError as error:
        raise click.ClickException(str(error)) from error
