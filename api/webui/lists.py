"""What there is, and what a caller has set: the lists and options that WebUI's clients ask for before anything else."""

from litestar import get, post
from litestar.types import ASGIApp

from api.dialects.webui import lists as webui_lists
from api.dialects.webui.bodies import DIALECT
from api.dialects.webui.models import Settings
from api.dialects.webui.samplers import SAMPLERS, SCHEDULERS
from api.operation import Caller
from api.reply import json_reply
from api.services import Call, Services
from api.validation import parse_body
from api.webui import examples
from api.webui.calls import means, options


@get("/sd-models", summary="Checkpoints", operation_class=examples.MODELS)
async def sd_models(request: Call) -> ASGIApp:
    """The catalog's models for pictures."""
    return json_reply(webui_lists.models(Services.of(request).catalog))


@get("/samplers", summary="Samplers", operation_class=examples.SAMPLERS)
async def samplers() -> ASGIApp:
    """Names that are known, with their aliases."""
    return json_reply([sampler.listed() for sampler in SAMPLERS])


@get("/schedulers", summary="Schedulers", operation_class=examples.SCHEDULERS)
async def schedulers() -> ASGIApp:
    """Names that are known, with their labels."""
    return json_reply([scheduler.listed() for scheduler in SCHEDULERS])


@get("/upscalers", summary="Upscalers", operation_class=examples.UPSCALERS)
async def upscalers(request: Call) -> ASGIApp:
    """The catalog's upscalers, after `None`."""
    return json_reply(webui_lists.upscalers(Services.of(request).catalog))


@get("/latent-upscale-modes", summary="Latent upscale modes", operation_class=examples.NAMES)
async def latent_upscale_modes() -> ASGIApp:
    """What `hr_upscaler` may say besides the upscalers."""
    return json_reply(webui_lists.latent_modes())


@get("/face-restorers", summary="Face restorers", operation_class=examples.NAMES)
async def face_restorers() -> ASGIApp:
    """What ReActor may restore swapped faces with."""
    return json_reply(webui_lists.face_restorers())


@get("/realesrgan-models", summary="Real-ESRGAN models", operation_class=examples.NAMES)
async def realesrgan_models(request: Call) -> ASGIApp:
    """The upscalers of that family."""
    return json_reply(webui_lists.realesrgan_models(Services.of(request).catalog))


@get(
    ["/prompt-styles", "/hypernetworks", "/loras", "/sd-vae", "/sd-modules"],
    summary="Nothing of the kind",
    operation_class=examples.NOTHING,
)
async def nothing() -> ASGIApp:
    """There are none here, and clients that ask are told so."""
    return json_reply([])


@get("/embeddings", summary="Embeddings", operation_class=examples.EMBEDDINGS)
async def embeddings() -> ASGIApp:
    """There are none here."""
    return json_reply({"loaded": {}, "skipped": {}})


@get("/scripts", summary="Scripts", operation_class=examples.SCRIPTS)
async def scripts() -> ASGIApp:
    """What `alwayson_scripts` may hold."""
    return json_reply(webui_lists.scripts())


@get("/script-info", summary="Scripts' arguments", operation_class=examples.SCRIPT_INFO)
async def script_info(request: Call) -> ASGIApp:
    """The positional arguments of each script, in their order."""
    return json_reply(webui_lists.script_info(Services.of(request).catalog))


@get("/options", summary="Options", operation_class=examples.OPTIONS)
async def read_options(request: Call) -> ASGIApp:
    """This caller's options."""
    return json_reply(webui_lists.shown_options(await means(Caller.of(request))))


@post("/options", status_code=200, summary="Set options", operation_class=examples.SET_OPTIONS)
async def set_options(request: Call) -> ASGIApp:
    """sd_model_checkpoint, samples_format, jpeg_quality and enable_pnginfo are kept for this caller; others are not."""
    services = Services.of(request)
    asked = parse_body(Settings, await request.body())
    changed = webui_lists.changed_options(asked, services.catalog)
    if changed:
        await options(services).set(request.user.id, DIALECT, changed)
    return json_reply(None)


@post(
    ["/refresh-checkpoints", "/refresh-vae", "/refresh-loras", "/unload-checkpoint", "/reload-checkpoint"],
    status_code=200,
    summary="Refresh",
    operation_class=examples.REFRESH,
)
async def refresh() -> ASGIApp:
    """Nothing: engines load when they are needed, and the catalog is read at the start."""
    return json_reply({})


HANDLERS = (
    sd_models,
    samplers,
    schedulers,
    upscalers,
    latent_upscale_modes,
    face_restorers,
    realesrgan_models,
    nothing,
    embeddings,
    scripts,
    script_info,
    read_options,
    set_options,
    refresh,
)
