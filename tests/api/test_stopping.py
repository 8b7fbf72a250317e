"""SIGTERM and SIGINT are heard by the app too, and do to the process what they did."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from api.stopping import at_stop
from tests.waiting import until

PROGRAM = """
import asyncio, signal, sys
from api.stopping import at_stop

async def main():
    loop, heard, asked = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    loop.add_signal_handler(signal.{name}, asked.set)
    with at_stop(heard.set):
        print("ready", flush=True)
        await heard.wait()
        await asked.wait()
    print("both", flush=True)

{runner}.run(main())
"""


@pytest.mark.parametrize("runner", ["asyncio", "uvloop"])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_app_and_server_both_hear_of_a_stop(runner: str, name: str) -> None:
    text = PROGRAM.format(name=name, runner=runner).replace("import asyncio,", f"import {runner}, asyncio,")
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", text], cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.Signals[name])
        try:
            said, _ = process.communicate(timeout=10)
        finally:
            process.kill()
    assert (said, process.returncode) == ("both\n", 0)


async def test_handlers_are_given_back_and_what_has_none_is_left_alone() -> None:
    before = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
    with at_stop(lambda: None):
        if not callable(before[0]):
            assert signal.getsignal(signal.SIGTERM) is before[0]
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == before


async def test_the_handler_that_was_there_is_called_too() -> None:
    heard: list[str] = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append("server"))
    try:
        with at_stop(lambda: heard.append("app")):
            signal.raise_signal(signal.SIGTERM)
            await until(lambda: len(heard) == 2)
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == ["server", "app", "server"]


async def test_off_the_main_thread_nothing_is_done() -> None:
    def elsewhere() -> None:
        async def live() -> None:
            with at_stop(lambda: None):
                pass

        asyncio.run(live())

    await asyncio.to_thread(elsewhere)
