"""The WebUI adapter: what it asks of a server for each kind of picture, and what it makes of saved answers."""

import pytest

from storage.errors import (
    InvalidRequest,
    UpstreamBusy,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamRefused,
    UpstreamSessionExpired,
    UpstreamTimedOut,
)
from storage.wire.reply import Reply
from tests.portraits import face, sent
from tests.workers.adapters import asking
from tests.workers.adapters.asking import CUT_OUT
from tests.workers.adapters.wires import replied
from workers.adapters.base import Done, Failed, Given, Pending, Watched
from workers.adapters.webui import Webui

PHOTO = sent(face("hopper.jpg").resize((100, 60)))
TWO = asking.txt2img(prompt="a red boat", n_iter=2, seed=5).task
FAILURES = {
    "out_of_memory_a1111": (UpstreamFailed, "ran out of memory"),
    "out_of_memory_forge": (UpstreamFailed, "ran out of memory"),
    "failed": (UpstreamFailed, "RuntimeError: could not load …"),
    "invalid_image": (UpstreamRefused, "Invalid encoded image"),
    "no_init_image": (UpstreamRefused, "Init image not found"),
    "no_api": (UpstreamRefused, "--api"),
    "no_script": (UpstreamRefused, "Script 'reactor' not found"),
    "unfit": (UpstreamRefused, "steps: Input should be a valid integer"),
    "unauthorized": (UpstreamSessionExpired, "credential"),
}


def test_a_picture_is_asked_for_with_its_checkpoint_and_its_sampler() -> None:
    task = asking.txt2img(
        prompt="a red boat", negative_prompt="fog", sampler_name="DPM++ 2M SDE Karras", n_iter=2, steps=30, seed=5
    ).task
    call = Webui().submit(task)
    assert (call.method, call.path, call.pays) == ("POST", "/sdapi/v1/txt2img", False)
    wanted = {
        "prompt": "a red boat",
        "negative_prompt": "fog",
        "sampler_name": "DPM++ 2M SDE",
        "scheduler": "Karras",
        "seed": 5,
        "steps": 30,
        "n_iter": 2,
        "width": 512,
        "height": 512,
    }
    assert call.json.items() >= wanted.items()
    settings = call.json["override_settings"]
    assert settings == {"samples_format": "png", "return_grid": False, "sd_model_checkpoint": "majicmixRealistic_v7"}
    assert (call.json["send_images"], call.json["save_images"]) == (True, False)


def test_servers_before_schedulers_have_them_at_the_end_of_the_samplers_name() -> None:
    task = asking.txt2img(sampler_name="DPM++ 2M SDE Karras").task
    body = Webui({"schedulers": False}).submit(task).json
    assert (body["sampler_name"], "scheduler" in body) == ("DPM++ 2M SDE Karras", False)


def test_samplers_have_the_servers_own_names() -> None:
    options = {"samplers": {"DPM++ 2M": "DPM++ 2M Turbo"}}
    named = asking.txt2img(sampler_name="k_dpmpp_2m").task
    assert Webui(options).submit(named).json["sampler_name"] == "DPM++ 2M Turbo"
    unnamed = asking.generation(prompt="a boat", size="256x256").task
    assert Webui(options).submit(unnamed).json["sampler_name"] == "DPM++ 2M Turbo"


def test_hires_fix_is_passed_on_with_the_size_before_it() -> None:
    task = asking.txt2img(enable_hr=True, hr_scale=1.5, hr_upscaler="Latent", width=512, height=768).task
    assert (task.job.request["width"], task.job.request["height"]) == (768, 1152)
    body = Webui().submit(task).json
    assert (body["width"], body["height"], body["enable_hr"], body["hr_scale"]) == (512, 768, True, 1.5)


def test_what_names_files_of_the_server_is_not_passed_on() -> None:
    settings = {"sd_vae": "../../etc/passwd", "outdir_samples": "/tmp", "CLIP_stop_at_last_layers": 2}
    body = Webui().submit(asking.txt2img(override_settings=settings, refiner_checkpoint="").task).json
    assert body["override_settings"].keys() == {
        "samples_format",
        "return_grid",
        "sd_model_checkpoint",
        "CLIP_stop_at_last_layers",
    }


def test_as_many_pictures_are_asked_for_as_there_are_items() -> None:
    for sizes in ({"batch_size": 3}, {"n_iter": 3}, {"batch_size": 2, "n_iter": 4}):
        task = asking.txt2img(**sizes).task
        body = Webui().submit(task).json
        assert body["batch_size"] * body["n_iter"] == task.job.items
        assert body["batch_size"] == sizes.get("batch_size", 1)
    body = Webui().submit(asking.generation(prompt="a boat", n=5, size="256x256").task).json
    assert (body["batch_size"], body["n_iter"]) == (1, 5)


def test_a_picture_that_is_to_say_nothing_of_itself_is_asked_for_so() -> None:
    body = Webui().submit(asking.txt2img(override_settings={"enable_pnginfo": False}).task).json
    assert body["override_settings"]["enable_pnginfo"] is False


def test_a_picture_asked_for_in_openais_words_becomes_one_in_webuis() -> None:
    task = asking.generation(prompt="a boat", size="1024x1792", named="dall-e-3", style="vivid", quality="hd").task
    body = Webui({"sampler": "Euler a"}).submit(task).json
    assert (body["width"], body["height"], body["steps"], body["sampler_name"]) == (1024, 1792, 40, "Euler a")
    assert "styles" not in body


def test_a_picture_is_changed_inside_a_mask() -> None:
    order = asking.img2img(
        init_images=[PHOTO], mask=PHOTO, mask_blur=2, inpainting_fill=1, denoising_strength=0.5, width=128, height=64
    )
    call = Webui().submit(order.task)
    assert call.path == "/sdapi/v1/img2img"
    assert (call.json["init_images"], call.json["mask"]) == ([Given("image")], Given("mask"))
    assert (call.json["mask_blur"], call.json["inpainting_fill"], call.json["denoising_strength"]) == (2, 1, 0.5)
    assert (call.json["width"], call.json["height"]) == (128, 64)


def test_a_mask_by_transparency_is_turned_into_one_by_brightness() -> None:
    with_mask = asking.edit(CUT_OUT, mask=CUT_OUT, prompt="a hat", named="gpt-image-1").task
    assert Webui().submit(with_mask).json["mask"] == Given("mask", turn="white_where_clear")
    cut_out = asking.edit(CUT_OUT, cut_out=True, prompt="a hat").task
    assert Webui().submit(cut_out).json["mask"] == Given("image", turn="white_where_clear")


def test_a_picture_changed_without_a_size_keeps_its_own_in_steps_of_eight() -> None:
    body = Webui().submit(asking.edit(CUT_OUT, prompt="fog").task).json
    assert (body["width"], body["height"]) == (96, 64)  # of 100 × 60


def test_a_picture_of_unknown_size_is_refused() -> None:
    task = asking.edit(CUT_OUT, prompt="fog").task
    unsized = asking.Task(job=task.job, model=task.model)
    with pytest.raises(InvalidRequest, match="how large"):
        Webui().submit(unsized)


def test_an_upscaler_is_the_accounts_name_for_the_model() -> None:
    body = Webui().submit(asking.enlarge(image=PHOTO, upscaler_1="Lanczos", upscaling_resize=3).task).json
    assert (body["image"], body["upscaler_1"], body["resize_mode"]) == (Given("image"), "R-ESRGAN 4x+", 0)
    assert body["upscaling_resize"] == 3
    sized = asking.enlarge(image=PHOTO, resize_mode=1, upscaling_resize_w=640, upscaling_resize_h=480)
    body = Webui().submit(sized.task).json
    assert (body["resize_mode"], body["upscaling_resize_w"], body["upscaling_resize_h"]) == (1, 640, 480)


def test_reactors_own_path_takes_lists_and_numbers() -> None:
    task = asking.swap(source_image=PHOTO, target_image=PHOTO, source_faces_index=[1], face_index=[0, 2]).task
    call = Webui().submit(task)
    assert call.path == "/reactor/image"
    assert (call.json["source_faces_index"], call.json["face_index"]) == ([1], [0, 2])
    assert (call.json["face_restorer"], call.json["restore_first"], call.json["save_to_file"]) == ("None", 1, 0)
    assert not {"result_file_path", "source_folder", "face_model", "device"} & call.json.keys()


def test_a_swap_may_ride_along_with_a_picture_that_only_goes_through() -> None:
    task = asking.swap(source_image=PHOTO, target_image=PHOTO, face_index=[0, 2], face_restorer="CodeFormer").task
    call = Webui({"swap": "script"}).submit(task)
    assert (call.path, call.json["denoising_strength"]) == ("/sdapi/v1/img2img", 0.0)
    assert (call.json["width"], call.json["height"]) == (96, 64)
    args = call.json["alwayson_scripts"]["reactor"]["args"]
    assert args[:7] == [Given("source_image"), True, "0", "0,2", "inswapper_128.onnx", "CodeFormer", 1.0]
    assert len(args) == 17  # older releases have no more


def test_a_swap_that_rides_along_keeps_what_was_asked_of_it() -> None:
    args = [PHOTO, True, "0", "1", "inswapper_128.onnx", "None", 1, True, "Lanczos", 2, 1, False, True]
    task = asking.txt2img(alwayson_scripts={"reactor": {"args": args}}).task
    passed = Webui({"device": "CUDA"}).submit(task).json["alwayson_scripts"]["reactor"]["args"]
    assert (passed[3], passed[5], passed[8], passed[9]) == ("1", "None", "Lanczos", 2)
    assert (len(passed), passed[20]) == (21, "CUDA")


def test_arguments_at_the_end_are_sent_if_they_are_meant() -> None:
    args = [PHOTO, True, *[None] * 26, 0.3, 2]
    task = asking.txt2img(alwayson_scripts={"reactor": {"args": args}}).task
    passed = Webui().submit(task).json["alwayson_scripts"]["reactor"]["args"]
    assert (len(passed), passed[28], passed[29]) == (30, 0.3, 2)
    assert (passed[22], passed[23], passed[24], passed[25]) == (0, "None", "", None)


def test_every_picture_knows_its_seed_and_who_drew_it() -> None:
    first, second = Webui().taken(TWO, replied("webui/txt2img")).items
    assert isinstance(first, Done)
    assert isinstance(second, Done)
    assert (first.metadata["seed"], second.metadata["seed"]) == (5, 6)
    assert first.metadata["checkpoint"] == "majicmixRealistic_v7"
    assert second.metadata["infotext"].endswith("Seed: 6")
    assert [item.files[0].data[:4] for item in (first, second) if item.files[0].data] == [b"\x89PNG"] * 2
    assert first.files[0].data != second.files[0].data


def test_a_grid_before_the_pictures_is_none_of_them() -> None:
    plain = Webui().taken(TWO, replied("webui/txt2img")).items
    assert Webui().taken(TWO, replied("webui/txt2img_grid")).items == plain


def test_another_checkpoint_than_the_one_asked_for_is_refused() -> None:
    with pytest.raises(UpstreamRefused, match=r"no checkpoint 'majicmixRealistic_v7': 'v1-5-pruned-emaonly' drew"):
        Webui().taken(TWO, replied("webui/txt2img_other_checkpoint"))
    items = Webui({"checkpoint": False}).taken(TWO, replied("webui/txt2img_other_checkpoint")).items
    assert all(isinstance(item, Done) for item in items)


@pytest.mark.parametrize(
    "named",
    [
        "majicmixRealistic_v7.safetensors [7c819b6d13]",
        "realistic/majicmixRealistic_v7.safetensors",
        "7c819b6d13",
        "7c819b6d13" + "0" * 54,
        "e4a30e46",
    ],
)
def test_a_checkpoint_is_known_by_all_its_names(named: str) -> None:
    task = asking.txt2img(named, n_iter=2).task
    assert len(Webui().taken(task, replied("webui/txt2img")).items) == 2


def test_pictures_that_an_interrupt_cost_have_failed_alone() -> None:
    first, second = Webui().taken(TWO, replied("webui/txt2img_interrupted")).items
    assert isinstance(first, Done)
    assert isinstance(second, Failed)
    assert isinstance(second.error, UpstreamFailed)


def test_an_info_in_words_costs_only_what_it_would_have_told() -> None:
    first, second = Webui().taken(TWO, replied("webui/txt2img_info_in_words")).items
    assert isinstance(first, Done)
    assert first.files[0].data
    assert first.files[0].data.startswith(b"\x89PNG")  # a data URI, which some servers send
    assert (first.metadata, isinstance(second, Done)) == ({}, True)


@pytest.mark.parametrize("wire", ["webui/txt2img_no_images", "webui/reactor", "openai/page"])
def test_an_answer_without_pictures_is_malformed(wire: str) -> None:
    with pytest.raises(UpstreamMalformed):
        Webui().taken(TWO, replied(wire))


def test_a_single_picture_is_under_a_key_of_its_own() -> None:
    swap = asking.swap(source_image=PHOTO, target_image=PHOTO).task
    for task, wire in ((swap, "webui/reactor"), (asking.enlarge(image=PHOTO).task, "webui/extras")):
        (item,) = Webui().taken(task, replied(wire)).items
        assert isinstance(item, Done)
        assert item.files[0].data


@pytest.mark.parametrize("wire", FAILURES)
def test_what_the_server_says_of_its_failures_is_told_without_its_paths(wire: str) -> None:
    error, said = FAILURES[wire]
    for paid in (False, True):
        with pytest.raises(error) as failed:
            Webui({"paid": paid}).taken(TWO, replied(f"webui/{wire}"))
        assert said in str(failed.value)
        assert "/home" not in str(failed.value)
        assert not failed.value.in_doubt  # it speaks for itself


@pytest.mark.parametrize("paid", [False, True])
def test_a_proxys_failure_leaves_a_call_that_costs_in_doubt(paid: bool) -> None:
    with pytest.raises(UpstreamFailed) as failed:
        Webui({"paid": paid}).taken(TWO, replied("openai/bad_gateway"))
    assert failed.value.in_doubt == paid
    assert Webui({"paid": paid}).submit(TWO).pays == paid


def test_a_gateway_that_lets_go_has_the_job_still() -> None:
    with pytest.raises(UpstreamTimedOut) as failed:
        Webui({"paid": True}).taken(TWO, replied("openai/later"))
    assert failed.value.in_doubt


def test_a_proxy_that_is_busy_says_for_how_long() -> None:
    with pytest.raises(UpstreamBusy) as busy:
        Webui().taken(TWO, Reply(429, {"retry-after": "7"}, b"slow down"))
    assert busy.value.retry_after_s == 7


def test_progress_is_the_whole_servers() -> None:
    adapter = Webui()
    assert isinstance(adapter, Watched)
    assert adapter.watch().query == {"skip_current_image": "true"}
    assert adapter.watched(replied("webui/progress")) == Pending(begun=True, progress=0.42)
    assert adapter.watched(replied("webui/progress_idle")) == Pending()
    with pytest.raises(UpstreamMalformed):
        adapter.watched(replied("webui/reactor"))


def test_it_is_given_one_job_at_a_time_and_ended_by_an_interrupt() -> None:
    call = Webui().cancel(["any"])
    assert call
    assert (call.method, call.path) == ("POST", "/sdapi/v1/interrupt")
    assert (Webui.at_once, Webui.batch, Webui().auth) == (1, 0, "basic")
