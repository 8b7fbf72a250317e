"""Speech: when the first of it can be heard, when all of it, and how fast the engine speaks each language.

A whole gateway is asked over HTTP for a paragraph as MP3; beside it the engine alone, its own subprocess, warm, as a
worker has it, makes the same. In turns, each time another paragraph, so that nothing is remembered.
"""

import asyncio
import json
import statistics
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from bench.models import with_models
from bench.report import Row, middle, number
from cli.embedded.ports import free_ports
from cli.gateway import Gateway
from storage.catalog import ENGINES
from workers.engines.host import EngineHost
from workers.engines.limits import Limits

TURNS = 5
VOICE = "af_heart"
PARAGRAPH = (
    "Chapter {}. The ferry leaves the harbour at seven in the morning. It carries bread, letters and a few people who "
    "live on the islands. In winter the sea is often too rough, and then nobody crosses for days. The captain knows "
    "every rock by its name, and tells them to whoever stands beside him."
)
SENTENCES = {
    "English": "The old lighthouse keeper climbed the narrow stairs every evening to light the lamp.",
    "Spanish": "El tren de la mañana llega a la estación con diez minutos de retraso.",
    "French": "Demain nous irons à la plage avec mes amis pour écouter de la musique.",
    "Chinese": "今天天气很好，我们一起去公园散步，然后去图书馆看书。",
}


class Heard(NamedTuple):
    """Seconds from the request until the first byte of sound and the last; how long the sound is, as its job says."""

    first_s: float
    last_s: float


def run(folder: Path) -> list[Row]:
    port = free_ports(1)[0]
    variables = with_models()
    with Gateway(folder / "data", "127.0.0.1", port, variables) as gateway:
        heard, alone = asyncio.run(turns(folder, port, gateway.first_key or ""))
    first = [each.first_s for each in heard]
    share = statistics.median(one.first_s / other for one, other in zip(heard, alone, strict=True))
    rows = [
        Row(
            "a paragraph of five sentences: the first byte of sound",
            f"{middle(first)} s; the last after {middle([each.last_s for each in heard])} s",
            f"the engine alone, all of it: {middle(alone)} s",
            f"{share:.0%}",
            "–",
            None,
        )
    ]
    return rows + asyncio.run(languages(folder))


async def turns(folder: Path, port: int, key: str) -> tuple[list[Heard], list[float]]:
    """By the whole gateway, and by the engine alone. The first of each start processes, and do not count."""
    host, heard, alone = _host(), list[Heard](), list[float]()
    try:
        for turn in range(TURNS + 1):
            text = PARAGRAPH.format(turn + 1)
            by_gateway = await asyncio.to_thread(_asked, port, key, text)
            by_engine, _ = await spoken(host, folder, text)
            if turn:
                heard.append(by_gateway)
                alone.append(by_engine)
    finally:
        await host.close()
    return heard, alone


async def languages(folder: Path) -> list[Row]:
    """How long each second of sound takes, warm, by one thread."""
    host, rows = _host(), list[Row]()
    try:
        for language, sentence in SENTENCES.items():
            await spoken(host, folder, sentence)
            ratios = [took / sound for took, sound in [await spoken(host, folder, sentence) for _ in range(TURNS)]]
            rows.append(Row(f"speech: {language}, a second of sound", f"{middle(ratios)} s", "–", "–", "–", None))
    finally:
        await host.close()
    return rows


def _host() -> EngineHost:
    engine = ENGINES["kokoro"]
    return EngineHost(engine.spec, limits=Limits(engine.memory_mb, engine.stall_s))


async def spoken(host: EngineHost, folder: Path, text: str) -> tuple[float, float]:
    """Have the engine say something. Returns the seconds it took, and how many seconds of sound came of it."""
    to = folder / f"spoken-{time.monotonic_ns()}"
    to.mkdir()
    request = {"input": text, "voice": VOICE, "response_format": "mp3"}
    began = time.monotonic()
    made = await host.generate({"kind": "speech", "request": request, "seed": 1}, to, lambda _: None)
    took = time.monotonic() - began
    return took, float(made.artifacts[0].duration_s or 0)


def _asked(port: int, key: str, text: str) -> Heard:
    """Ask the gateway for the same, on a connection of its own."""
    body = json.dumps({"model": "tts-1", "input": text, "voice": VOICE})
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    connection = HTTPConnection("127.0.0.1", port, timeout=300)
    began = time.monotonic()
    try:
        connection.request("POST", "/v1/audio/speech", body, headers)
        answer = connection.getresponse()
        first = answer.read1(1)
        first_s = time.monotonic() - began
        rest = answer.read()
        last_s = time.monotonic() - began
    finally:
        connection.close()
    assert answer.status == 200, (first + rest)[:500]
    assert len(rest) > 10_000, number(len(rest))
    return Heard(first_s, last_s)
