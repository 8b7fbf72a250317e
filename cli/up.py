"""`ai-gateway up`: all of it on one machine, until Ctrl-C."""

from pathlib import Path

from rich.console import Console

from cli.gateway import Gateway
from cli.signals import end_as_by_ctrl_c


def run(data: Path, host: str, port: int) -> None:
    """Start everything, say where it is, and watch over it."""
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    end_as_by_ctrl_c()
    gateway = Gateway(data, host, port)
    try:
        with console.status("starting"):
            gateway.start()
        _welcome(console, gateway)
        gateway.watch(console.print)
    except KeyboardInterrupt:
        console.print("stopping: what is nearly done may end, the rest goes on at the next start (again: at once)")
    finally:
        gateway.stop()


def _welcome(console: Console, gateway: Gateway) -> None:
    console.print(f"ai-gateway serves at {gateway.url}", style="bold")
    console.print(f"  API docs       {gateway.url}/docs")
    if gateway.first_key:
        console.print(f"  first API key  {gateway.first_key}  (shown this once)")
    elif gateway.key_file.exists():
        console.print(f"  first API key  in {gateway.key_file}")
    console.print(f"  data and logs  {gateway.data}")
    console.print("Ctrl-C stops all of it")
