"""What the Suno surface refuses, how it says so, and that nothing is stored then."""

import json
from typing import Any

import pytest

from api.dialects.suno import MAX_HISTORY
from storage.job import Status
from tests.api.gateway import LENGTH_S, SONG, Gateway

GENERATE, CONCAT = "/v1/suno/api/generate/v2/", "/v1/suno/api/generate/concat/v2/"
UNKNOWN = "01979f6e-8f7a-7abc-8def-0123456789ab"


@pytest.fixture(autouse=True)
async def _nothing_more_is_stored(gateway: Gateway) -> Any:
    """A test that lets a job be made takes it off the queue again; a refused one is not there at all."""
    yield
    _, left = await gateway.services.store.queue.claim("engines", 10, lease_s=1)
    assert not left


async def refused(gateway: Gateway, status: int, path: str = GENERATE, **body: Any) -> Any:
    answer = await gateway.alice.http.post(path, json=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["detail"]
    return answer.json()["detail"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", "a" * 5001),
        ("prompt", 7),
        ("tags", "a" * 1001),
        ("tags", ["folk"]),
        ("title", "a" * 101),
        ("gpt_description_prompt", "a" * 3001),
        ("mv", 3),
        ("make_instrumental", "perhaps"),
        ("continue_clip_id", {"id": 1}),
        ("continue_at", "soon"),
        ("continue_at", -1),
        ("continue_at", -0.001),
    ],
)
async def test_a_field_that_does_not_fit_is_named(gateway: Gateway, field: str, value: Any) -> None:
    (error,) = await refused(gateway, 422, **{**SONG, field: value})
    assert error["loc"] == ["body", field]
    assert set(error) == {"loc", "msg", "type"}


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
async def test_a_second_that_is_no_number_is_refused(gateway: Gateway, value: str) -> None:
    answer = await gateway.alice.http.post(GENERATE, content=f'{{"continue_at": {value}}}'.encode())
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "continue_at"]


async def test_every_field_that_does_not_fit_is_named_at_once(gateway: Gateway) -> None:
    errors = await refused(gateway, 422, prompt=1, tags=2)
    assert [error["loc"][1] for error in errors] == ["prompt", "tags"]


@pytest.mark.parametrize(("field", "most"), [("prompt", 5000), ("tags", 1000), ("title", 100)])
async def test_a_field_may_be_as_long_as_its_limit(gateway: Gateway, field: str, most: int) -> None:
    await gateway.alice.generate(**{field: "é" * most})
    await gateway.claim()


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b'{"prompt": "\xff"}', b'{"prompt": "\\ud800"}', b"[" * 5000])
async def test_a_body_that_is_not_json_is_called_so(gateway: Gateway, body: bytes) -> None:
    answer = await gateway.alice.http.post(GENERATE, content=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["msg"].startswith("the body is not JSON")


@pytest.mark.parametrize("body", ["[]", '"text"', "null", "5"])
async def test_a_body_that_is_no_object_is_refused(gateway: Gateway, body: str) -> None:
    answer = await gateway.alice.http.post(GENERATE, content=body.encode())
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body"]


async def test_a_body_above_the_limit_is_refused_naming_it(gateway: Gateway) -> None:
    answer = await gateway.alice.http.post(GENERATE, content=json.dumps({"x": "a" * 1_000_000}).encode())
    assert answer.status_code == 413
    assert "1000000 bytes" in answer.json()["detail"]


async def test_a_model_that_the_catalog_lacks_is_named(gateway: Gateway) -> None:
    detail = await refused(gateway, 422, **{**SONG, "mv": "chirp-v99"})
    assert detail.startswith("mv: ")
    assert "'chirp-v99'" in detail


async def test_an_extension_of_an_unknown_clip_is_refused(gateway: Gateway) -> None:
    for id in (UNKNOWN, "not an id"):
        detail = await refused(gateway, 404, **{**SONG, "continue_clip_id": id})
        assert detail.startswith("continue_clip_id: ")


async def test_another_callers_clip_is_as_good_as_unknown(gateway: Gateway) -> None:
    clip, _ = await gateway.finish()
    for path, field in ((GENERATE, "continue_clip_id"), (CONCAT, "clip_id")):
        foreign = await gateway.bob.http.post(path, json={field: clip})
        unknown = await gateway.bob.http.post(path, json={field: UNKNOWN})
        assert foreign.status_code == unknown.status_code == 404
        assert foreign.json() == unknown.json()


async def test_a_cover_is_no_clip(gateway: Gateway) -> None:
    clip, _ = await gateway.finish()
    await refused(gateway, 404, continue_clip_id=f"{clip[:-1]}1")


async def test_an_unfinished_clip_cannot_be_extended(gateway: Gateway) -> None:
    clip = (await gateway.alice.generate())["clips"][0]["id"]
    assert "not complete yet" in await refused(gateway, 422, continue_clip_id=clip)
    await gateway.claim()


async def test_a_failed_clip_cannot_be_extended(gateway: Gateway) -> None:
    clip = (await gateway.alice.generate())["clips"][0]["id"]
    await gateway.fail()
    assert "has failed" in await refused(gateway, 422, continue_clip_id=clip)


@pytest.mark.parametrize("at", [0, LENGTH_S + 1.01, 1e9])
async def test_an_extension_starts_within_its_clip(gateway: Gateway, at: float) -> None:
    clip, _ = await gateway.finish()
    detail = await refused(gateway, 422, continue_clip_id=clip, continue_at=at)
    assert detail.startswith("continue_at: ")
    assert f"{LENGTH_S:g}" in detail


@pytest.mark.parametrize(
    "body", [{}, {"continue_at": None}, {"continue_at": ""}, {"continue_at": LENGTH_S}, {"continue_at": LENGTH_S + 1}]
)
async def test_an_extension_starts_at_the_end_unless_told_or_told_what_a_client_has_rounded(
    gateway: Gateway, body: dict[str, Any]
) -> None:
    clip, _ = await gateway.finish()
    await gateway.alice.generate(continue_clip_id=clip, **body)
    assert (await gateway.claim()).request["continue_at"] == LENGTH_S


@pytest.mark.parametrize("blank", ["", " "])
async def test_a_blank_in_a_form_is_as_good_as_missing(gateway: Gateway, blank: str) -> None:
    blanks = dict.fromkeys(("mv", "continue_clip_id", "continue_at", "make_instrumental"), blank)
    await gateway.alice.generate(**blanks)
    job = await gateway.claim()
    assert (job.kind, job.model) == ("music.generate", "chirp-v3-0")
    assert job.request == {name: SONG[name] for name in ("prompt", "tags", "title")}
    (error,) = await refused(gateway, 422, CONCAT, clip_id=blank)
    assert error["loc"] == ["body", "clip_id"]


async def test_white_space_around_an_id_is_no_part_of_it(gateway: Gateway) -> None:
    clip, _ = await gateway.finish()
    extension = (await gateway.alice.generate(continue_clip_id=f" {clip}\n"))["clips"][0]["id"]
    assert (await gateway.make()).request["continue_clip_id"] == clip
    whole = await gateway.alice.http.post(CONCAT, json={"clip_id": f"\t{extension} ", "is_infill": ""})
    assert whole.status_code == 200, whole.text
    request = (await gateway.claim()).request
    assert request["clip_id"] == extension
    assert "is_infill" not in request


async def test_history_is_what_we_know_and_not_what_a_body_says(gateway: Gateway) -> None:
    await gateway.alice.generate(history=[{"id": UNKNOWN}], concat_history=[{"id": UNKNOWN}], seed=7)
    job = await gateway.claim()
    assert job.request == {**SONG, "seed": 7}


async def test_a_song_can_be_extended_only_so_often(gateway: Gateway) -> None:
    clip = (await gateway.alice.generate())["clips"][0]["id"]
    job = await gateway.make()
    request = {**job.request, "history": [{"id": UNKNOWN, "continue_at": 1.0}] * MAX_HISTORY}
    await gateway.services.store.redis.hset(f"job:{job.id}", "request", json.dumps(request))  # type: ignore[misc]
    assert "Bad history" in await refused(gateway, 422, continue_clip_id=clip)


async def test_only_an_extension_can_be_made_whole(gateway: Gateway) -> None:
    clip, _ = await gateway.finish()
    detail = await refused(gateway, 422, CONCAT, clip_id=clip)
    assert detail.startswith("clip_id: Bad history.")
    assert "extends no other" in detail


async def test_a_concatenation_needs_its_clip(gateway: Gateway) -> None:
    (error,) = await refused(gateway, 422, CONCAT)
    assert error["loc"] == ["body", "clip_id"]
    await refused(gateway, 404, CONCAT, clip_id=UNKNOWN)


async def test_an_extension_must_be_complete_to_be_made_whole(gateway: Gateway) -> None:
    clip, _ = await gateway.finish()
    extension = (await gateway.alice.generate(continue_clip_id=clip))["clips"][0]["id"]
    assert "not complete yet" in await refused(gateway, 422, CONCAT, clip_id=extension)
    await gateway.end(await gateway.claim(), Status.CANCELED)
    assert "has failed" in await refused(gateway, 422, CONCAT, clip_id=extension)


async def test_paths_and_methods_that_are_not_there_are_refused_in_the_dialects_shape(gateway: Gateway) -> None:
    missing = await gateway.alice.http.get("/v1/suno/api/nothing")
    wrong = await gateway.alice.http.post("/v1/suno/api/feed/")
    assert (missing.status_code, list(missing.json())) == (404, ["detail"])
    assert (wrong.status_code, list(wrong.json())) == (405, ["detail"])
    assert "GET" in wrong.headers["allow"]
