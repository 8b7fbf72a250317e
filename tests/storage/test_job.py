"""The table of moves is what Redis enforces, and a job comes back as it was put in."""

import asyncio
import random
from collections import deque
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from storage.connect import command
from storage.errors import EngineFailed, EngineLost, GatewayError, InvalidRequest
from storage.ids import Part
from storage.job import (
    IMAGES,
    LIVE,
    NEXT,
    TERMINAL,
    Cost,
    Failure,
    Job,
    Kind,
    Output,
    OutputStatus,
    PublicStatus,
    Status,
    Upstream,
    Webhook,
    sources,
)
from storage.jobs import Jobs
from storage.queue import Queue
from tests.storage.samples import LANE, RECORD_S, feed, sample

RANK = {PublicStatus.QUEUED: 0, PublicStatus.RUNNING: 1}
ENDED = 2


def path_to(target: Status) -> list[Status]:
    """The shortest way from QUEUED, without QUEUED itself."""
    ways = deque([[Status.QUEUED]])
    while way := ways.popleft():
        if way[-1] == target:
            return way[1:]
        ways.extend([*way, after] for after in sorted(NEXT[way[-1]]) if after not in way)
    raise AssertionError(target)


async def put(jobs: Jobs, queue: Queue, status: Status) -> Job:
    """A job in a state, brought there by legal moves."""
    job = sample()
    await jobs.admit(job)
    for step in path_to(status):
        assert await queue.advance(job.id, step)
    return job


async def read(jobs: Jobs, id: str) -> Job:
    [job] = await jobs.get(id)
    assert job is not None
    return job


def test_every_state_has_its_moves_and_ended_ones_have_none() -> None:
    assert set(NEXT) == set(Status)
    assert {Status.SUCCEEDED, Status.FAILED, Status.CANCELED, Status.EXPIRED} == TERMINAL
    assert set(Status) == LIVE | TERMINAL


def test_every_state_can_be_reached_and_left_for_an_end() -> None:
    for status in Status:
        assert status == Status.QUEUED or path_to(status)
    assert all(NEXT[status] & TERMINAL or status == Status.SUBMITTING for status in LIVE)


def test_sources_is_the_table_read_the_other_way() -> None:
    for target in Status:
        assert {source for source in Status if target in NEXT[source]} == set(sources(target).split())


@pytest.mark.parametrize("target", list(Status))
async def test_a_move_is_made_exactly_when_the_table_has_it(
    jobs: Jobs, queue: Queue, redis: Redis, target: Status
) -> None:
    made = await asyncio.gather(*(put(jobs, queue, status) for status in Status))
    told = await redis.xlen("feed:alice")
    done = await asyncio.gather(*(queue.advance(job.id, target) for job in made))
    after = [(await read(jobs, job.id)).status for job in made]
    for start, moved, end in zip(Status, done, after, strict=True):
        assert (start, moved, end) == (
            start,
            target in NEXT[start] or start == target,
            target if target in NEXT[start] else start,
        )
    assert await redis.xlen("feed:alice") - told == len(sources(target).split())


@pytest.mark.parametrize("target", list(Status))
async def test_a_late_token_moves_nothing(jobs: Jobs, queue: Queue, target: Status) -> None:
    job = sample()
    await jobs.admit(job)
    _, [late] = await queue.claim(LANE, 1, lease_s=0)
    _, [held] = await queue.claim(LANE, 1, lease_s=30)
    assert held.token > late.token
    for status in [Status.RUNNING, Status.STORING]:
        if status != Status.RUNNING:
            await queue.advance(job.id, status, token=held.token)
        before = await read(jobs, job.id)
        assert not await queue.advance(job.id, target, token=late.token, progress=0.5)
        assert await read(jobs, job.id) == before


async def test_the_same_move_by_the_same_holder_is_accepted_again_and_told_once(
    jobs: Jobs, queue: Queue, redis: Redis
) -> None:
    await jobs.admit(sample())
    _, [held] = await queue.claim(LANE, 1, lease_s=30)
    for target in (Status.STORING, Status.SUCCEEDED):
        assert await queue.advance(held.id, target, token=held.token)
        assert await queue.advance(held.id, target, token=held.token)
    assert await feed(redis) == [(held.id, word) for word in ("queued", "started", "storing", "succeeded")]


async def test_a_repeated_hand_back_does_not_return_two_attempts(jobs: Jobs, queue: Queue) -> None:
    await jobs.admit(sample())
    _, [held] = await queue.claim(LANE, 1, lease_s=30)
    for _ in range(2):
        assert await queue.advance(held.id, Status.QUEUED, token=held.token, give_back=True)
    assert (await read(jobs, held.id)).attempt == 0


async def test_a_move_of_a_job_that_is_not_there_is_refused(queue: Queue, redis: Redis) -> None:
    job = sample()
    for target in Status:
        assert not await queue.advance(job.id, target)
    assert not await redis.exists(f"job:{job.id}")


@pytest.mark.parametrize("seed", range(40))
async def test_the_public_status_never_goes_back(jobs: Jobs, queue: Queue, seed: int) -> None:
    rng = random.Random(seed)
    job = sample()
    await jobs.admit(job)
    seen = [job]
    while not seen[-1].ended and len(seen) < 30:
        target = rng.choice(sorted(NEXT[seen[-1].status]))
        if seen[-1].status == Status.QUEUED and target not in TERMINAL:  # work begins by being claimed
            _, [_] = await queue.claim(LANE, 1, lease_s=30, taken=target)
        else:
            assert await queue.advance(job.id, target)
        seen.append(await read(jobs, job.id))
    ranks = [RANK.get(job.public_status, ENDED) for job in seen]
    assert all(before <= after for before, after in pairwise(ranks))
    assert len({job.public_status for job in seen if job.ended}) <= 1


async def test_an_ended_job_says_when_and_its_record_is_due(jobs: Jobs, queue: Queue, redis: Redis) -> None:
    for status in TERMINAL:
        job = await put(jobs, queue, status)
        ended = await read(jobs, job.id)
        assert ended.finished >= ended.created > 0
        assert 0 < await redis.ttl(f"job:{job.id}") <= RECORD_S


FULL: dict[str, Any] = {
    "inputs": {"image": "inputs/x/image"},
    "account": "studio",
    "served_by": "suno",
    "canceling": 2_592_000,
    "upstream": Upstream(intent="d1", sent=1700000000000, ids=["u1", "u2"], progressed=1700000001000),
    "waits_for": "account studio rests",
    "cost": Cost(10.0, certain=True),
    "parent": "01a22311-6c1c-7288-80e2-184932400000",
    "kind": Kind.MUSIC_EXTEND,
    "owner": "bob",
    "dialect": "openai",
    "model": "é: a name with spaces",
    "engine": "other",
    "lane": "upstream",
    "step": "submit",
    "request": {"prompt": "日本語\n\0", "nested": [1, 2.5, None, {"a": True}]},
    "priority": 9,
    "items": 3,
    "status": Status.STORING,
    "stage": "uploading",
    "attempt": 4,
    "rescues": 3,
    "token": 2**53,
    "progress": 0.1,
    "created": 1_700_000_000_001,
    "started": 1_700_000_000_002,
    "finished": 1_700_000_000_003,
    "not_before": 1_700_000_000_004,
    "start_by": 1_700_000_000_005,
    "run_s": 7,
    "keep_s": 8,
    "outputs": [
        Output(
            item=1,
            part=Part.COVER,
            role="cover",
            status=OutputStatus.STORED,
            object_key="media/2026/01/02/x/cover.jpg",
            content_type="image/jpeg",
            size_bytes=3_000_000_000,
            duration_s=1.5,
            width_px=10,
            height_px=20,
            sha256="ab" * 32,
            metadata={"title": "Sea"},
            error=Failure("engine_failed", "it fell over", retryable=True),
        )
    ],
    "error": Failure("worker_lost", "gone", retryable=True),
    "metadata": {"k": "v", "empty": ""},
    "webhook": Webhook("https://example.com/hook?a=1", ["job.failed"], "http://gateway.test"),
}


@pytest.mark.parametrize("name", [field.name for field in msgspec.structs.fields(Job) if field.name != "id"])
async def test_a_field_comes_back_as_it_was_reported(jobs: Jobs, queue: Queue, name: str) -> None:
    await jobs.admit(sample())
    _, [held] = await queue.claim(LANE, 1, lease_s=30)
    assert getattr(held, name) != FULL[name]
    assert await queue.report(held, **{name: FULL[name]})
    after = await read(jobs, held.id)
    assert getattr(after, name) == FULL[name]
    assert type(getattr(after, name)) is type(FULL[name])


async def test_a_job_comes_back_as_it_was_admitted(jobs: Jobs) -> None:
    given = {name: value for name, value in FULL.items() if name not in ("outputs", "status", "created")}
    job = sample(**given)
    await jobs.admit(job)
    assert await read(jobs, job.id) == job
    assert job.created > 0


async def test_an_empty_word_comes_back_empty(jobs: Jobs) -> None:
    job = sample(model="", engine="", request={})
    await jobs.admit(job)
    assert await read(jobs, job.id) == job


async def test_only_what_differs_from_the_defaults_is_stored(jobs: Jobs, redis: Redis) -> None:
    job = sample()
    await jobs.admit(job)
    stored = {name.decode() for name in await command(redis, "HKEYS", f"job:{job.id}")}
    required = {field.name for field in msgspec.structs.fields(Job) if field.required and field.name != "id"}
    assert stored == required | {"status", "created", "items"}


def test_a_row_without_a_job_is_none() -> None:
    assert Job.from_row("x", msgspec.msgpack.encode([])) is None


async def test_fields_of_a_later_version_are_passed_over(jobs: Jobs, queue: Queue, redis: Redis) -> None:
    job = sample()
    await jobs.admit(job)
    await command(redis, "HSET", f"job:{job.id}", "invented_later", "{}")
    assert await read(jobs, job.id) == job
    _, [held] = await queue.claim(LANE, 1, lease_s=30)
    assert held.request == job.request


async def test_what_a_claim_hands_out_is_what_is_stored(jobs: Jobs, queue: Queue) -> None:
    await jobs.admit(sample())
    _, [first] = await queue.claim(LANE, 1, lease_s=30)
    assert await queue.advance(first.id, Status.QUEUED, token=first.token, delay_s=0.001, stage="waiting_capacity")
    held: list[Job] = []
    while not held:
        _, held = await queue.claim(LANE, 1, lease_s=30)
    assert held[0] == await read(jobs, first.id)
    assert (held[0].attempt, held[0].stage, held[0].not_before) == (2, "", 0)


def test_a_song_has_its_files_from_the_start() -> None:
    job = sample(items=2)
    assert [output.item for output in job.outputs if output.part == Part.MAIN] == [1, 2]
    assert len({job.output_id(output) for output in job.outputs}) == len(job.outputs) == 10
    assert job.output(2, Part.COVER).role == "cover"
    with pytest.raises(KeyError):
        job.output(3)


@pytest.mark.parametrize(
    "error", [InvalidRequest("too wide", field="width"), EngineLost("it died"), EngineFailed("it broke")]
)
def test_a_failure_gives_back_the_error_that_it_was_made_of(error: GatewayError) -> None:
    failure = Failure.of(error)
    again = failure.error()
    assert type(again) is type(error)
    assert (str(again), getattr(again, "field", None)) == (str(error), getattr(error, "field", None))
    assert failure.retryable == error.retryable


@pytest.mark.parametrize("kind", IMAGES)
def test_each_item_of_a_picture_job_has_one_file(kind: Kind) -> None:
    job = sample(kind=kind, items=3)
    assert [(output.item, output.part, output.role) for output in job.outputs] == [
        (item, Part.MAIN, "image") for item in (1, 2, 3)
    ]
