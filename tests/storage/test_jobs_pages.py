"""An owner's list: newest first, page by page, nothing twice and nothing left out."""

import asyncio
import base64
import json
from collections.abc import Sequence
from typing import Any

import pytest
from redis.asyncio import Redis

from storage.errors import InvalidRequest
from storage.job import Job, Kind, PublicStatus, Status
from storage.jobs import Jobs
from storage.queue import Queue
from tests.storage.samples import LANE, LEASE_S, sample

MUSIC = (Kind.MUSIC_GENERATE, Kind.MUSIC_EXTEND, Kind.MUSIC_CONCAT)


async def admit(jobs: Jobs, *made: Job) -> None:
    await asyncio.gather(*(jobs.admit(job) for job in made))


async def all_pages(jobs: Jobs, owner: str = "alice", **asked: Any) -> list[list[str]]:
    """The ids on each page, until there is no next one."""
    pages, cursor = [], None
    while True:
        page = await jobs.page(owner, cursor=cursor, **asked)
        pages.append([job.id for job in page.jobs])
        if page.cursor is None:
            return pages
        cursor = page.cursor


def newest_first(made: Sequence[Job]) -> list[str]:
    return [job.id for job in sorted(made, key=lambda job: (job.created, job.id), reverse=True)]


async def test_an_owner_without_jobs_has_one_empty_page(jobs: Jobs) -> None:
    assert await jobs.page("alice") == ([], None)


async def test_jobs_are_listed_newest_first(jobs: Jobs) -> None:
    made = [sample() for _ in range(5)]
    for job in made:
        await jobs.admit(job)
    assert await all_pages(jobs) == [newest_first(made)]


async def test_nobody_sees_anothers_jobs(jobs: Jobs) -> None:
    made = [sample(owner) for owner in ("alice", "bob", "alice2")]
    await admit(jobs, *made)
    assert await all_pages(jobs, "alice") == [[made[0].id]]


@pytest.mark.parametrize("limit", [1, 2, 7, 49, 50, 51])
async def test_pages_over_one_millisecond_neither_repeat_nor_omit(jobs: Jobs, redis: Redis, limit: int) -> None:
    made = [sample() for _ in range(50)]
    await admit(jobs, *made)
    for job in made:  # as if all but the last few had come in one moment
        job.created = 1_700_000_000_000 if job not in made[-5:] else 1_700_000_000_001
    await redis.zadd("jobs:alice", {job.id: job.created for job in made})
    pages = await all_pages(jobs, limit=limit)
    assert [id for page in pages for id in page] == newest_first(made)
    assert all(len(page) <= limit for page in pages)


async def test_a_cursor_holds_its_place_while_jobs_come_and_go(jobs: Jobs) -> None:
    made = [sample() for _ in range(9)]
    for job in made:
        await jobs.admit(job)
    order = newest_first(made)
    first = await jobs.page("alice", limit=3)
    await jobs.admit(sample())
    for job in made:
        if job.id in (order[2], order[4]):  # the one the cursor stands on, and one ahead of it
            await jobs.forget(job)
    second = await jobs.page("alice", limit=3, cursor=first.cursor)
    assert [job.id for job in second.jobs] == [order[3], order[5], order[6]]


async def test_filters_choose_by_kind_and_by_public_status(jobs: Jobs, queue: Queue) -> None:
    made = [sample(kind=kind) for kind in MUSIC for _ in range(4)]
    await admit(jobs, *made)
    _, held = await queue.claim(LANE, 6, lease_s=LEASE_S)
    for job in held[:3]:
        await queue.advance(job.id, Status.STORING, token=job.token)
        await queue.advance(job.id, Status.SUCCEEDED, token=job.token)
    await queue.advance(held[3].id, Status.QUEUED, token=held[3].token)  # waits again, and is still running to callers
    now = {job.id: job for job in await jobs.get(*(job.id for job in made)) if job}
    for kinds in ((), (Kind.MUSIC_EXTEND,), (Kind.MUSIC_EXTEND, Kind.MUSIC_CONCAT)):
        for statuses in ((), (PublicStatus.QUEUED,), (PublicStatus.RUNNING,), (PublicStatus.SUCCEEDED,)):
            pages = await all_pages(jobs, kinds=kinds, statuses=statuses, limit=2)
            wanted = [
                id
                for id in newest_first(made)
                if (not kinds or now[id].kind in kinds) and (not statuses or now[id].public_status in statuses)
            ]
            assert [id for page in pages for id in page] == wanted
    counts = [sum(job.public_status == status for job in now.values()) for status in ("queued", "running", "succeeded")]
    assert counts == [6, 3, 3]


async def test_a_page_stops_looking_after_a_thousand_and_can_be_continued(jobs: Jobs) -> None:
    rare = sample(kind=Kind.MUSIC_CONCAT)
    await jobs.admit(rare)
    await admit(jobs, *(sample() for _ in range(1500)))
    page = await jobs.page("alice", kinds=[Kind.MUSIC_CONCAT], limit=100)
    assert page.jobs == []
    assert page.cursor is not None
    page = await jobs.page("alice", kinds=[Kind.MUSIC_CONCAT], limit=100, cursor=page.cursor)
    assert [job.id for job in page.jobs] == [rare.id]


async def test_jobs_whose_records_have_expired_are_passed_over(jobs: Jobs, redis: Redis) -> None:
    made = [sample() for _ in range(6)]
    await admit(jobs, *made)
    for job in made[::2]:
        await redis.delete(f"job:{job.id}")
    assert [id for page in await all_pages(jobs, limit=2) for id in page] == newest_first(made[1::2])


async def test_upkeep_drops_them_from_the_list(jobs: Jobs, redis: Redis) -> None:
    made = [sample() for _ in range(6)]
    await admit(jobs, *made)
    for job in made[:3]:
        await redis.delete(f"job:{job.id}")
    assert await jobs.prune("alice", most=2) == 3
    assert await jobs.prune("alice", most=2) == 0
    assert await redis.zcard("jobs:alice") == 3


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "not a cursor",
        "é",
        "====",
        base64.urlsafe_b64encode(b"{}").decode(),
        base64.urlsafe_b64encode(b"[1]").decode(),
        base64.urlsafe_b64encode(json.dumps(["soon", "id"]).encode()).decode(),
        base64.urlsafe_b64encode(json.dumps([1, 2]).encode()).decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
async def test_what_is_no_cursor_is_refused_by_name(jobs: Jobs, cursor: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await jobs.page("alice", cursor=cursor)
    assert caught.value.field == "cursor"


@pytest.mark.parametrize("created", [0, -1, 2**62])
async def test_a_cursor_made_up_by_the_caller_shows_nothing_of_others(jobs: Jobs, created: int) -> None:
    await admit(jobs, sample("alice"), sample("bob"))
    made_up = base64.urlsafe_b64encode(json.dumps([created, "zzz"]).encode()).decode()
    page = await jobs.page("alice", cursor=made_up)
    assert {job.owner for job in page.jobs} <= {"alice"}
