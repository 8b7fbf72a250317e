"""The environment as a gateway's parts read it, and what is wrong with it in the operator's words."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from cli.embedded import ServiceError
from cli.embedded.service import LOOPBACK

PREFIX = "GATEWAY_"
_NOWHERE = "="  # no variable's name begins so: settings would look in our own environment for what the given one lacks

S = TypeVar("S", bound=BaseSettings)


class Misconfigured(ServiceError):
    """Variables are missing or wrong; the message names them, and shows no value."""


def read(settings: type[S], environment: Mapping[str, str]) -> S:
    """Settings out of this environment alone. Raises Misconfigured."""
    given: dict[str, Any] = {
        name: environment[variable]
        for name in settings.model_fields
        if (variable := PREFIX + name.upper()) in environment
    }
    try:
        return settings(**given, _env_prefix=_NOWHERE)
    except ValidationError as error:
        faults = (f"{PREFIX}{fault['loc'][0]}".upper() + f": {fault['msg']}" for fault in error.errors())
        raise Misconfigured("the environment is not complete: " + "; ".join(faults)) from None


def without_ours(environment: Mapping[str, str]) -> dict[str, str]:
    """What is no business of a gateway's."""
    return {name: text for name, text in environment.items() if not name.startswith(PREFIX)}


def past_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """The same, but loopback is never asked for by way of an HTTP proxy."""
    direct = environment.get("no_proxy") or environment.get("NO_PROXY")
    return {**environment, "no_proxy": f"{direct},{LOOPBACK}" if direct else LOOPBACK}
