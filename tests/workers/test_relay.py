"""Pieces on their way from an engine's folder to those who listen."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from storage.job import Job
from storage.store import Store
from tests.waiting import until
from tests.workers.jobs import admit, settings
from workers import relay
from workers.engines.pieces import Pieces
from workers.relay import Relay


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Store]:
    store = Store.open(settings(redis_url))
    yield store
    await store.close()


async def held(store: Store, **request: Any) -> Job:
    await admit(store, request=request)
    _, (job,) = await store.queue.claim("engines", 1, lease_s=60)
    return job


async def heard(store: Store, job: Job) -> tuple[list[bytes], int | None]:
    found = await store.sounds.read(job.id, 1)
    return found.pieces, found.all


async def test_pieces_are_passed_on_while_the_engine_works_and_the_end_when_it_is_good(
    store: Store, tmp_path: Path
) -> None:
    job = await held(store, streamed=True)
    passing, left = Relay(store.sounds, job), Pieces(tmp_path)
    async with passing.following(tmp_path):
        left.leave(b"one")
        passing.look()
        await until(lambda: reads(store, job, [b"one"]))
        left.leave(b"two")
        left.leave(b"three")
        passing.look()
        await until(lambda: reads(store, job, [b"one", b"two", b"three"]))
    left.leave(b"four")
    assert await heard(store, job) == ([b"one", b"two", b"three"], None)
    await passing.finish(tmp_path)
    assert await heard(store, job) == ([b"one", b"two", b"three", b"four"], 4)


async def reads(store: Store, job: Job, pieces: list[bytes]) -> bool:
    return (await heard(store, job))[0] == pieces


async def test_what_lies_there_from_an_earlier_attempt_is_passed_on_too(store: Store, tmp_path: Path) -> None:
    job = await held(store, streamed=True)
    left = Pieces(tmp_path)
    left.leave(b"one")
    left.leave(b"two")
    await store.sounds.add(job, 1, b"one")
    await Relay(store.sounds, job).finish(tmp_path)
    assert await heard(store, job) == ([b"one", b"two"], 2)


@pytest.mark.parametrize("request_", [{}, {"streamed": False}, {"streamed": "yes"}])
async def test_of_a_job_that_nobody_listens_to_nothing_is_passed_on(
    store: Store, tmp_path: Path, request_: dict[str, Any]
) -> None:
    job = await held(store, **request_)
    passing = Relay(store.sounds, job)
    Pieces(tmp_path).leave(b"one")
    async with passing.following(tmp_path):
        passing.look()
    await passing.finish(tmp_path)
    assert not passing.wanted
    assert await heard(store, job) == ([], None)


async def test_what_is_too_much_for_redis_stays_away_and_has_no_end_there(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "MOST_BYTES", 10)
    job = await held(store, streamed=True)
    left = Pieces(tmp_path)
    for _ in range(3):
        left.leave(b"12345")
    await Relay(store.sounds, job).finish(tmp_path)
    assert await heard(store, job) == ([b"12345"] * 2, None)
