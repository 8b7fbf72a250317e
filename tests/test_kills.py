"""Every process is killed at every step, and nothing is lost, nothing made twice, nothing said and taken back."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from uuid import uuid4

import httpx
import psutil
import pytest
import redis

from cli.embedded.service import Service
from cli.gateway import Gateway, Program
from storage import keys
from storage.errors import ObjectsUnavailable
from storage.job import OutputStatus, Status
from tests.gateway import FEED, GENERATE, SONG, Visitor, part, visiting, whole_gateway
from tests.waiting import until

LEASE_S = 2.0
BURST = 60
REDIS, S3, WORKER, API = "Redis", "the S3 store", "the worker", "the api"
EVERYTHING = (REDIS, S3, WORKER, API)

MAKING_FIRST = {"status": Status.RUNNING, "first": OutputStatus.MAKING}
MAKING_LAST = {"status": Status.RUNNING, "first": OutputStatus.STORED, "last": OutputStatus.MAKING}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Kills do it no lasting harm, which is the point: one for all of these tests."""
    with whole_gateway(tmp_path_factory.mktemp("killed"), lease_s=f"{LEASE_S}", media_wait_s="5") as gateway:
        yield gateway


@pytest.fixture
async def visitor(gateway: Gateway) -> AsyncIterator[Visitor]:
    async with visiting(gateway.data) as visitor:
        yield visitor


@pytest.fixture
def killer(gateway: Gateway) -> "Killer":
    return Killer(gateway)


class Killer:
    """Ends processes of a gateway by SIGKILL and starts them again, as a crash and a watch would."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def kill(self, *names: str) -> None:
        for name in names:
            await asyncio.to_thread(part(self._gateway, name).kill)

    async def start(self, *names: str) -> None:
        await asyncio.gather(*(asyncio.to_thread(part(self._gateway, name).start) for name in names))

    async def strike(self, *names: str) -> None:
        await self.kill(*names)
        await self.start(*names)

    async def strike_engine(self) -> None:
        for engine in await self._engines():
            engine.kill()

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """A part that is there and does nothing, in the block; it may be killed meanwhile."""
        with _frozen([_process(part(self._gateway, name))]):
            yield

    @asynccontextmanager
    async def frozen_engine(self) -> AsyncIterator[None]:
        """The clip that is being made stays in the making, in the block."""
        with _frozen(await self._engines()):
            yield

    async def _engines(self) -> list[psutil.Process]:
        def look() -> list[psutil.Process]:
            children = _process(part(self._gateway, WORKER)).children()
            return [child for child in children if "workers.engines.child" in child.cmdline()]

        engines = await until(look, "an engine at work")
        assert isinstance(engines, list)
        return engines


def _process(service: Service) -> psutil.Process:
    assert service.process
    return psutil.Process(service.process.pid)


@contextmanager
def _frozen(processes: list[psutil.Process]) -> Iterator[None]:
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()


@pytest.mark.parametrize("victims", [(API,), (WORKER,), (REDIS,), (S3,), EVERYTHING], ids=" and ".join)
async def test_a_job_outlives_kills_while_it_waits_is_made_and_is_stored(
    visitor: Visitor, killer: Killer, victims: tuple[str, ...]
) -> None:
    with killer.frozen(WORKER):
        first, last = await visitor.generate()
        await killer.strike(*victims)

    await visitor.when(first, **MAKING_FIRST)
    async with killer.frozen_engine():
        (clip,) = await visitor.feed(first)
        downloading = asyncio.create_task(visitor.download(clip["audio_url"]))
        await killer.strike(*victims)

    await visitor.when(first, **MAKING_LAST)
    async with killer.frozen_engine():
        await killer.strike(*victims)

    await visitor.when(first, **MAKING_LAST)
    with killer.frozen(S3):
        await visitor.when(first, status=Status.STORING)
        await killer.strike(*victims)

    await visitor.complete(first, last)
    await visitor.assert_done_once(first)
    assert await downloading == await visitor.download(clip["audio_url"])
    unfinished = 2 if WORKER in victims else 0  # what a killed worker was making is made again, and nothing else is
    assert await visitor.makings(first) == 2 + unfinished


async def test_a_job_outlives_its_engine_and_no_finished_clip_is_made_again(visitor: Visitor, killer: Killer) -> None:
    first, last = await visitor.generate()
    await visitor.when(first, **MAKING_LAST)
    await killer.strike_engine()
    await visitor.complete(first, last)
    await visitor.assert_done_once(first)
    assert await visitor.makings(first) == 3


async def test_while_the_store_is_away_jobs_are_accepted_and_made_and_wait_in_storing(
    visitor: Visitor, killer: Killer
) -> None:
    earlier, _ = await visitor.generate()
    await visitor.when(earlier, **MAKING_LAST)
    await killer.kill(S3)
    later, _ = await visitor.generate()
    for clip in (earlier, later):
        waiting = await visitor.when(clip, status=Status.STORING, stage=ObjectsUnavailable.code)
        assert waiting.attempt == 0
    stored, made = await visitor.feed(earlier, later)
    assert (stored["status"], made["status"]) == ("complete", "streaming")
    refused = await visitor.http.get(stored["audio_url"])
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    await killer.start(S3)
    for clip in (earlier, later):
        await visitor.assert_done_once(clip)
        assert await visitor.makings(clip) == 2


async def test_while_redis_is_away_callers_are_told_to_come_again_and_nothing_is_half_accepted(
    visitor: Visitor, killer: Killer
) -> None:
    before = await visitor.jobs()
    key = {"idempotency-key": str(uuid4())}
    await killer.kill(REDIS)
    answers = await asyncio.gather(
        visitor.http.post(GENERATE, json=SONG, headers=key), visitor.http.get(FEED), visitor.http.get("/ready")
    )
    await killer.start(REDIS)
    assert [(answer.status_code, answer.headers["retry-after"]) for answer in answers] == [(503, "5")] * 3
    assert await visitor.jobs() == before
    with killer.frozen(WORKER):
        job = (await visitor.post(GENERATE, SONG, **key))["id"]
        assert await visitor.jobs() == before | {job}
        await visitor.cancel(job)


@pytest.mark.parametrize("victim", [API, REDIS])
async def test_what_is_submitted_while_a_process_dies_is_accepted_once_or_not_at_all(
    visitor: Visitor, killer: Killer, victim: str
) -> None:
    before = await visitor.jobs()
    keys = [str(uuid4()) for _ in range(BURST)]
    accepted: dict[str, str] = {}

    async def submit(some: list[str]) -> None:
        """One after the other, until one is not accepted."""
        for key in some:
            try:
                answer = await visitor.http.post(GENERATE, json=SONG, headers={"idempotency-key": key})
            except httpx.TransportError:
                return
            if answer.status_code == 503:
                return
            assert answer.status_code == 200
            accepted[key] = answer.json()["id"]

    with killer.frozen(WORKER):
        submitting = [asyncio.create_task(submit(keys[start::4])) for start in range(4)]
        await until(lambda: len(accepted) >= 4)
        await killer.kill(victim)
        await asyncio.gather(*submitting)
        await killer.start(victim)
        assert 4 <= len(accepted) < BURST
        assert before | set(accepted.values()) <= await visitor.jobs()

        again = {key: (await visitor.post(GENERATE, SONG, **{"idempotency-key": key}))["id"] for key in keys}
        assert again.items() >= accepted.items()
        jobs = set(again.values())
        assert len(jobs) == BURST
        assert await visitor.jobs() == before | jobs
        for job in jobs:
            await visitor.cancel(job)


async def test_a_worker_that_comes_back_after_its_lease_may_write_no_more(
    gateway: Gateway, visitor: Visitor, killer: Killer
) -> None:
    first, last = await visitor.generate()
    await visitor.when(first, **MAKING_FIRST)
    with ExitStack() as stack:
        with killer.frozen(WORKER):
            stack.enter_context(another_worker(gateway))
            await until(lambda: makes_again(visitor, first), "the other worker makes the first clip anew")
        await until(lambda: says(gateway, gateway.worker, held=0), "the first worker has let go")
        await visitor.complete(first, last)
        await visitor.assert_done_once(first)
    assert await visitor.makings(first) == 3


async def makes_again(visitor: Visitor, clip: str) -> bool:
    return await visitor.makings(clip) == 2


@contextmanager
def another_worker(gateway: Gateway) -> Iterator[None]:
    """A second worker on the same machine, and so on the same spool."""
    environment = gateway.environment | {"GATEWAY_WORKER_NAME": "another"}
    with Program("worker", gateway.data / "another", environment, lambda: says(gateway, "another", held=0)):
        yield


def says(gateway: Gateway, worker: str, **wanted: int) -> bool:
    """Whether a worker's health, as it was last told, is as wanted; what is not told any more is not."""
    with redis.Redis.from_url(gateway.environment["GATEWAY_REDIS_URL"]) as client:
        told = client.get(keys.health("engines", worker))
    return bool(told) and json.loads(told).items() >= wanted.items()
