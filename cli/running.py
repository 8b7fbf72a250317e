"""The gateway that runs on a data folder, as everybody else finds it: by a file that it leaves there while it runs."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import click

KEY_FILE = "api_key"
"""Where a gateway keeps its first key, in its data folder."""


DATA = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="GATEWAY_DATA",
    default=".gateway",
    show_default=True,
    help="The folder of the embedded servers' data, keys and logs.",
)
"""For every command that may be about the gateway on this machine."""


def running_environment(data: Path) -> Mapping[str, str]:
    """The `GATEWAY_…` variables of the gateway that runs on this data folder; our own environment where none does."""
    return _told(data) or os.environ


def running_url(data: Path) -> str | None:
    """Where the gateway that runs on this data folder serves; None where none does."""
    told = _told(data)
    return url_at(told["GATEWAY_HOST"], told["GATEWAY_PORT"]) if told else None


def url_at(host: str, port: int | str) -> str:
    """How a server that listens there is reached from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def environment_file(data: Path) -> Path:
    return data / "environment.json"


def _told(data: Path) -> dict[str, str] | None:
    try:
        return cast("dict[str, str]", json.loads(environment_file(data).read_text()))
    except FileNotFoundError:
        return None
