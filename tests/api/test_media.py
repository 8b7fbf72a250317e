"""Links to results, from a real store: what they give in every state of the file, and of its job's record."""

import asyncio
from typing import Any

import pytest

from api.settings import ApiSettings
from storage.ids import Part, output_id
from storage.job import Failure, Job, OutputStatus, Status
from storage.keys import job_channel
from tests.api.gateway import Gateway, serving, storage_settings
from tests.waiting import until

SONG = bytes(range(256)) * 4000  # 1 MB: several chunks


async def link(gateway: Gateway, job: Job, part: str = "audio_url") -> str:
    """The link that the feed shows, to the first clip of a job that is under way."""
    (clip,) = await gateway.alice.feed(output_id(job.id, 1))
    return str(clip[part])


async def making(gateway: Gateway) -> Job:
    await gateway.alice.generate()
    job = await gateway.claim()
    await gateway.mark(job, OutputStatus.MAKING)
    return job


async def stored(gateway: Gateway, data: bytes = SONG) -> tuple[Job, str]:
    """A job whose first clip is stored, and the link to it."""
    job = await making(gateway)
    await gateway.store(job, 1, data)
    return job, await link(gateway, job)


async def test_a_stored_file_is_served_whole(stocked: Gateway) -> None:
    job, url = await stored(stocked)
    answer = await stocked.nobody.get(url)
    assert (answer.status_code, answer.content) == (200, SONG)
    headers = answer.headers
    assert headers["content-type"] == "audio/mpeg"
    assert headers["content-length"] == str(len(SONG))
    assert headers["accept-ranges"] == "bytes"
    assert headers["etag"].startswith('"')
    assert headers["last-modified"].endswith("GMT")
    assert headers["content-disposition"] == f'inline; filename="{output_id(job.id, 1)}.mp3"'
    assert headers["cache-control"].startswith("private")
    assert "immutable" in headers["cache-control"]
    assert headers["access-control-allow-origin"] == "*"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-job-id"] == job.id


@pytest.mark.parametrize(
    ("sent", "first", "last"),
    [("bytes=0-99", 0, 99), ("bytes=300000-", 300_000, 1_023_999), ("bytes=-1", 1_023_999, 1_023_999)],
)
async def test_a_part_of_a_file_is_served(stocked: Gateway, sent: str, first: int, last: int) -> None:
    _, url = await stored(stocked)
    answer = await stocked.nobody.get(url, headers={"range": sent})
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(SONG)}"
    assert answer.content == SONG[first : last + 1]


async def test_a_part_that_is_not_there_is_refused_with_the_size(stocked: Gateway) -> None:
    _, url = await stored(stocked)
    answer = await stocked.nobody.get(url, headers={"range": "bytes=2000000-"})
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["content-range"] == f"bytes */{len(SONG)}"


async def test_what_the_client_has_already_is_not_sent_again(stocked: Gateway) -> None:
    _, url = await stored(stocked)
    first = await stocked.nobody.get(url)
    again = await stocked.nobody.get(url, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    resumed = await stocked.nobody.get(url, headers={"range": "bytes=5-9", "if-range": first.headers["etag"]})
    assert (resumed.status_code, resumed.content) == (206, SONG[5:10])
    changed = await stocked.nobody.get(url, headers={"range": "bytes=5-9", "if-range": '"another"'})
    assert (changed.status_code, changed.content) == (200, SONG)


async def test_head_says_what_get_would_without_the_bytes(stocked: Gateway) -> None:
    _, url = await stored(stocked)
    whole, head = await stocked.nobody.get(url), await stocked.nobody.head(url)
    assert (head.status_code, head.content) == (200, b"")
    ignored = {"x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in ignored} == {
        k: v for k, v in whole.headers.items() if k not in ignored
    }


async def test_an_empty_file_is_served_too(stocked: Gateway) -> None:
    _, url = await stored(stocked, b"")
    answer = await stocked.nobody.get(url)
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")


async def test_covers_have_names_and_types_of_their_own(stocked: Gateway) -> None:
    job = await making(stocked)
    await stocked.store(job, 1, b"\x89PNG", part=Part.COVER, kind="image/png")
    url = await link(stocked, job, "image_url")
    assert url.endswith(f"/image_{output_id(job.id, 1)}.png")
    answer = await stocked.nobody.get(url)
    assert (answer.content, answer.headers["content-type"]) == (b"\x89PNG", "image/png")


async def test_a_link_to_a_file_that_is_being_made_waits_for_it(stocked: Gateway) -> None:
    job = await making(stocked)
    waiting = asyncio.create_task(stocked.nobody.get(await link(stocked, job)))
    await until(lambda: job_channel(job.id) in stocked.services.store.signals._watchers)
    await stocked.services.store.queue.report(job, progress=0.5)
    await stocked.store(job, 2, b"the other clip")
    assert not waiting.done()
    await stocked.store(job, 1, SONG)
    async with asyncio.timeout(5):
        answer = await waiting
    assert (answer.status_code, answer.content) == (200, SONG)


async def test_a_waiting_link_says_so_when_the_file_comes_to_nothing(stocked: Gateway) -> None:
    job = await making(stocked)
    waiting = asyncio.create_task(stocked.nobody.get(await link(stocked, job)))
    await until(lambda: job_channel(job.id) in stocked.services.store.signals._watchers)
    await stocked.end(job, Status.FAILED, error=Failure("engine_failed", "the engine broke"))
    async with asyncio.timeout(5):
        answer = await waiting
    assert answer.status_code == 410
    assert "the engine broke (engine_failed)" in answer.json()["detail"]


async def test_a_link_waits_only_so_long(redis_url: str, s3: dict[str, Any]) -> None:
    async with serving(storage_settings(redis_url, s3), ApiSettings(media_wait_s=0.05)) as gateway:
        job = await making(gateway)
        answer = await gateway.nobody.get(await link(gateway, job))
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "is being made" in answer.json()["detail"]


@pytest.mark.parametrize("end", [Status.FAILED, Status.CANCELED, Status.EXPIRED])
async def test_a_file_that_was_not_made_is_gone(stocked: Gateway, end: Status) -> None:
    job = await making(stocked)
    url = await link(stocked, job)
    await stocked.end(job, end)
    answer = await stocked.nobody.get(url)
    assert answer.status_code == 410
    assert end.value in answer.json()["detail"]


async def test_one_failed_clip_is_gone_while_the_other_is_served(stocked: Gateway) -> None:
    job, url = await stored(stocked)
    other = (await stocked.alice.feed(output_id(job.id, 2)))[0]["audio_url"]
    await stocked.mark(job, OutputStatus.FAILED, [2], error=Failure("engine_misproduced", "it came out silent"))
    answer = await stocked.nobody.get(other)
    assert (answer.status_code, "it came out silent" in answer.text) == (410, True)
    assert (await stocked.nobody.get(url)).status_code == 200


async def test_a_link_outlives_the_record_of_its_job(stocked: Gateway) -> None:
    job, url = await stored(stocked)
    await stocked.end(job)
    await stocked.services.store.redis.delete(f"job:{job.id}")  # as at the end of its time
    answer = await stocked.nobody.get(url, headers={"range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (206, SONG[:10])
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["content-disposition"].endswith('.mp3"')
    assert "x-job-id" not in answer.headers


async def test_a_deleted_jobs_files_are_gone_with_it(stocked: Gateway) -> None:
    job, url = await stored(stocked)
    await stocked.store(job, 1, b"cover", part=Part.COVER, kind="image/jpeg")
    cover = await link(stocked, job, "image_url")
    await stocked.end(job)
    assert (await stocked.alice.http.delete(f"/v1/jobs/{job.id}")).status_code == 204
    for each in (url, cover):
        assert (await stocked.nobody.get(each)).status_code == 404
    assert [key async for key in stocked.services.objects.list_keys(f"media/{job.id}")] == []


async def test_a_link_that_we_did_not_make_leads_nowhere(stocked: Gateway) -> None:
    _, url = await stored(stocked)
    _, token, name = url.rsplit("/", 2)
    flipped = ("B" if token[0] == "A" else "A") + token[1:]
    for wrong in (flipped, token[:-2], "nonsense", "a" * 43, "é", "%00"):
        assert (await stocked.nobody.get(f"/media/{wrong}/{name}")).status_code == 404, wrong
    assert (await stocked.nobody.get(f"/media/{token}")).status_code == 404
    assert (await stocked.nobody.get(f"/media/{token}/any%20other%20name")).status_code == 200


async def test_a_page_elsewhere_may_ask_before_it_asks_for_a_part(stocked: Gateway) -> None:
    answer = await stocked.nobody.options("/media/x/y")
    assert answer.status_code == 204
    assert "range" in answer.headers["access-control-allow-headers"]
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_while_the_store_is_away_a_link_says_when_to_come_again(gateway: Gateway) -> None:
    (clip, _) = await gateway.finish()
    answer = await gateway.nobody.get((await gateway.alice.feed(clip))[0]["audio_url"])
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
