"""What txt2img and img2img ask of the engine."""

import base64
from typing import Any

import msgspec
import pytest

from api.admission import NewJob
from api.dialects.webui.bodies import MAX_SEED, Img2Img, Txt2Img
from api.dialects.webui.jobs import edit, generate
from api.dialects.webui.models import Means
from api.validation import InvalidFields, parse_body
from storage.addresses import Guard
from storage.catalog import Catalog
from storage.errors import InvalidRequest, NotFound, RequestError, UnknownModel
from storage.job import Kind
from tests.api.images import data_uri, picture

PNG = picture()
MEANS = Means(Catalog(), Guard(), {})


def words(options: dict[str, Any] | None = None, **body: Any) -> NewJob:
    """A job of txt2img, from its body as it comes over the wire."""
    asked = parse_body(Txt2Img, msgspec.json.encode(body))
    return generate(asked, MEANS._replace(options=options or {}))


def changed(**body: Any) -> NewJob:
    """A job of img2img."""
    given = {"init_images": [data_uri(PNG)], **body}
    return edit(parse_body(Img2Img, msgspec.json.encode(given)), MEANS)


def test_a_prompt_is_enough() -> None:
    new = words(prompt="a fox")
    assert (new.kind, new.dialect, new.name, new.items) == (Kind.IMAGE_GENERATE, "webui", "majicmixRealistic_v7", 1)
    request = {name: value for name, value in new.request.items() if name not in ("seed", "webui")}
    assert request == {
        "prompt": "a fox",
        "negative_prompt": "",
        "width": 512,
        "height": 512,
        "steps": 50,
        "cfg_scale": 7.0,
        "format": "png",
        "model": "majicmixRealistic_v7",
    }
    assert not new.inputs


def test_null_is_missing_and_unknown_fields_are_passed_over() -> None:
    body = dict.fromkeys(Txt2Img.model_fields) | {"prompt": "a fox", "seed": 1, "subseed": 2, "of_another_version": [1]}
    assert words(**body).request == words(prompt="a fox", seed=1, subseed=2).request
    changed(**dict.fromkeys(set(Img2Img.model_fields) - {"init_images"}))


def test_numbers_may_be_whole_or_not() -> None:
    assert words(cfg_scale=7).request["cfg_scale"] == 7.0
    assert words(cfg_scale=7.5).request["cfg_scale"] == 7.5
    assert words(steps=20.0).request["steps"] == 20


def test_minus_one_is_a_random_seed_resolved_once() -> None:
    seeds = {words(seed=seed).request["seed"] for seed in (-1, None, -1, None)}
    assert len(seeds) == 4
    assert all(0 <= seed <= MAX_SEED for seed in seeds)
    assert words(seed=0).request["seed"] == 0
    assert words(subseed=5).request["webui"]["subseed"] == 5


def test_a_model_is_found_by_any_of_its_names() -> None:
    for named in (
        {"model": "juggernautXL_version2"},
        {"model": "juggernautXL_version2.safetensors"},
        {"override_settings": {"sd_model_checkpoint": "juggernautXL_version2"}},
        {"override_settings": {"sd_model_checkpoint": "juggernautXL_version2.safetensors"}},
        {"override_settings": {"sd_model_checkpoint": "juggernautXL_version2.safetensors [c9e3e68f89]"}},
        {"override_settings": {"sd_model_checkpoint": "juggernautXL_version2 [c9e3e68f89]"}},
        {
            "model": "juggernautXL_version2",
            "override_settings": {"sd_model_checkpoint": "juggernautXL_version2.safetensors [c9e3e68f89]"},
        },
    ):
        new = words(**named)
        assert (new.name, new.request["model"]) == ("juggernautXL_version2", "juggernautXL_version2"), named


def test_who_names_no_model_gets_the_own_option_else_the_default() -> None:
    option = {"sd_model_checkpoint": "dall-e-3"}
    assert words(option).name == "dall-e-3"
    assert words(option, model="dall-e-2").name == "dall-e-2"
    assert words(option, override_settings={"sd_model_checkpoint": None}).name == "dall-e-3"
    assert words(model="", override_settings={"sd_model_checkpoint": ""}).name == "majicmixRealistic_v7"


def test_two_models_are_one_too_many() -> None:
    with pytest.raises(InvalidRequest, match=r"dall-e-2 is named.*dall-e-3: leave one out") as refused:
        words(model="dall-e-2", override_settings={"sd_model_checkpoint": "dall-e-3"})
    assert refused.value.field == "model"


def test_an_unknown_model_is_refused_by_its_name_and_the_field_it_came_in() -> None:
    for body, field in (
        ({"model": "sd15"}, "model"),
        ({"override_settings": {"sd_model_checkpoint": "sd15"}}, "override_settings.sd_model_checkpoint"),
        ({"refiner_checkpoint": "sd15"}, "refiner_checkpoint"),
        ({"hr_checkpoint_name": "sd15"}, "hr_checkpoint_name"),
        ({"model": "Lanczos"}, "model"),
        ({"model": "inswapper_128.onnx"}, "model"),
    ):
        with pytest.raises(UnknownModel, match=r"there are: majicmixRealistic_v7, juggernautXL_version2") as refused:
            words(**body)
        assert refused.value.field == field
    with pytest.raises(UnknownModel) as refused:
        words({"sd_model_checkpoint": "sd15"})
    assert refused.value.field == "options.sd_model_checkpoint"


def test_batches_times_their_size_are_the_pictures() -> None:
    assert words(batch_size=2, n_iter=3).items == 6
    assert words(batch_size=16).items == 16
    for body, field in (({"batch_size": 4, "n_iter": 5}, "n_iter"), ({"batch_size": 16, "n_iter": 2}, "n_iter")):
        with pytest.raises(InvalidRequest, match="16 at most") as refused:
            words(**body)
        assert refused.value.field == field


def test_sampler_index_counts_where_there_is_no_sampler_name() -> None:
    for body, sampler in (
        ({}, "Euler"),
        ({"sampler_index": "Euler a"}, "Euler a"),
        ({"sampler_index": "Euler a", "sampler_name": "DDIM"}, "DDIM"),
        ({"sampler_name": "", "sampler_index": "k_heun"}, "Heun"),
    ):
        assert words(**body).request["webui"]["sampler"] == sampler
    for body, field in (
        ({"sampler_index": "Turbo"}, "sampler_index"),
        ({"sampler_name": "Turbo"}, "sampler_name"),
        ({"scheduler": "Turbo"}, "scheduler"),
        ({"enable_hr": True, "hr_sampler_name": "Turbo"}, "hr_sampler_name"),
    ):
        with pytest.raises(InvalidRequest, match="Turbo") as refused:
            words(**body)
        assert refused.value.field == field


def test_hires_fix_is_the_larger_size() -> None:
    for body, size in (
        ({}, (300, 200)),
        ({"hr_scale": 1.5}, (450, 300)),
        ({"hr_resize_x": 600, "hr_resize_y": 500}, (600, 500)),
        ({"hr_resize_x": 600}, (600, 400)),
        ({"hr_resize_y": 600}, (900, 600)),
        ({"firstphase_width": 100, "firstphase_height": 100}, (300, 200)),
    ):
        hires = bool(body)
        request = words(width=300, height=200, enable_hr=hires, hr_upscaler="Latent", **body).request
        assert (request["width"], request["height"]) == size, body
    assert words(enable_hr=True, hr_upscaler="4x_NMKD-Superscale-SP_178000_G").request["width"] == 1024
    for body, field, said in (
        ({"width": 2048}, "hr_scale", "4096 × 1024"),
        ({"hr_scale": 0}, "hr_scale", "0 × 0"),
        ({"hr_resize_y": 2048, "width": 600}, "hr_resize_y", "2400 × 2048"),
        ({"hr_upscaler": "SwinIR"}, "hr_upscaler", "SwinIR"),
    ):
        with pytest.raises(RequestError, match=said) as refused:
            words(enable_hr=True, **body)
        assert refused.value.field == field


def test_the_format_comes_from_the_request_else_from_the_option() -> None:
    for option, override, format in (
        ({}, {}, "png"),
        ({}, {"samples_format": "jpg"}, "jpeg"),
        ({}, {"samples_format": ".JPEG"}, "jpeg"),
        ({"samples_format": "webp"}, {}, "webp"),
        ({"samples_format": "webp"}, {"samples_format": "png"}, "png"),
    ):
        assert words(option, override_settings=override).request["format"] == format
    assert words(override_settings={"samples_format": "jpg", "jpeg_quality": 55}).request["quality"] == 55
    for override, name in (({"samples_format": "avif"}, "samples_format"), ({"jpeg_quality": 0}, "jpeg_quality")):
        with pytest.raises(InvalidFields) as refused:
            words(override_settings=override)
        assert refused.value.errors[0].loc == ("body", "override_settings", name)


def test_an_infotext_fills_what_is_not_sent() -> None:
    text = "a fox\nNegative prompt: people\nSteps: 9, Sampler: Heun, CFG scale: 3, Seed: 11, Size: 128x96, Model: other"
    request = words(infotext=text, steps=4, prompt="a cat").request
    assert (request["prompt"], request["steps"], request["seed"]) == ("a cat", 4, 11)
    assert (request["negative_prompt"], request["width"], request["height"]) == ("people", 128, 96)
    assert (request["webui"]["sampler"], request["model"]) == ("Heun", "majicmixRealistic_v7")
    with pytest.raises(InvalidFields, match="steps"):
        words(infotext="a fox\nSteps: 900, Sampler: Heun, Seed: 1")


def test_styles_are_more_words() -> None:
    assert words(styles=["oil painting"]).request["styles"] == ["oil painting"]


def test_a_face_swap_rides_along_with_either() -> None:
    scripts = {"reactor": {"args": [data_uri(PNG), True]}}
    for new in (words(alwayson_scripts=scripts), changed(alwayson_scripts=scripts)):
        assert new.request["faceswap"]["in_generated"] is True
        assert new.inputs["source_image"].data == PNG
    assert "faceswap" not in words(alwayson_scripts={"reactor": {"args": [data_uri(PNG), False]}}).request


def test_a_picture_is_changed_as_far_as_its_fields_say() -> None:
    new = changed(prompt="night", seed=3, denoising_strength=0.4, resize_mode=1, width=256, height=320)
    assert new.kind == Kind.IMAGE_EDIT
    expected = {"denoising_strength": 0.4, "resize_mode": 1, "width": 256, "height": 320, "seed": 3}
    assert new.request.items() >= expected.items()
    assert "mask_blur" not in new.request
    assert (new.inputs["image"].data, new.inputs["image"].field) == (PNG, "init_images.0")


def test_a_mask_brings_its_fields() -> None:
    mask = base64.b64encode(PNG).decode()
    masked = {"mask": mask, "inpainting_fill": 1, "inpaint_full_res": 0, "inpaint_full_res_padding": 32}
    new = changed(**masked, inpainting_mask_invert=1)
    assert new.inputs["mask"].data == PNG
    assert (
        new.request.items()
        >= {
            "mask_blur": 4,
            "inpainting_fill": 1,
            "inpainting_mask_invert": 1,
            "inpaint_full_res": False,
            "inpaint_full_res_padding": 32,
        }.items()
    )
    for blur, expected in (({"mask_blur": 9, "mask_blur_x": 1}, 9), ({"mask_blur_x": 2, "mask_blur_y": 7}, 7)):
        assert changed(mask=mask, **blur).request["mask_blur"] == expected


def test_pictures_come_in_three_ways() -> None:
    raw = base64.b64encode(PNG).decode()
    for given in (raw, data_uri(PNG), f"data:image/jpeg;base64,{raw}"):
        assert changed(init_images=[given]).inputs["image"].data == PNG
    assert (
        changed(init_images=["https://pictures.example/a.png"]).inputs["image"].url == "https://pictures.example/a.png"
    )


def test_without_a_picture_there_is_nothing_to_change() -> None:
    with pytest.raises(NotFound, match=r"^Init image not found$"):
        changed(init_images=None)
    for given in ([], [data_uri(PNG)] * 2):
        with pytest.raises(InvalidRequest, match=f"1 picture is wanted, not {len(given)}") as refused:
            changed(init_images=given)
        assert refused.value.field == "init_images"


def test_what_an_answer_needs_is_kept_small_and_without_pictures() -> None:
    scripts = {"reactor": {"args": [data_uri(PNG), True]}}
    new = changed(mask=data_uri(PNG), alwayson_scripts=scripts, steps=7, force_task_id="task(fox)")
    kept = new.request["webui"]
    assert kept["given"] == {
        "steps": 7,
        "force_task_id": "task(fox)",
        "alwayson_scripts": {"reactor": {"args": [None, True]}},
    }
    assert len(msgspec.json.encode(new.request)) < 1000


def test_what_changes_nothing_is_named() -> None:
    new = changed(
        restore_faces=True,
        tiling=True,
        refiner_checkpoint="dall-e-3",
        include_init_images=True,
        override_settings={"CLIP_stop_at_last_layers": 2, "sd_vae": "Automatic", "samples_format": "png"},
    )
    assert new.request["webui"]["ignored"] == [
        "restore_faces",
        "tiling",
        "refiner_checkpoint",
        "include_init_images",
        "override_settings.CLIP_stop_at_last_layers",
    ]
    assert words(refiner_checkpoint="None", restore_faces=False, eta=1.0).request["webui"]["ignored"] == []


def test_what_may_hold_anything_has_a_limit() -> None:
    for name, value in (
        ("override_settings", {"x": "y" * 20_000}),
        ("comments", {"x": "y" * 20_000}),
        ("script_args", ["y" * 20_000]),
        ("hr_additional_modules", ["y" * 20_000]),
    ):
        with pytest.raises(InvalidRequest) as refused:
            generate(Txt2Img(**{name: value}), MEANS)
        assert refused.value.field == name
