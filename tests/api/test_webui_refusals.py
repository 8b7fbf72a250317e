"""What WebUI requests are refused for, in WebUI's shape, and that nothing is stored then."""

import base64
import json
from typing import Any

import httpx
import pytest

from api.inputs import MAX_BODY_BYTES
from tests.api.gateway import LANE, Gateway
from tests.api.images import bomb, data_uri, picture
from tests.api.webui import EXTRAS, IMG2IMG, OPTIONS, PNG_INFO, RAW, REACTOR, TXT2IMG


@pytest.fixture(autouse=True)
async def _nothing_is_stored(gateway: Gateway) -> Any:
    yield
    _, left = await gateway.services.store.queue.claim(LANE, 10, lease_s=1)
    assert not left


def listed(answer: httpx.Response) -> list[dict[str, Any]]:
    """What does not fit, as FastAPI tells it."""
    assert answer.status_code == 422, answer.text
    assert list(answer.json()) == ["detail"]
    found: list[dict[str, Any]] = answer.json()["detail"]
    assert all(list(each) == ["loc", "msg", "type"] and each["loc"][0] == "body" for each in found)
    return found


def told(answer: httpx.Response, status: int = 422) -> str:
    """The text of an error, as WebUI tells one."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert list(body) == ["error", "detail", "body", "errors"]
    assert body["detail"] == body["errors"]
    return str(body["detail"])


NUMBERS: list[tuple[str, dict[str, Any], str]] = [
    (TXT2IMG, {"width": 0}, "greater than or equal to 64"),
    (TXT2IMG, {"height": 63}, "greater than or equal to 64"),
    (TXT2IMG, {"width": 100_000}, "less than or equal to 2048"),
    (TXT2IMG, {"height": -512}, "greater than or equal to 64"),
    (TXT2IMG, {"width": 512.5}, "integer"),
    (TXT2IMG, {"width": "wide"}, "integer"),
    (TXT2IMG, {"steps": 0}, "greater than or equal to 1"),
    (TXT2IMG, {"steps": 151}, "less than or equal to 150"),
    (TXT2IMG, {"cfg_scale": 31}, "less than or equal to 30"),
    (TXT2IMG, {"cfg_scale": float("nan")}, "finite"),
    (TXT2IMG, {"cfg_scale": float("inf")}, "finite"),
    (TXT2IMG, {"seed": -2}, "greater than or equal to -1"),
    (TXT2IMG, {"seed": 2**32}, "less than or equal to 4294967295"),
    (TXT2IMG, {"seed": 10**400}, "less than or equal to 4294967295"),
    (TXT2IMG, {"batch_size": 17}, "less than or equal to 16"),
    (TXT2IMG, {"n_iter": 0}, "greater than or equal to 1"),
    (TXT2IMG, {"prompt": 7}, "string"),
    (TXT2IMG, {"prompt": "a" * 20_001}, "20000"),
    (TXT2IMG, {"negative_prompt": "a" * 20_001}, "20000"),
    (TXT2IMG, {"styles": "oil"}, "array"),
    (TXT2IMG, {"seed_resize_from_h": 10**30}, "2048"),
    (TXT2IMG, {"override_settings": []}, "object"),
    (TXT2IMG, {"alwayson_scripts": "reactor"}, "object"),
    (IMG2IMG, {"denoising_strength": 1.01}, "less than or equal to 1"),
    (IMG2IMG, {"resize_mode": 4}, "less than or equal to 3"),
    (IMG2IMG, {"mask_blur": 65}, "less than or equal to 64"),
    (IMG2IMG, {"inpainting_fill": 9}, "less than or equal to 3"),
    (IMG2IMG, {"inpaint_full_res_padding": -1}, "greater than or equal to 0"),
    (IMG2IMG, {"init_images": RAW}, "array"),
    (EXTRAS, {"upscaling_resize": 5}, "less than or equal to 4"),
    (EXTRAS, {"upscaling_resize": 0}, "greater than or equal to 1"),
    (EXTRAS, {"upscaling_resize_w": 9000, "resize_mode": 1}, "less than or equal to 8192"),
    (OPTIONS, {"samples_format": "gif"}, "'png'"),
    (OPTIONS, {"sd_model_checkpoint": 7}, "string"),
]


async def test_a_value_that_does_not_fit_is_named_with_its_limit(gateway: Gateway) -> None:
    for path, body, said in NUMBERS:
        content = json.dumps({"init_images": [RAW], "image": RAW} | body)  # which writes NaN
        found = listed(await gateway.alice.http.post(path, content=content))
        assert found[0]["loc"][1] == next(iter(body)), body
        assert said in found[0]["msg"], body


async def test_everything_that_does_not_fit_is_named_at_once(gateway: Gateway) -> None:
    found = listed(await gateway.alice.http.post(TXT2IMG, json={"steps": 0, "width": 1, "cfg_scale": "much"}))
    assert [each["loc"] for each in found] == [["body", "steps"], ["body", "cfg_scale"], ["body", "width"]]


async def test_what_is_no_json_object_is_refused(gateway: Gateway) -> None:
    for body in (b"", b"{", b"[]", b'"a fox"', b"\xff", b"[" * 100_000, b'{"prompt": "\\ud800"}'):
        for path in (TXT2IMG, IMG2IMG, EXTRAS, REACTOR, OPTIONS, PNG_INFO):
            listed(await gateway.alice.http.post(path, content=body))


WORDS: list[tuple[str, dict[str, Any], str]] = [
    (TXT2IMG, {"model": "sd15"}, "model: no image model is called 'sd15'; there are: majicmixRealistic_v7"),
    (TXT2IMG, {"sampler_name": "Turbo"}, "sampler_name: no sampler is called 'Turbo'; there are: DPM++ 2M"),
    (TXT2IMG, {"scheduler": "Turbo"}, "scheduler: no scheduler is called 'Turbo'; there are: Automatic"),
    (TXT2IMG, {"batch_size": 4, "n_iter": 5}, "n_iter: batch_size × n_iter may be 16 at most, not 20"),
    (TXT2IMG, {"subseed_strength": 0.5}, "subseed_strength: has to be 0"),
    (TXT2IMG, {"enable_hr": True, "width": 2048}, "hr_scale: that would be 4096 × 1024 pixels; sides have 64 to 2048"),
    (TXT2IMG, {"script_name": "X/Y/Z plot"}, "Script 'X/Y/Z plot' not found"),
    (TXT2IMG, {"alwayson_scripts": {"Sag": {"args": [1]}}}, "Script 'Sag' not found"),
    (TXT2IMG, {"comments": {"x": "y" * 20_000}}, "comments: has 20008 bytes as JSON; the limit is 16384"),
    (IMG2IMG, {"init_images": []}, "init_images: 1 picture is wanted, not 0"),
    (IMG2IMG, {"init_images": [RAW] * 2}, "init_images: 1 picture is wanted, not 2"),
    (IMG2IMG, {"latent_mask": RAW}, "latent_mask: "),
    (EXTRAS, {"upscaler_1": "None"}, "upscaler_1: None would change nothing; there are: R-ESRGAN AnimeVideo"),
    (EXTRAS, {"upscaler_1": "SwinIR"}, "upscaler_1: no image.upscale model is called 'SwinIR'; there are: R-ESRGAN"),
    (EXTRAS, {"upscaler_2": "Lanczos", "extras_upscaler_2_visibility": 0.5}, "extras_upscaler_2_visibility: "),
    (EXTRAS, {"gfpgan_visibility": 1}, "gfpgan_visibility: has to be 0"),
    (OPTIONS, {"sd_model_checkpoint": "sd15"}, "sd_model_checkpoint: no image model is called 'sd15'"),
]  # fmt: skip


async def test_what_cannot_be_done_is_said_by_name(gateway: Gateway) -> None:
    for path, body, said in WORDS:
        answer = await gateway.alice.http.post(path, json={"init_images": [RAW], "image": RAW} | body)
        assert told(answer).startswith(said), body


async def test_a_missing_init_image_is_not_found(gateway: Gateway) -> None:
    for body in ({}, {"init_images": None}):
        assert told(await gateway.alice.http.post(IMG2IMG, json=body), 404) == "Init image not found"


FIELDS = [
    (IMG2IMG, "init_images.0", lambda text: {"init_images": [text]}),
    (IMG2IMG, "mask", lambda text: {"init_images": [RAW], "mask": text}),
    (TXT2IMG, "alwayson_scripts.reactor.args.0", lambda text: {"alwayson_scripts": {"REACTOR": {"args": [text, 1]}}}),
    (EXTRAS, "image", lambda text: {"image": text}),
    (REACTOR, "source_image", lambda text: {"source_image": text, "target_image": RAW}),
    (REACTOR, "target_image", lambda text: {"source_image": RAW, "target_image": text}),
    (PNG_INFO, "image", lambda text: {"image": text}),
]  # fmt: skip


async def test_what_is_no_picture_is_refused_before_anything_is_decoded(gateway: Gateway) -> None:
    for path, field, body in FIELDS:
        for text, said in (
            ("%%% not Base64", "Base64"),
            ("data:image/png,raw", "a data URI has to be Base64"),
            (base64.b64encode(b"hello").decode(), "known formats: PNG"),
            (base64.b64encode(b'<svg xmlns="http://www.w3.org/2000/svg"/>').decode(), "known formats: PNG"),
            (data_uri(bomb()), "40 megapixels"),
            (data_uri(bomb(8000)), "8000 × 8000 pixels; the limit is 40 megapixels"),
            (data_uri(picture()[:20]), "known formats"),
        ):
            answer = told(await gateway.alice.http.post(path, json=body(text)))
            assert answer.startswith(f"{field}: "), text[:30]
            assert said in answer, text[:30]


async def test_addresses_that_lead_inside_are_refused(gateway: Gateway) -> None:
    for path, field, body in FIELDS[:-1]:
        for url in (
            "http://127.0.0.1:6379/",
            "http://[::1]/a.png",
            "http://169.254.169.254/latest",
            "http://10.0.0.1/a",
        ):
            assert told(await gateway.alice.http.post(path, json=body(url))).startswith(f"{field}: "), url
    path, field, body = FIELDS[-1]
    assert told(await gateway.alice.http.post(path, json=body("https://pictures.example/a.png"))).startswith(
        f"{field}: "
    )


async def test_too_much_is_refused_with_its_limit(gateway: Gateway) -> None:
    body = b'{"init_images": ["' + b"A" * MAX_BODY_BYTES + b'"]}'
    assert str(MAX_BODY_BYTES) in told(await gateway.alice.http.post(IMG2IMG, content=body), 413)


async def test_who_has_no_key_is_told_so_in_webuis_shape(gateway: Gateway) -> None:
    for path in (TXT2IMG, IMG2IMG, EXTRAS, PNG_INFO, REACTOR, OPTIONS, "/sdapi/v1/txt2img", "/internal/progress"):
        answer = await gateway.nobody.post(path, json={})
        assert "API key" in told(answer, 401)
        assert answer.headers["www-authenticate"]
