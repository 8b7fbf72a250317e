"""Pictures asked for in WebUI's words, with the engine's work done by hand."""

import asyncio
import base64
from typing import Any

from api.dialects.webui.bodies import Img2Img, Txt2Img
from api.dialects.webui.infotext import texts_of
from storage.job import Failure, Status
from tests.api.gateway import Gateway
from tests.api.images import answered, asked, data_uri, drawn, picture, shown
from tests.api.webui import EXTRAS, IMG2IMG, INTERRUPT, PNG, PNG_INFO, RAW, TXT2IMG, decoded, info

JPEG = picture(format="JPEG")


async def test_the_answer_is_pictures_and_what_was_asked_for(stocked: Gateway) -> None:
    answer, job = await answered(stocked, PNG, path=TXT2IMG, prompt="a fox", seed=5, width=96, height=64)
    body = answer.json()
    assert list(body) == ["images", "parameters", "info"]
    (image,) = decoded(answer)
    assert shown(image) == ("PNG", (96, 64))
    assert list(body["parameters"]) == list(Txt2Img.model_fields)
    sent = {"prompt": "a fox", "seed": 5, "width": 96, "height": 64}
    assert body["parameters"] == Txt2Img().model_dump() | sent
    assert (answer.headers["x-job-id"], answer.headers["x-gateway-engine"]) == (job.id, "illustrator (embedded)")


async def test_info_has_every_key_of_webui(stocked: Gateway) -> None:
    body = {"prompt": "a fox", "negative_prompt": "people", "seed": 5, "subseed": 9, "batch_size": 2, "width": 96}
    how = {"steps": 7, "cfg_scale": 4, "sampler_name": "DPM++ 2M SDE Karras", "model": "juggernautXL_version2"}
    told: dict[str, Any] = {"method": "by rules", "understood": {"places": ["forest"]}}
    posting = asyncio.create_task(stocked.alice.http.post(TXT2IMG, json={**body, **how}))
    job = await drawn(stocked, PNG, PNG, **told)
    answer = await posting
    found = info(answer)
    infotext = (
        "a fox\nNegative prompt: people\n"
        "Steps: 7, Sampler: DPM++ 2M SDE, Schedule type: Karras, CFG scale: 4, Seed: {}, "
        "Size: 96x512, Model: juggernautXL_version2, Engine: illustrator (embedded), Version: ai-gateway"
    )
    timestamp = found.pop("job_timestamp")
    assert len(timestamp) == 14
    assert timestamp.isdigit()
    assert found == {
        "prompt": "a fox",
        "all_prompts": ["a fox"] * 2,
        "negative_prompt": "people",
        "all_negative_prompts": ["people"] * 2,
        "seed": 5,
        "all_seeds": [5, 6],
        "subseed": 9,
        "all_subseeds": [9, 10],
        "subseed_strength": 0.0,
        "width": 96,
        "height": 512,
        "sampler_name": "DPM++ 2M SDE",
        "cfg_scale": 4.0,
        "steps": 7,
        "batch_size": 2,
        "restore_faces": False,
        "face_restoration_model": None,
        "sd_model_name": "juggernautXL_version2",
        "sd_model_hash": None,
        "sd_vae_name": None,
        "sd_vae_hash": None,
        "seed_resize_from_w": -1,
        "seed_resize_from_h": -1,
        "denoising_strength": None,
        "extra_generation_params": {},
        "index_of_first_image": 0,
        "infotexts": [infotext.format(5), infotext.format(6)],
        "styles": [],
        "clip_skip": 1,
        "is_using_inpainting_conditioning": False,
        "version": "ai-gateway",
        "gateway": {
            "job": job.id,
            "status": "succeeded",
            "engine": "illustrator (embedded)",
            "model": "juggernautXL_version2",
            "ignored": [],
            **told,
        },
    }


async def test_a_random_seed_is_told(stocked: Gateway) -> None:
    answer, job = await answered(stocked, PNG, PNG, path=TXT2IMG, seed=-1, n_iter=2)
    found = info(answer)
    assert found["seed"] == job.request["seed"] != -1
    assert found["all_seeds"] == [found["seed"], (found["seed"] + 1) % 2**32]
    assert answer.json()["parameters"]["seed"] == -1


async def test_pictures_carry_their_infotext_unless_they_are_not_to(stocked: Gateway) -> None:
    answer, _ = await answered(stocked, PNG, PNG, path=TXT2IMG, prompt="雪", seed=5, batch_size=2)
    assert [texts_of(each)["parameters"] for each in decoded(answer)] == info(answer)["infotexts"]
    plain = {"override_settings": {"enable_pnginfo": False}}
    answer, _ = await answered(stocked, PNG, path=TXT2IMG, **plain)
    assert decoded(answer) == [PNG]
    answer, _ = await answered(stocked, JPEG, path=TXT2IMG, override_settings={"samples_format": "jpg"})
    assert decoded(answer) == [JPEG]


async def test_pictures_may_be_left_out(stocked: Gateway) -> None:
    answer, _ = await answered(stocked, PNG, PNG, path=TXT2IMG, batch_size=2, send_images=False, save_images=True)
    assert answer.json()["images"] == []
    assert len(info(answer)["all_seeds"]) == 2


async def test_a_picture_that_failed_alone_is_missing_and_named(stocked: Gateway) -> None:
    posting = asyncio.create_task(stocked.alice.http.post(TXT2IMG, json={"batch_size": 2, "seed": 5}))
    job = await asked(stocked)
    job.output(1).error = Failure("engine_failed", "it broke")
    await stocked.store(job, 2, PNG, kind="image/png")
    await stocked.end(job, outputs=job.outputs)
    answer = await posting
    assert len(decoded(answer)) == 1
    assert info(answer)["all_seeds"] == [6]
    assert info(answer)["gateway"]["failed"] == [{"picture": 0, "code": "engine_failed", "message": "it broke"}]


async def test_img2img_tells_its_fields_without_the_pictures(stocked: Gateway) -> None:
    sent = {"init_images": [data_uri(PNG)], "mask": RAW, "denoising_strength": 0.3, "prompt": "night"}
    answer, job = await answered(stocked, PNG, path=IMG2IMG, **sent)
    parameters = answer.json()["parameters"]
    assert list(parameters) == list(Img2Img.model_fields)
    assert parameters == Img2Img().model_dump() | {"denoising_strength": 0.3, "prompt": "night"}
    assert (parameters["init_images"], parameters["mask"]) == (None, None)
    assert (info(answer)["denoising_strength"], info(answer)["extra_generation_params"]) == (0.3, {"Mask blur": 4})
    assert job.inputs.keys() == {"image", "mask"}


async def test_what_was_sent_is_there_for_the_engine(stocked: Gateway) -> None:
    body = {"init_images": [RAW], "alwayson_scripts": {"reactor": {"args": [data_uri(JPEG), True]}}}
    posting = asyncio.create_task(stocked.alice.http.post(IMG2IMG, json=body))
    job = await asked(stocked)
    for name, data in (("image", PNG), ("source_image", JPEG)):
        assert await stocked.services.objects.get_bytes(job.inputs[name], limit_bytes=len(data)) == data
    await stocked.end(job, Status.FAILED, error=Failure("engine_failed", "it broke"))
    assert (await posting).status_code == 500


async def test_every_path_is_at_the_root_too_with_and_without_its_slash(stocked: Gateway) -> None:
    for path in (TXT2IMG, "/sdapi/v1/txt2img"):
        for slash in ("", "/"):
            answer, _ = await answered(stocked, PNG, path=path + slash, prompt="a fox")
            assert len(decoded(answer)) == 1


async def test_the_key_may_be_a_basic_password(stocked: Gateway) -> None:
    posting = asyncio.create_task(
        stocked.nobody.post("/sdapi/v1/txt2img", json={}, auth=("webui", stocked.alice.secret))
    )
    job = await drawn(stocked, PNG)
    assert ((await posting).status_code, job.owner) == (200, stocked.alice.key.id)
    assert (await stocked.nobody.post("/sdapi/v1/txt2img", json={})).status_code == 401


async def test_an_error_of_the_engine_names_the_callers_field(stocked: Gateway) -> None:
    scripts = {"reactor": {"args": [RAW, True]}}
    for path, field, expected in (
        (TXT2IMG, "source_image", "alwayson_scripts.reactor.args.0"),
        (TXT2IMG, "face_index", "alwayson_scripts.reactor.args.3"),
        (TXT2IMG, "scale", "alwayson_scripts.reactor.args.9"),
        (IMG2IMG, "target_image", "init_images.0"),
        (IMG2IMG, "image", "init_images.0"),
        (IMG2IMG, "mask", "mask"),
    ):
        body = {"init_images": [RAW], "alwayson_scripts": scripts}
        posting = asyncio.create_task(stocked.alice.http.post(path, json=body))
        job = await asked(stocked)
        await stocked.end(job, Status.FAILED, error=Failure("invalid_request", "no face was found", field=field))
        answer = await posting
        told = f"{expected}: no face was found"
        assert (answer.status_code, answer.json()) == (
            422,
            {"error": "invalid_request", "detail": told, "body": "", "errors": told},
        )


async def test_a_request_that_is_interrupted_is_answered_with_what_there_is(stocked: Gateway) -> None:
    posting = asyncio.create_task(stocked.alice.http.post(TXT2IMG, json={"n_iter": 3, "seed": 5}))
    job = await asked(stocked)
    await stocked.store(job, 1, PNG, kind="image/png")
    interrupted = await stocked.alice.http.post(INTERRUPT)
    assert (interrupted.status_code, interrupted.json()) == (200, {})
    answer = await posting
    assert (answer.status_code, len(decoded(answer)), info(answer)["all_seeds"]) == (200, 1, [5])
    assert info(answer)["gateway"]["status"] == "canceled"


async def test_who_will_not_wait_gets_the_job(stocked: Gateway) -> None:
    answer = await stocked.alice.http.post(TXT2IMG, json={}, headers={"prefer": "respond-async"})
    assert answer.status_code == 202
    assert answer.headers["location"].endswith(f"/v1/jobs/{answer.json()['id']}")
    await drawn(stocked, PNG)
    assert (await stocked.alice.job(answer.json()["id"]))["status"] == "succeeded"


async def test_the_same_idempotency_key_has_the_same_pictures(stocked: Gateway) -> None:
    key = {"idempotency-key": "fox"}
    first = asyncio.create_task(stocked.alice.http.post(TXT2IMG, json={"seed": -1}, headers=key))
    await drawn(stocked, PNG)
    again = await stocked.alice.http.post(TXT2IMG, json={"seed": -1}, headers=key)
    assert again.json() == (await first).json()


async def test_a_larger_picture(stocked: Gateway) -> None:
    large = picture((192, 128))
    sent = {"image": RAW, "upscaler_1": "R-ESRGAN 4x+", "upscaling_resize": 2, "upscaler_2": "None"}
    answer, job = await answered(stocked, large, path=EXTRAS, **sent)
    body = answer.json()
    assert base64.b64decode(body["image"], validate=True) == large
    assert body["html_info"] == "<p>192x128, R-ESRGAN 4x+, upscaler (embedded)</p>"
    assert job.request.items() >= {"scale": 2.0, "upscaler": "realesr-animevideov3", "model": "R-ESRGAN 4x+"}.items()
    _, job = await answered(
        stocked, large, path=EXTRAS, image=RAW, resize_mode=1, upscaling_resize_w=192, upscaling_resize_h=100
    )
    assert job.request.items() >= {"width": 192, "height": 100, "crop": True}.items()
    assert (job.model, "scale" in job.request) == ("R-ESRGAN AnimeVideo", False)


async def test_a_picture_says_how_it_was_made(stocked: Gateway) -> None:
    answer, _ = await answered(stocked, PNG, path=TXT2IMG, prompt="a fox", seed=5, steps=9)
    (image,) = answer.json()["images"]
    told = (await stocked.alice.http.post(PNG_INFO, json={"image": image})).json()
    assert told["info"] == info(answer)["infotexts"][0]
    assert told["parameters"].items() >= {"Prompt": "a fox", "Seed": "5", "Steps": "9"}.items()
    again, _ = await answered(stocked, PNG, path=TXT2IMG, infotext=told["info"])
    assert info(again)["infotexts"] == info(answer)["infotexts"]
    assert (await stocked.alice.http.post(PNG_INFO, json={"image": RAW})).json() == {
        "info": "",
        "items": {},
        "parameters": {},
    }
