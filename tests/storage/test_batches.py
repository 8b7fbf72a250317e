"""Batches in Redis: one runner each, and every step whole, once, and refused to whoever holds the batch no longer."""

import asyncio
import re
import time
from typing import Any

import pytest
from redis.asyncio import Redis

from storage import keys
from storage.batches import (
    ENDED,
    NEXT,
    PER_OWNER,
    START,
    Batch,
    Batches,
    BatchStatus,
    Cursor,
    Fed,
    LineError,
    NoLongerHeld,
    Open,
    Segment,
)
from storage.errors import Gone, InUse, InvalidRequest, KeyReused, NotFound
from storage.files import BATCH, File, Files
from storage.files import Segment as Stretch
from storage.ids import line_job_id, new_batch_id, new_file_id
from storage.jobs import Idempotency, Jobs
from storage.scripts import Scripts
from tests.storage.relay import relayed
from tests.storage.samples import LATER_MS, RECORD_S, feed, sample
from tests.storage.test_keys import documented
from tests.storage.test_scripts import client_of

LEASE_S = 30.0
ENDPOINT = "/v1/jobs"


@pytest.fixture
def files(redis: Redis, scripts: Scripts) -> Files:
    return Files(redis, scripts, record_s=RECORD_S)


@pytest.fixture
def batches(redis: Redis, scripts: Scripts) -> Batches:
    return Batches(redis, scripts, record_s=RECORD_S)


async def input_of(files: Files, owner: str = "alice", **fields: Any) -> File:
    id = new_file_id(next(LATER_MS))
    file = File(id=id, owner=owner, purpose=BATCH, filename="x.jsonl", where=await files.begin(owner, id), **fields)
    await files.add(file)
    return file


async def create(files: Files, batches: Batches, owner: str = "alice", **fields: Any) -> Batch:
    file = await input_of(files, owner)
    batch = Batch(id=new_batch_id(next(LATER_MS)), owner=owner, endpoint=ENDPOINT, input_file=file.id, **fields)
    return (await batches.create(batch, 3600))[0]


async def running(files: Files, batches: Batches, **fields: Any) -> Batch:
    """A batch that is held, and whose lines have been judged."""
    await create(files, batches, **fields)
    (batch,) = await batches.claim(1, lease_s=LEASE_S)
    await batches.move(batch, BatchStatus.IN_PROGRESS, total=3)
    return batch


def line(batch: Batch, number: int, **fields: Any) -> Fed:
    return Fed(number, Open(f"c{number}"), sample(batch.owner, id=line_job_id(batch.id, number), **fields))


def segment(batch: Batch, name: str = "output", size_bytes: int = 100, count: int = 1) -> Segment:
    return Segment(
        new_file_id(next(LATER_MS)), f"{name}.jsonl", f"files/{batch.owner}/{batch.id}/{name}/{count}", size_bytes
    )


async def test_a_batch_is_found_by_its_owner_only(files: Files, batches: Batches) -> None:
    batch = await create(files, batches, metadata={"night": "17"}, base_url="https://here", keep_s=7, form="jobs")
    assert (batch.status, batch.window, batch.metadata) == (BatchStatus.VALIDATING, "24h", {"night": "17"})
    assert (batch.base_url, batch.keep_s, batch.form) == ("https://here", 7, "jobs")
    assert batch.expires - batch.created == 3_600_000
    assert await batches.get("alice", batch.id) == batch
    for owner, id in (("bob", batch.id), ("alice", new_batch_id()), ("alice", "batch_x"), ("alice", batch.input_file)):
        with pytest.raises(NotFound):
            await batches.get(owner, id)


async def test_a_batch_needs_a_file_of_its_owners(files: Files, batches: Batches, redis: Redis) -> None:
    theirs = await input_of(files, "bob")
    for file in (theirs.id, new_file_id()):
        with pytest.raises(NotFound) as refused:
            await batches.create(Batch(id=new_batch_id(), owner="alice", endpoint=ENDPOINT, input_file=file), 60)
        assert refused.value.field == "input_file_id"
    assert [name async for name in redis.scan_iter("batch*")] == []


async def test_pages_are_newest_first(files: Files, batches: Batches, redis: Redis) -> None:
    made = [await create(files, batches) for _ in range(5)]
    await create(files, batches, owner="bob")
    first = await batches.page("alice", after=None, limit=2)
    assert (first.batches, first.more) == (made[:2:-1], True)
    await redis.delete(keys.batch(made[1].id))
    rest = await batches.page("alice", after=first.batches[-1].id, limit=2)
    assert (rest.batches, rest.more) == ([made[2], made[0]], False)
    with pytest.raises(InvalidRequest):
        await batches.page("alice", after=made[0].input_file, limit=2)


async def test_the_same_request_makes_one_batch(files: Files, batches: Batches, redis: Redis) -> None:
    file, key = await input_of(files), Idempotency.of("k", b"one")

    def batch() -> Batch:
        return Batch(id=new_batch_id(), owner="alice", endpoint=ENDPOINT, input_file=file.id)

    first, replayed = await batches.create(batch(), 60, key)
    assert not replayed
    assert await batches.create(batch(), 60, key) == (first, True)
    with pytest.raises(KeyReused):
        await batches.create(batch(), 60, Idempotency.of("k", b"two"))
    assert (await files.get("alice", file.id)).holds == 1
    await redis.delete(keys.batch(first.id))
    with pytest.raises(Gone):
        await batches.create(batch(), 60, key)
    assert [name async for name in redis.scan_iter("batch:*")] == []


async def test_a_key_of_a_job_is_not_one_of_a_batch(files: Files, batches: Batches, jobs: Jobs) -> None:
    await jobs.admit(sample(), Idempotency.of("k", b"a job"))
    file = await input_of(files)
    batch = Batch(id=new_batch_id(), owner="alice", endpoint=ENDPOINT, input_file=file.id)
    with pytest.raises(KeyReused):
        await batches.create(batch, 60, Idempotency.of("k", b"a batch"))


async def test_one_runner_gets_a_batch_and_the_next_one_when_its_lease_has_ended(
    files: Files, batches: Batches
) -> None:
    made = await create(files, batches)
    taken = await asyncio.gather(*(batches.claim(5, lease_s=LEASE_S) for _ in range(5)))
    assert sorted(len(each) for each in taken) == [0, 0, 0, 0, 1]
    (held,) = next(each for each in taken if each)
    assert (held.id, held.token) == (made.id, 1)
    assert await batches.renew([held], lease_s=0) == {held.id: BatchStatus.VALIDATING}
    (again,) = await batches.claim(5, lease_s=LEASE_S)
    assert again.token == 2
    assert await batches.renew([held, again], lease_s=LEASE_S) == {again.id: BatchStatus.VALIDATING}


async def test_an_owner_with_many_batches_leaves_room_for_others(files: Files, batches: Batches) -> None:
    for _ in range(PER_OWNER + 3):
        await create(files, batches)
    theirs = await create(files, batches, owner="bob")
    first = await batches.claim(PER_OWNER - 1, lease_s=LEASE_S)
    second = await batches.claim(PER_OWNER, lease_s=LEASE_S)
    assert [batch.owner for batch in first] == ["alice"] * (PER_OWNER - 1)
    assert sorted(batch.owner for batch in second) == ["alice", "bob"]
    assert theirs.id in {batch.id for batch in second}
    await batches.renew(first[:2], lease_s=0)
    assert len(await batches.claim(9, lease_s=LEASE_S)) == 2


async def test_lines_are_submitted_with_the_cursor_in_one_step(
    files: Files, batches: Batches, jobs: Jobs, redis: Redis
) -> None:
    batch = await running(files, batches)
    refused = Fed(2, Open("c2", {"no": 1}), None)
    lines = [line(batch, 1), refused, line(batch, 4, priority=7, items=1)._replace(start_within_s=60.0)]
    assert await batches.feed(batch, START, Cursor(4, 999), lines) == BatchStatus.IN_PROGRESS
    now = await batches.get("alice", batch.id)
    assert (now.line, now.offset) == (4, 999)
    open_lines = await batches.open_lines(batch)
    assert {number: kept.custom_id for number, kept in open_lines.items()} == {1: "c1", 2: "c2", 4: "c4"}
    assert open_lines[2].refused == {"no": 1}
    first, none, last = await jobs.get(*(line_job_id(batch.id, number) for number in (1, 2, 4)))
    assert first
    assert none is None
    assert last
    assert (first.owner, first.request, first.items) == ("alice", {"prompt": "a song of the sea"}, 2)
    assert (last.priority, last.items) == (7, 1)
    assert last.start_by == pytest.approx((time.time() + 60) * 1000, abs=10_000)
    assert await feed(redis) == [(first.id, "queued"), (last.id, "queued")]


async def test_lines_are_submitted_once_however_often_it_is_said(files: Files, batches: Batches, redis: Redis) -> None:
    batch = await running(files, batches)
    for _ in range(2):
        assert await batches.feed(batch, START, Cursor(2, 20), [line(batch, 1), line(batch, 2)])
    assert len(await feed(redis)) == 2
    with pytest.raises(NoLongerHeld):  # the cursor stands elsewhere
        await batches.feed(batch, Cursor(1, 10), Cursor(3, 30), [line(batch, 3)])
    assert len(await feed(redis)) == 2


async def test_a_lost_answer_submits_and_counts_nothing_twice(
    files: Files, batches: Batches, redis: Redis, redis_url: str
) -> None:
    batch = await running(files, batches)
    async with relayed(redis_url) as (relay, url), client_of(url) as client:
        far = Batches(client, Scripts(client), record_s=RECORD_S)
        assert await far.claim(0, lease_s=LEASE_S) == []  # and knows the scripts
        relay.lose = 1
        await far.feed(batch, START, Cursor(2, 20), [line(batch, 1), line(batch, 2)])
        relay.lose = 1
        await far.commit(batch, lines=[1], counts=(1, 0), output=segment(batch))
        relay.lose = 1
        await far.commit(batch, moves=(Cursor(2, 20), Cursor(3, 30)), counts=(0, 1), error=segment(batch, "error"))
        relay.lose = 1
        await far.move(batch, BatchStatus.FINALIZING)
        assert relay.lose == 0
    now = await batches.get("alice", batch.id)
    assert (now.status, now.line, now.completed, now.failed) == (BatchStatus.FINALIZING, 3, 1, 1)
    assert set(await batches.open_lines(batch)) == {2}
    assert len(await feed(redis)) == 2
    for id in (now.output_file, now.error_file):
        file = await files.get("alice", id)
        assert (len(await files.segments(file)), file.bytes) == (1, 100)


async def test_results_lines_counts_and_files_move_together(files: Files, batches: Batches) -> None:
    batch = await running(files, batches)
    await batches.feed(batch, START, Cursor(3, 30), [line(batch, number) for number in (1, 2, 3)])
    good, bad = segment(batch, size_bytes=70), segment(batch, "error", 30)
    await batches.commit(batch, lines=[1, 3], counts=(1, 1), output=good, error=bad)
    now = await batches.get("alice", batch.id)
    assert (now.completed, now.failed, now.output_file, now.error_file) == (1, 1, good.file, bad.file)
    assert set(await batches.open_lines(batch)) == {2}
    more = segment(batch, size_bytes=5, count=2)._replace(file=good.file)
    await batches.commit(batch, lines=[2], counts=(1, 0), output=more)
    output = await files.get("alice", good.file)
    assert (output.purpose, output.filename, output.bytes) == ("batch_output", "output.jsonl", 75)
    assert await files.segments(output) == [Stretch(70, good.key), Stretch(5, more.key)]
    assert (await files.page("alice", after=None, limit=5, purpose="batch_output")).files == [
        await files.get("alice", bad.file),
        output,
    ]


async def test_results_of_as_many_lines_as_a_window_may_have_are_taken_at_once(files: Files, batches: Batches) -> None:
    batch = await running(files, batches)
    await batches.feed(batch, START, Cursor(2, 20), [line(batch, 1), line(batch, 2)])
    await batches.commit(batch, lines=list(range(1, 10_001)), counts=(10_000, 0), output=segment(batch))
    assert not await batches.open_lines(batch)


async def test_whoever_holds_it_no_longer_changes_nothing(files: Files, batches: Batches, redis: Redis) -> None:
    old = await running(files, batches)
    await batches.feed(old, START, Cursor(1, 10), [line(old, 1)])
    await batches.renew([old], lease_s=0)
    (new,) = await batches.claim(1, lease_s=LEASE_S)
    before = await redis.hgetall(keys.batch(old.id))
    with pytest.raises(NoLongerHeld):
        await batches.feed(old, Cursor(1, 10), Cursor(2, 20), [line(old, 2)])
    with pytest.raises(NoLongerHeld):
        await batches.commit(old, lines=[1], counts=(1, 0), output=segment(old))
    with pytest.raises(NoLongerHeld):
        await batches.commit(old, moves=(Cursor(1, 10), Cursor(2, 20)), counts=(0, 1), error=segment(old))
    with pytest.raises(NoLongerHeld):
        await batches.move(old, BatchStatus.FINALIZING)
    assert await redis.hgetall(keys.batch(old.id)) == before
    assert set(await batches.open_lines(new)) == {1}
    assert len(await feed(redis)) == 1
    assert not [name async for name in redis.scan_iter("segments:*")]


async def test_a_batch_that_is_to_end_takes_results_and_no_more_lines(
    files: Files, batches: Batches, redis: Redis
) -> None:
    batch = await running(files, batches)
    await batches.feed(batch, START, Cursor(1, 10), [line(batch, 1)])
    assert await batches.cancel(batch)
    assert await batches.cancel(batch), "once more is as good as once"
    assert await batches.renew([batch], lease_s=LEASE_S) == {batch.id: BatchStatus.CANCELLING}
    assert await batches.feed(batch, Cursor(1, 10), Cursor(2, 20), [line(batch, 2)]) == BatchStatus.CANCELLING
    assert len(await feed(redis)) == 1
    assert await batches.move(batch, BatchStatus.FINALIZING) == BatchStatus.CANCELLING
    assert await batches.commit(batch, lines=[1], counts=(1, 0), output=segment(batch)) == BatchStatus.CANCELLING
    assert await batches.move(batch, BatchStatus.CANCELLED) == BatchStatus.CANCELLED
    ended = await batches.get("alice", batch.id)
    assert 0 < ended.created <= ended.in_progress_at <= ended.cancelling_at <= ended.cancelled_at
    assert not await batches.cancel(ended)


async def test_at_its_end_a_batch_lets_go_of_its_files_and_goes_in_time(
    files: Files, batches: Batches, redis: Redis
) -> None:
    batch = await running(files, batches, keep_s=7200)
    await batches.feed(batch, START, Cursor(2, 20), [line(batch, 1), line(batch, 2)])
    output, error = segment(batch), segment(batch, "error")
    await batches.commit(batch, lines=[1], counts=(1, 1), output=output, error=error)
    ids = (batch.input_file, output.file, error.file)
    for id in ids:
        with pytest.raises(InUse):
            await files.remove("alice", id)
        assert await redis.ttl(keys.file(id)) == -1
    await batches.move(batch, BatchStatus.FINALIZING)
    await batches.move(batch, BatchStatus.COMPLETED)
    assert await batches.claim(5, lease_s=LEASE_S) == []
    assert [name async for name in redis.scan_iter("open:*")] == []
    assert RECORD_S - 10 < await redis.ttl(keys.batch(batch.id)) <= RECORD_S
    for id, life_s in zip(ids, (RECORD_S, 7200, 7200), strict=True):
        file = await files.get("alice", id)
        assert life_s - 10 < await redis.ttl(keys.file(id)) <= life_s
        assert file.expires == pytest.approx((time.time() + life_s) * 1000, abs=10_000)
        assert await redis.zscore(keys.ERASE, file.where) == file.expires
        await files.remove("alice", id)
    assert [name async for name in redis.scan_iter("segments:*")] == []


async def test_an_input_that_should_have_expired_stays_for_its_batches(
    files: Files, batches: Batches, redis: Redis
) -> None:
    file = await input_of(files, expires=int((time.time() + 60) * 1000))
    made = []
    for _ in range(2):
        batch = Batch(id=new_batch_id(), owner="alice", endpoint=ENDPOINT, input_file=file.id)
        made.append((await batches.create(batch, 3600))[0])
    assert await redis.ttl(keys.file(file.id)) == -1
    assert await redis.zscore(keys.ERASE, file.where) is None
    held = await batches.claim(2, lease_s=LEASE_S)
    await batches.move(held[0], BatchStatus.FAILED, errors=[LineError("empty_file", "the file has no lines")])
    assert await redis.ttl(keys.file(file.id)) == -1
    await batches.move(held[1], BatchStatus.EXPIRED)
    assert 0 < await redis.ttl(keys.file(file.id)) <= 60
    assert await redis.zscore(keys.ERASE, file.where) == file.expires


async def test_errors_are_kept_as_they_were_found(files: Files, batches: Batches) -> None:
    await create(files, batches)
    (batch,) = await batches.claim(1, lease_s=LEASE_S)
    errors = [LineError("invalid_url", "ünlike", "url", 3), LineError("too_many_errors", "more")]
    await batches.move(batch, BatchStatus.FAILED, errors=errors)
    assert (await batches.get("alice", batch.id)).errors == errors


@pytest.mark.parametrize("status", list(BatchStatus))
@pytest.mark.parametrize("target", list(BatchStatus))
async def test_a_batch_moves_as_the_table_says_and_never_otherwise(
    files: Files, batches: Batches, redis: Redis, status: BatchStatus, target: BatchStatus
) -> None:
    await create(files, batches)
    (batch,) = await batches.claim(1, lease_s=LEASE_S)
    await redis.hset(keys.batch(batch.id), "status", status)
    if target in NEXT[status] or target == status:
        assert await batches.move(batch, target) == target
    elif status == BatchStatus.CANCELLING:
        assert await batches.move(batch, target) == status
    else:
        with pytest.raises(NoLongerHeld):
            await batches.move(batch, target)
    now = (await batches.get("alice", batch.id)).status
    assert now == (target if target in NEXT[status] else status)


def test_every_end_is_one() -> None:
    assert {status.value for status in ENDED} == {"completed", "failed", "expired", "cancelled"}


async def test_a_batchs_life_makes_documented_keys_only(files: Files, batches: Batches, redis: Redis) -> None:
    batch = await running(files, batches)
    await batches.feed(batch, START, Cursor(2, 20), [line(batch, 1), line(batch, 2)])
    await batches.commit(batch, lines=[1], counts=(1, 0), output=segment(batch))
    patterns = [re.compile(re.sub(r"\\\{[a-z]+\\\}", ".+", re.escape(name)) + "$") for name in documented()]
    seen = {key.decode() async for key in redis.scan_iter()}
    assert {key.partition(":")[0] for key in seen} >= {"batch", "batches", "file", "files", "open", "segments"}
    assert not [key for key in seen if not any(pattern.match(key) for pattern in patterns)]
