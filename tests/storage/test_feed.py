"""The feed, read back from any place on, and what it says of one job."""

import asyncio
import random

import pytest
from redis.asyncio import Redis

from storage import keys
from storage.connect import command
from storage.events import Event, job_of, shown
from storage.feed import Feed, Gap, Place, Told
from storage.ids import new_job_id
from storage.job import Job, OutputStatus, Status
from storage.jobs import Jobs
from storage.queue import Queue
from storage.scripts import Scripts
from tests.storage.samples import LANE, LEASE_S, sample, server_ms

BEGINNING = Place(0, 0)
DAY_MS = 86_400_000


@pytest.fixture
def feed(scripts: Scripts) -> Feed:
    return Feed(scripts)


async def write(redis: Redis, *entries: tuple[str, str], owner: str = "alice", at: int = 0) -> list[Place]:
    """Entries (job, words) as the scripts write them, one a millisecond from `at` on, or now."""
    written = []
    for number, (job, words) in enumerate(entries):
        id = f"{at + number}-0" if at else "*"
        place = Place.read((await command(redis, "XADD", keys.feed(owner), id, "job", job, "event", words)).decode())
        assert place
        written.append(place)
    await redis.expire(keys.feed(owner), 60)
    return written


def words(told: list[Told]) -> list[str]:
    return [each.event.words for each in told]


async def test_what_was_told_after_a_place_comes_in_order_with_its_time(feed: Feed, redis: Redis) -> None:
    now = await server_ms(redis)
    places = await write(redis, ("a", "queued"), ("b", "queued"), ("a", "progress 5"), ("b", "output 12"), at=now)
    stretch = await feed.after("alice", places[0])
    assert stretch.told == [
        Told(places[1], Event("b", "queued", now + 1)),
        Told(places[2], Event("a", "progress 5", now + 2)),
        Told(places[3], Event("b", "output 12", now + 3)),
    ]
    assert (stretch.reached, stretch.more, stretch.gap) == (places[3], False, None)
    assert await feed.after("alice", places[3]) == ([], places[3], False, None)
    assert await feed.end("alice") == places[3]


async def test_words_that_are_no_events_are_passed_over(feed: Feed, redis: Redis) -> None:
    others = [("a", word) for word in ("making", "running again", "waiting again", "storing", "submitting", "in_doubt")]
    *_, last = await write(redis, ("a", "started"), *others)
    stretch = await feed.after("alice", BEGINNING)
    assert (words(stretch.told), stretch.reached) == (["started"], last)


async def test_it_comes_in_stretches_that_join(feed: Feed, redis: Redis) -> None:
    rng = random.Random(1)
    said = [(rng.choice("ab"), rng.choice(("progress 5", "making"))) for _ in range(700)]
    places = await write(redis, *said)
    for job, most in (("", 64), ("", 1000), ("a", 7)):
        wanted = [place for place, (about, what) in zip(places, said, strict=True) if what != "making" and job in about]
        found, place, more = list[Place](), BEGINNING, True
        while more:
            stretch = await feed.after("alice", place, job=job, most=most)
            assert len(stretch.told) <= most
            found += [each.place for each in stretch.told]
            place, more = stretch.reached, stretch.more
        assert found == wanted
        assert place == places[-1]


async def test_where_nothing_was_told_there_is_nothing(feed: Feed, redis: Redis) -> None:
    assert await feed.end("alice") == BEGINNING
    assert await feed.after("alice", BEGINNING) == ([], BEGINNING, False, None)
    (place,) = await write(redis, ("a", "queued"))
    assert await feed.after("alice", Place(place.ms + DAY_MS, 0)) == ([], place, False, None)


async def test_a_place_that_the_feed_reaches_back_to_has_no_gap_after_it(feed: Feed, redis: Redis) -> None:
    now = await server_ms(redis)
    places = await write(redis, *[("a", "progress 5")] * 10, at=now)
    assert (await feed.after("alice", Place.before(now))).gap is None
    await redis.xtrim(keys.feed("alice"), maxlen=4, approximate=False)
    assert (await feed.after("alice", places[6])).gap is None
    assert (await feed.after("alice", places[5])).gap == Gap(now + 5, now + 6)
    assert (await feed.after("alice", Place.before(now))).gap == Gap(now - 1, now + 6)
    assert (await feed.after("alice", BEGINNING)).gap == Gap(0, now + 6)


async def test_a_feed_is_cut_to_about_ten_thousand_events(jobs: Jobs, redis: Redis) -> None:
    async with redis.pipeline(transaction=False) as pipe:
        for _ in range(10_500):
            pipe.xadd(keys.feed("alice"), {"job": "a", "event": "progress 5"})
        await pipe.execute()
    await asyncio.gather(*(jobs.admit(sample()) for _ in range(20)))
    assert 10_000 <= await redis.xlen(keys.feed("alice")) < 10_000 + 100 + 20  # a node has up to 100


async def test_a_feed_that_may_have_expired_meanwhile_has_a_gap(feed: Feed, redis: Redis) -> None:
    now = await server_ms(redis)
    await write(redis, ("a", "queued"), at=now)
    assert (await feed.after("alice", Place(now - 29 * DAY_MS, 0))).gap is None
    assert (await feed.after("alice", Place(now - 31 * DAY_MS, 0))).gap == Gap(now - 31 * DAY_MS, now)
    assert (await feed.after("alice", BEGINNING)).gap is None


async def test_a_job_s_course_is_what_was_told_of_it_each_event_once(
    feed: Feed, jobs: Jobs, queue: Queue, redis: Redis
) -> None:
    for _ in range(300):
        await jobs.admit(sample())
    job = (await jobs.admit(sample(priority=0))).job
    _, (held,) = await queue.claim(LANE, 1, lease_s=LEASE_S)
    assert held.id == job.id
    for word in ("progress 5", "making", "output 1", "progress 5", "progress 10"):
        await queue.report(held, tell=word)
    for _ in range(300):
        await jobs.admit(sample())
    told = ["queued", "started", "progress 5", "output 1", "progress 10"]
    assert [event.words for event in await feed.course(await read(jobs, job))] == told
    await queue.advance(job.id, Status.CANCELED, token=held.token)
    course = await feed.course(await read(jobs, job))
    assert [event.words for event in course] == [*told, "canceled"]
    ended = await read(jobs, job)
    assert [course[0].at, course[1].at, course[-1].at] == [ended.created, ended.started, ended.finished]


async def read(jobs: Jobs, job: Job) -> Job:
    (now,) = await jobs.get(job.id)
    assert now
    return now


async def test_what_the_feed_has_lost_of_a_course_its_record_has(
    feed: Feed, jobs: Jobs, queue: Queue, redis: Redis
) -> None:
    job = (await jobs.admit(sample())).job
    _, (held,) = await queue.claim(LANE, 1, lease_s=LEASE_S)
    held.output(1).status = OutputStatus.STORED
    held.output(2).status = OutputStatus.FAILED
    await queue.report(held, tell="output 1", outputs=held.outputs)
    await queue.report(held, tell="progress 45", progress=0.47)
    ((last, _),) = await redis.xrevrange(keys.feed("alice"), count=1)
    await redis.xtrim(keys.feed("alice"), maxlen=1, approximate=False)
    now = await read(jobs, job)
    assert await feed.course(now) == [
        Event(job.id, "queued", now.created),
        Event(job.id, "started", now.started),
        Event(job.id, "output 1", now.started),
        Event(job.id, "output 2", now.started),
        Event(job.id, "progress 45", int(last.partition(b"-")[0])),
    ]
    await redis.delete(keys.feed("alice"))
    assert [event.words for event in await feed.course(now)] == [
        "queued",
        "started",
        "progress 45",
        "output 1",
        "output 2",
    ]


def test_a_record_shows_what_has_happened_and_nothing_else() -> None:
    job = sample(created=1000)
    assert shown(job) == [Event(job.id, "queued", 1000)]
    job.status, job.started, job.progress = Status.RUNNING, 2000, 0.04
    assert [event.words for event in shown(job)] == ["queued", "started"]
    job.status, job.finished, job.progress = Status.SUCCEEDED, 3000, 1.0
    assert shown(job) == [
        Event(job.id, "queued", 1000),
        Event(job.id, "started", 2000),
        Event(job.id, "succeeded", 3000),
    ]


def test_an_event_s_id_names_its_job() -> None:
    id = new_job_id()
    for said in ("queued", "progress 35", "output 2"):
        assert job_of(Event(id, said, 0).id) == id
    for wrong in ("", "evt_", id, "1763000000000-0", f"evt_{id}_queued", f"evt_{id.replace('-', '')}"):
        assert job_of(wrong) is None


@pytest.mark.parametrize("text", ["0-0", "1763000000000-0", "1763000000000-18446744073709551615"])
def test_a_place_is_written_as_redis_does(text: str) -> None:
    assert str(Place.read(text)) == text


@pytest.mark.parametrize(
    "text", ["", "-", "1-", "1763000000000", "2026-07", "0-1", "1763000000000-18446744073709551616", "1763000000000-x"]
)
def test_what_is_no_place_is_none(text: str) -> None:
    assert Place.read(text) is None


def test_places_are_in_order() -> None:
    texts = ["0-0", "999999999999-5", "1763000000000-0", "1763000000000-2", "1763000000000-10"]
    places = [Place.read(text) for text in texts]
    assert places == sorted(place for place in places if place)
    assert Place.before(1763000000000) < Place(1763000000000, 0)
    assert Place.before(0) == Place.before(-5) == BEGINNING
