"""Songs through the whole gateway while its parts are killed with -9 at random moments: what is lost, doubled, missing.

The parts: worker, engine process, API, Redis, S3 store; each is started again after a moment. Callers repeat a
submission that got no answer, with its `Idempotency-Key`. `python -m bench.integrity --runs 1000 --seed 7` goes on for
longer.
"""

import argparse
import random
import secrets
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple

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
SONG_LIMIT_S = 300.0
SONG = {"title": "Sea", "tags": "calm folk", "prompt": "[Verse]\nThe sea is wide, the sea is old", "mv": "chirp-v3-0"}
SUBMIT, FEED = "/v1/suno/api/generate/v2/", "/v1/suno/api/feed/?ids="
ENGINE = "engine"


class Tally(NamedTuple):
    """What came of it. `lost`: clips accepted, and not complete in the end; `missing`: complete, and not to be had;
    `doubled`: jobs made twice for one submission, or said to have ended twice."""

    kills: Counter[str]
    lost: Counter[str]
    missing: int
    doubled: int


def run(folder: Path, songs: int = SONGS, seed: int = SEED) -> list[Row]:
    tally = endure(folder, songs, seed)
    found = f"{tally.lost.total()} lost, {tally.missing} missing, {tally.doubled} doubled"
    if tally.lost:
        found += f" (lost: {counted(tally.lost)})"
    whole = not (tally.lost or tally.missing or tally.doubled)
    what = f"{songs} songs of 2 clips, {tally.kills.total()} × kill -9 ({counted(tally.kills)}; seed {seed})"
    return [Row(what, found, "–", "–", "0 lost, missing or doubled", whole)]


def counted(what: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(what.items()) if count)


def endure(folder: Path, songs: int, seed: int) -> Tally:
    with Gateway(folder / "gateway", "127.0.0.1", free_ports(1)[0]) as gateway:
        killer = Killer(gateway, random.Random(seed))
        killer.start()
        try:
            with ThreadPoolExecutor(AT_ONCE) as callers:
                made = list(callers.map(lambda _: Caller(gateway).song(), range(songs)))
        finally:
            killer.stop()
        lost = Counter(clip.failure for clips in made for clip in clips if clip.failure)
        missing = sum(not clip.had for clips in made for clip in clips if not clip.failure)
        return Tally(killer.kills, lost, missing, doubled(gateway, songs))


def doubled(gateway: Gateway, songs: int) -> int:
    """Jobs beyond one a submission, and ends beyond one a job."""
    with redis.Redis.from_url(gateway.environment["GATEWAY_REDIS_URL"]) as client:
        jobs = sum(int(client.zcard(key)) for key in client.scan_iter(match=keys.jobs("*")))
        told = [fields for key in client.scan_iter(match="feed:*") for _, fields in client.xrange(key)]
    ends = Counter(fields[b"job"] for fields in told if fields[b"event"] == b"succeeded")
    return max(0, jobs - songs) + sum(count - 1 for count in ends.values())


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
    """One clip: whether its file could be had, whole, if it was completed; why not, if it was not."""

    had: bool = False
    failure: str | None = "not in time"


class Refused(Exception):
    """An answer that asking again will not change."""


class Caller:
    """One who wants a song, and does not give up easily."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._key = (gateway.data / "api_key").read_text()
        self._deadline = time.monotonic() + SONG_LIMIT_S

    def song(self) -> list[Outcome]:
        """Submit one and follow it to its end. A clip that does not end in time is not complete."""
        body = msgspec.json.encode(SONG)
        submitted = msgspec.json.decode(self._ask(SUBMIT, body, {"Idempotency-Key": secrets.token_hex(8)}))
        ids = [clip["id"] for clip in submitted["clips"]]
        ended: dict[str, Outcome] = {}
        while len(ended) < len(ids) and time.monotonic() < self._deadline:
            for clip in msgspec.json.decode(self._ask(FEED + ",".join(ids))):
                if clip["id"] not in ended and clip["status"] in ("complete", "error"):
                    failure = None if clip["status"] == "complete" else str(clip["metadata"]["error_type"])
                    ended[clip["id"]] = Outcome(failure is None and self._whole(clip["audio_url"]), failure)
            time.sleep(0.3)
        return [ended.get(id, Outcome()) for id in ids]

    def _whole(self, url: str) -> bool:
        """The file is there, and is an MP3."""
        try:
            return self._ask(url.removeprefix(self._gateway.url)).startswith((b"ID3", b"\xff"))
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
                if answer.status == HTTPStatus.OK:
                    return content
                if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise Refused(f"{path}: {answer.status} {content[:500]!r}")
            time.sleep(0.2)
        raise TimeoutError(path)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.integrity", description=__doc__)
    parser.add_argument("--runs", type=int, default=SONGS, help="songs (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the kills (default: %(default)s)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        rows = run(Path(folder), asked.runs, asked.seed)
    print(f"{machine()}\n\n{table(rows)}")
    sys.exit(not rows[0].kept)


if __name__ == "__main__":
    main()
