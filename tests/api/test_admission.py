"""Idempotency keys, and accepting wholly or not at all."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.admission import idempotency_key
from cli.embedded import Redis
from storage.errors import InvalidRequest
from storage.ids import new_job_id, output_id
from tests.api.gateway import SONG, Gateway, serving, storage_settings

GENERATE = "/v1/suno/api/generate/v2/"
JOB = {"kind": "music.generate", "input": {"prompt": "a song"}}


async def test_the_same_key_and_body_are_the_same_job(gateway: Gateway) -> None:
    for path, body in ((GENERATE, SONG), ("/v1/jobs", JOB)):
        headers = {"idempotency-key": "order-17"}
        first = await gateway.alice.http.post(path, json=body, headers=headers)
        again = await gateway.alice.http.post(path.rstrip("/"), json=body, headers={"idempotency-key": '"order-17"'})
        if path == GENERATE:
            assert again.json()["id"] == first.json()["id"]
            assert "idempotent-replayed" not in first.headers
            assert again.headers["idempotent-replayed"] == "true"
            assert again.headers["x-job-id"] == first.headers["x-job-id"]
        else:  # another path with a used key
            assert first.status_code == 422
            assert first.json()["code"] == "idempotency_key_reused"


async def test_a_replay_shows_the_job_as_it_is_by_then(gateway: Gateway) -> None:
    headers = {"idempotency-key": "k"}
    first = (await gateway.alice.http.post(GENERATE, json=SONG, headers=headers)).json()
    assert {clip["status"] for clip in first["clips"]} == {"submitted"}
    await gateway.make()
    again = (await gateway.alice.http.post(GENERATE, json=SONG, headers=headers)).json()
    assert {clip["status"] for clip in again["clips"]} == {"complete"}
    assert again["clips"] == await gateway.alice.feed(*(clip["id"] for clip in first["clips"]))


async def test_the_same_key_with_another_body_is_refused(gateway: Gateway) -> None:
    headers = {"idempotency-key": "k"}
    await gateway.alice.http.post(GENERATE, json=SONG, headers=headers)
    other = await gateway.alice.http.post(GENERATE, json={**SONG, "title": "Other"}, headers=headers)
    assert other.status_code == 422
    assert other.json()["detail"].startswith("Idempotency-Key: ")
    assert len(await gateway.alice.feed()) == 2


async def test_keys_of_different_callers_do_not_meet(gateway: Gateway) -> None:
    headers = {"idempotency-key": "k"}
    mine = await gateway.alice.http.post(GENERATE, json=SONG, headers=headers)
    theirs = await gateway.bob.http.post(GENERATE, json={"prompt": "other"}, headers=headers)
    assert (mine.status_code, theirs.status_code) == (200, 200)
    assert mine.json()["id"] != theirs.json()["id"]


async def test_a_refused_request_does_not_use_its_key_up(gateway: Gateway) -> None:
    headers = {"idempotency-key": "k"}
    assert (await gateway.alice.http.post(GENERATE, json={"tags": 1}, headers=headers)).status_code == 422
    assert (await gateway.alice.http.post(GENERATE, json=SONG, headers=headers)).status_code == 200


async def test_a_deleted_jobs_key_says_that_it_is_gone(gateway: Gateway) -> None:
    headers = {"idempotency-key": "k"}
    first = (await gateway.alice.http.post(GENERATE, json=SONG, headers=headers)).json()
    assert (await gateway.alice.http.delete(f"/v1/jobs/{first['id']}")).status_code == 204
    again = await gateway.alice.http.post(GENERATE, json=SONG, headers=headers)
    assert again.status_code == 410


async def test_a_replay_needs_nothing_that_its_job_was_made_of(gateway: Gateway) -> None:
    clip, _ = await gateway.finish()
    source = f"{clip[:-4]}0000"
    extended = {"continue_clip_id": clip}
    last = (await gateway.alice.generate(**extended))["clips"][0]["id"]
    await gateway.make()
    requests: list[tuple[str, dict[str, Any]]] = [
        (GENERATE, extended),
        ("/v1/suno/api/generate/concat/v2/", {"clip_id": last}),
        ("/v1/jobs", {"kind": "music.extend", "input": extended}),
    ]

    async def answers(**more: Any) -> list[httpx.Response]:
        return [
            await gateway.alice.http.post(path, json={**body, **more}, headers={"idempotency-key": f"k{number}"})
            for number, (path, body) in enumerate(requests)
        ]

    first = await answers()
    for job in (source, f"{last[:-4]}0000"):
        assert (await gateway.alice.http.delete(f"/v1/jobs/{job}")).status_code == 204
    again = await answers()
    assert [answer.status_code for answer in again] == [answer.status_code for answer in first] == [200, 200, 202]
    for before, after in zip(first, again, strict=True):
        assert after.headers["x-job-id"] == before.headers["x-job-id"]
        assert after.headers["idempotent-replayed"] == "true"
    for other in await answers(metadata={"other": "body"}):
        assert other.status_code == 422
        assert "Idempotency-Key" in other.text

    for answer in first:
        await gateway.alice.http.delete(f"/v1/jobs/{answer.headers['x-job-id']}")
    assert [answer.status_code for answer in await answers()] == [410, 410, 410]


async def test_a_refused_request_stays_refused_with_a_key_that_is_new(gateway: Gateway) -> None:
    body = {"continue_clip_id": output_id(new_job_id(), 1)}
    for _ in range(2):
        answer = await gateway.alice.http.post(GENERATE, json=body, headers={"idempotency-key": "k"})
        assert answer.status_code == 404


@pytest.mark.parametrize("sent", ["", '""', "a b", "a\tb", "ключ", "x" * 256, '"' + "x" * 256 + '"', "a\x7f"])
def test_a_key_that_is_none_is_refused(sent: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        idempotency_key(sent)
    assert refused.value.field == "Idempotency-Key"


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        ("a", "a"),
        ('"a"', "a"),
        (r'"a\"b\\c"', 'a"b\\c'),
        ("x" * 255, "x" * 255),
        ('"', '"'),
        (" a ", "a"),
        ('a"', 'a"'),
    ],
)
def test_a_key_may_be_quoted_or_bare(sent: str, key: str) -> None:
    assert idempotency_key(sent) == key


async def test_a_bad_key_is_refused_by_name_on_the_wire(gateway: Gateway) -> None:
    answer = await gateway.alice.http.post("/v1/jobs", json=JOB, headers={"idempotency-key": "a b"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["header"] == "Idempotency-Key"


async def test_while_redis_is_away_nothing_is_accepted_and_callers_are_told_when_to_come_again() -> None:
    with tempfile.TemporaryDirectory() as folder, Redis(Path(folder)) as server:
        async with serving(storage_settings(server.url)) as gateway:
            await gateway.alice.generate()
            server.kill()
            headers = {"idempotency-key": "k"}
            answers = await asyncio.gather(
                gateway.alice.http.post(GENERATE, json=SONG, headers=headers),
                gateway.alice.http.post("/v1/jobs", json=JOB),
                gateway.alice.http.get("/v1/suno/api/feed/"),
                gateway.bob.http.get("/v1/suno/api/feed/"),  # whose key is not known yet
            )
            for answer in answers:
                assert answer.status_code == 503
                assert int(answer.headers["retry-after"]) > 0
                assert "job store" in answer.json()["detail"]

            server.start()
            assert len(await gateway.alice.feed()) == 2
            retried = await gateway.alice.http.post(GENERATE, json=SONG, headers=headers)
            assert "idempotent-replayed" not in retried.headers
            assert len(await gateway.alice.feed()) == 4
