"""The Suno surface, against saved requests and replies: every key, in order."""

from typing import Any

import pytest

from storage.job import OutputStatus
from tests.api.gateway import Gateway
from tests.api.wires import assert_like, wire


@pytest.mark.parametrize("name", ["generate", "generate_described", "generate_minimal"])
async def test_a_song_is_accepted_with_two_clips(gateway: Gateway, name: str) -> None:
    saved = wire(name)
    answer = await gateway.alice.http.post("/v1/suno/api/generate/v2/", json=saved["request"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert_like(answer.json(), saved["reply"])


async def test_the_feed_shows_a_clip_through_its_life(gateway: Gateway) -> None:
    submission = await gateway.alice.generate()
    ids = [clip["id"] for clip in submission["clips"]]
    seen: list[Any] = [await gateway.alice.feed(*ids)]
    job = await gateway.claim()
    await gateway.mark(job, OutputStatus.MAKING, [1])
    seen.append(await gateway.alice.feed(*ids))
    made = {"title": "By the Sea", "tags": "acoustic folk, warm", "engine": "composer", "seed": 7, "bpm": 92}
    await gateway.mark(job, OutputStatus.STORED, metadata=made)
    seen.append(await gateway.alice.feed(*ids))
    assert_like(seen, wire("feed")["replies"])


async def test_an_extension_and_the_whole_song_tell_their_history(gateway: Gateway) -> None:
    first, _ = await gateway.finish()
    saved = wire("extend")
    extended = (await gateway.alice.generate(**saved["request"], continue_clip_id=first))["clips"][0]
    assert extended["metadata"]["history"] == [{"id": first, **saved["step"]}]
    assert extended["metadata"]["audio_prompt_id"] == first
    assert extended["metadata"]["type"] == "gen"
    await gateway.make()

    answer = await gateway.alice.http.post("/v1/suno/api/generate/concat/v2/", json={"clip_id": extended["id"]})
    assert answer.status_code == 200
    whole = answer.json()
    assert whole["status"] == "submitted"
    assert whole["metadata"]["type"] == "concat"
    last = {"id": extended["id"], **saved["last_step"]}
    assert whole["metadata"]["concat_history"] == [{"id": first, **saved["step"]}, last]
    assert (await gateway.claim()).items == 1


async def test_the_balance_lists_the_models_with_their_limits(gateway: Gateway) -> None:
    answer = (await gateway.alice.http.get("/v1/suno/api/billing/info/")).json()
    assert answer["total_credits_left"] > 0
    models = {model["external_key"]: model for model in answer["models"]}
    assert models["chirp-v3-0"]["is_default_model"]
    assert models["chirp-auk"]["max_lengths"]["prompt"] == 5000


@pytest.mark.parametrize("slash", ["", "/"])
async def test_every_path_works_with_and_without_its_slash(gateway: Gateway, slash: str) -> None:
    http = gateway.alice.http
    first, _ = await gateway.finish()
    extension = (await gateway.alice.generate(continue_clip_id=first))["clips"][0]["id"]
    await gateway.make()
    answers = [
        await http.post(f"/v1/suno/api/generate/v2{slash}", json={}),
        await http.post(f"/v1/suno/api/generate/concat/v2{slash}", json={"clip_id": extension}),
        await http.get(f"/v1/suno/api/feed{slash}"),
        await http.get(f"/v1/suno/api/feed/v2{slash}"),
        await http.get(f"/v1/suno/api/clip/{first}{slash}"),
        await http.get(f"/v1/suno/api/billing/info{slash}"),
        await http.get(f"/v1/feed{slash}"),
        await http.get(f"/health{slash}"),
    ]
    assert [answer.status_code for answer in answers] == [200] * len(answers)
