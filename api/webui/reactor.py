"""ReActor's surface: one face in another's place."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from litestar import Router, get, post
from litestar.types import ASGIApp
from pydantic import BaseModel

from api.admission import NewJob
from api.dialects.reactor import ReactorImage, swap
from api.dialects.webui import lists as webui_lists
from api.inputs import MAX_BODY_BYTES
from api.openapi import KEYED
from api.operation import Caller, Operation
from api.reply import json_reply
from api.results import read_base64
from api.services import Call, Services, authenticate
from api.validation import parse_body
from api.webui import examples
from api.webui.calls import means, respond
from storage.job import Job, Kind


@post(
    "/image",
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
    summary="Stable Diffusion ReActor image",
    operation_class=examples.REACTOR,
)
async def image(request: Call) -> ASGIApp:
    """The target with faces of the source. A picture without such a face is an error that names it."""
    return await respond(request, IMAGE)


@get("/models", summary="Swap models", operation_class=examples.SWAP_MODELS)
async def models(request: Call) -> ASGIApp:
    """What `model` may name."""
    return json_reply({"models": webui_lists.swap_models(Services.of(request).catalog)})


@get("/upscalers", summary="Upscalers of a swap", operation_class=examples.SWAP_UPSCALERS)
async def upscalers(request: Call) -> ASGIApp:
    """What `upscaler` may name."""
    return json_reply({"upscalers": webui_lists.upscaler_names(Services.of(request).catalog)})


@get("/facemodels", summary="Face models", operation_class=examples.FACE_MODELS)
async def facemodels() -> ASGIApp:
    """None: faces come with the request."""
    return json_reply({"facemodels": []})


async def _swap(caller: Caller, body: Any) -> NewJob:
    return swap(body, await means(caller))


async def _understood(caller: Caller, raw: bytes) -> NewJob:
    return await _swap(caller, parse_body(ReactorImage, raw))


async def _picture(caller: Caller, job: Job, _replayed: bool) -> dict[str, Any]:
    return {"image": await read_base64(caller, job.output(1))}


READERS: Mapping[Kind, tuple[type[BaseModel], Callable[[Caller, Any], Awaitable[NewJob]]]] = {
    Kind.IMAGE_FACESWAP: (ReactorImage, _swap)
}
IMAGE = Operation("/v1/reactor/image", _understood, _picture, waits=True)
OPERATIONS = (IMAGE,)

_HANDLERS = [image, models, upscalers, facemodels]
ROUTERS = [
    Router(
        path,
        route_handlers=_HANDLERS,
        before_request=authenticate,
        tags=["Stable Diffusion"],
        security=KEYED,
        include_in_schema=path.startswith("/v1"),
    )
    for path in ("/v1/reactor", "/reactor")
]
