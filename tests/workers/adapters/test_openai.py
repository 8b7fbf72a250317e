"""The OpenAI adapter: pictures and errors. What it hears is in test_heard.py, what it says in test_openai_audio.py."""

from typing import Any

import msgspec
import pytest

from storage.errors import (
    ContentRefused,
    InvalidRequest,
    UpstreamBusy,
    UpstreamChallenged,
    UpstreamError,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamOutOfCredits,
    UpstreamRefused,
    UpstreamSessionExpired,
    UpstreamSuspended,
    UpstreamTimedOut,
)
from tests.api.images import picture
from tests.portraits import face, sent
from tests.workers.adapters import asking
from tests.workers.adapters.asking import CUT_OUT
from tests.workers.adapters.wires import replied
from workers.adapters.base import Call, Done, Field, Given, Task
from workers.adapters.openai import OpenAI

ONE = asking.generation(prompt="a red boat").task
TWO = asking.generation(prompt="a red boat", n=2).task
REFUSALS: dict[str, tuple[type[UpstreamError], str]] = {
    "content_policy": (ContentRefused, "safety system"),
    "moderation_blocked": (ContentRefused, "safety system"),
    "quota": (UpstreamOutOfCredits, "current quota"),
    "billing_not_active": (UpstreamOutOfCredits, "not active"),
    "rate_limit": (UpstreamBusy, "Rate limit reached"),
    "rate_limit_reset": (UpstreamBusy, "Rate limit reached"),
    "should_retry": (UpstreamBusy, "Try that again"),
    "conflict": (UpstreamBusy, "in progress"),
    "problem": (UpstreamRefused, "422: prompt is empty"),
    "rate_limit_final": (UpstreamRefused, "not to try again"),
    "unauthorized": (UpstreamSessionExpired, "credential"),
    "deactivated": (UpstreamSuspended, "closed"),
    "forbidden": (UpstreamRefused, "not allowed"),
    "model_not_found": (UpstreamRefused, "model: The model `dall-e-9` does not exist"),
    "invalid": (UpstreamRefused, "size: Invalid value"),
    "speaches_no_model": (UpstreamRefused, "Model 'Systran/faster-whisper-small' is not installed"),
    "speaches_bad_key": (UpstreamSessionExpired, "credential"),
    "speaches_unfit": (UpstreamRefused, "Field required"),
    "challenge": (UpstreamChallenged, "see a person"),
}
OPEN: dict[str, type[UpstreamError]] = {
    "server_error": UpstreamFailed,
    "overloaded": UpstreamBusy,
    "bad_gateway": UpstreamFailed,
    "later": UpstreamTimedOut,
    "page": UpstreamMalformed,
    "images_empty": UpstreamMalformed,
    "images_hollow": UpstreamMalformed,
    "json_tokens": UpstreamMalformed,
}


def fields(call: Call) -> dict[str, Any]:
    return {field.name: field.value for field in call.form}


def metadata(task: Task, wire: str, **options: Any) -> dict[str, Any]:
    """What the first picture of an answer says of itself."""
    item = OpenAI(options).taken(task, replied(f"openai/{wire}")).items[0]
    assert isinstance(item, Done)
    return item.metadata


def test_dall_e_2_is_asked_for_the_pictures_themselves() -> None:
    call = OpenAI().submit(asking.generation(prompt="a red boat", n=3, size="512x512").task)
    assert (call.method, call.path, call.pays, call.headers) == ("POST", "/images/generations", True, {})
    asked = {"model": "dall-e-2", "prompt": "a red boat", "n": 3, "response_format": "b64_json", "size": "512x512"}
    assert call.json == asked


def test_dall_e_3_has_a_style_and_a_quality() -> None:
    order = asking.generation("dall-e-3", prompt="a boat", style="natural", quality="hd", size="1792x1024")
    asked = OpenAI({"answers": "url"}).submit(order.task).json
    wanted = {"n": 1, "style": "natural", "quality": "hd", "size": "1792x1024", "response_format": "url"}
    assert asked.items() >= wanted.items()


def test_gpt_image_is_never_asked_how_to_answer() -> None:
    order = asking.generation(
        "gpt-image-1", prompt="a boat", quality="low", output_format="webp", output_compression=60, size="1024x1536"
    )
    asked = OpenAI().submit(order.task).json
    assert "response_format" not in asked
    wanted = {"output_format": "webp", "output_compression": 60, "quality": "low", "size": "1024x1536"}
    assert asked.items() >= wanted.items()


def test_a_quality_is_guessed_from_the_steps_where_the_caller_had_another_word() -> None:
    qualities = []
    for steps in (10, 20, 40):
        task = asking.txt2img("gpt-image-1", prompt="a boat", steps=steps).task
        qualities.append(OpenAI().submit(task).json["quality"])
    assert qualities == ["low", "medium", "high"]
    assert OpenAI().submit(asking.txt2img("dall-e-3", width=1024, height=1024, steps=50).task).json["quality"] == "hd"


def test_what_a_model_cannot_make_is_refused_before_it_costs_anything() -> None:
    swap = {"reactor": {"args": [sent(face("hopper.jpg")), True]}}
    for order, field in (
        (asking.txt2img("dall-e-3", width=1024, height=1024, n_iter=2), "n"),
        (asking.txt2img("dall-e-2", width=512, height=768), "size"),
        (asking.variation(picture(), "gpt-image-1"), "prompt"),
        (asking.txt2img("gpt-image-1", alwayson_scripts=swap), "faceswap"),
        (asking.enlarge(image=sent(face("hopper.jpg"))), "kind"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            OpenAI().submit(order.task)
        assert refused.value.field == field


def test_a_compatible_servers_own_model_is_asked_for_anything() -> None:
    task = asking.txt2img("flux-schnell", width=640, height=384, n_iter=4, negative_prompt="fog", seed=7, steps=4).task
    asked = OpenAI({"extras": ["seed", "negative_prompt", "steps"], "answers": ""}).submit(task).json
    wanted = {"model": "flux-schnell", "size": "640x384", "n": 4, "seed": 7, "negative_prompt": "fog", "steps": 4}
    assert asked.items() >= wanted.items()
    assert not {"response_format", "quality", "output_format"} & asked.keys()


def test_an_edit_is_a_form_whose_file_comes_last() -> None:
    call = OpenAI().submit(asking.edit(CUT_OUT, mask=CUT_OUT, prompt="a hat", size="256x256", n=2).task)
    assert (call.path, call.json, call.pays) == ("/images/edits", None, True)
    told = fields(call)
    assert (told["model"], told["prompt"], told["n"], told["size"]) == ("dall-e-2", "a hat", "2", "256x256")
    assert call.form[-2:] == (
        Field("image", Given("image", turn="png"), "image.png", "image/png"),
        Field("mask", Given("mask", turn="png"), "mask.png", "image/png"),
    )


def test_a_mask_by_brightness_is_turned_into_one_by_transparency() -> None:
    picture = sent(face("hopper.jpg"))
    body: dict[str, Any] = {"init_images": [picture], "mask": picture, "prompt": "a hat"}
    straight = asking.img2img("gpt-image-1", **body).task
    inverted = asking.img2img("gpt-image-1", **body, inpainting_mask_invert=1).task
    assert fields(OpenAI().submit(straight))["mask"] == Given("mask", turn="clear_where_white")
    assert fields(OpenAI().submit(inverted))["mask"] == Given("mask", turn="clear_where_black")


def test_a_picture_that_is_its_own_mask_is_sent_as_one() -> None:
    order = asking.edit(CUT_OUT, "gpt-image-1", "dall-e-2", cut_out=True, prompt="a hat")
    assert fields(OpenAI().submit(order.task))["mask"] == Given("image", turn="png")
    assert "mask" not in fields(OpenAI().submit(asking.edit(CUT_OUT, "gpt-image-1", prompt="a hat").task))


def test_without_words_a_picture_is_varied() -> None:
    call = OpenAI().submit(asking.variation(CUT_OUT, n=2).task)
    assert call.path == "/images/variations"
    assert fields(call).keys() == {"model", "n", "response_format", "image"}


def test_strength_is_told_to_servers_that_know_it() -> None:
    order = asking.edit(CUT_OUT, prompt="fog", strength=0.3)
    assert "strength" not in fields(OpenAI().submit(order.task))
    assert fields(OpenAI({"extras": ["strength"]}).submit(order.task))["strength"] == "0.3"


def test_pictures_come_as_they_are_or_as_links() -> None:
    first, second = OpenAI().taken(TWO, replied("openai/images_b64")).items
    assert isinstance(first, Done)
    assert isinstance(second, Done)
    assert first.files[0].data
    assert first.files[0].data != second.files[0].data
    (linked,) = OpenAI().taken(ONE, replied("openai/images_url")).items
    assert isinstance(linked, Done)
    assert linked.files[0].url == "https://images.example/img-1.png?se=2026"
    (inside,) = OpenAI().taken(ONE, replied("openai/images_data_uri")).items
    assert isinstance(inside, Done)
    assert (inside.files[0].url, bool(inside.files[0].data)) == (None, True)


def test_what_an_answer_tells_is_kept() -> None:
    assert metadata(ONE, "images_url") == {
        "request_id": "req_0123456789abcdef",
        "revised_prompt": "A small red boat on a lake",
    }
    told = metadata(asking.generation("gpt-image-1", prompt="a boat").task, "images_gpt")
    assert (told["usage"]["output_tokens"], told["size"], told["quality"]) == (272, "1024x1024", "medium")


def test_what_was_asked_for_and_lost_is_named() -> None:
    task = asking.txt2img("dall-e-2", width=512, height=512, negative_prompt="fog", seed=3).task
    assert metadata(task, "images_b64")["ignored"] == ["negative_prompt", "seed"]
    assert metadata(task, "images_b64", extras=["negative_prompt"])["ignored"] == ["seed"]
    assert "ignored" not in metadata(ONE, "images_url")


@pytest.mark.parametrize("wire", REFUSALS)
def test_a_refusal_is_told_for_what_it_is(wire: str) -> None:
    error, said = REFUSALS[wire]
    with pytest.raises(UpstreamError) as refused:
        OpenAI().taken(ONE, replied(f"openai/{wire}"))
    assert type(refused.value) is error
    assert said in str(refused.value)
    assert "sk-" not in str(refused.value)
    assert not refused.value.in_doubt


def test_a_refusal_ends_with_the_id_that_the_upstream_knows_it_by() -> None:
    with pytest.raises(ContentRefused, match=r"\(their request req_0123456789abcdef\)$"):
        OpenAI().taken(ONE, replied("openai/content_policy"))


@pytest.mark.parametrize("wire", OPEN)
def test_what_may_have_been_paid_for_is_in_doubt(wire: str) -> None:
    for options, doubtful in (({}, True), ({"paid": False}, False), ({"idempotent": True}, False)):
        with pytest.raises(UpstreamError) as failed:
            OpenAI(options).taken(ONE, replied(f"openai/{wire}"))
        assert type(failed.value) is OPEN[wire]
        assert failed.value.in_doubt == doubtful


@pytest.mark.parametrize(
    ("wire", "wait_s"),
    [
        ("rate_limit", 12.5),
        ("rate_limit_date", 40),
        ("overloaded", 20),
        ("rate_limit_reset", 90.5),
        ("should_retry", 0.25),
        ("conflict", None),
    ],
)
def test_being_busy_says_for_how_long(wire: str, wait_s: float | None) -> None:
    with pytest.raises(UpstreamBusy) as busy:
        OpenAI().taken(ONE, replied(f"openai/{wire}"))
    assert busy.value.retry_after_s == wait_s


def test_fewer_pictures_than_were_paid_for_are_malformed() -> None:
    with pytest.raises(UpstreamMalformed, match="1 of 2 pictures") as failed:
        OpenAI().taken(TWO, replied("openai/images_gpt"))
    assert failed.value.in_doubt


def test_a_server_that_knows_repeated_requests_may_be_asked_again() -> None:
    call = OpenAI({"idempotent": True}).submit(ONE)
    assert (call.headers, call.pays) == ({"idempotency-key": ONE.job.id}, False)
    assert OpenAI({"paid": False}).submit(ONE).pays is False


def test_options_that_there_are_not_are_refused() -> None:
    for options in ({"voice": {}}, {"answers": "file"}, {"extras": ["loras"]}):
        with pytest.raises(msgspec.ValidationError):
            OpenAI(options)
