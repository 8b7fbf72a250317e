"""`ai-gateway fake-upstream` as a person runs it."""

import signal
import socket
from pathlib import Path

import httpx
import psutil
import pytest
from click.testing import CliRunner

from cli.embedded.ports import free_ports, is_free
from cli.fakes import FAMILIES
from cli.main import main
from tests.cli.commands import COMMAND, WITHIN_S


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_and_leaves_nothing_behind(tmp_path: Path, number: int) -> None:
    [port] = free_ports(1)
    words = ["fake-upstream", "--family", "suno", "--port", str(port), "--fault", "busy=7,times=1"]
    process = psutil.Popen([*COMMAND, *words], stdout=-1, stderr=-1, text=True, cwd=tmp_path)
    try:
        said = process.stdout.readline()
        url = f"http://127.0.0.1:{port}"
        assert url in said
        refused = httpx.post(f"{url}/api/generate/v2/", json={}, trust_env=False)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
        assert httpx.get(f"{url}/_fake", trust_env=False).json()["accepted"] == 0
        process.send_signal(number)
        assert process.wait(WITHIN_S) == 0
        assert process.stderr.read() == ""
    finally:
        if process.is_running():
            process.kill()
            process.wait(WITHIN_S)
        process.stdout.close()
        process.stderr.close()
    assert is_free(port)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_lists_its_faults(family: str) -> None:
    shown = CliRunner().invoke(main, ["fake-upstream", "--family", family, "--faults"])
    assert shown.exit_code == 0
    assert "reset_after" in shown.output
    assert "session_expired" in shown.output


@pytest.mark.parametrize("fault", ["nonsense", "slow=long", "busy,on=moon", "busy;2"])
def test_a_fault_that_there_is_not_is_refused(fault: str) -> None:
    refused = CliRunner().invoke(main, ["fake-upstream", "--family", "suno", "--fault", fault])
    assert refused.exit_code == 2


def test_a_port_that_is_taken_is_told_in_a_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = CliRunner().invoke(main, ["fake-upstream", "--family", "suno", "--port", str(taken.getsockname()[1])])
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: port ")
    assert len(refused.output.splitlines()) == 1
