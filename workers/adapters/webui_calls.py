"""Bodies for a WebUI, of what jobs ask for. Source: shared/protocols/stable-diffusion.md §2–§5, §8, §10.

A job that came in WebUI's own words (`request["webui"]`) is passed on in them, but for what names files on a server.
"""

from collections.abc import Mapping
from typing import Any

from storage.errors import InvalidRequest
from storage.job import Kind
from workers.adapters.base import Given, Task
from workers.adapters.webui_options import Options
from workers.adapters.webui_reactor import by_path, riding

_STEPS = 20  # the server's own default is 50
_SMALLEST_PX, _LARGEST_PX = 64, 2048
_EIGHT = 8  # a latent's pixel: sides that are no multiple come back smaller
_FORMATS = {"jpeg": "jpg"}

_AS_IT_CAME = (
    "restore_faces", "tiling", "eta", "s_min_uncond", "s_churn", "s_tmin", "s_tmax", "s_noise",
    "distilled_cfg_scale", "disable_extra_networks", "seed_resize_from_h", "seed_resize_from_w",
)  # fmt: skip
_HIRES = (
    "enable_hr", "hr_scale", "hr_upscaler", "hr_second_pass_steps", "hr_resize_x", "hr_resize_y", "hr_sampler_name",
    "hr_scheduler", "hr_prompt", "hr_negative_prompt", "hr_cfg", "hr_distilled_cfg", "firstphase_width",
    "firstphase_height", "denoising_strength",
)  # fmt: skip
_OF_EDITS = ("image_cfg_scale", "initial_noise_multiplier", "mask_round")
_SETTINGS = ("CLIP_stop_at_last_layers", "sd_vae")
_MASKED = (
    "mask_blur",
    "inpainting_fill",
    "inpainting_mask_invert",
    "inpaint_full_res",
    "inpaint_full_res_padding",
)


def built(task: Task, options: Options) -> tuple[str, dict[str, Any]]:
    """The path and the body. Raises InvalidRequest."""
    match task.job.kind:
        case Kind.IMAGE_GENERATE:
            return "/sdapi/v1/txt2img", _drawn(task, options) | _new(task)
        case Kind.IMAGE_EDIT:
            return "/sdapi/v1/img2img", _drawn(task, options) | _changed(task)
        case Kind.IMAGE_UPSCALE:
            return "/sdapi/v1/extra-single-image", _enlarged(task)
        case Kind.IMAGE_FACESWAP if options.swap == "reactor":
            return "/reactor/image", by_path(task.job.request, task.model, options)
        case Kind.IMAGE_FACESWAP:
            return "/sdapi/v1/img2img", _swapped(task, options)
        case _:
            raise InvalidRequest(f"a WebUI does not make {task.job.kind}", field="kind")


def _kept(task: Task) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What is remembered of a request in WebUI's words, and in it what the caller sent."""
    kept = task.job.request.get("webui") or {}
    return kept, kept.get("given") or {}


def _drawn(task: Task, options: Options) -> dict[str, Any]:
    """What txt2img and img2img have in common."""
    request, (kept, given) = task.job.request, _kept(task)
    body: dict[str, Any] = {
        "prompt": request.get("prompt", ""),
        "negative_prompt": request.get("negative_prompt", ""),
        "seed": request.get("seed", -1),
        "steps": request.get("steps", _STEPS),
        "batch_size": given.get("batch_size", 1),  # only what is not 1 is there
        "n_iter": task.job.items // given.get("batch_size", 1),
        **_sampling(kept, options),
        **_of(given, _AS_IT_CAME),
        "send_images": True,
        "save_images": False,
        "override_settings": _settings(task, given, options),
    }
    if "cfg_scale" in request:
        body["cfg_scale"] = request["cfg_scale"]
    if kept and request.get("styles"):  # the styles of other dialects are none of the server's
        body["styles"] = request["styles"]
    if request.get("faceswap"):
        body["alwayson_scripts"] = riding(request["faceswap"], Given("source_image"), options.swap_model, options)
    return body


def _sampling(kept: Mapping[str, Any], options: Options) -> dict[str, Any]:
    sampler = kept.get("sampler") or options.sampler
    name, scheduler = options.samplers.get(sampler, sampler), kept.get("scheduler") or "Automatic"
    if options.schedulers:
        return {"sampler_name": name, "scheduler": scheduler}
    return {"sampler_name": name if scheduler == "Automatic" else f"{name} {scheduler}"}


def _settings(task: Task, given: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """`return_grid`: else ReActor puts one before several pictures."""
    request = task.job.request
    format = request.get("format", "png")
    sent = given.get("override_settings") or {}
    settings: dict[str, Any] = {"samples_format": _FORMATS.get(format, format), "return_grid": False}
    settings |= {name: sent[name] for name in _SETTINGS if name in sent and "/" not in str(sent[name])}
    if format != "png" and "quality" in request:
        settings["jpeg_quality"] = request["quality"]
    if _kept(task)[0].get("pnginfo") is False:
        settings["enable_pnginfo"] = False
    if options.checkpoint:
        settings["sd_model_checkpoint"] = task.model
    return settings


def _new(task: Task) -> dict[str, Any]:
    """With hires fix, the size before it; else what is asked for."""
    request, (_, given) = task.job.request, _kept(task)
    if not given.get("enable_hr"):
        return {"width": request.get("width", 512), "height": request.get("height", 512)}
    return {"width": given.get("width", 512), "height": given.get("height", 512), **_of(given, _HIRES)}


def _changed(task: Task) -> dict[str, Any]:
    request, (_, given) = task.job.request, _kept(task)
    width, height = _size(task, "image")
    body = {
        "init_images": [Given("image")],
        "width": request.get("width") or width,
        "height": request.get("height") or height,
        "denoising_strength": request.get("denoising_strength", 0.75),
        "resize_mode": request.get("resize_mode", 0),
        **_of(given, _OF_EDITS),
    }
    if "mask" in task.job.inputs or request.get("mask_from_alpha"):
        body |= {"mask": _mask(task), **_of(request, _MASKED)}
    return body


def _mask(task: Task) -> Given:
    """White where the picture is to be painted anew, whichever way the caller's says it."""
    name = "mask" if "mask" in task.job.inputs else "image"
    return Given(name, turn="white_where_clear" if task.job.request.get("mask_from_alpha") else None)


def _size(task: Task, name: str) -> tuple[int, int]:
    """A picture's own size, as near as the server can make it. Raises InvalidRequest."""
    if task.job.request.get("width") and name == "image":
        return task.job.request["width"], task.job.request["height"]
    if name not in task.sizes:
        raise InvalidRequest("how large it is cannot be found out", field=name)
    ratio = min(1.0, _LARGEST_PX / max(task.sizes[name]))
    width, height = (max(_SMALLEST_PX, round(side * ratio / _EIGHT) * _EIGHT) for side in task.sizes[name])
    return width, height


def _enlarged(task: Task) -> dict[str, Any]:
    request = task.job.request
    body = {"image": Given("image"), "upscaler_1": task.model, "upscaler_2": "None", "show_extras_results": True}
    if "scale" in request:
        return body | {"resize_mode": 0, "upscaling_resize": request["scale"]}
    return body | {
        "resize_mode": 1,
        "upscaling_resize_w": request["width"],
        "upscaling_resize_h": request["height"],
        "upscaling_crop": request.get("crop", True),
    }


def _swapped(task: Task, options: Options) -> dict[str, Any]:
    """A picture that only goes through, its face swapped at the end."""
    width, height = _size(task, "target_image")
    return {
        "init_images": [Given("target_image")],
        "width": width,
        "height": height,
        "denoising_strength": 0.0,
        "steps": 1,
        "seed": task.job.request.get("seed", -1),
        "sampler_name": options.samplers.get(options.sampler, options.sampler),
        "send_images": True,
        "save_images": False,
        "override_settings": {"samples_format": "png", "return_grid": False},
        "alwayson_scripts": riding(task.job.request, Given("source_image"), task.model, options),
    }


def _of(given: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: given[name] for name in names if name in given}
