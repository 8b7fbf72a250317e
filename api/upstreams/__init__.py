"""The protocols that chat is relayed to, seen from the API: calls are built, answers are turned, nothing is sent."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, cast

import msgspec

from api.upstreams.base import Dialect
from storage.accounts import Account
from storage.errors import InvalidRequest

DIALECTS = {
    "openai": "api.upstreams.openai:OpenAI",
    "anthropic": "api.upstreams.anthropic:Anthropic",
}
"""What an account's `adapter` may be called → the class of its dialect."""


def made(account: Account) -> Dialect:
    """The account's dialect, which is one of those. Raises InvalidRequest for options that there are not."""
    module, _, kind = DIALECTS[account.adapter].partition(":")
    build = cast(Callable[[Mapping[str, Any]], Dialect], getattr(import_module(module), kind))
    try:
        return build(account.options)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"accounts.{account.name}.options: {error}", field="options") from error


def check(account: Account) -> None:
    """Raises InvalidRequest if it is one for chat, and cannot be used so."""
    if account.adapter in DIALECTS:
        made(account)
