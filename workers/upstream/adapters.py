"""The adapters of the accounts that there are: made when they are first asked for, and again when options change."""

import json
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, cast

import msgspec

from storage.accounts import Account, Accounts
from storage.errors import InvalidRequest
from workers.adapters import ADAPTERS
from workers.adapters.base import Adapter


class AccountAdapters(Mapping[str, Adapter]):
    """By the accounts' names. KeyError for an account that there is none of, or whose adapter cannot be made."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._made: dict[str, tuple[str, Adapter]] = {}

    def __getitem__(self, name: str) -> Adapter:
        account = self._accounts.get(name)
        if account is None:
            raise KeyError(name)
        looks = json.dumps([account.adapter, dict(account.options)], sort_keys=True, default=str)
        if name not in self._made or self._made[name][0] != looks:
            try:
                self._made[name] = looks, made(account)
            except InvalidRequest as error:
                raise KeyError(str(error)) from error
        return self._made[name][1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._accounts.all())

    def __len__(self) -> int:
        return len(self._accounts.all())


def check(account: Account) -> None:
    """Raises InvalidRequest if its adapter cannot be made."""
    made(account)


def made(account: Account) -> Adapter:
    """The account's adapter. Raises InvalidRequest, which says what is wrong with the account's table."""
    spec = ADAPTERS.get(account.adapter)
    if spec is None:
        known = ", ".join(ADAPTERS)
        raise InvalidRequest(
            f"accounts.{account.name}: there is no adapter {account.adapter!r}; there are: {known}", field="adapter"
        )
    module, _, kind = spec.partition(":")
    build = cast(Callable[[Mapping[str, Any]], Adapter], getattr(import_module(module), kind))
    try:
        return build(account.options)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"accounts.{account.name}.options: {error}", field="options") from error
