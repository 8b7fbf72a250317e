"""`ai-gateway`: the command. What a sub-command does, its help says; the work is done in the files beside this."""

import logging
import os
from importlib import import_module
from pathlib import Path
from typing import cast

import click

from cli.running import DATA

_ELSEWHERE = {
    "submit": "cli.calls",
    "get": "cli.calls",
    "watch": "cli.calls",
    "cancel": "cli.calls",
    "feed": "cli.calls",
    "batch": "cli.batch",
    "webhook": "cli.webhooks",
    "models": "cli.models",
    "accounts": "cli.accounts",
    "doubt": "cli.doubts",
    "fake-upstream": "cli.fakes.command",
}
"""Commands by the module that each is in: loaded when it is asked for."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *_ELSEWHERE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        return cast(click.Command, getattr(import_module(_ELSEWHERE[cmd_name]), cmd_name.replace("-", "_")))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-v", "--verbose", is_flag=True, help="The same as --log-level DEBUG.")
@click.option(
    "--log-level",
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], case_sensitive=False),
    envvar="GATEWAY_LOG_LEVEL",
    show_envvar=True,
    default="INFO",
    show_default=True,
    help="What the logs say at the least.",
)
def main(verbose: bool, log_level: str) -> None:
    """One self-hosted service in front of many generative models."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else log_level,
        format="%(asctime)s %(levelname).1s %(name)s: %(message)s",
    )
    for chatty in ("botocore", "boto3", "urllib3", "s3transfer"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


@main.command()
@DATA
@click.option("--host", envvar="GATEWAY_HOST", default="127.0.0.1", show_default=True)
@click.option("--port", envvar="GATEWAY_PORT", default=8080, show_default=True)
def up(data: Path, host: str, port: int) -> None:
    """Run all of it here: Redis, S3, the API and a worker, until Ctrl-C."""
    from cli.up import run

    run(data, host, port)


@main.command()
@click.option("--host", envvar="GATEWAY_HOST", default="127.0.0.1", show_default=True)
@click.option("--port", envvar="GATEWAY_PORT", default=8080, show_default=True)
@click.option("--processes", envvar="GATEWAY_PROCESSES", default=1, show_default=True)
def api(host: str, port: int, processes: int) -> None:
    """Serve the API. Redis, S3 and secrets come from the environment (GATEWAY_…)."""
    from cli.serve import serve

    serve(host, port, processes)


@main.command()
@click.option("--lanes", help="Comma-separated; the environment's GATEWAY_LANES, or all of them, if not given.")
def worker(lanes: str | None) -> None:
    """Work on jobs. Redis, S3 and secrets come from the environment (GATEWAY_…)."""
    from cli.environment import check_accounts, read
    from storage.settings import StorageSettings
    from workers.main import UnknownLane, run
    from workers.settings import WorkerSettings

    chosen = {"GATEWAY_LANES": lanes} if lanes else {}
    try:
        check_accounts(os.environ)
        run(read(StorageSettings, os.environ), read(WorkerSettings, {**os.environ, **chosen}))
    except UnknownLane as error:
        raise click.UsageError(str(error)) from error


@main.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default="demo-out", show_default=True)
def demo(out: Path) -> None:
    """Generate, extend and concatenate a song on a gateway of its own, and download the results."""
    from cli.demo import run

    run(out)


@main.group()
def key() -> None:
    """Make, list and revoke API keys (of the gateway running on --data, or of the environment's)."""


@key.command()
@click.argument("name")
@click.option("--admin", is_flag=True, help="An operator's: it may ask after accounts and jobs in doubt (/v1/admin).")
@DATA
def create(name: str, admin: bool, data: Path) -> None:
    """Make a key called NAME. It is shown once."""
    from cli.keys import create_key

    create_key(data, name, admin=admin)


@key.command(name="list")
@DATA
def list_keys(data: Path) -> None:
    """List the keys: ids, names, when they were made."""
    from cli.keys import show_keys

    show_keys(data)


@key.command()
@click.argument("key_id")
@DATA
def revoke(key_id: str, data: Path) -> None:
    """Revoke the key with this id, at once and everywhere."""
    from cli.keys import revoke_key

    revoke_key(data, key_id)


if __name__ == "__main__":
    main()
