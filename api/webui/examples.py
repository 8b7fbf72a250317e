"""WebUI's operations as the documentation shows them. Its answers are rendered by what renders real ones."""

from typing import Any

from litestar.openapi.spec import OpenAPIResponse

from api.dialects.reactor import ReactorImage
from api.dialects.webui import lists as webui_lists
from api.dialects.webui.answers import answer
from api.dialects.webui.bodies import Img2Img, Txt2Img
from api.dialects.webui.extras import ExtraSingleImage, PngInfo
from api.dialects.webui.jobs import generate
from api.dialects.webui.models import Means, Settings
from api.dialects.webui.progress import TaskProgress, progress, task_progress
from api.dialects.webui.samplers import SAMPLERS as ALL_SAMPLERS
from api.dialects.webui.samplers import SCHEDULERS as ALL_SCHEDULERS
from api.openapi import IDEMPOTENCY, WEBHOOK, operation, query, request_header, success
from storage.addresses import Guard
from storage.catalog import Catalog
from storage.job import Job, OutputStatus, Status

_CATALOG = Catalog()
_MEANS = Means(_CATALOG, Guard(), {})
_PICTURE = "iVBORw0KGgoAAAANSUhEUg…"

_TXT2IMG = {
    "model": "majicmixRealistic_v7",
    "sampler_name": "DPM++ 2M SDE Karras",
    "prompt": "a red fox in a snowy forest at dawn, ((mist)), (golden light:1.2)",
    "negative_prompt": "(blurry:1.4), people",
    "steps": 40,
    "cfg_scale": 7,
    "width": 512,
    "height": 768,
    "seed": 4242,
}
_IMG2IMG = {
    "model": "juggernautXL_version2",
    "sampler_name": "DPM++ SDE Karras",
    "steps": 20,
    "cfg_scale": 7,
    "width": 512,
    "height": 768,
    "restore_faces": False,
    "denoising_strength": 0.01,
    "init_images": [_PICTURE],
    "alwayson_scripts": {
        "reactor": {
            "args": [
                _PICTURE,
                True,
                "0",
                "0",
                "inswapper_128.onnx",
                "CodeFormer",
                1,
                True,
                "4x_NMKD-Superscale-SP_178000_G",
                1.5,
                1,
                False,
                True,
                1,
                0,
                0,
                False,
                0.5,
                False,
            ]
        }
    },
}
_RESTYLED = {
    "prompt": "the same harbour at night, oil painting",
    "init_images": [_PICTURE],
    "denoising_strength": 0.6,
    "override_settings": {"sd_model_checkpoint": "majicmixRealistic_v7", "samples_format": "jpg"},
}


def _job(**fields: Any) -> Job:
    new = generate(Txt2Img.model_validate(_TXT2IMG), _MEANS)
    new.request["webui"]["subseed"] = 1137
    return Job(
        id="0197e1f2-6c3a-7b1d-9e42-5f8a3c210000",
        kind=new.kind,
        owner="key_1f2e3d4c5b6a7988",
        dialect=new.dialect,
        model=new.name,
        engine=new.model.engine,
        lane="engines",
        step="render",
        request=new.request,
        items=new.items,
        priority=5,
        created=1_751_328_000_000,
        **fields,
    )


def _finished() -> Job:
    job = _job(status=Status.SUCCEEDED, started=1_751_328_001_000, finished=1_751_328_003_000)
    job.output(1).status = OutputStatus.STORED
    return job


_DONE = answer(_finished(), [b""]) | {"images": [_PICTURE]}
_RUNNING = _job(status=Status.RUNNING, started=1_751_328_001_000, progress=0.42)
_SHOWN = progress(_RUNNING, None) | {"eta_relative": 1.4, "current_image": "/9j/4AAQSkZJRgABAQAAAQ…"}
_FAULT = {"detail": [{"loc": ["body", "steps"], "msg": "Input should be less than or equal to 150", "type": "int"}]}
_ERROR = {
    "error": "model_not_found",
    "detail": "model: no image model is called 'x'; there are: majicmixRealistic_v7, …",
    "body": "",
    "errors": "model: no image model is called 'x'; there are: majicmixRealistic_v7, …",
}
_WHEN = {
    401: "No API key, or not a good one",
    404: "There is no init image",
    409: "The job was canceled",
    413: "The body, or a picture in it, is too large; the limit is named",
    422: "A field does not fit; it is named, and its limit",
    500: "The engine failed",
    503: "Redis or the object store is away; `Retry-After` says when to come again",
}


def _errors(*statuses: int) -> dict[int, OpenAPIResponse]:
    told = {status: success(_WHEN[status], _ERROR) for status in statuses}
    return told | ({422: success(_WHEN[422], _FAULT)} if 422 in statuses else {})


_WAITING = [
    IDEMPOTENCY,
    *WEBHOOK,
    query("wait", "Seconds to wait for the pictures, 0 to 300", type="number", minimum=0, maximum=300, default=300),
    request_header("Prefer", "`wait=N`, the same as a header; `respond-async`: the job at once"),
]
_LATER = success(
    "Accepted, and not done in time: the job, and in `Location` where it is found",
    {"id": _RUNNING.id, "object": "job", "status": "running"},
)
_ENDS = {202: _LATER, **_errors(401, 409, 413, 422, 500, 503)}

TXT2IMG = operation(
    body=Txt2Img,
    examples={"Stable Diffusion txt2img": _TXT2IMG, "The least there is": {"prompt": "a lighthouse at night"}},
    parameters=_WAITING,
    responses={200: success("The pictures in Base64; `info` is JSON as a text", _DONE), **_ENDS},
)
IMG2IMG = operation(
    body=Img2Img,
    examples={"Stable Diffusion img2img: a face swap": _IMG2IMG, "A picture restyled": _RESTYLED},
    parameters=_WAITING,
    responses={200: success("As of txt2img", _DONE), **_ENDS, **_errors(404)},
)
EXTRAS = operation(
    body=ExtraSingleImage,
    examples={"Twice as large": {"image": _PICTURE, "upscaler_1": "R-ESRGAN 4x+", "upscaling_resize": 2}},
    parameters=_WAITING,
    responses={
        200: success("The picture in Base64", {"html_info": "<p>1024x1536, R-ESRGAN 4x+</p>", "image": _PICTURE}),
        **_ENDS,
    },
)
REACTOR = operation(
    body=ReactorImage,
    examples={
        "ReActor image": {
            "source_image": _PICTURE,
            "target_image": _PICTURE,
            "source_faces_index": [0],
            "face_index": [0],
            "face_restorer": "CodeFormer",
            "restorer_visibility": 1,
        }
    },
    parameters=_WAITING,
    responses={200: success("The picture in Base64", {"image": _PICTURE}), **_ENDS},
)
PNG_INFO = operation(
    body=PngInfo,
    examples={"A picture of txt2img": {"image": _PICTURE}},
    responses={
        200: success(
            "Its texts",
            {
                "info": "a lighthouse\nSteps: 20, …",
                "items": {},
                "parameters": {"Prompt": "a lighthouse", "Steps": "20"},
            },
        ),
        **_errors(401, 413, 422, 503),
    },
)

PROGRESS = operation(
    parameters=[query("skip_current_image", "Leave the preview out", type="boolean", default=False)],
    responses={200: success("How far it is; `current_image` is a small JPEG", _SHOWN), **_errors(401, 422, 503)},
)
INTERRUPT = operation(responses={200: success("They end", {}), **_errors(401, 503)})
SKIP = operation(responses={200: success("Nothing happens", None), **_errors(401, 503)})
TASK = operation(
    body=TaskProgress,
    examples={"A task": {"id_task": "task(fox)", "id_live_preview": -1, "live_preview": True}},
    responses={
        200: success("How far it is", task_progress(_RUNNING, None, None) | {"eta": 1.4}),
        **_errors(401, 422, 503),
    },
)
TASKS = operation(responses={200: success("Their names", {"size": 1, "tasks": ["task(fox)"]}), **_errors(401, 503)})

_READS = _errors(401, 503)
MODELS = operation(responses={200: success("Titles are what requests name", webui_lists.models(_CATALOG)), **_READS})
SAMPLERS = operation(responses={200: success("Two of them", [each.listed() for each in ALL_SAMPLERS[:2]]), **_READS})
SCHEDULERS = operation(
    responses={200: success("Three of them", [each.listed() for each in ALL_SCHEDULERS[:3]]), **_READS}
)
UPSCALERS = operation(responses={200: success("All", webui_lists.upscalers(_CATALOG)[:3]), **_READS})
NAMES = operation(responses={200: success("Objects with a name", webui_lists.latent_modes()[:2]), **_READS})
NOTHING = operation(responses={200: success("None", []), **_READS})
EMBEDDINGS = operation(responses={200: success("None", {"loaded": {}, "skipped": {}}), **_READS})
SCRIPTS = operation(responses={200: success("Titles, in lower case", webui_lists.scripts()), **_READS})
SCRIPT_INFO = operation(
    responses={200: success("One object a script", webui_lists.script_info(_CATALOG)[:1]), **_READS}
)
OPTIONS = operation(responses={200: success("One flat object", webui_lists.shown_options(_MEANS)), **_READS})
SET_OPTIONS = operation(
    body=Settings,
    examples={"Another model": {"sd_model_checkpoint": "juggernautXL_version2"}},
    responses={200: success("Set", None), **_errors(401, 422, 503)},
)
REFRESH = operation(responses={200: success("Nothing to do", {}), **_READS})
SWAP_MODELS = operation(responses={200: success("All", {"models": webui_lists.swap_models(_CATALOG)}), **_READS})
SWAP_UPSCALERS = operation(
    responses={200: success("All", {"upscalers": webui_lists.upscaler_names(_CATALOG)[:3]}), **_READS}
)
FACE_MODELS = operation(responses={200: success("None", {"facemodels": []}), **_READS})
