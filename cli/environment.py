"""The environment as a gateway's parts read it, and what is wrong with it in the operator's words."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings

from cli.embedded import ServiceError
from cli.embedded.service import LOOPBACK
from storage.accounts import Account, Accounts
from storage.catalog import Catalog
from storage.errors import InvalidRequest

PREFIX = "GATEWAY_"
_NOWHERE = "="  # no variable's name begins so: settings would look in our own environment for what the given one lacks

S = TypeVar("S", bound=BaseSettings)


class Misconfigured(ServiceError):
    """Variables are missing or wrong; the message names them, and shows no value."""


def read(settings: type[S], environment: Mapping[str, str]) -> S:
    """Settings out of this environment alone; an empty variable counts as absent. Raises Misconfigured."""
    given: dict[str, Any] = {
        name: text for name in settings.model_fields if (text := environment.get(PREFIX + name.upper()))
    }
    try:
        return settings(**given, _env_prefix=_NOWHERE)
    except ValidationError as error:
        faults = error.errors()
        wrong = "not complete" if all(fault["type"] == "missing" for fault in faults) else "not right"
        raise Misconfigured(f"the environment is {wrong}: {'; '.join(map(_sentence, faults))}") from None


def check_catalog(environment: Mapping[str, str]) -> None:
    """Raises Misconfigured if there is to be a catalog, and it cannot be read."""
    path = environment.get("GATEWAY_CATALOG")
    try:
        Catalog.load(Path(path) if path else None)
    except InvalidRequest as error:
        raise Misconfigured(f"the environment is not right: GATEWAY_CATALOG: {error}") from None


def check_accounts(environment: Mapping[str, str]) -> None:
    """Raises Misconfigured if there are to be accounts, and they cannot be read, or their adapters not be made."""
    from api import upstreams
    from workers.upstream import adapters

    def check(account: Account) -> None:
        adapters.check(account)
        upstreams.check(account)

    path = environment.get("GATEWAY_ACCOUNTS")
    try:
        Accounts.load(Path(path) if path else None, check)
    except InvalidRequest as error:
        raise Misconfigured(f"the environment is not right: GATEWAY_ACCOUNTS: {error}") from None


def without_empty(environment: Mapping[str, str]) -> dict[str, str]:
    """Less those of our variables that are empty, as `${NAME:-}` makes them: they count as absent."""
    return {name: text for name, text in environment.items() if text or not name.startswith(PREFIX)}


def without_ours(environment: Mapping[str, str]) -> dict[str, str]:
    """What is no business of a gateway's."""
    return {name: text for name, text in environment.items() if not name.startswith(PREFIX)}


def past_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """The same, but loopback is never asked for by way of an HTTP proxy."""
    direct = environment.get("no_proxy") or environment.get("NO_PROXY")
    return {**environment, "no_proxy": f"{direct},{LOOPBACK}" if direct else LOOPBACK}


def _sentence(fault: ErrorDetails) -> str:
    return f"{PREFIX}{fault['loc'][0]}".upper() + ": " + fault["msg"].removeprefix("Value error, ")
