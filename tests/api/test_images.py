"""Pictures asked for in OpenAI's words, with the engine's work done by hand."""

import asyncio
import base64
import json
from typing import Any

import pytest
from PIL import ExifTags, Image

from storage.errors import ObjectMissing
from storage.job import Failure, Status
from tests.api.gateway import Gateway
from tests.api.images import EDITS, GENERATIONS, VARIATIONS, answered, asked, data_uri, drawn, picture, shown

PNG, WEBP = picture(), picture((64, 64), "WEBP")


async def test_the_answer_is_a_link_that_lasts(stocked: Gateway) -> None:
    answer, job = await answered(stocked, PNG, prompt="a cat", model="dall-e-3")
    assert answer.status_code == 200
    assert answer.json() == {"created": job.created // 1000, "data": [{"url": answer.json()["data"][0]["url"]}]}
    assert answer.headers["x-job-id"] == job.id
    assert answer.headers["x-gateway-engine"] == "illustrator (embedded)"
    picture = await stocked.nobody.get(answer.json()["data"][0]["url"])
    assert (picture.status_code, picture.headers["content-type"], picture.content) == (200, "image/png", PNG)


async def test_the_answer_is_the_pictures_themselves_if_asked(stocked: Gateway) -> None:
    answer, _ = await answered(stocked, PNG, PNG, prompt="a cat", n=2, response_format="b64_json")
    assert [base64.b64decode(each["b64_json"]) for each in answer.json()["data"]] == [PNG, PNG]


async def test_gpt_image_always_answers_with_the_pictures_themselves(stocked: Gateway) -> None:
    answer, _ = await answered(stocked, WEBP, prompt="a cat", model="gpt-image-1", size="64x64", output_format="webp")
    body = answer.json()
    assert base64.b64decode(body["data"][0]["b64_json"]) == WEBP
    assert {name: body[name] for name in ("background", "output_format", "quality", "size")} == {
        "background": "opaque",
        "output_format": "webp",
        "quality": "medium",
        "size": "64x64",
    }


async def test_every_path_works_with_and_without_its_slash(stocked: Gateway) -> None:
    body = {"prompt": "a cat", "image": data_uri(PNG)}
    for path in (GENERATIONS, EDITS, VARIATIONS):
        for slash in ("", "/"):
            answer, _ = await answered(stocked, PNG, path=path + slash, json=body)
            assert answer.status_code == 200


async def test_a_form_and_its_json_are_the_same_to_the_engine(stocked: Gateway) -> None:
    said: dict[str, Any] = {"prompt": "a hat", "n": 2, "seed": 5, "size": "256x256"}
    mask = picture(mode="RGBA", hole=(20, 20, 40, 40))
    form = {"image": ("upload", PNG, "application/octet-stream"), "mask": ("m.png", mask, "image/png")}
    _, one = await answered(stocked, PNG, PNG, path=EDITS, data=said, files=form)
    body = {**said, "images": [{"image_url": data_uri(PNG)}], "mask": {"image_url": data_uri(mask)}}
    _, other = await answered(stocked, PNG, PNG, path=EDITS, json=body)
    assert one.request == other.request
    assert one.request.items() >= {"mask_from_alpha": True, "width": 256, "seed": 5, "denoising_strength": 1.0}.items()
    assert one.inputs.keys() == other.inputs.keys() == {"image", "mask"}


async def test_what_was_sent_is_there_for_the_engine(stocked: Gateway) -> None:
    posting = asyncio.create_task(stocked.alice.http.post(VARIATIONS, files={"image[]": ("a.png", PNG)}))
    job = await asked(stocked)
    assert await stocked.services.objects.get_bytes(job.inputs["image"], limit_bytes=len(PNG)) == PNG
    await stocked.end(job, Status.FAILED, error=Failure("engine_failed", "it broke"))
    assert (await posting).status_code == 500


async def test_a_picture_may_be_one_of_the_callers_files(stocked: Gateway) -> None:
    answer = await stocked.alice.http.post(
        "/v1/files", data={"purpose": "vision"}, files={"file": ("cat.webp", WEBP, "image/webp")}
    )
    file = answer.json()["id"]
    posting = asyncio.create_task(
        stocked.alice.http.post(EDITS, json={"prompt": "a hat", "images": [{"file_id": file}], "n": 1})
    )
    job = await asked(stocked)
    assert await stocked.services.objects.get_bytes(job.inputs["image"], limit_bytes=len(WEBP)) == WEBP
    await stocked.end(job, Status.FAILED, error=Failure("engine_failed", "it broke"))
    await posting
    others = await stocked.bob.http.post(EDITS, json={"prompt": "a hat", "images": [{"file_id": file}]})
    assert (others.status_code, others.json()["error"]["param"]) == (400, "images.0.file_id")
    assert file in others.json()["error"]["message"]


async def test_a_file_whose_bytes_are_gone_is_refused(stocked: Gateway) -> None:
    answer = await stocked.alice.http.post("/v1/files", data={"purpose": "vision"}, files={"file": ("cat.png", PNG)})
    file = await stocked.services.store.files.get(stocked.alice.key.id, answer.json()["id"])
    await stocked.services.objects.delete_prefix(file.where)
    answer = await stocked.alice.http.post(VARIATIONS, json={"images": [{"file_id": file.id}]})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "images.0.file_id")


async def test_a_mask_is_as_large_as_the_picture_is_shown(stocked: Gateway) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    files = {
        "image": ("lying.jpeg", picture((96, 64), "JPEG", exif=exif)),
        "mask": ("standing.png", picture((64, 96), mode="RGBA", hole=(0, 0, 9, 9))),
    }
    answer, _ = await answered(stocked, PNG, path=EDITS, data={"prompt": "a hat"}, files=files)
    assert answer.status_code == 200


async def test_dall_e_2_paints_what_is_transparent_in_the_picture_itself(stocked: Gateway) -> None:
    cut_out, whole = picture(mode="RGBA", hole=(20, 20, 40, 40)), picture(mode="RGBA")
    for data, model, expected in (
        (cut_out, "dall-e-2", True),
        (whole, "dall-e-2", False),
        (PNG, "dall-e-2", False),
        (cut_out, "gpt-image-1", False),
    ):
        said = {"prompt": "a hat", "model": model}
        _, job = await answered(stocked, PNG, path=EDITS, data=said, files={"image": ("a.png", data)})
        assert job.request.get("mask_from_alpha", False) == expected


async def test_a_repeated_form_attaches_to_the_running_job(stocked: Gateway) -> None:
    async def post() -> Any:
        form = {"image": ("a.png", PNG, "image/png")}
        key = {"idempotency-key": "once"}
        return await stocked.alice.http.post(VARIATIONS, data={"n": "1"}, files=form, headers=key)

    first = asyncio.create_task(post())
    job = await asked(stocked)
    again = asyncio.create_task(post())
    await stocked.store(job, 1, PNG, kind="image/png")
    await stocked.end(job, outputs=job.outputs)
    answers = [await first, await again]
    assert [answer.headers["x-job-id"] for answer in answers] == [job.id, job.id]
    assert answers[0].json() == answers[1].json()
    other = await stocked.alice.http.post(
        VARIATIONS, data={"n": "2"}, files={"image": ("a.png", PNG)}, headers={"idempotency-key": "once"}
    )
    assert (other.status_code, other.json()["error"]["code"]) == (400, "idempotency_key_reused")


async def test_who_would_not_wait_gets_the_job(stocked: Gateway) -> None:
    headers = {"prefer": "respond-async"}
    answer = await stocked.alice.http.post(GENERATIONS, json={"prompt": "a cat"}, headers=headers)
    assert (answer.status_code, answer.json()["kind"], answer.json()["status"]) == (202, "image.generate", "queued")
    await drawn(stocked, PNG)
    job = (await stocked.alice.http.get(answer.headers["location"])).json()
    assert job["status"] == "succeeded"
    assert (await stocked.nobody.get(job["outputs"][0]["url"])).content == PNG


async def test_what_the_engine_refuses_names_its_field(stocked: Gateway) -> None:
    posting = asyncio.create_task(stocked.alice.http.post(GENERATIONS, json={"prompt": "a cat"}))
    job = await asked(stocked)
    await stocked.end(job, Status.FAILED, error=Failure("invalid_request", "is of no use", field="prompt"))
    answer = await posting
    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "message": "prompt: is of no use",
        "type": "invalid_request_error",
        "param": "prompt",
        "code": "invalid_request",
    }


async def test_a_job_that_nobody_can_do_is_not_asked_for_again(stocked: Gateway) -> None:
    posting = asyncio.create_task(stocked.alice.http.post(GENERATIONS, json={"prompt": "a cat"}))
    await stocked.end(await asked(stocked), Status.FAILED, error=Failure("engine_failed", "it broke"))
    answer = await posting
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "server_error")
    assert answer.headers["x-should-retry"] == "false"


async def test_pictures_that_failed_alone_are_left_out(stocked: Gateway) -> None:
    answer, _ = await answered(stocked, PNG, prompt="a cat", n=2)
    assert len(answer.json()["data"]) == 1


async def test_a_picture_that_was_deleted_meanwhile_is_missed(stocked: Gateway) -> None:
    answer, job = await answered(
        stocked,
        PNG,
        json={"prompt": "a cat", "response_format": "b64_json"},
        headers={"idempotency-key": "twice"},
    )
    assert answer.status_code == 200
    await stocked.services.objects.delete_prefix(str(job.outputs[0].object_key))
    with pytest.raises(ObjectMissing):
        await stocked.services.objects.get_bytes(str(job.outputs[0].object_key), limit_bytes=1)
    again = await stocked.alice.http.post(
        GENERATIONS,
        content=json.dumps({"prompt": "a cat", "response_format": "b64_json"}, separators=(",", ":")),
        headers={"idempotency-key": "twice", "content-type": "application/json"},
    )
    assert (again.status_code, again.json()["error"]["code"]) == (404, "object_missing")


async def test_links_of_webp_end_so(stocked: Gateway) -> None:
    answer, _ = await answered(stocked, WEBP, prompt="a cat", output_format="webp")
    url = answer.json()["data"][0]["url"]
    assert url.endswith(".webp")
    assert shown((await stocked.nobody.get(url)).content) == ("WEBP", (64, 64))
