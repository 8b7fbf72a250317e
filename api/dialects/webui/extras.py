"""Upscaling (extra-single-image) and reading a picture's infotext (png-info). No I/O."""

from html import escape
from typing import Any

from pydantic import Field

from api.admission import NewJob
from api.dialects.webui import infotext
from api.dialects.webui.bodies import DIALECT, Body, Name, Share
from api.dialects.webui.models import Means
from api.dialects.webui.swaps import NONE
from api.inputs import picture
from storage.catalog import UPSCALE
from storage.errors import InvalidRequest, UnknownModel
from storage.job import Job, Kind
from storage.public import engine_label

MAX_SCALE = 4
_RESTORERS = ("gfpgan_visibility", "codeformer_visibility")


class ExtraSingleImage(Body):
    """The body of extra-single-image."""

    image: str = Field(default="", description="Base64, a data URI or an http(s) URL")
    resize_mode: int = Field(default=0, ge=0, le=1, description="0: by upscaling_resize; 1: to a width and height")
    show_extras_results: bool = True
    gfpgan_visibility: Share = Field(default=0.0, description="Only 0")
    codeformer_visibility: Share = Field(default=0.0, description="Only 0")
    codeformer_weight: Share = 0.0
    upscaling_resize: float = Field(default=2.0, ge=1, le=MAX_SCALE)
    upscaling_resize_w: int = Field(default=512, ge=16, le=8192)
    upscaling_resize_h: int = Field(default=512, ge=16, le=8192)
    upscaling_crop: bool = True
    upscaler_1: Name | None = Field(
        default=None, description="One of /sdapi/v1/upscalers; the catalog's default, if missing"
    )
    upscaler_2: Name | None = Field(default=None, description="Only None")
    extras_upscaler_2_visibility: Share = 0.0
    upscale_first: bool = False


class PngInfo(Body):
    """The body of png-info."""

    image: str = Field(default="", description="Base64 or a data URI")


def upscale(body: ExtraSingleImage, means: Means) -> NewJob:
    """A larger picture. Raises InvalidRequest, UnknownModel, and what `picture` does."""
    for field in _RESTORERS:
        if getattr(body, field):
            raise InvalidRequest("has to be 0: faces are restored by ReActor only", field=field)
    if body.upscaler_2 and body.upscaler_2.lower() not in NONE and body.extras_upscaler_2_visibility:
        raise InvalidRequest("has to be 0: two upscalers are not blended", field="extras_upscaler_2_visibility")
    listed = ", ".join(means.catalog.names(UPSCALE))
    if body.upscaler_1 and body.upscaler_1.lower() in NONE:
        raise InvalidRequest(f"None would change nothing; there are: {listed}", field="upscaler_1")
    try:
        name, model = means.catalog.find(body.upscaler_1, UPSCALE)
    except UnknownModel as error:
        raise UnknownModel(str(error), field="upscaler_1") from error
    request: dict[str, Any] = {"upscaler": model.variant, "model": name, "seed": 0, "format": "png", DIALECT: {}}
    if body.resize_mode:
        request |= {"width": body.upscaling_resize_w, "height": body.upscaling_resize_h, "crop": body.upscaling_crop}
    else:
        request["scale"] = body.upscaling_resize
    inputs = {"image": picture(body.image, "image", means.guard)}
    return NewJob(Kind.IMAGE_UPSCALE, DIALECT, name, model, request, 1, inputs=inputs)


def html_info(job: Job) -> str:
    output = job.output(1)
    size = f"{output.width_px}x{output.height_px}, " if output.width_px else ""
    return f"<p>{size}{escape(job.model)}, {escape(engine_label(job))}</p>"


def png_info(body: PngInfo, means: Means) -> dict[str, Any]:
    """What a picture says of how it was made. Raises InvalidRequest, and what `picture` does."""
    given = picture(body.image, "image", means.guard)
    if given.url:
        raise InvalidRequest("the picture itself is wanted, as Base64 or a data URI", field="image")
    texts = infotext.texts_of(given.data)
    text = texts.pop(infotext.KEY, "")
    return {"info": text, "items": texts, "parameters": infotext.read(text) if text else {}}
