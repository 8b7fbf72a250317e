"""What each kind of task asks for, and how it is carried out: read, make, write, check."""

from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from storage.errors import EngineMisproduced, InvalidRequest
from workers.engines.base import Made, Report
from workers.engines.image.brief import Brief, understand
from workers.engines.image.paint import identity, paint
from workers.engines.picture import restyle, writing
from workers.engines.picture import swap as faces
from workers.engines.picture import upscale as enlarging
from workers.engines.picture.asked import LARGEST, SMALLEST, Asked
from workers.engines.picture.edit import Wish, masked, resized, whole
from workers.engines.picture.reading import flattened
from workers.engines.picture.writing import Provenance

NOT_DIFFUSION = "drawn by rules from the words it knows; no diffusion model was used"
_MOST_OUT = 16_000_000
_MOST_IN = 4096
_SAME_FACE = 1.0
"""The mean difference, in 0..255, below which a face was replaced by itself."""


def generate(asked: Asked, folder: Path, report: Report) -> Made:
    """prompt, negative_prompt, styles, width, height, steps, cfg_scale."""
    prompt, negative = asked.text("prompt"), asked.text("negative_prompt")
    size = asked.size((512, 512))
    steps, cfg = asked.whole("steps", 20, 1, 150), asked.number("cfg_scale", 7.0, 0, 30)
    output = _Output(asked, folder)
    brief = understand(prompt, negative, asked.texts("styles"))
    report(0.02)
    painted = paint(brief, identity(prompt, negative, asked.seed), size, report, steps=steps, cfg=cfg)
    report(0.92)
    about = _drawn(asked, prompt, "algorithmicMedia")
    subjects = [{"name": placed.name, "box": placed.box} for placed in painted.placed]
    made = output.write(painted.image, about, NOT_DIFFUSION, {**_understood(brief), "subjects": subjects})
    report(1.0)
    return made


def edit(asked: Asked, folder: Path, report: Report) -> Made:
    """prompt, negative_prompt, styles, denoising_strength, width, height, resize_mode; for a mask: mask_blur,
    inpainting_fill, inpainting_mask_invert, inpaint_full_res, inpaint_full_res_padding. Inputs: image, mask.

    A mask is white where the picture is to be repainted; with `mask_from_alpha`, where the mask, or without one the
    picture, is transparent.
    """
    prompt, negative = asked.text("prompt"), asked.text("negative_prompt")
    strength = asked.number("denoising_strength", 0.75, 0, 1)
    mode, output = asked.whole("resize_mode", 0, 0, 3), _Output(asked, folder)
    given = asked.picture("image")
    size = asked.size(_within(given.size))
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
    mask = _mask(asked, given, size, mode)
    before = resized(flattened(given), size, mode)
    report(0.05)
    after = before
    if strength:
        after = masked(before, mask, wish, report) if mask else whole(before, wish, report)
    report(0.9)
    facts = {**_understood(brief), "denoising_strength": strength, "masked": mask is not None}
    if strength and mask is not None and mask.getbbox() and not writing.difference(after, before):
        raise EngineMisproduced("nothing changed inside the mask")
    stays = strength == 0 or mask is not None  # what is small in a picture is no measure of the whole
    about = _drawn(asked, prompt, "algorithmicallyEnhanced")
    made = output.write(after, about, f"{restyle.method(brief.styles)}; {NOT_DIFFUSION}", facts, before, may_stay=stays)
    report(1.0)
    return made


def upscale(asked: Asked, folder: Path, report: Report) -> Made:
    """scale (1..4), upscaler. Input: image."""
    scale, output = asked.number("scale", 2, 1, 4), _Output(asked, folder)
    upscaler = asked.choice("upscaler", enlarging.NETWORK, enlarging.UPSCALERS)
    before = flattened(asked.picture("image"))
    size = (max(1, round(before.width * scale)), max(1, round(before.height * scale)))
    if size[0] * size[1] > _MOST_OUT:
        raise InvalidRequest(
            f"{size[0]} × {size[1]} pixels are too many: {_MOST_OUT // 10**6} megapixels at most", field="scale"
        )
    report(0.02)
    factor = 2 if scale <= 2 else 3 if scale <= 3 else 4
    after = enlarging.upscale(before, factor, upscaler, lambda done: report(0.02 + 0.88 * done))
    after = after if after.size == size else after.resize(size, Image.Resampling.LANCZOS)
    about = Provenance("upscaler", asked.model(upscaler), "algorithmicallyEnhanced")
    made = output.write(after, about, upscaler, {"scale": scale}, before, may_stay=scale == 1)
    report(1.0)
    return made


def faceswap(asked: Asked, folder: Path, report: Report) -> Made:
    """source_faces_index, face_index, det_thresh, det_maxnum, max_yaw, restorer_visibility; then scale and upscaler.

    Inputs: source_image, target_image. Which gender a face has is not detected: `gender_source` and `gender_target`
    change nothing, and the result says so.
    """
    terms = faces.Terms(
        asked.indices("source_faces_index"),
        asked.indices("face_index"),
        asked.number("det_thresh", 0.5, 0.1, 0.99),
        asked.whole("det_maxnum", 0, 0, 100),
        asked.number("max_yaw", 35, 0, 90),
        asked.number("restorer_visibility", 0, 0, 1),
    )
    scale, output = asked.number("scale", 1, 1, 4), _Output(asked, folder)
    upscaler = asked.choice("upscaler", enlarging.NETWORK, enlarging.UPSCALERS)
    source, target = (_small_enough(flattened(asked.picture(name))) for name in ("source_image", "target_image"))
    if target.width * target.height * scale * scale > _MOST_OUT:
        raise InvalidRequest(f"the result may have {_MOST_OUT // 10**6} megapixels at most", field="scale")
    if terms.source_faces == terms.target_faces and not writing.difference(source, target):
        raise InvalidRequest("source and target are the same face: there is nothing to swap", field="source_image")
    report(0.05)
    swapped = faces.swap(source, target, terms, lambda done: report(0.05 + 0.75 * done))
    after = swapped.image
    if max(writing.difference(after.crop(box), target.crop(box)) for box in swapped.boxes) < _SAME_FACE:
        raise EngineMisproduced("the swap changed nothing")
    if scale > 1:
        large = enlarging.upscale(after, 2 if scale <= 2 else 3 if scale <= 3 else 4, upscaler, lambda _: None)
        after = large.resize((round(target.width * scale), round(target.height * scale)), Image.Resampling.LANCZOS)
    ignored = [name for name in ("gender_source", "gender_target") if asked.request.get(name)]
    facts = {"faces": [{"box": box} for box in swapped.boxes], "ignored": ignored}
    about = Provenance("faceswap", asked.model("faceswap"), "compositeSynthetic")
    made = output.write(
        after, about, "mesh warp and Poisson blending; no inswapper model", facts, target, may_stay=True
    )
    report(1.0)
    return made


class _Output:
    """Where and how the result is written: checked before anything is made."""

    def __init__(self, asked: Asked, folder: Path) -> None:
        self._folder, self._format, self._quality = folder, asked.format, asked.quality

    def write(
        self,
        image: Image.Image,
        about: Provenance,
        method: str,
        facts: dict[str, Any],
        before: Image.Image | None = None,
        *,
        may_stay: bool = False,
    ) -> Made:
        """Written, read back and checked against what was given. Raises EngineMisproduced."""
        artifact = writing.write(image, self._folder, format=self._format, quality=self._quality, about=about)
        writing.check(artifact, before, may_stay=may_stay)
        told = {
            "engine": about.engine,
            "method": method,
            "embedded": True,
            "width": image.width,
            "height": image.height,
        }
        return Made([artifact], {**told, **({} if about.seed is None else {"seed": about.seed}), **facts})


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


def _small_enough(image: Image.Image) -> Image.Image:
    """At most 4096 pixels wide and high: faces gain nothing from more, and memory would not hold it."""
    ratio = _MOST_IN / max(image.size)
    size = (round(image.width * ratio), round(image.height * ratio))
    return image if ratio >= 1 else image.resize(size, Image.Resampling.LANCZOS)
