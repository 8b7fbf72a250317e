"""`ai-gateway up`, from its first start to its last: keys, restarts, refusals, and an end that leaves nothing."""

import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cli.embedded.ports import free_ports, is_free
from storage.job import OutputStatus
from tests.cli.commands import Up, ai_gateway, up
from tests.gateway import visiting


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One for all tests that leave it running."""
    with up(tmp_path_factory.mktemp("up") / "data", free_ports(1)[0], GATEWAY_LEASE_S="2") as running:
        yield running


def test_the_first_key_is_shown_and_kept_for_our_eyes_only(running: Up) -> None:
    kept = running.data / "api_key"
    (line,) = [line for line in running.said if "first API key" in line]
    assert line.split() == ["first", "API", "key", kept.read_text(), "(shown", "this", "once)"]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert running.status("/v1/feed", kept.read_text()) == 200


def test_no_file_with_a_secret_can_be_read_by_others(running: Up) -> None:
    secret = (running.data / "api_key").read_text(), (running.data / "secret").read_text()
    holders = [path for path in running.data.rglob("*") if path.is_file() and _holds(path, *secret)]
    assert {"api_key", "secret", "environment.json"} <= {path.name for path in holders}
    assert {stat.S_IMODE(path.stat().st_mode) for path in holders} == {0o600}
    assert stat.S_IMODE(running.data.stat().st_mode) == 0o700


def test_a_second_gateway_on_the_same_folder_is_refused_and_does_the_first_no_harm(running: Up) -> None:
    refused = ai_gateway("up", "--data", running.data, "--port", str(free_ports(1)[0]))
    assert refused.returncode == 1
    assert f"another gateway is running on {running.data}: stop it, or use another folder" in refused.stderr
    assert running.status("/ready") == 200
    assert ai_gateway("key", "list", "--data", running.data).returncode == 0


def test_a_port_that_is_taken_is_refused_before_anything_is_started(running: Up, tmp_path: Path) -> None:
    refused = ai_gateway("up", "--data", tmp_path / "data", "--port", str(running.port))
    assert refused.returncode == 1
    assert f"cannot serve at 127.0.0.1:{running.port}: Address already in use" in refused.stderr
    assert "--port" in refused.stderr
    assert not (tmp_path / "data" / "redis").exists()


def test_keys_are_made_listed_and_revoked_while_the_gateway_runs(running: Up) -> None:
    made = ai_gateway("key", "create", "bob", "--data", running.data)
    key = made.stdout.strip()
    key_id = made.stderr.split()[0]
    assert running.status("/v1/feed", key) == 200
    listed = ai_gateway("key", "list", "--data", running.data).stdout
    assert [name for name in ("first", "bob", key_id) if name in listed] == ["first", "bob", key_id]
    assert key not in listed

    revoked = ai_gateway("key", "revoke", key_id, "--data", running.data)
    assert revoked.returncode == 0
    assert running.status("/v1/feed", key) == 401
    assert running.status("/v1/feed", (running.data / "api_key").read_text()) == 200
    again = ai_gateway("key", "revoke", key_id, "--data", running.data)
    assert (again.returncode, again.stderr) == (1, f"Error: no API key has the id {key_id}\n")


def test_whatever_is_killed_is_started_again(running: Up) -> None:
    for child in running.process.children():
        child.kill()
    parts = "Redis", "the S3 store", "the worker", "the api"  # which is seen to be dead first is chance
    running.hear_all(*(f"{part} {what}" for part in parts for what in ("ended with -9", "runs again")))
    assert running.status("/ready") == 200


async def test_killed_it_leaves_nothing_and_started_again_it_finishes_what_it_had_accepted(tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_ports(1)[0]
    with up(data, port, GATEWAY_LEASE_S="2") as before:
        started = before.processes()
        async with visiting(data) as visitor:
            first, last = await visitor.generate()
            await visitor.when(first, first=OutputStatus.MAKING)
            (clip,) = await visitor.feed(first)
        before.end(signal.SIGKILL)
        psutil.wait_procs(started, timeout=10)
        assert not [process for process in started if process.is_running()]

    with up(data, port, GATEWAY_LEASE_S="2") as after:
        assert f"  first API key  in {data}/api_key" in after.said
        async with visiting(data) as visitor:
            await visitor.complete(first, last)
            await visitor.assert_done_once(first)
            assert len(await visitor.download(clip["audio_url"])) > 100_000
        started = after.processes()
        ports = {
            connection.laddr.port
            for process in started
            for connection in process.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }
        assert port in ports
        assert after.end(signal.SIGINT) == 0
        assert not [process for process in started if process.is_running()]
        assert [taken for taken in ports if not is_free(taken)] == []


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = ai_gateway("up", "--data", tmp_path / "file" / "data", "--port", str(free_ports(1)[0]))
    assert refused.returncode == 1
    assert refused.stderr == f"Error: the folder {tmp_path}/file/data cannot be used: Not a directory\n"


def _holds(path: Path, *secrets: str) -> bool:
    data = path.read_bytes()
    return any(secret.encode() in data for secret in secrets)
