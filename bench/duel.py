"""Our API and the bare app side by side, one granian process each, on one Redis, under the same load in turns."""

import asyncio
import socket
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from bench.load import Load, drive
from bench.peers.base import URL
from bench.program import Program
from bench.report import Row, middle, number
from cli.embedded import Redis
from cli.embedded.ports import free_ports
from storage.apikeys import ApiKeys
from storage.connect import connect

SECRET = "a secret of thirty-two characters"  # noqa: S105 - made up: it guards nothing that outlives the run
ROUNDS, WARM_UP = 8, 300
CONNECTIONS = 32
SHARE = 0.6


class Duel(NamedTuple):
    """Where both answer, and a key for ours."""

    ours: int
    bare: int
    key: str


@contextmanager
def duel(folder: Path) -> Iterator[Duel]:
    """Both apps on a Redis of their own. No S3: neither submission nor feed needs it."""
    ours, bare = free_ports(2)
    with Redis(folder / "redis") as server:
        plain = Program(
            folder / "bare", "bench.bare", str(bare), environment={URL: server.url}, answers=lambda: answers(bare)
        )
        with our_api(folder / "api", ours, server.url), plain:
            yield Duel(ours, bare, asyncio.run(new_key(server.url)))


def our_api(folder: Path, port: int, url: str, **variables: str) -> Program:
    """Our API on the Redis at `url`, without an S3 store."""
    environment = {
        "GATEWAY_REDIS_URL": url,
        "GATEWAY_SECRET": SECRET,
        "GATEWAY_S3_ENDPOINT": "http://127.0.0.1:1",
        "GATEWAY_S3_ACCESS_KEY": "none",
        "GATEWAY_S3_SECRET_KEY": "none",
        "GATEWAY_PORT": str(port),
        "GATEWAY_LOG_LEVEL": "WARNING",
        **variables,
    }
    return Program(folder, "cli.main", "api", environment=environment, answers=lambda: answers(port))


async def new_key(url: str) -> str:
    async with connect(SecretStr(url)) as client:
        _, key = await ApiKeys(client, SecretStr(SECRET)).create("bench")
    return key.get_secret_value()


def listens(port: int) -> bool:
    """Whether somebody takes connections there, whatever they speak."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True


def answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True


def rounds(
    where: Duel, ours: Callable[[], list[bytes]], bare: Callable[[], list[bytes]], count: int
) -> tuple[list[Load], list[Load]]:
    """Both under load in turns: what came of ours, and of the bare app."""
    seen: tuple[list[Load], list[Load]] = ([], [])
    for turn in range(ROUNDS + 1):
        for loads, port, requests in ((seen[0], where.ours, ours), (seen[1], where.bare, bare)):
            load = drive(port, requests(), connections=CONNECTIONS, count=count if turn else WARM_UP)
            if turn:
                loads.append(load)
    return seen


def row(what: str, ours: list[Load], bare: list[Load]) -> Row:
    share = statistics.median(one.rate / other.rate for one, other in zip(ours, bare, strict=True))
    p50, p99 = (statistics.median(getattr(load, name) for load in ours) for name in ("p50_ms", "p99_ms"))
    busiest = max(load.cpu for load in ours + bare)
    return Row(
        f"{what}, one process, c = {CONNECTIONS} (load generator: {busiest:.0%} of a core at the most)",
        f"{middle([load.rate for load in ours])}/s; p50 / p99 {number(p50)} / {number(p99)} ms",
        f"bare: {middle([load.rate for load in bare])}/s",
        f"{share:.0%}",
        f"≥ {SHARE:.0%}",
        share >= SHARE,
    )
