"""The API in a process of its own, under the server that runs it in earnest."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import psutil

from cli.client import answers
from cli.embedded.ports import free_ports
from storage.settings import StorageSettings

START_LIMIT_S = 30.0
_ROOT = Path(__file__).parents[2]


class Server:
    """`url` without a slash at its end."""

    def __init__(self, process: psutil.Process, url: str) -> None:
        self.process, self.url = process, url

    def connections_to(self, port: int) -> set[int]:
        """Our ends' ports of the connections it holds to a local port."""
        processes = [self.process, *self.process.children(recursive=True)]
        found = (each for process in processes for each in process.net_connections("tcp"))
        return {
            each.laddr.port
            for each in found
            if getattr(each.raddr, "port", None) == port and each.status == psutil.CONN_ESTABLISHED
        }

    def callers(self) -> int:
        """How many connections to it there are, also those that its other side has ended and it has not."""
        port = int(self.url.rpartition(":")[2])
        processes = [self.process, *self.process.children(recursive=True)]
        found = (each for process in processes for each in process.net_connections("tcp"))
        return len({each.raddr for each in found if each.laddr.port == port and each.raddr})

    def rss_bytes(self) -> int:
        return sum(each.memory_info().rss for each in [self.process, *self.process.children(recursive=True)])


@contextmanager
def served(
    settings: StorageSettings,
    log: Path | None = None,
    target: str = "api.main:app",
    *,
    kill_s: int = 5,
    **environment: str,
) -> Iterator[Server]:
    """granian with one worker, ready to answer; it ends with the block. What it says from warnings on goes to `log`.

    `kill_s`: how long after a stop it is killed if it has not ended. A busy machine may need more than users have.
    """
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--factory", "--port", str(port)]
    command += ["--workers", "1", "--workers-kill-timeout", str(kill_s), "--loop", "uvloop", "--no-ws"]
    command += ["--log-level", "warning", target]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    variables = inherited | _environment(settings) | environment
    with (
        log.open("wb") if log else nullcontext() as said,
        subprocess.Popen(command, cwd=_ROOT, env=variables, stdout=said, stderr=said) as process,
    ):
        try:
            _wait_until_it_answers(process, url)
            yield Server(psutil.Process(process.pid), url)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def _environment(settings: StorageSettings) -> dict[str, str]:
    return {
        "GATEWAY_REDIS_URL": settings.redis_url.get_secret_value(),
        "GATEWAY_SECRET": settings.secret.get_secret_value(),
        "GATEWAY_S3_ENDPOINT": settings.s3_endpoint,
        "GATEWAY_S3_BUCKET": settings.s3_bucket,
        "GATEWAY_S3_REGION": settings.s3_region,
        "GATEWAY_S3_ACCESS_KEY": settings.s3_access_key.get_secret_value(),
        "GATEWAY_S3_SECRET_KEY": settings.s3_secret_key.get_secret_value(),
    }


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while process.poll() is None and time.monotonic() < deadline:
        if answers(f"{url}/health"):  # not httpx: what it makes for TLS takes longer than the pause
            return
        time.sleep(0.02)
    raise AssertionError(f"granian did not answer within {START_LIMIT_S:g} s")
