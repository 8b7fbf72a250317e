"""webuiapi, the Python client of Stable Diffusion's WebUI, and the documented examples, on a whole gateway."""

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import webuiapi
from PIL import Image, ImageDraw

from cli.gateway import Gateway
from tests.portraits import apart, face, opened, sent
from tests.waiting import until
from workers.engines import assets

WITHIN_S = 120.0
QUICK: dict[str, Any] = {"width": 128, "height": 96, "steps": 1}


@pytest.fixture(scope="module")
def key(running_gateway: Gateway) -> str:
    return (running_gateway.data / "api_key").read_text()


@pytest.fixture
def api(running_gateway: Gateway, key: str) -> Iterator[webuiapi.WebUIApi]:
    """Told of a host and a port as its users tell it, and so at the root; the key is the password."""
    host, port = running_gateway.url.removeprefix("http://").split(":")
    api = webuiapi.WebUIApi(host=host, port=int(port), username="webui", password=key)
    api.session.trust_env = False
    with api.session:
        yield api
        api.session.post(f"{running_gateway.url}/sdapi/v1/options", json={"sd_model_checkpoint": ""})


@pytest.fixture(scope="module")
def faces(running_gateway: Gateway) -> None:
    """The models that find faces, in the gateway's own folder."""
    if not assets.FACES.is_installed():
        pytest.skip(f"no face models in {assets.FACES.folder()}: run `ai-gateway models install`")
    here = running_gateway.data / "models" / assets.FACES.name
    if not here.exists():
        here.parent.mkdir(exist_ok=True)
        here.symlink_to(assets.FACES.folder().absolute())


def test_the_client_finds_no_extension_that_it_would_send_with_every_request(api: webuiapi.WebUIApi) -> None:
    assert (api.has_controlnet, api.has_adetailer, api.has_animatediff) == (False, False, False)
    assert api.get_scripts()["txt2img"] == ["reactor"]


def test_pictures_from_words(api: webuiapi.WebUIApi) -> None:
    made = api.txt2img(prompt="a red fox in the snow", negative_prompt="people", seed=5, batch_size=2, **QUICK)
    assert [image.size for image in made.images] == [(128, 96)] * 2
    assert (made.info["all_seeds"], made.info["sd_model_name"]) == ([5, 6], "majicmixRealistic_v7")
    assert made.info["sampler_name"] == "Euler a"
    assert made.info["gateway"]["engine"] == "illustrator (embedded)"
    assert made.parameters["prompt"] == "a red fox in the snow"
    again = api.txt2img(prompt="a red fox in the snow", negative_prompt="people", seed=6, **QUICK)
    assert apart(again.image, made.images[1]) == 0
    assert apart(made.images[0], made.images[1]) > 2
    assert made.image.info["parameters"] == made.info["infotexts"][0]


def test_a_picture_changed_inside_a_mask(api: webuiapi.WebUIApi) -> None:
    photo = Image.linear_gradient("L").resize((128, 96)).convert("RGB")
    mask = Image.new("L", photo.size, 0)
    ImageDraw.Draw(mask).rectangle((64, 0, 127, 95), fill=255)
    made = api.img2img(
        images=[photo], mask_image=mask, prompt="a red balloon", mask_blur=0, seed=1, alwayson_scripts={}, **QUICK
    )
    left, right = (0, 0, 64, 96), (64, 0, 128, 96)
    assert apart(made.image.crop(left), photo.crop(left)) == 0
    assert apart(made.image.crop(right), photo.crop(right)) > 2
    assert (made.parameters["init_images"], made.parameters["mask"]) == (None, None)


@pytest.mark.usefixtures("faces")
def test_a_face_swapped_by_the_clients_own_reactor(api: webuiapi.WebUIApi) -> None:
    astronaut, hopper = face("astronaut.jpg"), face("hopper.jpg")
    made = api.img2img(
        images=[astronaut],
        denoising_strength=0.0,
        steps=1,
        width=astronaut.width,
        height=astronaut.height,
        reactor=webuiapi.ReActor(hopper),
        alwayson_scripts={},  # the client's own default is one dict: there the ReActor of this call would stay
    )
    assert made.image.size == (2 * astronaut.width, 2 * astronaut.height)  # the client's own upscaling
    ((left, top, right, bottom),) = [each["box"] for each in made.info["gateway"]["faces"]]
    small = made.image.resize(astronaut.size)
    assert apart(small.crop((left, top, right, bottom)), astronaut.crop((left, top, right, bottom))) > 8
    assert apart(small.crop((0, 0, left, top)), astronaut.crop((0, 0, left, top))) < 8


@pytest.mark.usefixtures("faces")
def test_a_swap_without_a_face_is_an_error_that_names_the_picture(api: webuiapi.WebUIApi) -> None:
    plain = Image.linear_gradient("L").convert("RGB")
    for init, source, field in (
        (face("astronaut.jpg"), plain, "alwayson_scripts.reactor.args.0: no face was found in the source image"),
        (plain, face("hopper.jpg"), "init_images.0: no face was found in the picture that was made"),
    ):
        reactor = webuiapi.ReActor(source, upscaler_name="None")
        with pytest.raises(RuntimeError) as refused:
            api.img2img(images=[init], denoising_strength=0.0, steps=1, reactor=reactor, alwayson_scripts={})
        assert refused.value.args[0] == 422
        assert field in refused.value.args[1]


async def test_progress_and_an_end_before_the_end(api: webuiapi.WebUIApi) -> None:
    made: list[Any] = []
    asking = threading.Thread(
        target=lambda: made.append(api.txt2img(prompt="a harbour at night", n_iter=16, seed=1, width=512, height=512))
    )
    asking.start()
    try:

        def shown() -> Any:
            found = api.get_progress()
            return found if found["current_image"] and found["progress"] > 0.03 else None

        found = await until(shown, limit_s=WITHIN_S)
        assert (found["state"]["job"], found["state"]["job_count"]) == ("scripts_txt2img", 16)
        assert opened(found["current_image"]).size[0] <= 512
        await until(lambda: api.get_progress()["state"]["job_no"] >= 1, limit_s=WITHIN_S)
    finally:
        assert api.interrupt() == {}
        asking.join(WITHIN_S)
    (result,) = made
    assert 1 <= len(result.images) < 16
    assert len(result.info["all_seeds"]) == len(result.images)
    api.util_wait_for_ready(check_interval=0.01)
    assert api.skip() is None


def test_models_and_options(api: webuiapi.WebUIApi) -> None:
    assert "juggernautXL_version2" in api.util_get_model_names()
    assert api.util_get_current_model() == "majicmixRealistic_v7"
    api.util_set_model("juggernaut")  # the client finds the closest
    assert api.util_get_current_model() == "juggernautXL_version2"
    assert api.txt2img(**QUICK).info["sd_model_name"] == "juggernautXL_version2"
    assert api.set_options({"samples_format": "png", "sd_model_checkpoint": "majicmixRealistic_v7"}) is None
    chosen = {"sd_model_checkpoint": "juggernautXL_version2.safetensors [c9e3e68f89]"}
    assert api.txt2img(override_settings=chosen, **QUICK).info["sd_model_name"] == "juggernautXL_version2"


def test_what_there_is(api: webuiapi.WebUIApi) -> None:
    assert {"Euler a", "DPM++ 2M SDE"} <= set(api.util_get_sampler_names())
    assert "karras" in api.util_get_scheduler_names()
    assert api.get_upscalers()[0]["name"] == "None"
    assert "Latent" in [each["name"] for each in api.get_latent_upscale_modes()]
    assert api.refresh_checkpoints() == {}
    for nothing in (api.get_sd_vae(), api.get_loras(), api.get_hypernetworks(), api.get_prompt_styles()):
        assert nothing == []


def test_a_larger_picture_and_what_it_says_of_itself(api: webuiapi.WebUIApi) -> None:
    made = api.txt2img(prompt="a lighthouse", seed=3, **QUICK)
    large = api.extra_single_image(made.image, upscaler_1=webuiapi.Upscaler.Lanczos, upscaling_resize=2)
    assert large.image.size == (256, 192)
    assert apart(large.image.resize((128, 96)), made.image) < 5
    assert made.info["infotexts"][0] == api.png_info(made.image).info


@pytest.mark.usefixtures("faces")
def test_what_only_the_engine_finds_names_the_callers_field(running_gateway: Gateway, key: str) -> None:
    whole, other = sent(face("astronaut.jpg")), sent(face("hopper.jpg"))
    cut = whole[:8000]
    still = {"init_images": [whole], "denoising_strength": 0, "steps": 1}
    for path, body, said in (
        ("/sdapi/v1/img2img", {"init_images": [cut]}, "init_images.0: image is broken"),
        ("/sdapi/v1/img2img", {**still, "mask": cut}, "mask is broken"),
        ("/sdapi/v1/img2img", {**still, **reactor(cut)}, "alwayson_scripts.reactor.args.0: source_image is broken"),
        (
            "/sdapi/v1/img2img",
            {**still, **reactor(other, "10")},
            "alwayson_scripts.reactor.args.2: the source image has",
        ),
        ("/sdapi/v1/img2img", {**still, **reactor(other, "0", "10")}, "alwayson_scripts.reactor.args.3: "),
        ("/sdapi/v1/extra-single-image", {"image": cut}, "image is broken"),
        ("/reactor/image", {"source_image": whole, "target_image": cut}, "target_image is broken"),
        ("/reactor/image", {"source_image": whole, "target_image": other, "face_index": [9]}, "face_index: the target"),
        ("/reactor/image", {"source_image": whole, "target_image": whole}, "source_image: "),
    ):
        answer = httpx.post(
            running_gateway.url + path, json=body, headers={"x-api-key": key}, timeout=WITHIN_S, trust_env=False
        )
        assert (answer.status_code, [*answer.json()]) == (422, ["error", "detail", "body", "errors"])
        assert answer.json()["errors"].startswith(said)


def reactor(source: str, *numbers: str) -> dict[str, Any]:
    return {"alwayson_scripts": {"reactor": {"args": [source, True, *numbers]}}}


def test_a_refusal_is_an_error_with_its_words(api: webuiapi.WebUIApi) -> None:
    for body, said in (
        ({"sampler_name": "Turbo"}, "no sampler is called 'Turbo'"),
        ({"override_settings": {"sd_model_checkpoint": "sd15"}}, "no image model is called 'sd15'"),
        ({"width": 4096}, "less than or equal to 2048"),
        ({"script_name": "X/Y/Z plot"}, "Script 'X/Y/Z plot' not found"),
    ):
        with pytest.raises(RuntimeError) as refused:
            api.txt2img(**body)
        assert refused.value.args[0] == 422
        assert said in refused.value.args[1]


def posted(gateway: Gateway, key: str, path: str, body: dict[str, Any]) -> Any:
    """A documented example, sent as its page says."""
    headers = {"authorization": f"Bearer {key}"}
    answer = httpx.post(gateway.url + path, json=body, headers=headers, timeout=WITHIN_S, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_documented_txt2img(running_gateway: Gateway, key: str) -> None:
    body = {
        "model": "majicmixRealistic_v7",
        "sampler_name": "DPM++ 2M SDE Karras",
        "prompt": "((masterpiece)), (a girl on a beach:1.2), sunset",
        "negative_prompt": "(worst quality:2), ((monochrome)), (grayscale:1.3)",
        "steps": 40,
        "cfg_scale": 7,
        "width": 512,
        "height": 768,
    }
    answer = posted(running_gateway, key, "/v1/sdapi/v1/txt2img", body)
    (raw,) = answer["images"]
    assert opened(raw).size == (512, 768)
    assert isinstance(answer["info"], str)
    assert answer["parameters"].items() >= body.items()


@pytest.mark.usefixtures("faces")
def test_the_documented_img2img_swaps_a_face(running_gateway: Gateway, key: str) -> None:
    astronaut = face("astronaut.jpg")
    args = [
        sent(face("hopper.jpg")), True, "0", "0", "inswapper_128.onnx", "CodeFormer", 1, True,
        "4x_NMKD-Superscale-SP_178000_G", 1.5, 1, False, True, 1, 0, 0, False, 0.5, False,
    ]  # fmt: skip
    body = {
        "model": "juggernautXL_version2",
        "sampler_name": "DPM++ SDE Karras",
        "steps": 20,
        "cfg_scale": 7,
        "width": 512,
        "height": 768,
        "restore_faces": False,
        "denoising_strength": 0.01,
        "init_images": [sent(astronaut)],
        "alwayson_scripts": {"reactor": {"args": args}},
    }
    (raw,) = posted(running_gateway, key, "/v1/sdapi/v1/img2img", body)["images"]
    swapped = opened(raw)
    assert swapped.size == (768, 1152)
    assert apart(swapped, astronaut.resize(swapped.size)) > 1


@pytest.mark.usefixtures("faces")
def test_the_documented_reactor_image(running_gateway: Gateway, key: str) -> None:
    astronaut = face("astronaut.jpg")
    body = {
        "source_image": sent(face("hopper.jpg")),
        "target_image": sent(astronaut),
        "source_faces_index": [0],
        "face_index": [0],
        "upscaler": "None",
        "scale": 1,
        "upscale_visibility": 1,
        "face_restorer": "None",
        "restorer_visibility": 1,
        "codeformer_weight": 0.5,
        "restore_first": 1,
        "model": "inswapper_128.onnx",
        "gender_source": 0,
        "gender_target": 0,
        "save_to_file": 0,
        "result_file_path": "",
        "device": "CPU",
        "mask_face": 0,
        "select_source": 0,
        "face_model": "None",
        "source_folder": "",
        "random_image": 0,
        "upscale_force": 0,
        "det_thresh": 0.5,
        "det_maxnum": 0,
    }
    answer = posted(running_gateway, key, "/v1/reactor/image", body)
    assert list(answer) == ["image"]
    assert apart(opened(answer["image"]), astronaut) > 0.5
