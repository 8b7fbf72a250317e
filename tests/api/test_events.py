"""A job's events, and all of a caller's: told from the beginning or from any place on, and then as they happen."""

from datetime import UTC, datetime
from typing import Any

import pytest

from storage import keys
from storage.events import Event
from storage.feed import Feed
from storage.ids import new_job_id
from storage.job import Job, OutputStatus, Status
from storage.public import iso
from tests.api.gateway import Gateway
from tests.api.streams import Sent, streaming


def types(events: list[Sent]) -> list[str | None]:
    return [event.type for event in events]


def path(job: Job | str) -> str:
    return f"/v1/jobs/{job if isinstance(job, str) else job.id}/events"


async def submit(gateway: Gateway) -> str:
    return str((await gateway.alice.generate())["id"])


async def progress(gateway: Gateway, job: Job, percent: int) -> None:
    job.progress = percent / 100
    assert await gateway.services.store.queue.report(job, tell=f"progress {percent}", progress=job.progress)


async def output(gateway: Gateway, job: Job, item: int) -> None:
    job.output(item).status = OutputStatus.STORED
    assert await gateway.services.store.queue.report(job, tell=f"output {item}", outputs=job.outputs)


async def half_done(gateway: Gateway) -> Job:
    """A song of alice's at 40 %, its first clip there."""
    await submit(gateway)
    job = await gateway.claim()
    await progress(gateway, job, 10)
    await progress(gateway, job, 20)
    await output(gateway, job, 1)
    await progress(gateway, job, 40)
    return job


HALF_DONE = ["job.queued", "job.started", "job.progress", "job.progress", "job.output", "job.progress"]


async def whole(gateway: Gateway, where: str, **headers: str) -> list[Sent]:
    """All of a stream that ends by itself."""
    async with streaming(gateway, gateway.alice, where, **headers) as stream:
        return await stream.rest()


async def test_a_job_is_told_of_until_its_end(gateway: Gateway) -> None:
    id = await submit(gateway)
    async with streaming(gateway, gateway.alice, path(id)) as stream:
        assert types(await stream.events(1)) == ["job.queued"]
        job = await gateway.claim()
        assert types(await stream.events(1)) == ["job.started"]
        await progress(gateway, job, 50)
        (half,) = await stream.events(1)
        assert (half.type, half.data["progress"]) == ("job.progress", 0.5)
        await output(gateway, job, 1)
        assert types(await stream.events(1)) == ["job.output"]
        await gateway.end(job)
        (last,) = await stream.rest()
    assert last.type == "job.succeeded"
    assert last.data == await gateway.alice.job(id)
    assert stream.headers["x-job-id"] == id


async def test_an_event_looks_the_same_here_as_in_a_webhook(gateway: Gateway) -> None:
    id = await submit(gateway)
    async with streaming(gateway, gateway.alice, path(id)) as stream:
        (queued,) = await stream.events(1)
    job = await gateway.read(id)
    assert queued.id == queued.body["id"] == f"evt_{id.replace('-', '')}_queued"
    assert queued.body == {
        "object": "event",
        "id": queued.id,
        "type": "job.queued",
        "timestamp": iso(job.created),
        "created_at": job.created // 1000,
        "data": gateway.services.public.render(job, base_url="http://gateway.test"),
    }


async def test_what_every_stream_says_of_itself(gateway: Gateway) -> None:
    id = await submit(gateway)
    for where in ("/v1/events", path(id)):
        async with streaming(gateway, gateway.alice, where) as stream:
            assert stream.status == 200
            assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert stream.headers["cache-control"] == "no-cache"
            assert stream.headers["x-accel-buffering"] == "no"
            assert stream.headers["x-request-id"]
            assert "content-length" not in stream.headers
            assert await stream.part() == b": still here\n"


@pytest.mark.parametrize("end", [Status.SUCCEEDED, Status.FAILED, Status.CANCELED, Status.EXPIRED])
async def test_after_its_end_a_job_s_course_is_told_and_the_stream_closes(gateway: Gateway, end: Status) -> None:
    job = await half_done(gateway)
    await gateway.end(job, end)
    events = await whole(gateway, path(job))
    assert types(events) == ["job.queued", "job.started", "job.output", "job.progress", f"job.{end}"]
    assert {event.data["status"] for event in events} == {end}
    ended = await gateway.read(job.id)
    at = [event.body["timestamp"] for event in events]
    assert [at[0], at[1], at[-1]] == [iso(ended.created), iso(ended.started), iso(ended.finished)]
    assert at == sorted(at)


async def test_progress_that_is_out_of_date_is_told_to_those_only_who_go_on_after_some(gateway: Gateway) -> None:
    job = await half_done(gateway)
    async with streaming(gateway, gateway.alice, path(job)) as stream:
        seen = await stream.events(4)
        assert types(seen) == ["job.queued", "job.started", "job.output", "job.progress"]
    async with streaming(gateway, gateway.alice, path(job), last_event_id=str(seen[0].id)) as stream:
        assert types(await stream.events(5)) == HALF_DONE[1:]


async def test_a_stream_goes_on_after_the_event_that_the_client_has(gateway: Gateway) -> None:
    job = await half_done(gateway)
    told = [event async for event in course(gateway, job)]
    for place, (id, _) in enumerate(told[:-1]):
        async with streaming(gateway, gateway.alice, path(job), last_event_id=id) as stream:
            seen = await stream.events(len(told) - place - 1)
            assert [event.id for event in seen] == [each for each, _ in told[place + 1 :]]
    async with streaming(gateway, gateway.alice, f"{path(job)}?last_event_id={told[1][0]}") as stream:
        assert [event.id for event in await stream.events(4)] == [each for each, _ in told[2:]]
    where = f"{path(job)}?last_event_id={told[1][0]}"  # of the address; the header is what came since
    async with streaming(gateway, gateway.alice, where, last_event_id=told[4][0]) as stream:
        assert [event.id for event in await stream.events(1)] == [told[5][0]]


async def course(gateway: Gateway, job: Job) -> Any:
    """Ids and types of all that a job's owner was told of it."""
    for event in await gateway.services.store.feed.course(job):
        yield event.id, event.type


async def test_who_has_the_end_is_told_that_there_is_no_more(gateway: Gateway) -> None:
    job = await half_done(gateway)
    await gateway.end(job)
    *_, last = await whole(gateway, path(job))
    for sent in ({"headers": {"last-event-id": str(last.id)}}, {"params": {"last_event_id": last.id}}):
        answer = await gateway.alice.http.get(path(job), **sent)
        assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    "last",
    ["nonsense", "1763000000000-0", pytest.param(f"evt_{new_job_id().replace('-', '')}_queued", id="another's"), "é"],
)
async def test_an_event_of_another_job_is_no_place_to_go_on_from(gateway: Gateway, last: str) -> None:
    id = await submit(gateway)
    answer = await gateway.alice.http.get(path(id), params={"last_event_id": last})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"] == [
        {"detail": "is not the id of one of this job's events", "header": "Last-Event-ID"}
    ]


async def test_what_the_feed_has_no_more_is_told_from_the_record(gateway: Gateway) -> None:
    job = await half_done(gateway)
    redis = gateway.services.store.redis
    await redis.xtrim(keys.feed(job.owner), maxlen=1, approximate=False)
    async with streaming(gateway, gateway.alice, path(job)) as stream:
        seen = await stream.events(4)
        assert types(seen) == ["job.queued", "job.started", "job.output", "job.progress"]
        assert [event.body["timestamp"] for event in seen[:2]] == [iso(job.created), iso(job.started)]
        await redis.delete(keys.feed(job.owner))
        await gateway.end(job)
        assert types(await stream.rest()) == ["job.succeeded"]
    await redis.delete(keys.feed(job.owner))
    assert types(await whole(gateway, path(job))) == ["job.queued", "job.started", "job.output", "job.succeeded"]
    after = await whole(gateway, path(job), last_event_id=str(seen[2].id))
    assert types(after) == ["job.succeeded"]


@pytest.mark.parametrize("deleted", [False, True])
async def test_an_end_that_comes_while_the_past_is_looked_up_ends_the_stream(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, deleted: bool
) -> None:
    job, looked_up = await half_done(gateway), Feed.course

    async def late(feed: Feed, job: Job) -> list[Event]:
        await (gateway.services.store.jobs.forget(job) if deleted else gateway.end(job))
        return await looked_up(feed, job)

    monkeypatch.setattr(Feed, "course", late)
    *_, last = await whole(gateway, path(job))
    if deleted:
        assert (last.type, last.data["deleted"]) == ("job.deleted", True)
    else:
        assert (last.type, last.data["status"]) == ("job.succeeded", "succeeded")


async def test_a_job_that_is_deleted_is_told_of_no_more(gateway: Gateway) -> None:
    id = await submit(gateway)
    async with streaming(gateway, gateway.alice, path(id)) as stream:
        (queued,) = await stream.events(1)
        await gateway.services.store.jobs.forget(await gateway.read(id))
        (last,) = await stream.rest()
    assert (last.type, last.data) == ("job.deleted", {"id": id, "object": "job", "deleted": True})
    answer = await gateway.alice.http.get(path(id), headers={"last-event-id": str(queued.id)})
    assert answer.status_code == 404


async def test_what_is_told_twice_is_sent_once(gateway: Gateway) -> None:
    await submit(gateway)
    job = await gateway.claim()
    await progress(gateway, job, 10)
    async with streaming(gateway, gateway.alice, path(job)) as stream:
        await stream.events(3)
        for percent in (10, 20, 20):
            await progress(gateway, job, percent)
        await gateway.end(job)
        assert types(await stream.rest()) == ["job.progress", "job.succeeded"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_strangers_are_refused_before_anything_starts(gateway: Gateway, method: str) -> None:
    id = await submit(gateway)
    for where in (path(id), "/v1/events"):
        answer = await gateway.nobody.request(method, where)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    for other in (path(id), path(new_job_id()), path("nonsense")):
        answer = await gateway.bob.http.request(method, other)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_head_says_what_would_come_and_ends(gateway: Gateway) -> None:
    id = await submit(gateway)
    for where in (path(id), "/v1/events"):
        answer = await gateway.alice.http.head(where)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert not gateway.services.listeners._channels


async def test_all_of_a_caller_s_jobs_are_told_of_from_now_on(gateway: Gateway) -> None:
    await gateway.finish()
    async with streaming(gateway, gateway.alice, "/v1/events") as stream:
        first, second = await submit(gateway), await submit(gateway)
        await gateway.make()
        await gateway.bob.generate()
        await gateway.alice.http.post(f"/v1/jobs/{second}/cancel")
        seen = await stream.events(5)
    told = [("queued", first), ("queued", second), ("started", first), ("succeeded", first), ("canceled", second)]
    assert [(event.type, event.data["id"]) for event in seen] == [(f"job.{word}", id) for word, id in told]
    feed = [id.decode() for id, _ in await gateway.services.store.redis.xrange(keys.feed(gateway.alice.key.id))]
    assert [feed.index(str(event.id)) for event in seen] == sorted(feed.index(str(event.id)) for event in seen)
    assert seen[-1].data == await gateway.alice.job(second)


async def test_the_answer_says_where_the_stream_begins(gateway: Gateway) -> None:
    await submit(gateway)
    async with streaming(gateway, gateway.alice, "/v1/events") as stream:
        begin = stream.headers["last-event-id"]
    late = await submit(gateway)
    async with streaming(gateway, gateway.alice, "/v1/events", last_event_id=begin) as stream:
        assert stream.headers["last-event-id"] == begin
        (event,) = await stream.events(1)
    assert (event.type, event.data["id"]) == ("job.queued", late)


async def test_it_goes_on_after_any_event_without_gap_or_double(gateway: Gateway) -> None:
    job = await half_done(gateway)
    await gateway.end(job)
    async with streaming(gateway, gateway.alice, "/v1/events?since=0-0") as stream:
        told = await stream.events(7)
        assert types(told) == [*HALF_DONE, "job.succeeded"]
    for place in range(7):
        async with streaming(gateway, gateway.alice, "/v1/events", last_event_id=str(told[place].id)) as stream:
            assert await stream.events(len(told) - place - 1) == told[place + 1 :]
            await submit(gateway)
            told += await stream.events(1)


@pytest.mark.parametrize("name", ["since", "last_event_id"])
async def test_it_goes_back_to_where_the_address_says(gateway: Gateway, name: str) -> None:
    job = await half_done(gateway)
    feed = await gateway.services.store.redis.xrange(keys.feed(job.owner))
    async with streaming(gateway, gateway.alice, f"/v1/events?{name}={feed[1][0].decode()}") as stream:
        assert types(await stream.events(4)) == HALF_DONE[2:]


async def test_it_goes_back_to_a_time(gateway: Gateway) -> None:
    first = await gateway.read(await submit(gateway))
    while (second := await gateway.read(await submit(gateway))).created == first.created:
        pass
    at = datetime.fromtimestamp(second.created / 1000, UTC)
    for since in (str(iso(second.created)), at.isoformat(), at.replace(tzinfo=None).isoformat()):
        where = f"/v1/events?since={since.replace('+', '%2B')}"
        async with streaming(gateway, gateway.alice, where) as stream:
            assert [event.data["id"] for event in await stream.events(1)] == [second.id]
    async with streaming(gateway, gateway.alice, "/v1/events?since=9999-01-01") as stream:
        third = await submit(gateway)  # a time to come is now
        assert [event.data["id"] for event in await stream.events(1)] == [third]


async def test_only_the_types_asked_for_come(gateway: Gateway) -> None:
    async with streaming(gateway, gateway.alice, "/v1/events?types=job.succeeded,job.failed&types=job.started") as live:
        job = await half_done(gateway)
        await gateway.end(job)
        wanted = await live.events(2)
        assert types(wanted) == ["job.started", "job.succeeded"]
    async with streaming(gateway, gateway.alice, "/v1/events?since=0-0&types=job.started,job.succeeded") as past:
        assert types(await past.events(2)) == types(wanted)
    async with streaming(gateway, gateway.alice, "/v1/events?since=0-0&types=job.*") as past:
        assert types(await past.events(7)) == [*HALF_DONE, "job.succeeded"]


async def test_only_the_kinds_asked_for_come_and_what_is_deleted_may_be_any(gateway: Gateway) -> None:
    (clip, _) = await gateway.finish()
    async with streaming(gateway, gateway.alice, "/v1/events?kinds=music.concat,music.extend") as live:
        await gateway.alice.generate(continue_clip_id=clip)
        await gateway.alice.http.delete(f"/v1/jobs/{await submit(gateway)}")
        *seen, deleted = await live.events(2)
        assert [event.data["kind"] for event in seen] == ["music.extend"]
        assert (deleted.type, deleted.data["deleted"]) == ("job.deleted", True)


@pytest.mark.parametrize(
    ("query", "field", "word"),
    [
        ("types=job.done", "types", "job.succeeded"),
        ("kinds=webhook.delivery", "kinds", "music.generate"),
        ("since=yesterday", "since", "ISO 8601"),
        ("since=2026-07", "since", "ISO 8601"),
        ("last_event_id=evt_1_queued", "Last-Event-ID", "this stream"),
        ("last_event_id=1763000000000-99999999999999999999", "Last-Event-ID", "this stream"),
    ],
)
async def test_what_cannot_be_understood_is_refused(gateway: Gateway, query: str, field: str, word: str) -> None:
    answer = await gateway.alice.http.get(f"/v1/events?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(f"{field}: ")
    assert word in answer.json()["detail"]


async def test_whoever_comes_too_late_is_told_what_may_be_missing(gateway: Gateway) -> None:
    first = await half_done(gateway)
    redis = gateway.services.store.redis
    ids = [id.decode() for id, _ in await redis.xrange(keys.feed(first.owner))]
    await redis.xtrim(keys.feed(first.owner), maxlen=2, approximate=False)
    for place, missed in ((ids[0], True), (ids[-2], False)):
        async with streaming(gateway, gateway.alice, "/v1/events", last_event_id=place) as stream:
            seen = await stream.events(3 if missed else 1)
            assert types(seen) == ["events.missed", "job.output", "job.progress"][-len(seen) :]
        if missed:
            since, until = (int(id.partition("-")[0]) for id in (ids[0], ids[-2]))
            assert seen[0].id is None
            assert seen[0].data == {"since": iso(since), "until": iso(until)}
            assert seen[0].body["type"] == "events.missed"


async def test_words_that_are_no_events_are_not_sent(gateway: Gateway) -> None:
    async with streaming(gateway, gateway.alice, "/v1/events") as stream:
        await submit(gateway)
        job = await gateway.claim()
        queue = gateway.services.store.queue
        assert await queue.report(job, tell="making", outputs=job.outputs)
        assert await queue.advance(job.id, Status.QUEUED, token=job.token)
        await gateway.end(await gateway.claim())
        live = await stream.events(3)
    told = {fields[b"event"] for _, fields in await gateway.services.store.redis.xrange(keys.feed(job.owner))}
    assert told > {b"making", b"waiting again", b"running again", b"storing"}
    assert types(live) == ["job.queued", "job.started", "job.succeeded"]
    assert await all_told(gateway, 3) == [event._replace(body=event.body | {"data": live[-1].data}) for event in live]


async def all_told(gateway: Gateway, count: int) -> list[Sent]:
    async with streaming(gateway, gateway.alice, "/v1/events?since=0-0") as stream:
        return await stream.events(count)


async def test_a_job_that_has_been_deleted_since_is_still_told_of(gateway: Gateway) -> None:
    id = await submit(gateway)
    await gateway.alice.http.delete(f"/v1/jobs/{id}")
    gone = {"id": id, "object": "job", "deleted": True}
    assert [(event.type, event.data) for event in await all_told(gateway, 2)] == [
        ("job.queued", gone),
        ("job.deleted", gone),
    ]


async def test_whoever_s_key_is_revoked_hears_no_more(gateway: Gateway) -> None:
    async with (
        streaming(gateway, gateway.alice, "/v1/events") as hers,
        streaming(gateway, gateway.bob, "/v1/events") as his,
    ):
        await gateway.revoke(gateway.alice)
        assert await hers.rest() == []
        await gateway.bob.generate()
        assert types(await his.events(1)) == ["job.queued"]


async def test_a_key_that_is_made_ends_no_stream(gateway: Gateway) -> None:
    async with streaming(gateway, gateway.alice, "/v1/events") as stream:
        await gateway.services.store.redis.publish(keys.API_KEYS_CHANNEL, "key_0123456789abcdef")
        await submit(gateway)
        assert types(await stream.events(1)) == ["job.queued"]


async def test_when_the_server_stops_so_do_its_streams_and_none_begins(gateway: Gateway) -> None:
    id = await submit(gateway)
    async with (
        streaming(gateway, gateway.alice, path(id)) as of_job,
        streaming(gateway, gateway.bob, "/v1/events") as all_,
    ):
        await of_job.events(1)
        gateway.services.listeners.close()
        assert await of_job.rest() == await all_.rest() == []
    answer = await gateway.alice.http.get("/v1/events")
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
