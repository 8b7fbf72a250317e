"""Our own surface: jobs submitted, read, waited for, cancelled, deleted and listed."""

import asyncio
from typing import Any

import pytest

from storage.ids import new_job_id
from storage.job import Kind, OutputStatus, Status
from storage.keys import job_channel
from tests.api.gateway import LENGTH_S, SONG, Gateway
from tests.api.images import data_uri, picture
from tests.waiting import until

JOB: dict[str, Any] = {"kind": "music.generate", "input": SONG}
KEYS = [
    "id", "object", "kind", "model", "engine", "status", "stage", "progress", "queue", "created_at", "started_at",
    "finished_at", "expires_at", "outputs", "error", "cost", "metadata", "urls",
]  # fmt: skip
OUTPUT_KEYS = [
    "id", "role", "status", "url", "content_type", "size_bytes", "duration_s", "width_px", "height_px", "text",
]  # fmt: skip


async def submitted(gateway: Gateway, **fields: Any) -> dict[str, Any]:
    answer = await gateway.alice.http.post("/v1/jobs", json={**JOB, **fields})
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


async def test_a_job_is_accepted_and_says_where_it_is_found(gateway: Gateway) -> None:
    answer = await gateway.alice.http.post("/v1/jobs", json={**JOB, "metadata": {"order": 17}})
    assert answer.status_code == 202
    job = answer.json()
    assert list(job) == KEYS
    assert all(list(output) == OUTPUT_KEYS for output in job["outputs"])
    assert (job["object"], job["status"], job["metadata"]) == ("job", "queued", {"order": 17})
    assert answer.headers["location"] == job["urls"]["self"] == f"http://gateway.test/v1/jobs/{job['id']}"
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["x-job-id"] == job["id"]
    assert answer.headers["x-gateway-engine"] == job["engine"] == "composer (embedded)"
    assert (await gateway.alice.http.get(answer.headers["location"])).json() == job


async def test_a_jobs_terms_are_kept(gateway: Gateway) -> None:
    terms = {"priority": 2, "start_within_s": 60, "run_within_s": 30, "keep_s": 3600}
    job = await submitted(gateway, **terms, model="chirp-v4", input={"prompt": "x"})
    stored = await gateway.read(job["id"])
    assert (stored.priority, stored.run_s, stored.keep_s, stored.model) == (2, 30, 3600, "chirp-v4")
    assert 55_000 < stored.start_by - stored.created <= 61_000


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"kind": "music.whistle"}, "#/kind"),
        ({"kind": None}, "#/kind"),
        ({"input": None}, "#/input"),
        ({"input": []}, "#/input"),
        ({"input": {"tags": 5}}, "#/input/tags"),
        ({"input": {"mv": "nope"}}, "#/input/mv"),
        ({"model": "nope", "input": {}}, "#/model"),
        ({"model": "chirp-v4"}, "#/model"),
        ({"priority": 10}, "#/priority"),
        ({"priority": -1}, "#/priority"),
        ({"start_within_s": 0}, "#/start_within_s"),
        ({"run_within_s": -5}, "#/run_within_s"),
        ({"keep_s": "long"}, "#/keep_s"),
        ({"metadata": []}, "#/metadata"),
        ({"metadata": {"x": "a" * 20_000}}, "#/metadata"),
        ({"kind": "music.extend"}, "#/kind"),
        ({"kind": "music.concat", "input": {}}, "#/input/clip_id"),
        ({"colour": "red"}, "#/colour"),
        ({"a/b~": 1}, "#/a~1b~0"),
    ],
)
async def test_a_field_that_does_not_fit_is_pointed_at(gateway: Gateway, body: dict[str, Any], pointer: str) -> None:
    answer = await gateway.alice.http.post("/v1/jobs", json={**JOB, **body})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["title"]) == (422, "Unprocessable Entity")
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


async def test_a_generation_with_a_clip_to_extend_is_an_extension_and_must_say_so(gateway: Gateway) -> None:
    clip, _ = await gateway.finish()
    content = {"continue_clip_id": clip, "continue_at": 5}
    wrong = await gateway.alice.http.post("/v1/jobs", json={"kind": "music.generate", "input": content})
    assert wrong.json()["errors"][0]["pointer"] == "#/kind"
    right = await gateway.alice.http.post("/v1/jobs", json={"kind": "music.extend", "input": content})
    assert right.status_code == 202
    missing = await gateway.bob.http.post("/v1/jobs", json={"kind": "music.extend", "input": content})
    assert (missing.status_code, missing.json()["errors"][0]["pointer"]) == (404, "#/input/continue_clip_id")


async def test_an_input_without_a_model_may_leave_it_blank(gateway: Gateway) -> None:
    assert (await submitted(gateway, model="chirp-v4", input={**SONG, "mv": ""}))["model"] == "chirp-v4"


async def test_a_concatenation_is_made_by_its_clips_own_model(gateway: Gateway) -> None:
    clip, _ = await gateway.finish(mv="chirp-v4")
    extension = (await gateway.alice.generate(continue_clip_id=clip, mv=None))["clips"][0]
    assert extension["model_name"] == "chirp-v4"
    await gateway.make()
    body = {"kind": "music.concat", "input": {"clip_id": extension["id"]}}
    assert (await submitted(gateway, **body))["model"] == "chirp-v4"
    other = await gateway.alice.http.post("/v1/jobs", json={**body, "model": "chirp-v3-0"})
    assert other.json()["errors"][0]["pointer"] == "#/model"


async def test_a_body_that_is_not_json_is_called_so(gateway: Gateway) -> None:
    answer = await gateway.alice.http.post("/v1/jobs", content=b"{")
    assert answer.status_code == 422
    assert "the body is not JSON" in answer.json()["detail"]


async def test_a_job_is_seen_through_its_life(gateway: Gateway) -> None:
    id = (await submitted(gateway))["id"]
    held = await gateway.claim()
    running = await gateway.alice.job(id)
    assert (running["status"], running["stage"], running["queue"]) == ("running", "rendering", None)
    await gateway.mark(held, OutputStatus.MAKING, [1])
    making = await gateway.alice.job(id)
    assert [bool(output["url"]) for output in making["outputs"]] == [True] * 4 + [False] * 4
    await gateway.mark(held, OutputStatus.STORED)
    await gateway.end(held)
    done = await gateway.alice.job(id)
    assert (done["status"], done["stage"], done["progress"]) == ("succeeded", None, 1.0)
    assert {output["role"] for output in done["outputs"]} == {"audio", "cover", "waveform"}  # the plan is never shown
    assert done["outputs"][0]["duration_s"] == LENGTH_S
    assert done["expires_at"] > done["finished_at"] > done["started_at"] >= done["created_at"]


async def test_a_failed_job_says_why(gateway: Gateway) -> None:
    id = (await submitted(gateway))["id"]
    await gateway.fail("the engine broke")
    job = await gateway.alice.job(id)
    assert job["error"] == {"code": "engine_failed", "message": "the engine broke", "retryable": False}


async def test_waiting_for_a_job_that_has_ended_does_not_wait(gateway: Gateway) -> None:
    id = (await submitted(gateway))["id"]
    await gateway.make()
    answer = await gateway.alice.http.get(f"/v1/jobs/{id}?wait=300")
    assert answer.json()["status"] == "succeeded"


async def test_a_waiting_read_answers_as_soon_as_the_job_ends(gateway: Gateway) -> None:
    id = (await submitted(gateway))["id"]
    waiting = asyncio.create_task(gateway.alice.http.get(f"/v1/jobs/{id}", headers={"prefer": "wait=1000"}))
    await until(lambda: watched(gateway, id))
    held = await gateway.claim()
    await gateway.mark(held, OutputStatus.STORED)
    assert not waiting.done()
    await gateway.end(held)
    async with asyncio.timeout(5):
        answer = await waiting
    assert answer.json()["status"] == "succeeded"
    assert answer.headers["preference-applied"] == "wait=300"
    await until(lambda: not watched(gateway, id))


async def test_a_waiting_read_ends_with_its_time(gateway: Gateway) -> None:
    id = (await submitted(gateway))["id"]
    answer = await gateway.alice.http.get(f"/v1/jobs/{id}?wait=0.05")
    assert (answer.status_code, answer.json()["status"]) == (200, "queued")
    assert not watched(gateway, id)


async def test_a_waiting_read_of_a_job_that_is_deleted_meanwhile_is_a_404(gateway: Gateway) -> None:
    id = (await submitted(gateway))["id"]
    waiting = asyncio.create_task(gateway.alice.http.get(f"/v1/jobs/{id}?wait=60"))
    await until(lambda: watched(gateway, id))
    await gateway.alice.http.delete(f"/v1/jobs/{id}")
    async with asyncio.timeout(5):
        assert (await waiting).status_code == 404


def watched(gateway: Gateway, id: str) -> bool:
    return job_channel(id) in gateway.services.store.signals._watchers


@pytest.mark.parametrize("wait", ["-1", "301", "x", "1e2", "nan", "³"])
async def test_a_wait_that_is_none_is_refused(gateway: Gateway, wait: str) -> None:
    id = (await submitted(gateway))["id"]
    answer = await gateway.alice.http.get(f"/v1/jobs/{id}", params={"wait": wait})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "wait"


async def test_a_canceled_job_ends_at_once_and_only_once(gateway: Gateway) -> None:
    id = (await submitted(gateway))["id"]
    held = await gateway.claim()
    answer = await gateway.alice.http.post(f"/v1/jobs/{id}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "canceled")
    assert not await gateway.services.store.queue.report(held, progress=0.5)


async def test_a_cancel_may_be_repeated(gateway: Gateway) -> None:
    id = (await submitted(gateway))["id"]
    first, again = [
        await gateway.alice.http.post(f"/v1/jobs/{id}/cancel", headers={"idempotency-key": "k"}) for _ in range(2)
    ]
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json() == await gateway.alice.job(id)
    assert again.headers["x-job-id"] == id


async def test_a_finished_job_cannot_be_canceled(gateway: Gateway) -> None:
    id = (await submitted(gateway))["id"]
    await gateway.make()
    answer = await gateway.alice.http.post(f"/v1/jobs/{id}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "already_ended")
    assert "succeeded" in answer.json()["detail"]
    assert (await gateway.alice.job(id))["status"] == "succeeded"


async def test_a_job_is_found_however_its_id_is_spelled(gateway: Gateway) -> None:
    id = (await submitted(gateway))["id"]
    for spelled in (id.upper(), id.replace("-", "")):
        assert (await gateway.alice.job(spelled))["id"] == id
        assert (await gateway.alice.http.get(f"/v1/jobs/{spelled}?wait=0.01")).json()["id"] == id
        assert (await gateway.bob.http.get(f"/v1/jobs/{spelled}")).status_code == 404
    assert (await gateway.alice.http.post(f"/v1/jobs/{id.upper()}/cancel")).json()["status"] == "canceled"
    assert (await gateway.alice.http.delete(f"/v1/jobs/{id.upper()}")).status_code == 204


async def test_a_deleted_job_is_gone_even_while_the_object_store_is_away(gateway: Gateway) -> None:
    id = (await submitted(gateway))["id"]
    answer = await gateway.alice.http.delete(f"/v1/jobs/{id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await gateway.alice.http.get(f"/v1/jobs/{id}")).status_code == 404
    assert (await gateway.alice.http.delete(f"/v1/jobs/{id}")).status_code == 404
    assert (await gateway.alice.http.get("/v1/feed")).json()["data"] == []
    assert await gateway.services.store.redis.zscore("erase", id) is not None  # upkeep will see to its media


async def test_another_callers_job_is_as_good_as_unknown(gateway: Gateway) -> None:
    id = (await submitted(gateway))["id"]
    for method, path in (("GET", ""), ("GET", "?wait=5"), ("POST", "/cancel"), ("DELETE", "")):
        for wrong in (id, new_job_id(), "nonsense", f"{id[:-4]}0010"):
            client = gateway.bob if wrong == id else gateway.alice
            answer = await client.http.request(method, f"/v1/jobs/{wrong}{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (method, path, wrong)
    assert (await gateway.alice.job(id))["status"] == "queued"
    assert (await gateway.bob.http.get("/v1/feed")).json()["data"] == []


async def test_the_feed_pages_through_everything_newest_first(gateway: Gateway) -> None:
    ids = [(await submitted(gateway))["id"] for _ in range(5)]
    found: list[str] = []
    cursor: str | None = ""
    pages = 0
    while cursor is not None:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await gateway.alice.http.get("/v1/feed", params=params)).json()
        assert list(page) == ["object", "data", "next_cursor"]
        found += [job["id"] for job in page["data"]]
        cursor, pages = page["next_cursor"], pages + 1
    assert set(found) == set(ids)
    assert len(found) == 5
    assert 3 <= pages <= 4


async def test_the_feed_can_be_narrowed(gateway: Gateway) -> None:
    clip, _ = await gateway.finish()
    await gateway.alice.generate(continue_clip_id=clip)
    queued = await submitted(gateway)

    async def kinds(**params: Any) -> list[str]:
        answer = await gateway.alice.http.get("/v1/feed", params=params)
        assert answer.status_code == 200
        return sorted(job["kind"] for job in answer.json()["data"])

    generate, extend = Kind.MUSIC_GENERATE.value, Kind.MUSIC_EXTEND.value
    assert await kinds() == [extend, generate, generate]
    assert await kinds(kind=extend) == [extend]
    assert await kinds(kind=f"{extend},{generate}", status="queued") == [extend, generate]
    assert await kinds(kind=[extend, generate], status=["queued", "succeeded"]) == [extend, generate, generate]
    assert await kinds(status="succeeded") == [generate]
    assert await kinds(status="failed") == []
    assert queued["queue"]["position"] == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cursor", "nonsense"),
        ("cursor", "bnVsbA"),
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "x"),
        ("kind", "x"),
        ("status", "done"),
    ],
)
async def test_a_parameter_that_does_not_fit_is_named(gateway: Gateway, name: str, value: str) -> None:
    answer = await gateway.alice.http.get("/v1/feed", params={name: value})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == name


async def test_a_waiting_job_says_what_it_waits_for(gateway: Gateway) -> None:
    first, second = await submitted(gateway), await submitted(gateway)
    assert "no worker serves the engines lane" in first["queue"]["why_waiting"]
    queue = gateway.services.store.queue
    await queue.renew("engines", [], lease_s=60, worker="w", slots=2, health=b"{}")
    assert (await gateway.alice.job(second["id"]))["queue"]["why_waiting"] == "1 job is served first"
    held = await gateway.claim()
    await queue.advance(held.id, Status.QUEUED, token=held.token, delay_s=60)
    put_off = await gateway.alice.job(held.id)
    assert (put_off["status"], put_off["queue"]["position"]) == ("running", None)
    assert put_off["queue"]["why_waiting"].startswith("retrying")


PICTURE = data_uri(picture())
PICTURES: dict[str, dict[str, Any]] = {
    "image.generate": {"prompt": "a boat", "width": 128, "seed": 7},
    "image.edit": {"prompt": "night", "init_images": [PICTURE]},
    "image.upscale": {"image": PICTURE, "upscaler_1": "Lanczos", "upscaling_resize": 2},
    "image.faceswap": {"source_image": PICTURE, "target_image": PICTURE},
}


@pytest.mark.parametrize("kind", PICTURES)
async def test_pictures_of_every_kind_are_jobs_with_what_their_protocol_takes(stocked: Gateway, kind: str) -> None:
    answer = await stocked.alice.http.post("/v1/jobs", json={"kind": kind, "input": PICTURES[kind]})
    assert answer.status_code == 202, answer.text
    job = await stocked.read(answer.json()["id"])
    assert (job.kind, job.dialect, [output.role for output in job.outputs]) == (kind, "webui", ["image"])
    assert "base64" not in str(job.request)
    for key in job.inputs.values():
        assert await stocked.services.objects.get_bytes(key, limit_bytes=10_000) == picture()


@pytest.mark.parametrize(
    ("kind", "model", "field"),
    [("image.generate", "dall-e-3", "model"), ("image.upscale", "Nearest", "upscaler_1")],
)
async def test_a_model_beside_the_input_is_that_of_the_picture(
    stocked: Gateway, kind: str, model: str, field: str
) -> None:
    content = {name: value for name, value in PICTURES[kind].items() if name != field}
    answer = await stocked.alice.http.post("/v1/jobs", json={"kind": kind, "model": model, "input": content})
    assert (answer.status_code, answer.json()["model"]) == (202, model)
    other = {"kind": kind, "model": model, "input": {**content, field: "another"}}
    assert (await stocked.alice.http.post("/v1/jobs", json=other)).status_code == 422


async def test_what_is_wrong_with_a_picture_is_named_inside_the_input(stocked: Gateway) -> None:
    wrong = {"kind": "image.edit", "input": {"init_images": ["!"]}}
    answer = await stocked.alice.http.post("/v1/jobs", json=wrong)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/input/init_images/0"
    unknown = {"kind": "image.generate", "model": "no-such-thing", "input": {}}
    answer = await stocked.alice.http.post("/v1/jobs", json=unknown)
    assert answer.json()["errors"][0]["pointer"] == "#/model"
