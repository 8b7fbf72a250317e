"""`POST /v1/jobs/batch`: our own surface for many jobs."""

import json
from typing import Any

import httpx
import pytest

from api.settings import ApiSettings
from storage.ids import line_job_id
from tests.api.batches import (
    ENDS,
    counts,
    jsonl,
    results,
    when,
    working,
)
from tests.api.gateway import SONG, Gateway, serving, storage_settings


async def test_jobs_are_submitted_line_by_line(stocked: Gateway) -> None:
    lines = [{"kind": "music.generate", "input": SONG, "custom_id": "mine"}, {"kind": "music.generate", "input": SONG}]
    for kind in ("application/jsonl", "application/x-ndjson; charset=utf-8", "text/plain"):
        answer = await stocked.alice.http.post(
            "/v1/jobs/batch?name=tonight", content=jsonl(lines), headers={"content-type": kind}
        )
        assert answer.status_code == 202, answer.text
        batch = answer.json()
        assert (batch["object"], batch["endpoint"], batch["metadata"]) == ("batch", "/v1/jobs", {"name": "tonight"})
        assert answer.headers["location"] == f"http://gateway.test/v1/batches/{batch['id']}"
        file = (await stocked.alice.http.get(f"/v1/files/{batch['input_file_id']}")).json()
        assert (file["filename"], file["purpose"]) == ("tonight", "batch")
        async with working(stocked.services.store):
            batch = await when(stocked.alice, batch["id"], *ENDS)
        good, _ = await results(stocked.alice, batch)
        assert good.keys() == {"mine", "line-2"}
        job = good["mine"]["response"]["body"]
        assert (job["object"], job["status"], job["id"]) == ("job", "succeeded", line_job_id(batch["id"], 1))


async def test_jobs_are_submitted_as_one_list(stocked: Gateway) -> None:
    pretty = json.dumps({"jobs": [{"kind": "music.generate", "input": {"prompt": "one\ntwo"}}] * 3}, indent=2)
    headers = {"content-type": "application/json"}
    answer = await stocked.alice.http.post("/v1/jobs/batch", content=pretty, headers=headers)
    assert answer.status_code == 202, answer.text
    async with working(stocked.services.store):
        batch = await when(stocked.alice, answer.json()["id"], *ENDS)
    assert (batch["status"], counts(batch)) == ("completed", (3, 3, 0))


async def test_a_dry_run_of_jobs_stores_nothing_at_all(gateway: Gateway) -> None:
    """Not even a store is needed."""
    lines = [{"kind": "music.generate", "input": SONG}, {"kind": "music.generate", "input": {"tags": 1}}, {"x": 1}]
    answer = await gateway.alice.http.post(
        "/v1/jobs/batch?dry_run=true", content=jsonl(lines), headers={"content-type": "application/jsonl"}
    )
    found = answer.json()
    assert (answer.status_code, found["lines"], found["kinds"]) == (200, 3, {"music.generate": 1})
    assert [(each["line"], each["code"], each["param"]) for each in found["errors"]] == [
        (2, "invalid_request", "input.tags"),
        (3, "invalid_request", "kind"),
    ]
    assert not [key async for key in gateway.services.store.redis.scan_iter("file*")]


async def test_the_same_key_and_lines_are_the_same_batch(stocked: Gateway) -> None:
    async def send(lines: bytes, query: str = "") -> httpx.Response:
        headers = {"content-type": "application/jsonl", "idempotency-key": "k"}
        return await stocked.alice.http.post(f"/v1/jobs/batch{query}", content=lines, headers=headers)

    lines = jsonl([{"kind": "music.generate", "input": SONG}])
    first, again = await send(lines), await send(lines)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["idempotent-replayed"] == "true"
    for other in (await send(lines + lines), await send(lines, "?name=other")):
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    files = (await stocked.alice.http.get("/v1/files", params={"purpose": "batch"})).json()["data"]
    assert [file["id"] for file in files] == [first.json()["input_file_id"]]
    owner = stocked.alice.key.id
    assert [key async for key in stocked.services.objects.list_keys(f"files/{owner}/file-")] == [
        f"files/{owner}/{files[0]['id']}"
    ]


@pytest.mark.parametrize(
    ("kind", "query", "body", "field"),
    [
        ("application/x-www-form-urlencoded", "", b"{}", "Content-Type"),
        ("", "", b"{}", "Content-Type"),
        ("application/json", "", b"[]", "jobs"),
        ("application/json", "", b'{"job": []}', "jobs"),
        ("application/json", "", b'{"jobs": [1', "jobs"),
        ("application/json", "", b'{"jobs": "\xff"}', "jobs"),
        ("application/jsonl", "?dry_run=perhaps", b"{}", "dry_run"),
    ],
)
async def test_lines_that_are_no_lines_are_refused_as_a_problem(
    stocked: Gateway, kind: str, query: str, body: bytes, field: str
) -> None:
    answer = await stocked.alice.http.post(f"/v1/jobs/batch{query}", content=body, headers={"content-type": kind})
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].startswith(f"{field}: ")
    assert (await stocked.alice.http.get("/v1/files")).json()["data"] == []


async def test_lines_beyond_the_limit_are_refused(redis_url: str, s3: dict[str, Any]) -> None:
    settings = ApiSettings(max_body_bytes=2_000, batch_max_bytes=5_000)
    async with serving(storage_settings(redis_url, s3), settings) as gateway:
        for kind, limit in (("application/jsonl", 5_000), ("application/json", 2_000)):
            headers = {"content-type": kind}
            answer = await gateway.alice.http.post("/v1/jobs/batch", content=b" " * (limit + 1), headers=headers)
            assert answer.status_code == 413
            assert str(limit) in answer.json()["detail"]
        assert await gateway.services.store.redis.zcard("batches") == 0
