"""Every process is killed at every step, and nothing is lost, nothing made twice, nothing said and taken back."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from uuid import uuid4

import httpx
import pytest
import redis

from cli.gateway import Gateway, Program
from storage import keys
from storage.errors import ObjectsUnavailable
from storage.job import Status
from tests.gateway import FEED, GENERATE, SONG, Visitor
from tests.kills.killer import API, MAKING_FIRST, MAKING_LAST, REDIS, S3, WORKER, Killer
from tests.waiting import until

BURST = 60
EVERYTHING = (REDIS, S3, WORKER, API)


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
