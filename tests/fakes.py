"""Fake upstreams as processes of their own, started by the command as a person would, and what they have counted."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psutil

from cli.embedded.ports import free_ports
from tests.cli.commands import COMMAND, WITHIN_S


class Fake:
    """One that runs. Its faults are switched, and its counts begin anew, while it does."""

    def __init__(self, family: str, port: int, process: psutil.Popen) -> None:
        self.family, self.url, self.process = family, f"http://127.0.0.1:{port}", process
        self._http = httpx.Client(base_url=self.url, trust_env=False)

    def err(self, *faults: str) -> None:
        """These faults from now on, and no others; counts begin anew."""
        self._http.put("/_fake/faults", json=faults).raise_for_status()
        self._http.delete("/_fake/counts").raise_for_status()

    @property
    def accepted(self) -> int:
        """How many calls were taken, and would have been paid for."""
        return int(self._counts()["accepted"])

    @property
    def duplicates(self) -> int:
        return int(self._counts()["duplicates"])

    def _counts(self) -> dict[str, Any]:
        counts: dict[str, Any] = self._http.get("/_fake").raise_for_status().json()
        return counts

    def close(self) -> None:
        self._http.close()


@contextmanager
def fake_upstream(family: str, pace_s: float = 0.2) -> Iterator[Fake]:
    """Serves until the end of the block; nothing of it is left."""
    [port] = free_ports(1)
    words = ["fake-upstream", "--family", family, "--port", str(port), "--pace", str(pace_s)]
    process = psutil.Popen([*COMMAND, *words], stdout=-1, text=True)
    try:
        assert str(port) in process.stdout.readline()
        fake = Fake(family, port, process)
        yield fake
        fake.close()
    finally:
        process.terminate()
        process.wait(WITHIN_S)
        process.stdout.close()
