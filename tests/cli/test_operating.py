"""docs/operating.md is true: every variable is there, with the default that it has in the code."""

import re
from pathlib import Path

import pytest
from click import Command
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from api.settings import ApiSettings
from cli.main import main
from storage.settings import StorageSettings
from workers.settings import WorkerSettings

PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()
ELSEWHERE = {"GATEWAY_API_KEY", "GATEWAY_MODELS", "GATEWAY_SINGING", "GATEWAY_SOUNDFONT"}
IN_WORDS = {
    "GATEWAY_ACCOUNTS": "none",
    "GATEWAY_CATALOG": "built in",
    "GATEWAY_ENGINE_MEMORY_MB": "the engine's own",
    "GATEWAY_ENGINE_SLOTS": "cores",
    "GATEWAY_ENGINE_STALL_S": "the engine's own",
    "GATEWAY_OUTBOUND_ALLOW": "none",
    "GATEWAY_PUBLIC_URL": "from the request",
    "GATEWAY_SECRET": "made and kept",
    "GATEWAY_WORKER_NAME": "made",
}
"""Defaults that are no values."""


def documented() -> dict[str, str]:
    """Variable → default, as the table has them. A row may have several of each, or one default for all."""
    found: dict[str, str] = {}
    for row in re.findall(r"^\| (`GATEWAY_[^|]+) \| ([^|]+) \|", PAGE, re.MULTILINE):
        names = re.findall(r"GATEWAY_\w+", row[0])
        defaults = [re.sub(r"(?<=\d) (?=\d)", "", default.strip("` ")) for default in row[1].split(", ")]
        found |= dict(zip(names, defaults * (len(names) if len(defaults) == 1 else 1), strict=True))
    return found


def settings_defaults(settings: type[BaseSettings]) -> dict[str, str]:
    defaults = {}
    for field, info in settings.model_fields.items():
        name = f"GATEWAY_{field}".upper()
        default = "embedded" if info.default is PydanticUndefined else info.default
        defaults[name] = IN_WORDS.get(name) or (",".join(default) if isinstance(default, list) else str(default))
    return defaults


def option_defaults(command: Command) -> dict[str, str]:
    return {str(option.envvar): str(option.default) for option in command.params if option.envvar}


@pytest.mark.parametrize("settings", [ApiSettings, StorageSettings, WorkerSettings])
def test_the_defaults_of_settings_are_those_of_the_code(settings: type[BaseSettings]) -> None:
    table = documented()
    wanted = settings_defaults(settings)
    assert {name: table.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("command", [main, main.commands["up"], main.commands["api"]], ids=lambda command: command.name)
def test_the_defaults_of_options_are_those_of_the_code(command: Command) -> None:
    table = documented()
    wanted = option_defaults(command)
    assert wanted
    assert {name: table.get(name) for name in wanted} == wanted


def test_no_variable_is_documented_that_nothing_reads() -> None:
    read = {name for settings in (ApiSettings, StorageSettings, WorkerSettings) for name in settings_defaults(settings)}
    read |= {name for command in (main, *main.commands.values()) for name in option_defaults(command)}
    assert documented().keys() == read | ELSEWHERE
