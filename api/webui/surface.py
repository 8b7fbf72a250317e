"""Stable Diffusion WebUI's surface: txt2img, img2img, upscaling. At the root too, where its clients look."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from litestar import Router, post
from litestar.types import ASGIApp
from pydantic import BaseModel

from api.admission import NewJob
from api.dialects.webui import extras, jobs
from api.dialects.webui.answers import answer, stored, wants_pictures
from api.dialects.webui.bodies import Img2Img, Txt2Img
from api.dialects.webui.extras import ExtraSingleImage, PngInfo
from api.inputs import MAX_BODY_BYTES
from api.openapi import KEYED
from api.operation import Caller, Operation
from api.reply import json_reply
from api.results import read, read_base64
from api.services import Call, authenticate
from api.validation import parse_body
from api.webui import examples, lists, progress, reactor
from api.webui.calls import means, respond
from storage.job import Job, Kind

_SWAP = "alwayson_scripts.reactor.args"
_SWAP_FIELDS = {
    "source_image": f"{_SWAP}.0",
    "source_faces_index": f"{_SWAP}.2",
    "face_index": f"{_SWAP}.3",
    "det_thresh": f"{_SWAP}.28",
    "det_maxnum": f"{_SWAP}.29",
    "restorer_visibility": f"{_SWAP}.6",
    "upscaler": f"{_SWAP}.8",
    "scale": f"{_SWAP}.9",
}
_SWAP_FIELDS |= {f"faceswap.{name}": field for name, field in _SWAP_FIELDS.items()}
_TXT2IMG_FIELDS = {**_SWAP_FIELDS, "target_image": f"{_SWAP}.12", "format": "override_settings.samples_format"}
_IMG2IMG_FIELDS = {**_TXT2IMG_FIELDS, "target_image": "init_images.0", "image": "init_images.0"}
_EXTRAS_FIELDS = {
    "scale": "upscaling_resize",
    "upscaler": "upscaler_1",
    "width": "upscaling_resize_w",
    "height": "upscaling_resize_h",
    "crop": "upscaling_crop",
}


@post(
    "/txt2img",
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
    summary="Stable Diffusion txt2img",
    operation_class=examples.TXT2IMG,
)
async def txt2img(request: Call) -> ASGIApp:
    """Pictures from words. The answer comes when they are made, or after 300 s as the job that makes them."""
    return await respond(request, TXT2IMG)


@post(
    "/img2img",
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
    summary="Stable Diffusion img2img",
    operation_class=examples.IMG2IMG,
)
async def img2img(request: Call) -> ASGIApp:
    """A picture made of another: as far as the denoising strength says, inside the mask if there is one."""
    return await respond(request, IMG2IMG)


@post(
    "/extra-single-image",
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
    summary="Stable Diffusion upscaling",
    operation_class=examples.EXTRAS,
)
async def extra_single_image(request: Call) -> ASGIApp:
    """A larger picture: by a factor, or to a width and height."""
    return await respond(request, EXTRAS)


@post(
    "/png-info",
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
    summary="What a picture says of itself",
    operation_class=examples.PNG_INFO,
)
async def png_info(request: Call) -> ASGIApp:
    """The infotext in a picture, whole and taken apart."""
    body = parse_body(PngInfo, await request.body())
    return json_reply(extras.png_info(body, await means(Caller.of(request))))


async def _txt2img(caller: Caller, body: Any) -> NewJob:
    return jobs.generate(body, await means(caller))


async def _img2img(caller: Caller, body: Any) -> NewJob:
    return jobs.edit(body, await means(caller))


async def _upscale(caller: Caller, body: Any) -> NewJob:
    return extras.upscale(body, await means(caller))


async def _pictures(caller: Caller, job: Job, _replayed: bool) -> dict[str, Any]:
    wanted = stored(job) if wants_pictures(job) else []
    return answer(job, [await read(caller, output) for output in wanted])


async def _larger(caller: Caller, job: Job, _replayed: bool) -> dict[str, Any]:
    return {"html_info": extras.html_info(job), "image": await read_base64(caller, job.output(1))}


READERS: Mapping[Kind, tuple[type[BaseModel], Callable[[Caller, Any], Awaitable[NewJob]]]] = {
    Kind.IMAGE_GENERATE: (Txt2Img, _txt2img),
    Kind.IMAGE_EDIT: (Img2Img, _img2img),
    Kind.IMAGE_UPSCALE: (ExtraSingleImage, _upscale),
    **reactor.READERS,
}
"""How the input of each kind of picture is read, whichever way it comes."""


def _reading(kind: Kind) -> Callable[[Caller, bytes], Awaitable[NewJob]]:
    body, read_ = READERS[kind]

    async def understood(caller: Caller, raw: bytes) -> NewJob:
        return await read_(caller, parse_body(body, raw))

    return understood


_AT = "/v1/sdapi/v1"
TXT2IMG = Operation(
    f"{_AT}/txt2img",
    _reading(Kind.IMAGE_GENERATE),
    _pictures,
    waits=True,
    interruptible=True,
    fields=_TXT2IMG_FIELDS,
)
IMG2IMG = Operation(
    f"{_AT}/img2img", _reading(Kind.IMAGE_EDIT), _pictures, waits=True, interruptible=True, fields=_IMG2IMG_FIELDS
)
EXTRAS = Operation(
    f"{_AT}/extra-single-image", _reading(Kind.IMAGE_UPSCALE), _larger, waits=True, fields=_EXTRAS_FIELDS
)
OPERATIONS = (TXT2IMG, IMG2IMG, EXTRAS)

OTHERS: Mapping[str, str] = {
    f"{_AT}/png-info": "answers at once",
    f"{_AT}/interrupt": "ends requests",
    f"{_AT}/skip": "does nothing",
    f"{_AT}/options": "says how to serve requests to come",
    f"{_AT}/refresh-": "does nothing",
    f"{_AT}/unload-": "does nothing",
    f"{_AT}/reload-": "does nothing",
    "/internal/": "tells how far a request is",
}
"""What the paths of our other POSTs start with, and why they make no job."""

_HANDLERS = [txt2img, img2img, extra_single_image, png_info, *progress.HANDLERS, *lists.HANDLERS]


def _router(path: str, handlers: list[Any], *, documented: bool) -> Router:
    return Router(
        path,
        route_handlers=handlers,
        before_request=authenticate,
        tags=["Stable Diffusion"],
        security=KEYED,
        include_in_schema=documented,
    )


ROUTERS = [
    _router(_AT, _HANDLERS, documented=True),
    _router("/sdapi/v1", _HANDLERS, documented=False),
    _router("/internal", [*progress.INTERNAL], documented=True),
]
