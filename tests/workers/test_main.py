"""The worker process: it waits for a Redis that is away, and asked to end it ends, handing back what it holds."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import redis

from cli.embedded import Redis
from cli.embedded.service import LOOPBACK
from cli.environment import without_ours
from storage import keys
from storage.job import Status
from storage.store import Store
from tests.waiting import until
from tests.workers.jobs import admit, read, settings
from workers.main import UnknownLane, arq_settings
from workers.settings import WorkerSettings

NAME = "tested"
OURS = ["cli.main", "worker"]
ARQS = ["arq", "workers.main.WorkerSettings"]
ENDS_WITHIN_S = 30

Start = Callable[..., psutil.Popen]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a worker for a Redis; what it says goes to the file `log`. Whatever still runs in the end is killed."""
    started: list[psutil.Popen] = []

    def begin(redis_url: str, words: list[str] = OURS) -> psutil.Popen:
        environment = without_ours(os.environ) | {
            "GATEWAY_REDIS_URL": redis_url,
            "GATEWAY_S3_ENDPOINT": f"http://{LOOPBACK}:9",
            "GATEWAY_S3_ACCESS_KEY": "unused",
            "GATEWAY_S3_SECRET_KEY": "unused",
            "GATEWAY_SECRET": "s" * 32,
            "GATEWAY_DATA": str(tmp_path),
            "GATEWAY_WORKER_NAME": NAME,
            "GATEWAY_DRAIN_S": "0",
        }
        with (tmp_path / "log").open("ab") as log:
            command = [sys.executable, "-m", *words]
            started.append(psutil.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT))
        return started[-1]

    yield begin
    for process in started:
        if process.is_running():
            process.kill()
        process.wait()


@pytest.mark.parametrize("words", [OURS, ARQS], ids=["our command", "arq's command"])
async def test_a_worker_that_is_asked_to_end_hands_back_what_it_holds_and_leaves_nothing_running(
    store: Store, redis_url: str, start: Start, tmp_path: Path, words: list[str]
) -> None:
    worker = start(redis_url, words)
    await until(lambda: store.redis.exists(keys.health("engines", NAME)), "the worker serves its lane")
    job = await admit(store, step="render", request={"prompt": "[Verse]\nOne line is enough", "tags": "punk"})
    (engine,) = await until(worker.children, "an engine at work")
    worker.terminate()
    assert worker.wait(ENDS_WITHIN_S) == 0, (tmp_path / "log").read_text()
    assert not engine.is_running()
    handed_back = await read(store, job.id)
    assert (handed_back.status, handed_back.attempt) == (Status.QUEUED, 0)
    assert not await store.redis.exists(keys.health("engines", NAME))


async def test_a_worker_waits_for_a_redis_that_is_away_and_serves_when_it_is_there(
    start: Start, tmp_path: Path
) -> None:
    with Redis(tmp_path / "redis") as server:
        server.kill()
        with socket.create_server((LOOPBACK, server.port)) as nobody:
            worker = start(server.url)
            nobody.settimeout(ENDS_WITHIN_S)
            nobody.accept()[0].close()  # it has tried
        server.start()
        with redis.Redis.from_url(server.url) as client:
            await until(lambda: client.exists(keys.health("engines", NAME)), "the worker serves its lane")
        worker.terminate()
        assert worker.wait(ENDS_WITHIN_S) == 0


async def test_a_worker_ends_when_it_is_asked_to_though_redis_is_away(start: Start, tmp_path: Path) -> None:
    with Redis(tmp_path / "redis") as server:
        worker = start(server.url)
        with redis.Redis.from_url(server.url) as client:
            await until(lambda: client.exists(keys.health("engines", NAME)), "the worker serves its lane")
        server.kill()
        worker.terminate()
        assert worker.wait(ENDS_WITHIN_S) == 0, (tmp_path / "log").read_text()


def test_a_lane_that_no_step_serves_is_refused_by_name() -> None:
    with pytest.raises(UnknownLane, match="no lane is called images, nothing; there are: engines"):
        arq_settings(settings("redis://nowhere"), WorkerSettings(lanes=["engines", "nothing", "images"]))
