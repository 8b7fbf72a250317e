"""The feed: whose clips, which, and in what order."""

import asyncio

import httpx
import pytest

from api.suno import MAX_IDS, PAGE_CLIPS
from storage.ids import new_job_id, output_id
from storage.job import Kind
from tests.api.gateway import Gateway


async def ids_of(gateway: Gateway, songs: int) -> list[str]:
    """Clip ids of new songs of alice's, oldest first."""
    return [clip["id"] for _ in range(songs) for clip in (await gateway.alice.generate())["clips"]]


async def test_clips_come_in_the_order_asked_for_and_each_once(gateway: Gateway) -> None:
    a, b, c, d = await ids_of(gateway, 2)
    feed = await gateway.alice.feed(d, a, c, a, b)
    assert [clip["id"] for clip in feed] == [d, a, c, b]


async def test_a_clip_asked_for_in_several_spellings_comes_once(gateway: Gateway) -> None:
    a, b = await ids_of(gateway, 1)
    feed = await gateway.alice.feed(a.upper(), b, a, b.replace("-", ""))
    assert [clip["id"] for clip in feed] == [a, b]


async def test_unknown_foreign_and_malformed_ids_are_absent(gateway: Gateway) -> None:
    mine, _ = await ids_of(gateway, 1)
    theirs = (await gateway.bob.generate())["clips"][0]["id"]
    unknown = output_id(new_job_id(), 1)
    third_item, cover, job = f"{mine[:-4]}0030", f"{mine[:-4]}0011", f"{mine[:-4]}0000"
    feed = await gateway.alice.feed(unknown, theirs, "nonsense", third_item, cover, job, "'\"\\", mine)
    assert [clip["id"] for clip in feed] == [mine]


async def test_without_ids_it_shows_the_callers_own_newest_first(gateway: Gateway) -> None:
    clips = await ids_of(gateway, PAGE_CLIPS // 2 + 1)
    await gateway.bob.generate()
    pairs = [clips[i : i + 2] for i in range(0, len(clips), 2)]
    newest = [id for pair in reversed(pairs) for id in pair]
    assert [clip["id"] for clip in await gateway.alice.feed()] == newest[:PAGE_CLIPS]


async def test_without_ids_and_songs_it_is_empty(gateway: Gateway) -> None:
    await gateway.bob.generate()
    assert await gateway.alice.feed() == []


async def test_the_second_feed_has_pages(gateway: Gateway) -> None:
    clips = await ids_of(gateway, PAGE_CLIPS // 2 + 1)
    pages = [(await gateway.alice.http.get("/v1/suno/api/feed/v2", params={"page": page})).json() for page in (0, 1, 2)]
    assert [(page["current_page"], len(page["clips"]), page["has_more"]) for page in pages] == [
        (0, PAGE_CLIPS, True),
        (1, 2, False),
        (2, 0, False),
    ]
    assert {clip["id"] for page in pages for clip in page["clips"]} == set(clips)


@pytest.mark.parametrize("page", [1, 49, 50, 999_999_999])
async def test_a_page_beyond_the_last_is_empty(gateway: Gateway, page: int) -> None:
    await gateway.alice.generate()
    answer = await gateway.alice.http.get("/v1/suno/api/feed/v2", params={"page": page})
    assert answer.status_code == 200
    assert (answer.json()["clips"], answer.json()["current_page"], answer.json()["has_more"]) == ([], page, False)


async def test_pages_are_full_whether_a_job_made_one_clip_or_two(gateway: Gateway) -> None:
    clip, _ = await gateway.finish()
    last = (await gateway.alice.generate(continue_clip_id=clip))["clips"][0]["id"]
    await gateway.make()
    for _ in range(PAGE_CLIPS):
        await gateway.alice.http.post("/v1/suno/api/generate/concat/v2/", json={"clip_id": last})
    pages = [(await gateway.alice.http.get("/v1/suno/api/feed/v2", params={"page": page})).json() for page in (0, 1)]
    assert [(len(page["clips"]), page["has_more"]) for page in pages] == [(PAGE_CLIPS, True), (4, False)]


async def test_a_page_reads_no_more_jobs_than_its_clips_and_those_before_are_of(gateway: Gateway) -> None:
    page, songs = 6, 7 * PAGE_CLIPS + 1
    await asyncio.gather(*(gateway.alice.generate() for _ in range(songs)))
    redis = gateway.services.store.redis
    before = (await redis.info("commandstats"))["cmdstat_hgetall"]["calls"]
    answer = await gateway.alice.http.get("/v1/suno/api/feed/v2", params={"page": page})
    assert (len(answer.json()["clips"]), answer.json()["has_more"]) == (PAGE_CLIPS, True)
    read = (await redis.info("commandstats"))["cmdstat_hgetall"]["calls"] - before
    assert read == (page + 1) * PAGE_CLIPS // 2 + 1


@pytest.mark.parametrize("page", ["-1", "x", "1.5", "0000000001", "", "²"])
async def test_a_page_that_is_none_is_refused(gateway: Gateway, page: str) -> None:
    answer = await gateway.alice.http.get(f"/v1/suno/api/feed/v2?page={page}&x=1")
    if page:
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith("page: ")
    else:
        assert answer.status_code == 200


async def test_more_ids_than_the_limit_are_refused_naming_it(gateway: Gateway) -> None:
    ids = [output_id(new_job_id(), 1)] * (MAX_IDS + 1)
    assert (await gateway.alice.feed(*ids[:MAX_IDS])) == []
    answer = await gateway.alice.http.get("/v1/suno/api/feed/", params={"ids": ",".join(ids)})
    assert answer.status_code == 422
    assert f"at most {MAX_IDS} ids" in answer.json()["detail"]


async def test_a_clip_can_be_read_alone_by_its_owner(gateway: Gateway) -> None:
    mine, _ = await ids_of(gateway, 1)
    answer = await gateway.alice.http.get(f"/v1/suno/api/clip/{mine}")
    assert answer.json() == (await gateway.alice.feed(mine))[0]
    for client, id in ((gateway.bob.http, mine), (gateway.alice.http, "nonsense")):
        refused = await client.get(f"/v1/suno/api/clip/{id}")
        assert refused.status_code == 404
        assert refused.json() == {"detail": "there is no such clip"}


async def test_a_clip_of_a_job_submitted_otherwise_is_in_the_feed_too(gateway: Gateway) -> None:
    body = {"kind": Kind.MUSIC_GENERATE, "input": {"prompt": "x"}}
    job = (await gateway.alice.http.post("/v1/jobs", json=body)).json()
    assert [clip["id"] for clip in await gateway.alice.feed()] == [output_id(job["id"], 1), output_id(job["id"], 2)]


async def test_links_start_with_what_the_client_called_us(gateway: Gateway) -> None:
    clip, _ = await gateway.finish()
    called: dict[str, dict[str, str]] = {
        "http://gateway.test/media/": {},
        "https://music.example/media/": {"x-forwarded-proto": "https", "x-forwarded-host": "music.example"},
        "http://10.0.0.1:8080/media/": {"host": "10.0.0.1:8080"},
        "/media/": {"host": "a b<script>"},
    }
    for start, headers in called.items():
        answer = await gateway.alice.http.get(f"/v1/suno/api/feed/?ids={clip}", headers=headers)
        if start != "/media/":
            assert answer.json()[0]["audio_url"].startswith(start)
        else:
            assert_no_link_to(answer, "script")


def assert_no_link_to(answer: httpx.Response, host: str) -> None:
    assert host not in answer.text
