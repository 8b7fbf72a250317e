"""Songs, or pictures, through the whole gateway while its parts are killed with -9 at random moments: what is lost,
doubled, missing.

The parts: worker, engine process, API, Redis, S3 store; each is started again after a moment. Callers repeat a
submission that got no answer, with its `Idempotency-Key`. `python -m bench.integrity --of pictures --runs 1000` goes on
for longer.
"""

import argparse
import random
import secrets
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psutil
import redis

from bench.report import Row, machine, table
from cli.embedded import ServiceError
from cli.embedded.ports import free_ports
from cli.embedded.service import Service
from cli.gateway import Gateway
from storage import keys

SONGS, SEED = 6, 1
AT_ONCE = 3
GAP_S, AWAY_S = (0.5, 4.0), (0.0, 1.0)
LIMIT_S = 300.0
SONG = {"title": "Sea", "tags": "calm folk", "prompt": "[Verse]\nThe sea is wide, the sea is old", "mv": "chirp-v3-0"}
SUBMIT, FEED = "/v1/suno/api/generate/v2/", "/v1/suno/api/feed/?ids="
PICTURE = {"prompt": "a boat on a lake", "model": "dall-e-2", "size": "256x256"}
DRAW = "/v1/images/generations"
ENGINE = "engine"


class Tally(NamedTuple):
    """What came of it. `lost`: clips accepted, and not complete in the end; `missing`: complete, and not to be had;
    `doubled`: jobs made twice for one submission, or said to have ended twice."""

    kills: Counter[str]
    lost: Counter[str]
    missing: int
    doubled: int


def run(folder: Path, runs: int = SONGS, seed: int = SEED, of: str = "songs") -> list[Row]:
    tally = endure(folder, runs, seed, CALLERS[of])
    found = f"{tally.lost.total()} lost, {tally.missing} missing, {tally.doubled} doubled"
    if tally.lost:
        found += f" (lost: {counted(tally.lost)})"
    whole = not (tally.lost or tally.missing or tally.doubled)
    what = f"{runs} {of}, {tally.kills.total()} × kill -9 ({counted(tally.kills)}; seed {seed})"
    return [Row(what, found, "–", "–", "0 lost, missing or doubled", whole)]


def counted(what: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(what.items()) if count)


def endure(folder: Path, runs: int, seed: int, caller: "type[Caller]") -> Tally:
    with Gateway(folder / "gateway", "127.0.0.1", free_ports(1)[0]) as gateway:
        killer = Killer(gateway, random.Random(seed))
        killer.start()
        try:
            with ThreadPoolExecutor(AT_ONCE) as callers:
                made = list(callers.map(lambda _: caller(gateway).made(), range(runs)))
        finally:
            killer.stop()
        lost = Counter(clip.failure for clips in made for clip in clips if clip.failure)
        missing = sum(not clip.had for clips in made for clip in clips if not clip.failure)
        return Tally(killer.kills, lost, missing, doubled(gateway, runs))


def doubled(gateway: Gateway, runs: int) -> int:
    """Jobs beyond one a submission, and ends beyond one a job."""
    with redis.Redis.from_url(gateway.environment["GATEWAY_REDIS_URL"]) as client:
        jobs = sum(int(client.zcard(key)) for key in client.scan_iter(match=keys.jobs("*")))
        told = [fields for key in client.scan_iter(match="feed:*") for _, fields in client.xrange(key)]
    ends = Counter(fields[b"job"] for fields in told if fields[b"event"] == b"succeeded")
    return max(0, jobs - runs) + sum(count - 1 for count in ends.values())


class Killer(threading.Thread):
    """Kills a part at random, starts it again, and so on."""

    def __init__(self, gateway: Gateway, rng: random.Random) -> None:
        super().__init__(name="killer", daemon=True)
        self.kills: Counter[str] = Counter()
        self._gateway, self._rng, self._over = gateway, rng, threading.Event()

    def run(self) -> None:
        while not self._over.wait(self._rng.uniform(*GAP_S)):
            victim = self._rng.choice([*(part.name for part in self._gateway.parts), ENGINE])
            if victim == ENGINE:
                self.kills[ENGINE] += self._kill_engine()
            else:
                self._kill(next(part for part in self._gateway.parts if part.name == victim))
                self.kills[victim.removeprefix("the ")] += 1

    def stop(self) -> None:
        """Return once everything that was killed is up again."""
        self._over.set()
        self.join()

    def _kill(self, part: Service) -> None:
        part.kill()
        time.sleep(self._rng.uniform(*AWAY_S))
        while True:
            try:
                part.start()
            except ServiceError:  # what it needs is not up, or its start took too long on a busy machine
                part.kill()
            else:
                return

    def _kill_engine(self) -> bool:
        worker = next(part for part in self._gateway.parts if part.name == "the worker").process
        engines = psutil.Process(worker.pid).children(recursive=True) if worker else []
        for engine in engines[:1]:
            engine.kill()
        return bool(engines)


class Outcome(NamedTuple):
    """One result: whether its file could be had, whole, if it was completed; why not, if it was not."""

    had: bool = False
    failure: str | None = "not in time"


class Refused(Exception):
    """An answer that asking again will not change."""


class Caller(ABC):
    """One who wants something, and does not give up easily."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._key = (gateway.data / "api_key").read_text()
        self._deadline = time.monotonic() + LIMIT_S

    @abstractmethod
    def made(self) -> list[Outcome]:
        """Submit it, and follow it to its end. What does not end in time is not complete."""

    def _submitted(self, path: str, body: Mapping[str, str]) -> Any:
        headers = {"Idempotency-Key": secrets.token_hex(8), "Prefer": "respond-async"}
        return msgspec.json.decode(self._ask(path, msgspec.json.encode(body), headers))

    def _whole(self, url: str, *heads: bytes) -> bool:
        """The file is there, and begins as it should."""
        try:
            return self._ask(url.removeprefix(self._gateway.url)).startswith(heads)
        except Refused:
            return False

    def _ask(self, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> bytes:
        """The body of the answer, however often it takes. Raises Refused (4xx), TimeoutError."""
        given = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json", **(headers or {})}
        while time.monotonic() < self._deadline:
            connection = HTTPConnection("127.0.0.1", self._gateway.port, timeout=90)
            with closing(connection), suppress(OSError, HTTPException):
                connection.request("POST" if body else "GET", path, body, given)
                answer = connection.getresponse()
                content = answer.read()
                if answer.status in (HTTPStatus.OK, HTTPStatus.ACCEPTED):
                    return content
                if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise Refused(f"{path}: {answer.status} {content[:500]!r}")
            time.sleep(0.2)
        raise TimeoutError(path)


class Singer(Caller):
    """Wants a song, of two clips."""

    def made(self) -> list[Outcome]:
        ids = [clip["id"] for clip in self._submitted(SUBMIT, SONG)["clips"]]
        ended: dict[str, Outcome] = {}
        while len(ended) < len(ids) and time.monotonic() < self._deadline:
            for clip in msgspec.json.decode(self._ask(FEED + ",".join(ids))):
                if clip["id"] not in ended and clip["status"] in ("complete", "error"):
                    failure = None if clip["status"] == "complete" else str(clip["metadata"]["error_type"])
                    had = failure is None and self._whole(clip["audio_url"], b"ID3", b"\xff")
                    ended[clip["id"]] = Outcome(had, failure)
            time.sleep(0.3)
        return [ended.get(id, Outcome()) for id in ids]


class Painter(Caller):
    """Wants a picture, which is made in a fraction of a second."""

    def made(self) -> list[Outcome]:
        job = self._submitted(DRAW, PICTURE)
        while job["status"] in ("queued", "running") and time.monotonic() < self._deadline:
            job = msgspec.json.decode(self._ask(f"/v1/jobs/{job['id']}?wait=20"))
        if job["status"] in ("queued", "running"):
            return [Outcome()]
        failure = None if job["status"] == "succeeded" else str((job["error"] or job)["code"])
        return [Outcome(failure is None and self._whole(job["outputs"][0]["url"], b"\x89PNG"), failure)]


CALLERS: Mapping[str, type[Caller]] = {"songs": Singer, "pictures": Painter}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.integrity", description=__doc__)
    parser.add_argument("--of", choices=[*CALLERS], default="songs", help="what (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=SONGS, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the kills (default: %(default)s)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        rows = run(Path(folder), asked.runs, asked.seed, asked.of)
    print(f"{machine()}\n\n{table(rows)}")
    sys.exit(not rows[0].kept)


if __name__ == "__main__":
    main()
