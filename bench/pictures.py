"""Pictures: how fast each engine is, and what the gateway adds to one that is waited for.

The engine alone is its own subprocess, warm, as a worker has it. The gateway is a whole one: the request comes over
HTTP, waits, and is answered with the picture in Base64. Both make the same pictures, in turns.
"""

import asyncio
import json
import os
import statistics
import time
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

from bench.report import Row, middle, number
from cli.embedded.ports import free_ports
from cli.environment import without_ours
from cli.gateway import Gateway
from storage.catalog import ENGINES
from workers.engines.base import Made
from workers.engines.host import EngineHost
from workers.engines.limits import Limits

ROUNDS, TURNS = 5, 20
SIDE = 512
FACES = Path(__file__).parents[1] / "tests" / "workers" / "engines" / "picture" / "faces"
MEMORY_MB = 1500
PROMPT = "a fox in a snowy forest at night, lantern {}"


class Task(NamedTuple):
    """A kind of picture, as an engine is asked for it."""

    what: str
    kind: str
    request: Mapping[str, Any]
    inputs: Mapping[str, Path] = {}


_SWAP = {"source_image": FACES / "astronaut.jpg", "target_image": FACES / "hopper.jpg"}
_GIVEN = {"image": FACES / "astronaut.jpg"}
TASKS = [
    Task("512 × 512, from words", "image.generate", {"width": 512, "height": 512}),
    Task("1024 × 1024, from words", "image.generate", {"width": 1024, "height": 1024}),
    Task("512 × 512, from a picture", "image.edit", {"width": 512, "height": 512, "denoising_strength": 0.6}, _GIVEN),
    Task("320 × 330 made four times as large", "image.upscale", {"scale": 4}, _GIVEN),
    Task("a face swapped", "image.faceswap", {}, _SWAP),
]


def run(folder: Path) -> list[Row]:
    speeds = asyncio.run(engines(folder))
    port = free_ports(1)[0]
    with Gateway(folder / "data", "127.0.0.1", port, without_ours(os.environ)) as gateway:
        alone, whole = asyncio.run(turns(folder, port, gateway.first_key or ""))
    added = [1000 * (one - other) for one, other in zip(whole, alone, strict=True)]
    ratio = statistics.median(one / other for one, other in zip(whole, alone, strict=True))
    return [
        *(Row(f"picture: {task.what}", f"{middle(seconds)} s", "–", "–", "–", None) for task, seconds in speeds),
        Row(
            f"a picture of {SIDE} × {SIDE} waited for over HTTP, one at a time",
            f"{middle([1000 * one for one in whole])} ms; {number(statistics.median(added))} ms added",
            f"the engine alone: {middle([1000 * one for one in alone])} ms",
            f"{ratio:.0%}",
            "–",
            None,
        ),
    ]


async def engines(folder: Path) -> list[tuple[Task, list[float]]]:
    """How many seconds each task takes, warm, one after the other."""
    host = _host()
    try:
        found: list[tuple[Task, list[float]]] = []
        for task in TASKS:
            await _made(host, folder, task, 0)
            found.append((task, [await _made(host, folder, task, turn) for turn in range(1, ROUNDS + 1)]))
    finally:
        await host.close()
    return found


async def turns(folder: Path, port: int, key: str) -> tuple[list[float], list[float]]:
    """Seconds by the engine alone, and by the whole gateway."""
    host, alone, whole = _host(), list[float](), list[float]()
    task = TASKS[0]
    try:
        for turn in range(TURNS + 1):
            by_engine = await _made(host, folder, task, turn)
            by_gateway = await asyncio.to_thread(_asked, port, key, turn)
            if turn:  # the first ones start processes
                alone.append(by_engine)
                whole.append(by_gateway)
    finally:
        await host.close()
    return alone, whole


def _host() -> EngineHost:
    return EngineHost(ENGINES["illustrator"].spec, limits=Limits(MEMORY_MB))


async def _made(host: EngineHost, folder: Path, task: Task, turn: int) -> float:
    """Make one picture. Returns the seconds it took."""
    to = folder / f"{task.kind}-{turn}-{time.monotonic_ns()}"
    to.mkdir()
    asked = {
        "kind": task.kind,
        "request": {"prompt": PROMPT.format(turn), **task.request},
        "seed": turn,
        "inputs": {name: str(path) for name, path in task.inputs.items()},
    }
    began = time.monotonic()
    made = await host.generate(asked, to, lambda _: None)
    took = time.monotonic() - began
    assert isinstance(made, Made)
    return took


def _asked(port: int, key: str, turn: int) -> float:
    """Ask the gateway for the same, on a connection of its own. Returns the seconds until the answer is there."""
    body = {
        "prompt": PROMPT.format(turn),
        "model": "juggernautXL_version2",
        "size": f"{SIDE}x{SIDE}",
        "seed": turn,
        "response_format": "b64_json",
    }
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    began = time.monotonic()
    try:
        connection.request("POST", "/v1/images/generations", json.dumps(body), headers)
        answer = connection.getresponse()
        said = answer.read()
    finally:
        connection.close()
    assert answer.status == 200, said[:500]
    assert json.loads(said)["data"][0]["b64_json"]
    return time.monotonic() - began
