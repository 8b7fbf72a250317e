"""`ai-gateway fake-upstream`: one fake upstream, until Ctrl-C."""

import asyncio
import signal
from importlib import import_module
from typing import cast

import click

from cli.fakes import FAMILIES
from cli.fakes.family import Family
from cli.fakes.faults import COMMON, Fault, UnknownFault, parse
from cli.fakes.server import FakeUpstream


def family_of(name: str) -> type[Family]:
    """A family by its name in `FAMILIES`."""
    module, _, kind = FAMILIES[name].partition(":")
    return cast("type[Family]", getattr(import_module(module), kind))


def _faults(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> list[Fault]:
    try:
        return [parse(text) for text in texts]
    except UnknownFault as error:
        raise click.BadParameter(str(error)) from error


_EPILOG = "\b\nFaults that every family has:\n" + "\n".join(
    f"  {name:13} {kind.says}" + (f" [{kind.value}]" if kind.value is not None else "") for name, kind in COMMON.items()
)


@click.command(name="fake-upstream", epilog=_EPILOG)
@click.option("--family", "name", type=click.Choice([*FAMILIES]), required=True)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="A free one, if not given.")
@click.option("--pace", "pace_s", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    callback=_faults,
    metavar="NAME[=VALUE][,times=N][,on=OPERATION]",
    help="What goes wrong. May be given several times, and changed at /_fake/faults while it runs.",
)
@click.option("--faults", "shows", is_flag=True, help="List the faults of the family, and end.")
def fake_upstream(name: str, port: int, pace_s: float, faults: list[Fault], shows: bool) -> None:
    """A fake upstream on loopback that counts what it accepts, to try the gateway on. PACE: seconds that a job takes.

    Nothing but time, what was asked for and the faults decides what it answers. Counts are at /_fake.
    """
    family = family_of(name)(pace_s)
    if shows:
        for fault, kind in family.world.faults.kinds.items():
            print(f"{fault:18} {kind.says}" + (f" [{kind.value}]" if kind.value is not None else ""))
        return
    try:
        family.world.faults.set(faults)
    except UnknownFault as error:
        raise click.UsageError(str(error)) from error
    asyncio.run(_serve(FakeUpstream(family), port))


async def _serve(fake: FakeUpstream, port: int) -> None:
    stopped = asyncio.Event()
    for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(asked, stopped.set)
    try:
        async with fake.serving(port):
            print(f"fake {fake.family.name} at {fake.url}, its counts at {fake.url}/_fake; Ctrl-C ends it", flush=True)
            await stopped.wait()
    except OSError as error:
        raise click.ClickException(f"port {port}: {error.strerror}") from error
