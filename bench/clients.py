"""What a request costs the client that the relay sends it with: ours, aiohttp's and httpx's, plain and over TLS.

16 connections to one chat service that answers at once, the clients in turns, each in a process of its own. httpx and
aiohttp as they come, but for the number of connections. How they do behind the relay is not in it: that is `chat`.
"""

import asyncio
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import httpx
import msgspec
import uvloop

from api.upstreams.client import Pool
from bench.mock import MODEL
from bench.report import Row, middle, number
from bench.sides import Case, chat_service
from cli.embedded.ports import free_ports
from tests.certificates import files

ROUNDS, SECONDS, LIMIT_S = 5, 1.5, 30.0
CONNECTIONS = 16
OURS = "ours"

Post = Callable[[], Awaitable[bytes]]
Loading = Callable[[Post], Awaitable["Spent"]]


class Spent(msgspec.Struct):
    """Answers a second, and what each took of the client's processor time."""

    rate: float
    cpu_us: float


def run(folder: Path) -> list[Row]:
    plain, tls = free_ports(2)
    key, certificate = files(folder, ["127.0.0.1"])
    with chat_service(folder / "plain", plain), chat_service(folder / "tls", tls, certificate, key):
        return [
            row
            for how, url in (("plain", f"http://127.0.0.1:{plain}"), ("over TLS", f"https://127.0.0.1:{tls}"))
            for row in rows(how, url, certificate)
        ]


def rows(how: str, url: str, certificate: Path) -> list[Row]:
    """Ours, and each of the others beside it."""
    seen: dict[str, list[Spent]] = {name: [] for name in CLIENTS}
    for _ in range(ROUNDS):
        for name, rounds in seen.items():
            rounds.append(spend(name, url, certificate))
    ours = seen.pop(OURS)
    made = [Row(f"a client, {how}, c = {CONNECTIONS}", text(ours), "–", "–", "–", None)]
    for name, rounds in seen.items():
        less = statistics.median(other.cpu_us / one.cpu_us for one, other in zip(ours, rounds, strict=True))
        made.append(Row(f"{made[0].what}, beside {name}", text(ours), text(rounds), f"1 / {number(less)}", "–", None))
    return made


def text(rounds: list[Spent]) -> str:
    cpu = number(statistics.median(each.cpu_us for each in rounds))
    return f"{middle([each.rate for each in rounds])}/s; {cpu} µs of CPU"


def spend(name: str, url: str, certificate: Path) -> Spent:
    command = [sys.executable, "-m", "bench.clients", name, url, str(certificate)]
    done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=True)
    return msgspec.json.decode(done.stdout, type=Spent)


async def ours(url: str, tls: ssl.SSLContext | None, body: bytes, load: Loading) -> Spent:
    pool = Pool(url, tls=tls)
    headers = [(b"content-type", b"application/json")]

    async def post() -> bytes:
        connection = await pool.open()
        connection.send(b"%b%d\r\n\r\n%b" % (pool.head("/v1/chat/completions", headers), len(body), body))
        while not connection.done:
            await connection.more()
        said = connection.take()
        connection.release()
        return said

    spent = await load(post)
    await pool.close()
    return spent


async def aiohttps(url: str, tls: ssl.SSLContext | None, body: bytes, load: Loading) -> Spent:
    connector = aiohttp.TCPConnector(limit=CONNECTIONS, ssl=tls or False)
    async with aiohttp.ClientSession(connector=connector, headers={"content-type": "application/json"}) as session:

        async def post() -> bytes:
            async with session.post(f"{url}/v1/chat/completions", data=body) as answer:
                return await answer.read()

        return await load(post)


async def httpxs(url: str, tls: ssl.SSLContext | None, body: bytes, load: Loading) -> Spent:
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    headers = {"content-type": "application/json"}
    async with httpx.AsyncClient(verify=tls or True, limits=limits, headers=headers) as client:

        async def post() -> bytes:
            return (await client.post(f"{url}/v1/chat/completions", content=body)).content

        return await load(post)


CLIENTS = {OURS: ours, "aiohttp": aiohttps, "httpx": httpxs}


async def _load(post: Post) -> Spent:
    whole = await post()
    until, answers = time.perf_counter() + SECONDS, 0

    async def user() -> None:
        nonlocal answers
        while time.perf_counter() < until:
            if await post() != whole:
                raise RuntimeError("an answer was not the whole of it")
            answers += 1

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(user() for _ in range(CONNECTIONS)))
    return Spent(answers / (time.perf_counter() - began), (time.process_time() - cpu) / answers * 1e6)


def main() -> None:
    name, url, certificate = sys.argv[1:]
    tls = ssl.create_default_context(cafile=certificate) if url.startswith("https:") else None
    spent = uvloop.run(CLIENTS[name](url, tls, Case(1, at_once=True).body(MODEL), _load))
    sys.stdout.buffer.write(msgspec.json.encode(spent))


if __name__ == "__main__":
    main()
