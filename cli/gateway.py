"""The whole gateway on one machine: the servers it needs, the API and a worker, as children that we watch over.

Anything that the environment names (`GATEWAY_REDIS_URL`, `GATEWAY_S3_ENDPOINT`) is used as it is; the rest is embedded.
"""

import asyncio
import json
import os
import secrets
import socket
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import redis
from pydantic import SecretStr

from api.settings import ApiSettings
from cli.client import answers
from cli.embedded import Objects, Redis, ServiceError
from cli.embedded.service import Service, kept_secret, take_lock, write_private
from cli.environment import PREFIX, check_accounts, check_catalog, past_proxies, read, without_empty
from cli.first_key import given_key, let_somebody_in
from cli.running import KEY_FILE, environment_file, url_at
from cli.watch import Watch
from storage import keys
from storage.errors import RedisUnavailable
from storage.settings import StorageSettings
from workers.settings import WorkerSettings

LANES = ["engines", "parts", "chat", "upstream", "delivery"]
_FILES = {"GATEWAY_ACCOUNTS", "GATEWAY_CATALOG"}
_WATCH_S = 0.5
_TOGETHER_S = 0.25
"""What has killed one part may be killing others that it needs to start again: those come first then."""


class Program(Service):
    """One of our own processes: `ai-gateway api` or `ai-gateway worker`, with exactly the environment it is given."""

    poll_s = 0.05

    def __init__(self, command: str, folder: Path, environment: Mapping[str, str], answers: Callable[[], bool]) -> None:
        super().__init__(folder)
        self.name = f"the {command}"
        self._words, self._variables, self._check = command, environment, answers

    def _choose_ports(self) -> None:
        """Its port is in its environment, where it takes one."""

    def _command(self) -> list[str]:
        mark = f"gateway={self.folder}"  # an option that Python ignores: what an orphan is known by
        return [sys.executable, "-X", mark, "-m", "cli.main", self._words]

    def _environment(self) -> Mapping[str, str]:
        return self._variables

    def _answers(self) -> bool:
        return self._check()


class Gateway:
    """`with Gateway(data, host, port) as gateway: gateway.url, gateway.first_key`.

    `first_key` is the key made at this start, to be shown once; None if there was one already. What `inherited` (the
    environment of this process, if not given) names is used as it is; the parts get all of it.
    """

    def __init__(self, data: Path, host: str, port: int, inherited: Mapping[str, str] | None = None) -> None:
        self.data, self.host, self.port = data.resolve(), host, port
        self.first_key: str | None = None
        self.key_file = self.data / KEY_FILE
        self.worker = f"local-{secrets.token_hex(4)}"
        self.parts: list[Service] = []
        self.environment: dict[str, str] = {}
        self._given = os.environ if inherited is None else inherited
        self._inherited = past_proxies(without_empty(self._given))
        self._inherited.pop("GATEWAY_API_KEY", None)  # of no use to the parts
        self._lock: int | None = None

    @property
    def url(self) -> str:
        return url_at(self.host, self.port)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Return once everything answers. Raises ServiceError, and then leaves nothing running."""
        try:
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = take_lock(self.data)
        except OSError as error:
            raise ServiceError(f"the folder {self.data} cannot be used: {error.strerror}") from error
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every part, last started first. May be called twice."""
        if self._lock is None:
            return
        environment_file(self.data).unlink(missing_ok=True)
        while self.parts:
            self.parts.pop().stop()
        os.close(self._lock)
        self._lock = None

    def watch(self, tell: Callable[[str], None]) -> None:
        """Start again whatever dies, for ever."""
        watches = [Watch(part, tell) for part in self.parts]
        while True:
            time.sleep(_WATCH_S)
            if any(watch.is_news for watch in watches):
                time.sleep(_TOGETHER_S)
            for watch in watches:
                watch.look()

    def _start(self) -> None:
        given = given_key(self._given)
        _check_address(self.host, self.port)
        self.environment = self._inherited | {
            "GATEWAY_DATA": str(self.data),
            "GATEWAY_HOST": self.host,
            "GATEWAY_PORT": str(self.port),
            "GATEWAY_WORKER_NAME": self.worker,
            "GATEWAY_LANES": ",".join(LANES),
            "GATEWAY_SECRET": self._inherited.get("GATEWAY_SECRET") or kept_secret(self.data / "secret"),
        }
        for name in _FILES & self.environment.keys():  # the parts run in folders of their own
            self.environment[name] = str(Path(self.environment[name]).absolute())
        for settings in (ApiSettings, WorkerSettings):
            read(settings, self.environment)  # here, to say what is wrong before anything has started
        check_catalog(self.environment)
        check_accounts(self.environment)
        self._start_servers()
        self._let_somebody_in(given)
        ours = {name: text for name, text in self.environment.items() if name.startswith(PREFIX)}
        write_private(environment_file(self.data), json.dumps(ours))
        worker = Program("worker", self.data / "worker", self.environment, self._worker_answers)
        api = Program("api", self.data / "api", self.environment, lambda: answers(f"{self.url}/health"))
        self._start_together(worker, api)

    def _start_servers(self) -> None:
        job_store = None if "GATEWAY_REDIS_URL" in self._inherited else Redis(self.data / "redis")
        objects = None if "GATEWAY_S3_ENDPOINT" in self._inherited else Objects(self.data / "objects")
        self._start_together(*(server for server in (job_store, objects) if server))
        if job_store:
            self.environment["GATEWAY_REDIS_URL"] = job_store.url
        if objects:
            self.environment |= {
                "GATEWAY_S3_ENDPOINT": objects.endpoint,
                "GATEWAY_S3_BUCKET": objects.bucket,
                "GATEWAY_S3_REGION": objects.region,
                "GATEWAY_S3_ACCESS_KEY": objects.access_key,
                "GATEWAY_S3_SECRET_KEY": objects.secret_key,
            }

    def _start_together(self, *parts: Service) -> None:
        """Each takes a second, mostly waiting."""
        self.parts += parts
        with ThreadPoolExecutor() as threads:
            for started in [threads.submit(part.start) for part in parts]:
                started.result()

    def _let_somebody_in(self, given: SecretStr | None) -> None:
        settings = read(StorageSettings, self.environment)
        try:
            new = asyncio.run(let_somebody_in(settings, self.key_file, given))
            self.first_key = new.get_secret_value() if new else None
        except RedisUnavailable as error:
            raise ServiceError("the Redis that GATEWAY_REDIS_URL names does not answer") from error

    def _worker_answers(self) -> bool:
        """Its lanes are at work: they have said so under its name."""
        try:
            with redis.Redis.from_url(self.environment["GATEWAY_REDIS_URL"], socket_timeout=2) as client:
                return all(client.exists(keys.health(lane, self.worker)) for lane in LANES)
        except redis.RedisError:  # it is being started again itself
            return False


def _check_address(host: str, port: int) -> None:
    """Raises ServiceError if somebody listens there. The API would not notice: it shares its port (SO_REUSEPORT)."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # closed connections that linger do not count
            probe.bind((host, port))
    except OSError as error:
        reason = f"cannot serve at {host}:{port}: {error.strerror}"
        raise ServiceError(
            f"{reason}. Choose another place with --port and --host (or GATEWAY_PORT, GATEWAY_HOST)"
        ) from error
