"""Batches: every line judged first, submitted once and answered once, in OpenAI's words and over any endpoint."""

import re
from typing import Any

import httpx
import pytest

from api.endpoints import ENDPOINTS, OTHERS, normal
from storage.ids import line_job_id, new_batch_id, new_file_id
from tests.api.batches import (
    ENDS,
    FAIL,
    GENERATE,
    counts,
    create,
    jsonl,
    line,
    read,
    refused,
    results,
    submitted,
    upload,
    when,
    working,
)
from tests.api.chats import BODY as CHAT
from tests.api.gateway import SONG, Gateway
from tests.api.images import data_uri, picture
from tests.api.recordings import TONE

TIMES = ("in_progress_at", "finalizing_at", "completed_at", "failed_at", "expired_at", "cancelling_at", "cancelled_at")


async def test_a_batch_goes_from_its_lines_to_its_results(stocked: Gateway) -> None:
    lines = [line(f"c{n}", GENERATE + "/" * (n % 2), title=f"Song {n}") for n in range(150)]
    lines[70]["body"]["prompt"] = FAIL
    batch = await create(stocked.alice, lines, metadata={"night": "17"})
    assert (batch["object"], batch["status"], batch["endpoint"]) == ("batch", "validating", GENERATE)
    assert (batch["metadata"], batch["expires_at"] - batch["created_at"]) == ({"night": "17"}, 86_400)
    assert (counts(batch), [batch[name] for name in TIMES]) == ((0, 0, 0), [None] * len(TIMES))
    async with working(stocked.services.store):
        batch = await when(stocked.alice, batch["id"], *ENDS)
    assert (batch["status"], counts(batch), batch["errors"]) == ("completed", (150, 149, 1), None)
    reached = [name for name in TIMES if batch[name]]
    assert reached == ["in_progress_at", "finalizing_at", "completed_at"]
    assert batch["created_at"] <= batch["in_progress_at"] <= batch["finalizing_at"] <= batch["completed_at"]

    good, bad = await results(stocked.alice, batch)
    assert good.keys() | bad.keys() == {each["custom_id"] for each in lines}
    for number in (0, 149):
        told = good[f"c{number}"]
        assert list(told) == ["id", "custom_id", "response", "error"]
        job = line_job_id(batch["id"], number + 1)
        assert told["id"] == f"batch_req_{job.replace('-', '')}"
        assert (told["error"], told["response"]["status_code"], told["response"]["request_id"]) == (None, 200, job)
        clips = told["response"]["body"]["clips"]
        assert {clip["status"] for clip in clips} == {"complete"}
        assert {clip["title"] for clip in clips} == {f"Song {number}"}
        assert clips == await stocked.alice.feed(*(clip["id"] for clip in clips))
    (failed,) = bad.values()
    assert (failed["custom_id"], failed["error"], failed["response"]["status_code"]) == ("c70", None, 500)
    assert failed["response"]["body"] == {
        "error": {"message": "it cannot be sung", "type": "server_error", "param": None, "code": "engine_failed"}
    }
    assert await submitted(stocked.services.store, stocked.alice.key.id) == 150


async def test_every_endpoint_can_be_one_of_a_batch(stocked: Gateway) -> None:
    clip, _ = await stocked.finish()
    extension = (await stocked.alice.generate(continue_clip_id=clip))["clips"][0]["id"]
    await stocked.make()
    drawing = data_uri(picture())
    bodies = {
        GENERATE: {"continue_clip_id": clip},
        "/v1/suno/api/generate/concat/v2": {"clip_id": extension},
        "/v1/audio/speech": {"input": "Good evening."},
        "/v1/chat/completions": CHAT,
        "/v1/images/generations": {"prompt": "a boat"},
        "/v1/images/edits": {"prompt": "a boat", "image": drawing},
        "/v1/images/variations": {"image": drawing},
        "/v1/sdapi/v1/txt2img": {"prompt": "a boat"},
        "/v1/sdapi/v1/img2img": {"prompt": "a boat", "init_images": [drawing]},
        "/v1/sdapi/v1/extra-single-image": {"image": drawing, "upscaler_1": "Lanczos"},
        "/v1/reactor/image": {"source_image": drawing, "target_image": drawing},
        "/v1/audio/transcriptions": {"file": TONE, "response_format": "srt"},
        "/v1/audio/translations": {"file": TONE},
        "/v1/asr": {"audio_file": TONE, "output": "vtt"},
        "/v1/detect-language": {"audio_file": TONE},
        "/v1/api/v1/asr": {"files": TONE},
        "/v1/jobs": {"kind": "music.generate", "input": SONG, "metadata": {"mine": 1}, "priority": 2},
    }
    assert bodies.keys() == ENDPOINTS.keys()
    async with working(stocked.services.store, objects=stocked.services.objects):
        for path, body in bodies.items():
            lines = [{"custom_id": "a", "method": "POST", "url": path, "body": body}]
            batch = await create(stocked.alice, lines, path.removeprefix("/v1") + "/")
            batch = await when(stocked.alice, batch["id"], *ENDS)
            assert (batch["endpoint"], batch["status"], counts(batch)) == (path, "completed", (1, 1, 0)), batch
            told = (await results(stocked.alice, batch))[0]["a"]["response"]
            assert told["status_code"] == 200
            if path in ("/v1/audio/transcriptions", "/v1/asr"):
                assert "00:01.500" in told["body"].replace(",", ".")
            if path == "/v1/chat/completions":
                assert told["body"]["choices"][0]["message"]["content"] == "The sea is wide."
            if path == "/v1/jobs":
                job = await stocked.alice.job(line_job_id(batch["id"], 1))
                assert told["body"] == job
                assert (job["status"], job["metadata"]) == ("succeeded", {"mine": 1})


def routes(gateway: Gateway) -> set[str]:
    """Every path that takes a POST."""
    found = {re.sub(r":\w+}", "}", each.path) for each in gateway.app.routes if "POST" in getattr(each, "methods", ())}
    return {path.rstrip("/") for path in found}


async def test_every_post_is_batchable_or_says_why_not(gateway: Gateway) -> None:
    found = {path: normal(path) for path in routes(gateway)}  # some are served at the root too
    others = tuple(OTHERS)
    batchable = {path for raw, path in found.items() if not raw.startswith(others) and not path.startswith(others)}
    assert batchable == ENDPOINTS.keys()


async def test_a_file_with_a_wrong_line_submits_nothing(stocked: Gateway) -> None:
    lines = [line("a"), line("b", tags=17), line("a"), {"custom_id": "c"}]
    batch = await create(stocked.alice, lines)
    batch = await when(stocked.alice, batch["id"], *ENDS)
    assert (batch["status"], counts(batch), batch["output_file_id"]) == ("failed", (0, 0, 0), None)
    assert batch["errors"]["object"] == "list"
    assert [(each["line"], each["code"], each["param"]) for each in batch["errors"]["data"]] == [
        (2, "invalid_request", "body.tags"),
        (3, "duplicate_custom_id", "custom_id"),
        (4, "invalid_method", "method"),
    ]
    assert batch["failed_at"]
    assert await submitted(stocked.services.store, stocked.alice.key.id) == 0
    assert (await stocked.alice.http.delete(f"/v1/files/{batch['input_file_id']}")).status_code == 200


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf\r\n\r\n", "empty_file"),
        (b'{"custom_id": "a", "method": "POS', "invalid_json_line"),
        (b"x" * 10_000_000, "line_too_long"),
        (b"\xff\xfe\x00", "invalid_utf8"),
    ],
    ids=["empty", "blank", "half a line", "ten megabytes", "no text"],
)
async def test_a_file_that_is_no_batch_fails_with_its_reason(stocked: Gateway, data: bytes, code: str) -> None:
    batch = await create(stocked.alice, data)
    batch = await when(stocked.alice, batch["id"], *ENDS)
    assert (batch["status"], [each["code"] for each in batch["errors"]["data"]]) == ("failed", [code])


async def test_a_mark_and_windows_line_ends_do_no_harm(stocked: Gateway) -> None:
    data = b"\xef\xbb\xbf" + jsonl([line("a"), line("b")]).replace(b"\n", b"\r\n\r\n").rstrip()
    batch = await create(stocked.alice, data)
    async with working(stocked.services.store):
        batch = await when(stocked.alice, batch["id"], *ENDS)
    assert (batch["status"], counts(batch)) == ("completed", (2, 2, 0))
    assert (await results(stocked.alice, batch))[0].keys() == {"a", "b"}


async def test_a_dry_run_counts_and_stores_nothing(stocked: Gateway) -> None:
    lines = [line("a"), line("b", GENERATE), line("c", mv="none")]
    asked = {"input_file_id": await upload(stocked.alice, lines), "endpoint": GENERATE, "dry_run": True}
    answer = await stocked.alice.http.post("/v1/batches", json=asked)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["object"], found["lines"], found["kinds"]) == ("batch.dry_run", 3, {"music.generate": 2})
    assert [(each["line"], each["code"], each["param"]) for each in found["errors"]] == [
        (3, "model_not_found", "body.mv")
    ]
    assert (await stocked.alice.http.get("/v1/batches")).json()["data"] == []


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"endpoint": "/v1/chat/nothing"}, 400, "invalid_request", "endpoint"),
        ({"endpoint": "/v1/jobs/batch"}, 400, "invalid_request", "endpoint"),
        ({"completion_window": "24"}, 400, "invalid_request", "completion_window"),
        ({"completion_window": "0h"}, 400, "invalid_request", "completion_window"),
        ({"completion_window": "8d"}, 400, "invalid_request", "completion_window"),
        ({"completion_window": None}, 400, "invalid_request", "completion_window"),
        ({"input_file_id": new_file_id()}, 404, "not_found", "input_file_id"),
        ({"input_file_id": "x"}, 404, "not_found", "input_file_id"),
        ({"input_file_id": None}, 400, "invalid_request", "input_file_id"),
        ({"metadata": {"a": 1}}, 400, "invalid_request", "metadata.a"),
        ({"metadata": {"a": "x" * 513}}, 400, "invalid_request", "metadata.a"),
        ({"metadata": {str(n): "" for n in range(17)}}, 400, "invalid_request", "metadata"),
        (
            {"output_expires_after": {"anchor": "created_at", "seconds": 5}},
            400,
            "invalid_request",
            "output_expires_after.seconds",
        ),
        (
            {"output_expires_after": {"anchor": "later", "seconds": 5000}},
            400,
            "invalid_request",
            "output_expires_after.anchor",
        ),
    ],
)
async def test_a_batch_that_is_wrong_is_refused_by_its_field(
    stocked: Gateway, body: dict[str, Any], status: int, code: str, param: str
) -> None:
    usual = {"input_file_id": await upload(stocked.alice, [line("a")]), "endpoint": GENERATE}
    refused(await stocked.alice.http.post("/v1/batches", json={**usual, **body}), status, code, param)
    assert (await stocked.alice.http.get("/v1/batches")).json()["data"] == []


async def test_only_a_file_of_ones_own_that_is_for_batches_will_do(stocked: Gateway) -> None:
    theirs = await upload(stocked.bob, [line("a")])
    other = await upload(stocked.alice, [line("a")], "user_data")
    for file, status, code in ((theirs, 404, "not_found"), (other, 400, "invalid_request")):
        answer = await stocked.alice.http.post("/v1/batches", json={"input_file_id": file, "endpoint": GENERATE})
        refused(answer, status, code, "input_file_id")


async def test_what_is_not_ones_own_is_not_there(stocked: Gateway) -> None:
    theirs = (await create(stocked.bob, [line("a")]))["id"]
    for id in (theirs, new_batch_id(), "nonsense", new_file_id()):
        refused(await stocked.alice.http.get(f"/v1/batches/{id}"), 404, "not_found")
        refused(await stocked.alice.http.post(f"/v1/batches/{id}/cancel"), 404, "not_found")
    assert (await stocked.alice.http.get("/v1/batches")).json()["data"] == []
    refused(await stocked.nobody.get("/v1/batches"), 401, "invalid_api_key")
    assert (await read(stocked.bob, theirs))["status"] != "cancelling"


async def test_batches_are_listed_in_pages(stocked: Gateway) -> None:
    ids = [(await create(stocked.alice, [line("a")]))["id"] for _ in range(3)]
    first = (await stocked.alice.http.get("/v1/batches", params={"limit": 2})).json()
    assert [each["id"] for each in first["data"]] == ids[:0:-1]
    assert (first["object"], first["has_more"], first["first_id"], first["last_id"]) == ("list", True, ids[2], ids[1])
    rest = (await stocked.alice.http.get("/v1/batches", params={"after": ids[1]})).json()
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == (ids[:1], False)
    for query, param in (({"limit": "101"}, "limit"), ({"limit": "x"}, "limit"), ({"after": "x"}, "after")):
        refused(await stocked.alice.http.get("/v1/batches", params=query), 400, "invalid_request", param)


async def test_the_same_key_and_body_are_the_same_batch(stocked: Gateway) -> None:
    body = {"input_file_id": await upload(stocked.alice, [line("a")]), "endpoint": GENERATE}

    async def send(**more: Any) -> httpx.Response:
        headers = {"idempotency-key": "night-17"}
        return await stocked.alice.http.post("/v1/batches", json={**body, **more}, headers=headers)

    first, again = await send(), await send()
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["idempotent-replayed"] == "true"
    refused(await send(metadata={"a": "b"}), 400, "idempotency_key_reused", "Idempotency-Key")
    assert len((await stocked.alice.http.get("/v1/batches")).json()["data"]) == 1
    async with working(stocked.services.store):
        await when(stocked.alice, first.json()["id"], "completed")
    assert (await stocked.alice.http.delete(f"/v1/files/{body['input_file_id']}")).status_code == 200
    assert (await send()).json()["id"] == first.json()["id"], "a repetition needs no file any more"
    refused(await stocked.alice.http.post("/v1/batches", json=body), 404, "not_found", "input_file_id")
