"""The whole gateway on one machine: the servers it needs, the API and a worker, as children that we watch over.

Anything that the environment names (`GATEWAY_REDIS_URL`, `GATEWAY_S3_ENDPOINT`) is used as it is; the rest is embedded.
"""

import asyncio
import contextlib
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

import redis
from pydantic import SecretStr

from cli.embedded import Objects, Redis, ServiceError
from cli.embedded.service import Service, kept_secret, write_private
from storage import keys
from storage.apikeys import ApiKeys
from storage.connect import connect
from storage.settings import StorageSettings

LANES = ["engines"]
_WATCH_S = 0.5
_RESTART_PAUSE_S = (0.0, 1.0, 5.0, 15.0)


class Program(Service):
    """One of our own processes: `ai-gateway api` or `ai-gateway worker`, with an environment of its own."""

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
        return {**os.environ, **self._variables}

    def _answers(self) -> bool:
        return self._check()


class Gateway:
    """`with Gateway(data, host, port) as gateway: gateway.url, gateway.first_key`.

    `first_key` is the key made at this start, to be shown once; None if there was one already.
    """

    def __init__(self, data: Path, host: str, port: int) -> None:
        self.data, self.host, self.port = data.resolve(), host, port
        self.first_key: str | None = None
        self.worker = f"local-{secrets.token_hex(4)}"
        self.parts: list[Service] = []
        self.environment: dict[str, str] = {}

    @property
    def url(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://{host}:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Return once everything answers. Raises ServiceError, and then leaves nothing running."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every part, last started first. May be called twice."""
        with contextlib.suppress(FileNotFoundError):
            _environment_file(self.data).unlink()
        while self.parts:
            self.parts.pop().stop()

    def watch(self, tell: Callable[[str], None]) -> None:
        """Restart whatever dies, for ever. A part that keeps dying is restarted ever more slowly."""
        deaths: dict[str, int] = {}
        while True:
            time.sleep(_WATCH_S)
            for part in self.parts:
                if part.process is None or part.process.poll() is None:
                    continue
                died = deaths[part.name] = deaths.get(part.name, -1) + 1
                tell(f"{part.name} ended with {part.process.returncode}; starting it again (its log: {part.log})")
                time.sleep(_RESTART_PAUSE_S[min(died, len(_RESTART_PAUSE_S) - 1)])
                part.kill()
                with contextlib.suppress(ServiceError):
                    part.start()

    def _start(self) -> None:
        self.environment = {
            "GATEWAY_DATA": str(self.data),
            "GATEWAY_HOST": self.host,
            "GATEWAY_PORT": str(self.port),
            "GATEWAY_WORKER_NAME": self.worker,
            "GATEWAY_LANES": ",".join(LANES),
            "GATEWAY_SECRET": os.environ.get("GATEWAY_SECRET") or kept_secret(self.data / "secret"),
        }
        self._start_servers()
        self._make_first_key()
        write_private(_environment_file(self.data), json.dumps(self.environment))
        worker = Program("worker", self.data / "worker", self.environment, self._worker_answers)
        api = Program("api", self.data / "api", self.environment, self._api_answers)
        self._start_together(worker, api)

    def _start_servers(self) -> None:
        job_store = None if "GATEWAY_REDIS_URL" in os.environ else Redis(self.data / "redis")
        objects = None if "GATEWAY_S3_ENDPOINT" in os.environ else Objects(self.data / "objects")
        self._start_together(*(server for server in (job_store, objects) if server))
        self.environment["GATEWAY_REDIS_URL"] = job_store.url if job_store else os.environ["GATEWAY_REDIS_URL"]
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

    def _make_first_key(self) -> None:
        given = os.environ.get("GATEWAY_API_KEY")
        kept = self.data / "api_key"
        if given or not kept.exists():
            made = asyncio.run(self._create_key(SecretStr(given) if given else None))
            if not given:
                write_private(kept, made)
                self.first_key = made

    async def _create_key(self, key: SecretStr | None) -> str:
        settings = settings_from(self.environment)
        async with connect(settings.redis_url) as client:
            _, made = await ApiKeys(client, settings.secret).create("first", admin=True, key=key)
        return made.get_secret_value()

    def _api_answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/health", timeout=2) as answer:  # noqa: S310 - our own address
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def _worker_answers(self) -> bool:
        """Its lanes are at work: they have said so under its name."""
        with redis.Redis.from_url(self.environment["GATEWAY_REDIS_URL"], socket_timeout=2) as client:
            return all(client.exists(keys.health(lane, self.worker)) for lane in LANES)


def settings_from(environment: Mapping[str, str]) -> StorageSettings:
    """Storage settings out of such an environment, what it lacks out of ours."""
    values = {**os.environ, **environment}
    return StorageSettings.model_validate(
        {
            name: values[f"GATEWAY_{name.upper()}"]
            for name in StorageSettings.model_fields
            if f"GATEWAY_{name.upper()}" in values
        }
    )


def running_settings(data: Path) -> StorageSettings:
    """The settings of the gateway that runs on this data folder, or those of the environment where none does."""
    try:
        return settings_from(json.loads(_environment_file(data).read_text()))
    except FileNotFoundError:
        return StorageSettings()


def _environment_file(data: Path) -> Path:
    return data / "environment.json"
