"""From a body of txt2img or img2img to a job. No I/O.

What the engine is asked for has neutral names; what only an answer in WebUI's words needs lies under `webui`, small and
without pictures. What cannot be done as asked is refused where the picture would be another one, and where it would
hardly be, it is named in the answer as ignored.
"""

import secrets
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from api.admission import NewJob
from api.dialects.webui import infotext
from api.dialects.webui.bodies import DIALECT, MAX_PICTURES, MAX_SEED, MAX_SIDE, MIN_SIDE, Generation, Img2Img, Txt2Img
from api.dialects.webui.models import CHECKPOINT, Means, checkpoint, routed, settings
from api.dialects.webui.samplers import LATENT_MODES, Chosen, chosen
from api.dialects.webui.scripts import Riding, riding
from api.dialects.webui.swaps import NONE, upscaler
from api.inputs import Input, picture
from api.validation import parse_value
from storage.errors import InvalidRequest, NotFound
from storage.job import Kind

MAX_FREE_BYTES = 16_384
"""Of a field that may hold anything, as JSON."""
_FREE = ("override_settings", "comments", "script_args", "hr_additional_modules")
_COUNTED = (CHECKPOINT, "samples_format", "jpeg_quality", "enable_pnginfo")
_MAX_IGNORED = 40
_QUIET = {"CLIP_stop_at_last_layers": 1, "sd_vae": "Automatic", "return_grid": False}
"""Settings that many clients send as they are by default."""

Body = TypeVar("Body", bound=Generation)


def filled(body: Body) -> Body:
    """The body, with what it leaves out taken from its infotext. Raises InvalidFields."""
    if not body.infotext:
        return body
    sent = {name: getattr(body, name) for name in body.model_fields_set}
    return parse_value(type(body), {**infotext.fields(body.infotext), **sent})


def generate(body: Txt2Img, means: Means) -> NewJob:
    """A picture from words."""
    body = filled(body)
    width, height = _final_size(body, means)
    return _new_job(Kind.IMAGE_GENERATE, body, means, {"width": width, "height": height}, {})


def edit(body: Img2Img, means: Means) -> NewJob:
    """A picture made of another."""
    body = filled(body)
    if body.init_images is None:
        raise NotFound("Init image not found")
    if len(body.init_images) != 1:
        raise InvalidRequest(f"1 picture is wanted, not {len(body.init_images)}", field="init_images")
    if body.latent_mask:
        raise InvalidRequest("there is no latent space here: send it as mask", field="latent_mask")
    inputs = {"image": picture(body.init_images[0], "init_images.0", means.guard)}
    request: dict[str, Any] = {
        "width": body.width,
        "height": body.height,
        "denoising_strength": body.denoising_strength,
        "resize_mode": body.resize_mode,
    }
    if body.mask:
        inputs["mask"] = picture(body.mask, "mask", means.guard)
        request |= {
            "mask_blur": max(body.mask_blur_x, body.mask_blur_y) if body.mask_blur is None else body.mask_blur,
            "inpainting_fill": body.inpainting_fill,
            "inpainting_mask_invert": body.inpainting_mask_invert,
            "inpaint_full_res": body.inpaint_full_res,
            "inpaint_full_res_padding": body.inpaint_full_res_padding,
        }
    return _new_job(Kind.IMAGE_EDIT, body, means, request, inputs)


def _new_job(
    kind: Kind, body: Generation, means: Means, request: Mapping[str, Any], inputs: Mapping[str, Input]
) -> NewJob:
    items = body.batch_size * body.n_iter
    if items > MAX_PICTURES:
        raise InvalidRequest(
            f"batch_size × n_iter may be {MAX_PICTURES} at most, not {items}",
            field="n_iter" if body.n_iter > 1 else "batch_size",
        )
    if body.subseed_strength:
        raise InvalidRequest("has to be 0: variations of a seed are not made here", field="subseed_strength")
    for name in _FREE:
        _bounded(getattr(body, name, None), name)
    how = settings(body.override_settings, means.options)
    name, model = routed(body.model, body.override_settings, means)
    sampler = _sampler(body, means)
    scripts = riding(body, means.catalog, means.guard)
    for field in ("refiner_checkpoint", "hr_checkpoint_name"):
        if asked := _other_checkpoint(body, field):
            checkpoint(means.catalog, asked, field)
    request = {
        "prompt": body.prompt,
        "negative_prompt": body.negative_prompt,
        **({"styles": body.styles} if body.styles else {}),
        **request,
        "steps": body.steps,
        "cfg_scale": body.cfg_scale,
        "seed": resolved(body.seed),
        "format": how.format,
        **({} if how.format == "png" else {"quality": how.jpeg_quality}),
        "model": name,
        **({"faceswap": scripts.faceswap} if scripts.faceswap else {}),
        DIALECT: _kept(body, sampler, scripts, how.enable_pnginfo),
    }
    sources = {"source_image": scripts.source} if scripts.source else {}
    return NewJob(kind, DIALECT, name, model, request, items, inputs={**inputs, **sources})


def resolved(seed: int) -> int:
    """A seed that is none yet becomes one."""
    return secrets.randbelow(MAX_SEED + 1) if seed == -1 else seed


def _final_size(body: Txt2Img, means: Means) -> tuple[int, int]:
    """The size of the picture, enlarged if hires fix is asked for. Raises InvalidRequest."""
    if not body.enable_hr:
        return body.width, body.height
    if body.hr_upscaler and body.hr_upscaler not in LATENT_MODES and body.hr_upscaler.lower() not in NONE:
        upscaler(means.catalog, body.hr_upscaler, "hr_upscaler")
    if body.hr_sampler_name and body.hr_sampler_name != "Use same sampler":
        chosen(body.hr_sampler_name, None, means.catalog.samplers, ("hr_sampler_name", ""))
    x, y = body.hr_resize_x, body.hr_resize_y
    if body.firstphase_width or body.firstphase_height:
        return body.width, body.height  # before `hr_scale` there was, this said the final size
    if not x and not y:
        field, size = "hr_scale", (int(body.width * body.hr_scale), int(body.height * body.hr_scale))
    else:
        field = "hr_resize_x" if x else "hr_resize_y"
        size = x or body.width * y // body.height, y or body.height * x // body.width
    if not all(MIN_SIDE <= side <= MAX_SIDE for side in size):
        raise InvalidRequest(
            f"that would be {size[0]} × {size[1]} pixels; sides have {MIN_SIDE} to {MAX_SIDE}", field=field
        )
    return size


def _sampler(body: Generation, means: Means) -> Chosen:
    field = "sampler_name" if body.sampler_name else "sampler_index"
    name = body.sampler_name or body.sampler_index
    return chosen(name, body.scheduler, means.catalog.samplers, (field, "scheduler"))


def _other_checkpoint(body: Generation, field: str) -> str | None:
    name = getattr(body, field, None)
    return None if not name or name.lower() in (*NONE, "use same checkpoint") else name


def _bounded(value: Any, field: str) -> None:
    """Raises InvalidRequest for what is too much to be told again."""
    try:
        size_bytes = len(msgspec.json.encode(value))
    except (OverflowError, RecursionError, UnicodeError) as error:
        raise InvalidRequest("holds a value that cannot be kept", field=field) from error
    if size_bytes > MAX_FREE_BYTES:
        raise InvalidRequest(f"has {size_bytes} bytes as JSON; the limit is {MAX_FREE_BYTES}", field=field)


def _kept(body: Generation, sampler: Chosen, scripts: Riding, pnginfo: bool) -> dict[str, Any]:
    """What an answer needs of the body, in short."""
    left_out = {"prompt", "negative_prompt", "styles", "infotext", "alwayson_scripts", *body.pictures}
    given = body.model_dump(exclude_defaults=True, exclude=left_out)
    kept = {
        "given": given | ({"alwayson_scripts": scripts.echo} if scripts.echo else {}),
        "sampler": sampler.sampler,
        "scheduler": sampler.scheduler,
        "subseed": resolved(body.subseed),
        "ignored": _ignored(body, scripts),
    }
    return kept if pnginfo else kept | {"pnginfo": False}


def _ignored(body: Generation, scripts: Riding) -> list[str]:
    """What is asked for and changes nothing, by name."""
    idle = {
        "restore_faces": body.restore_faces,
        "tiling": body.tiling,
        "refiner_checkpoint": _other_checkpoint(body, "refiner_checkpoint"),
        "hr_checkpoint_name": _other_checkpoint(body, "hr_checkpoint_name"),
        "hr_prompt": getattr(body, "hr_prompt", ""),
        "hr_negative_prompt": getattr(body, "hr_negative_prompt", ""),
        "include_init_images": getattr(body, "include_init_images", False),
    }
    settings = (
        f"override_settings.{name}"[:100]
        for name, value in body.override_settings.items()
        if name not in _COUNTED and _QUIET.get(name, _QUIET) != value
    )
    return [*(name for name, value in idle.items() if value), *settings, *scripts.ignored][:_MAX_IGNORED]
