"""What WebUI answers about a job: the pictures, the request with its defaults, and `info`, which is JSON as a text."""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from api.dialects.webui import infotext as webui_infotext
from api.dialects.webui.bodies import DIALECT, MAX_SEED, Generation, Img2Img, Txt2Img
from storage.job import Job, Kind, Output, OutputStatus
from storage.public import engine_label

VERSION = "ai-gateway"
_TOLD = ("method", "understood", "faces")


def answer(job: Job, pictures: Sequence[bytes]) -> dict[str, Any]:
    """The answer about a job whose stored outputs these are, in their order; none, if none are wanted."""
    body = asked(job)
    texts = [infotext(job, body, output.item) for output in stored(job)]
    if pictures and job.request[DIALECT].get("pnginfo", True):
        pictures = [webui_infotext.with_text(*each) for each in zip(pictures, texts, strict=True)]
    return {
        "images": [base64.b64encode(each).decode() for each in pictures],
        "parameters": body.model_dump(),
        "info": msgspec.json.encode(info(job, body, texts)).decode(),
    }


def wants_pictures(job: Job) -> bool:
    return bool(job.request[DIALECT]["given"].get("send_images", True))


def stored(job: Job) -> list[Output]:
    """The pictures there are."""
    return [output for output in job.outputs if output.status == OutputStatus.STORED]


def asked(job: Job) -> Txt2Img | Img2Img:
    """The body that a job was made of, without its pictures."""
    form: type[Txt2Img | Img2Img] = Txt2Img if job.kind == Kind.IMAGE_GENERATE else Img2Img
    request = job.request
    given = {name: request[name] for name in ("prompt", "negative_prompt", "styles") if name in request}
    return form.model_construct(**given, **request[DIALECT]["given"])


def info(job: Job, body: Generation, texts: Sequence[str]) -> dict[str, Any]:
    """WebUI's keys, in its order, and `gateway`: what really made the pictures."""
    kept, made = job.request[DIALECT], stored(job)
    seeds = [_seed(job, output.item) for output in made]
    subseeds = [(kept["subseed"] + output.item - 1) % (MAX_SEED + 1) for output in made]
    return {
        "prompt": body.prompt,
        "all_prompts": [body.prompt] * len(made),
        "negative_prompt": body.negative_prompt,
        "all_negative_prompts": [body.negative_prompt] * len(made),
        "seed": job.request["seed"],
        "all_seeds": seeds,
        "subseed": kept["subseed"],
        "all_subseeds": subseeds,
        "subseed_strength": body.subseed_strength,
        "width": body.width,
        "height": body.height,
        "sampler_name": kept["sampler"],
        "cfg_scale": body.cfg_scale,
        "steps": body.steps,
        "batch_size": body.batch_size,
        "restore_faces": bool(body.restore_faces),
        "face_restoration_model": None,
        "sd_model_name": job.model,
        "sd_model_hash": None,
        "sd_vae_name": None,
        "sd_vae_hash": None,
        "seed_resize_from_w": body.seed_resize_from_w,
        "seed_resize_from_h": body.seed_resize_from_h,
        "denoising_strength": _denoising(body),
        "extra_generation_params": _extras(job, body),
        "index_of_first_image": 0,
        "infotexts": [*texts],
        "styles": [*body.styles],
        "job_timestamp": timestamp(job),
        "clip_skip": _clip_skip(body),
        "is_using_inpainting_conditioning": False,
        "version": VERSION,
        "gateway": _gateway(job, made),
    }


def timestamp(job: Job) -> str:
    return datetime.fromtimestamp(job.created / 1000, UTC).strftime("%Y%m%d%H%M%S")


def infotext(job: Job, body: Generation, item: int) -> str:
    kept = job.request[DIALECT]
    pairs: Mapping[str, Any] = {
        "Steps": body.steps,
        "Sampler": kept["sampler"],
        "Schedule type": kept["scheduler"],
        "CFG scale": body.cfg_scale,
        "Seed": _seed(job, item),
        "Size": f"{body.width}x{body.height}",
        "Model": job.model,
        "Denoising strength": _denoising(body),
        **_extras(job, body),
        "Engine": engine_label(job),
        "Version": VERSION,
    }
    return webui_infotext.written(body.prompt, body.negative_prompt, pairs)


def _seed(job: Job, item: int) -> int:
    return int(job.request["seed"] + item - 1) % (MAX_SEED + 1)


def _denoising(body: Generation) -> float | None:
    """Of txt2img only where there is a second pass."""
    return None if isinstance(body, Txt2Img) and not body.enable_hr else body.denoising_strength


def _clip_skip(body: Generation) -> int:
    value = body.override_settings.get("CLIP_stop_at_last_layers")
    return value if type(value) is int else 1


def _extras(job: Job, body: Generation) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if isinstance(body, Txt2Img) and body.enable_hr:
        size = f"{job.request['width']}x{job.request['height']}"
        resized = body.hr_resize_x or body.hr_resize_y or body.firstphase_width or body.firstphase_height
        extras |= {"Hires resize": size} if resized else {"Hires upscale": body.hr_scale}
        extras["Hires upscaler"] = body.hr_upscaler or "Latent"
    if isinstance(body, Img2Img) and "mask_blur" in job.request:
        extras["Mask blur"] = job.request["mask_blur"]
    if "faceswap" in job.request:
        extras["ReActor"] = "True"
    return extras


def _gateway(job: Job, made: Sequence[Output]) -> dict[str, Any]:
    """The job, what served it, what it made of the words, and what it passed over."""
    first = made[0].metadata if made else {}
    failed = [
        {"picture": output.item - 1, "code": output.error.code, "message": output.error.message}
        for output in job.outputs
        if output.error
    ]
    return {
        "job": job.id,
        "status": job.public_status,
        "engine": engine_label(job),
        "model": job.model,
        "ignored": job.request[DIALECT]["ignored"],
        **{name: first[name] for name in _TOLD if name in first},
        **({"failed": failed} if failed else {}),
    }
