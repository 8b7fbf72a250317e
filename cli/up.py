"""`ai-gateway up`: all of it on one machine, until Ctrl-C."""

import signal
from pathlib import Path
from types import FrameType

import click
from rich.console import Console

from cli.embedded import ServiceError
from cli.gateway import Gateway


def run(data: Path, host: str, port: int) -> None:
    """Start everything, say where it is, and watch over it."""
    console = Console(stderr=True, highlight=False)
    signal.signal(signal.SIGTERM, _interrupt)
    gateway = Gateway(data, host, port)
    try:
        with console.status("starting"):
            gateway.start()
        _welcome(console, gateway)
        gateway.watch(console.print)
    except ServiceError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        console.print("stopping; what was accepted goes on at the next start")
    finally:
        gateway.stop()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _welcome(console: Console, gateway: Gateway) -> None:
    console.print(f"[bold]ai-gateway[/] serves at [bold]{gateway.url}[/]  (API docs: {gateway.url}/docs)")
    if gateway.first_key:
        console.print(f"the first API key, shown this once: [bold]{gateway.first_key}[/]")
    console.print(f"data, keys and logs: {gateway.data}; Ctrl-C stops all of it")
