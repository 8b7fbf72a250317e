"""image.generate and image.edit: what is asked for, and how it is carried out: read, make, swap faces, write, check."""

from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from storage.errors import EngineMisproduced, InvalidRequest
from workers.engines.base import Made, Report
from workers.engines.image.brief import Brief, understand
from workers.engines.image.paint import identity, paint
from workers.engines.picture import restyle, writing
from workers.engines.picture.asked import LARGEST, SMALLEST, Asked
from workers.engines.picture.edit import FAINT, Wish, masked, resized, whole
from workers.engines.picture.output import Output
from workers.engines.picture.preview import Preview
from workers.engines.picture.reading import flattened
from workers.engines.picture.swapping import Stage
from workers.engines.picture.writing import Provenance

NOT_DIFFUSION = "drawn by rules from the words it knows; no diffusion model was used"


def generate(asked: Asked, folder: Path, report: Report) -> Made:
    """prompt, negative_prompt, styles, width, height, steps, cfg_scale; faceswap, whose input is source_image."""
    prompt, negative = asked.text("prompt"), asked.text("negative_prompt")
    size = asked.size((512, 512))
    steps, cfg = asked.whole("steps", 20, 1, 150), asked.number("cfg_scale", 7.0, 0, 30)
    output, faces = Output(asked, folder), Stage(asked)
    faces.check(size)
    brief = understand(prompt, negative, asked.texts("styles"))
    report(0.02)
    upto = 0.6 if faces.after else 1.0
    seed = identity(prompt, negative, asked.seed)
    painted = paint(brief, seed, size, lambda done: report(upto * done), Preview(folder), steps=steps, cfg=cfg)
    report(upto * 0.92)
    after = faces.last(painted.image, lambda done: report(0.56 + 0.36 * done))
    about = _drawn(asked, prompt, faces.provenance("algorithmicMedia"))
    subjects = [{"name": placed.name, "box": placed.box} for placed in painted.placed]
    facts = {**_understood(brief), "subjects": subjects, **faces.facts}
    made = output.write(after, about, faces.method(NOT_DIFFUSION), facts)
    report(1.0)
    return made


def edit(asked: Asked, folder: Path, report: Report) -> Made:
    """prompt, negative_prompt, styles, denoising_strength, width, height, resize_mode; for a mask: mask_blur,
    inpainting_fill, inpainting_mask_invert, inpaint_full_res, inpaint_full_res_padding; faceswap. Inputs: image, mask,
    and source_image for the swap.

    A mask is white where the picture is to be repainted; with `mask_from_alpha`, where the mask, or without one the
    picture, is transparent.
    """
    prompt, negative = asked.text("prompt"), asked.text("negative_prompt")
    strength = asked.number("denoising_strength", 0.75, 0, 1)
    mode, output, faces = asked.whole("resize_mode", 0, 0, 3), Output(asked, folder), Stage(asked)
    brief = understand(prompt, negative, asked.texts("styles"))
    wish = Wish(
        brief,
        identity(prompt, negative, asked.seed),
        strength,
        fill=asked.whole("inpainting_fill", 0, 0, 3),
        blur_px=asked.whole("mask_blur", 4, 0, 64),
        only_masked=asked.flag("inpaint_full_res", True),
        padding_px=asked.whole("inpaint_full_res_padding", 32, 0, 512),
    )
    given = asked.picture("image")
    size = asked.size(_within(given.size))
    mask, flat = _mask(asked, given, size, mode), flattened(given)
    faces.check(size, flat if faces.before or strength <= FAINT else None)
    before, show = resized(flat, size, mode), Preview(folder)
    show(before)
    report(0.05)
    ground = faces.first(before, lambda done: report(0.05 + 0.15 * done))
    begin, upto = 0.2 if faces.before else 0.05, 0.6 if faces.after else 0.9
    after = _changed(ground, mask, wish, lambda done: report(begin + (upto - begin) * done), show)
    if strength and mask is not None and mask.getbbox() and not writing.difference(after, ground):
        raise EngineMisproduced("nothing changed inside the mask")
    after = faces.last(after, lambda done: report(0.6 + 0.3 * done))
    facts = {**_understood(brief), "denoising_strength": strength, "masked": mask is not None, **faces.facts}
    stays = strength <= FAINT or mask is not None  # what is small in a picture is no measure of the whole
    about = _drawn(asked, prompt, faces.provenance("algorithmicallyEnhanced"))
    method = faces.method(f"{restyle.method(brief.styles)}; {NOT_DIFFUSION}")
    made = output.write(after, about, method, facts, before, may_stay=stays)
    report(1.0)
    return made


def _changed(ground: Image.Image, mask: Image.Image | None, wish: Wish, report: Report, show: Preview) -> Image.Image:
    if not wish.strength:
        return ground
    return masked(ground, mask, wish, report, show) if mask else whole(ground, wish, report, show)


def _drawn(asked: Asked, prompt: str, made: str) -> Provenance:
    return Provenance("illustrator", asked.model("illustrator"), made, asked.seed, writing.prompt_hash(prompt))


def _understood(brief: Brief) -> dict[str, Any]:
    """What was made of a prompt, for the caller to see."""
    told = {"places": sorted(brief.places), "time": brief.time, "weather": sorted(brief.weather)}
    return {"understood": {**told, "colours": list(brief.colours), "styles": list(brief.styles)}}


def _mask(asked: Asked, given: Image.Image, size: tuple[int, int], mode: int) -> Image.Image | None:
    """The mask, white where it is to be repainted, fitted as the picture is."""
    from_alpha = asked.flag("mask_from_alpha", False)
    if asked.inputs.get("mask"):
        mask = asked.picture("mask")
    elif from_alpha:
        mask = given
    else:
        return None
    if from_alpha:
        if mask.mode != "RGBA":
            raise InvalidRequest("the mask has no transparent part", field="mask")
        grey = ImageOps.invert(mask.getchannel("A"))
        if not grey.getbbox():
            raise InvalidRequest("the mask has no transparent part", field="mask")
    else:
        grey = flattened(mask).convert("L")
    if grey.size != given.size:
        grey = grey.resize(given.size, Image.Resampling.BILINEAR)
    grey = resized(grey, size, mode)
    return ImageOps.invert(grey) if asked.flag("inpainting_mask_invert", False) else grey


def _within(size: tuple[int, int]) -> tuple[int, int]:
    """A picture's own size, if it can be made; else the nearest of its shape."""
    ratio = min(1.0, LARGEST / max(size))
    return max(SMALLEST, round(size[0] * ratio)), max(SMALLEST, round(size[1] * ratio))
