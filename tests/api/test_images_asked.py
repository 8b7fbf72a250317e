"""What bodies of OpenAI's image requests ask our engine for."""

from typing import Any

import pytest

from api.dialects import images
from api.dialects.images import Edit, Generation, Pictures, Variation
from api.inputs import Input
from storage.catalog import Catalog, Model
from storage.errors import InvalidRequest, UnknownModel
from storage.job import Kind

CATALOG = Catalog()
IMAGE, MASK = Input("image", b"a picture"), Input("mask", b"a mask")


def generated(**body: Any) -> Any:
    return images.generate(Generation.model_validate({"prompt": "a cat", **body}), CATALOG)


def edited(given: Pictures = Pictures(IMAGE), **body: Any) -> Any:  # noqa: B008 - a tuple
    return images.edit(Edit.model_validate({"prompt": "a cat", "image": "x", **body}), given, CATALOG)


def varied(**body: Any) -> Any:
    return images.vary(Variation.model_validate({"image": "x", **body}), IMAGE, CATALOG)


def test_a_prompt_alone_is_enough() -> None:
    new = generated(seed=7)
    assert (new.kind, new.dialect, new.name, new.items) == (Kind.IMAGE_GENERATE, "openai", "dall-e-2", 1)
    assert new.request == {
        "prompt": "a cat",
        "negative_prompt": "",
        "styles": [],
        "model": "dall-e-2",
        "width": 1024,
        "height": 1024,
        "steps": 20,
        "seed": 7,
        "format": "png",
        "quality": 100,
        "openai": {"inline": False, "quality": "standard"},
    }


def test_everything_that_can_be_said() -> None:
    new = generated(
        model="gpt-image-1",
        n=3,
        size="1536x1024",
        quality="high",
        background="opaque",
        output_format="webp",
        output_compression=0,
        moderation="low",
        user="u-17",
        stream=False,
        partial_images=0,
        style="vivid",
        seed=4_294_967_295,
        negative_prompt="dogs",
        what_nobody_knows={"a": 1},
    )
    assert (new.name, new.items) == ("gpt-image-1", 3)
    assert new.request == {
        "prompt": "a cat",
        "negative_prompt": "dogs",
        "styles": ["vivid"],
        "model": "gpt-image-1",
        "width": 1536,
        "height": 1024,
        "steps": 40,
        "seed": 4_294_967_295,
        "format": "webp",
        "quality": 1,
        "openai": {"inline": True, "quality": "high", "style": "vivid"},
    }


def test_null_and_nothing_mean_missing() -> None:
    nothing = dict.fromkeys(("model", "n", "size", "quality", "style", "response_format", "seed", "user", "stream"))
    assert generated(**nothing).name == "dall-e-2"
    assert generated(**dict.fromkeys(nothing, "")).items == 1


def test_numbers_and_truths_may_be_text_as_forms_send_them() -> None:
    new = edited(n="2", output_compression="80", output_format="jpeg", stream="false", seed="5", strength="0.25")
    assert (new.items, new.request["quality"], new.request["seed"]) == (2, 80, 5)
    assert new.request["denoising_strength"] == 0.25


@pytest.mark.parametrize("seed", [None, -1])
def test_a_seed_that_is_left_open_is_another_each_time(seed: int | None) -> None:
    seeds = {generated(seed=seed, n=10).request["seed"] for _ in range(5)}
    assert len(seeds) == 5
    assert all(0 <= each <= 2**32 - 10 for each in seeds)


def test_steps_go_before_the_quality() -> None:
    assert generated(model="dall-e-3", quality="hd").request["steps"] == 40
    assert generated(model="dall-e-3", quality="hd", steps=3).request["steps"] == 3


def test_who_names_no_model_has_dall_e_2_or_else_the_default() -> None:
    body = Generation(prompt="a cat")
    mine = {"mine": Model("image", "illustrator", default=True), "other": Model("image", "illustrator")}
    assert images.generate(body, Catalog(mine)).name == "mine"
    assert images.generate(body, Catalog({**mine, "dall-e-2": Model("image", "illustrator")})).name == "dall-e-2"


@pytest.mark.parametrize("model", ["dall-e-4", "chirp-v3-0", "R-ESRGAN 4x+"])
def test_a_model_that_makes_no_pictures_is_refused_by_its_name(model: str) -> None:
    with pytest.raises(UnknownModel, match=model.replace("+", r"\+")) as refused:
        generated(model=model)
    assert refused.value.field == "model"


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"prompt": " \n"}, "prompt", "wanted"),
        ({"prompt": "a" * 1001}, "prompt", "1000"),
        ({"model": "dall-e-3", "n": 2}, "n", "at most 1"),
        ({"model": "gpt-image-1", "response_format": "b64_json"}, "response_format", "always"),
        ({"background": "transparent"}, "background", "transparent"),
        ({"stream": True}, "stream", "dall-e-2 does not stream"),
        ({"partial_images": 1}, "partial_images", "of no use"),
        ({"output_compression": 50}, "output_compression", "png"),
        ({"quality": "high"}, "quality", "standard"),
        ({"size": "1x1"}, "size", "256x256"),
        ({"negative_prompt": "a" * 1001}, "negative_prompt", "1000"),
    ],
)
def test_what_cannot_be_had_is_named(body: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said) as refused:
        generated(**body)
    assert refused.value.field == field


def test_an_edit_changes_the_whole_picture_in_its_own_size() -> None:
    new = edited()
    assert (new.kind, new.inputs) == (Kind.IMAGE_EDIT, {"image": IMAGE})
    assert new.request["denoising_strength"] == images.EDIT
    assert not {"width", "height", "mask_from_alpha"} & new.request.keys()
    assert edited(input_fidelity="high").request["denoising_strength"] == images.FAITHFUL_EDIT


def test_an_edit_in_another_size_is_cut_to_its_shape() -> None:
    request = edited(size="256x256").request
    assert (request["width"], request["height"], request["resize_mode"]) == (256, 256, 1)


def test_a_mask_is_painted_over_what_is_there_and_into_what_was_cut_out() -> None:
    for given, how in (
        (Pictures(IMAGE, MASK), {"inpainting_fill": 1, "mask_blur": 4}),
        (Pictures(IMAGE, MASK, cut_out=True), {"inpainting_fill": 0, "mask_blur": 0}),
        (Pictures(IMAGE, cut_out=True), {"inpainting_fill": 0, "mask_blur": 0}),
    ):
        new = edited(given)
        assert new.request.items() >= {"mask_from_alpha": True, "denoising_strength": images.REPAINT, **how}.items()
        assert new.inputs == {"image": IMAGE} | ({"mask": MASK} if given.mask else {})
        assert edited(given, strength=0.5).request["denoising_strength"] == 0.5


def test_only_dall_e_2_takes_what_is_transparent_for_a_mask() -> None:
    given = Pictures(IMAGE, cut_out=True)
    assert "mask_from_alpha" not in edited(given, model="gpt-image-1").request
    assert edited(given, model="gpt-image-1").request["denoising_strength"] == images.EDIT


def test_a_variation_has_no_prompt() -> None:
    new = varied(n=3, model="dall-e-2", response_format="b64_json", seed=1)
    assert (new.kind, new.items, new.inputs) == (Kind.IMAGE_EDIT, 3, {"image": IMAGE})
    assert new.request == {
        "prompt": "",
        "model": "dall-e-2",
        "seed": 1,
        "format": "png",
        "quality": 100,
        "denoising_strength": images.VARIATION,
        "openai": {"inline": True, "quality": ""},
    }


def test_a_picture_is_given_in_one_of_several_ways() -> None:
    (one, field) = Variation.model_validate({"image": "abc"}).picture()
    assert (one.image_url, field) == ("abc", "image")
    (one, field) = Variation.model_validate({"image": ["abc"]}).picture()
    assert (one.image_url, field) == ("abc", "image")
    (one, field) = Variation.model_validate({"images": [{"image_url": "abc"}]}).picture()
    assert (one.image_url, field) == ("abc", "images.0.image_url")
    (one, field) = Variation.model_validate({"images": [{"file_id": "file-1"}]}).picture()
    assert (one.file_id, field) == ("file-1", "images.0.file_id")


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({}, "image", "wanted"),
        ({"image": ["a", "b"]}, "image", "takes 1 picture; these are 2"),
        ({"image": []}, "image", "these are 0"),
        ({"images": [{"image_url": "a"}] * 16}, "images", "these are 16"),
    ],
)
def test_there_has_to_be_one_picture(body: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said) as refused:
        Variation.model_validate(body).picture()
    assert refused.value.field == field
