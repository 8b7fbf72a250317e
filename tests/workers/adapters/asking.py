"""Jobs as callers ask for them, in the dialects' own words, on their way to an upstream."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any, NamedTuple

from PIL import Image

from api.admission import NewJob, job_of
from api.dialects import images, reactor
from api.dialects.images import Edit, Generation, Pictures, Variation
from api.dialects.reactor import ReactorImage
from api.dialects.webui import extras as webui_extras
from api.dialects.webui import jobs as webui_jobs
from api.dialects.webui.bodies import Img2Img, Txt2Img
from api.dialects.webui.extras import ExtraSingleImage
from api.dialects.webui.models import Means
from api.inputs import Input
from storage.accounts import Accounts
from storage.addresses import Guard
from storage.catalog import Catalog
from storage.ids import new_job_id
from storage.job import Job, Kind
from tests.api.images import picture
from workers.adapters.base import Task

CATALOG = Catalog()
_MEANS = Means(CATALOG, Guard(), {})
CHECKPOINT = "majicmixRealistic_v7"
CUT_OUT = picture((100, 60), mode="RGBA", hole=(50, 0, 99, 59))
"""A picture of 100 × 60 pixels, its right half transparent."""


class Order(NamedTuple):
    """A job on its way, and the files that came with it."""

    task: Task
    files: Mapping[str, bytes] = {}


def txt2img(model: str = CHECKPOINT, **body: Any) -> Order:
    return _order(webui_jobs.generate(Txt2Img(**body), _MEANS), model)


def img2img(model: str = CHECKPOINT, **body: Any) -> Order:
    return _order(webui_jobs.edit(Img2Img(**body), _MEANS), model)


def enlarge(model: str = "R-ESRGAN 4x+", **body: Any) -> Order:
    return _order(webui_extras.upscale(ExtraSingleImage(**body), _MEANS), model)


def swap(model: str = "inswapper_128.onnx", **body: Any) -> Order:
    return _order(reactor.swap(ReactorImage(**body), _MEANS), model)


def generation(model: str = "dall-e-2", named: str | None = None, **body: Any) -> Order:
    """`named`: what the caller calls the model; `model`: what the account calls it."""
    return _order(images.generate(Generation(model=named or _known(model), **body), CATALOG), model)


def edit(
    image: bytes,
    model: str = "dall-e-2",
    named: str | None = None,
    *,
    mask: bytes = b"",
    cut_out: bool = False,
    **body: Any,
) -> Order:
    given = Pictures(Input("image", image), Input("mask", mask) if mask else None, cut_out)
    return _order(images.edit(Edit(model=named or _known(model), **body), given, CATALOG), model)


def variation(image: bytes, model: str = "dall-e-2", **body: Any) -> Order:
    return _order(images.vary(Variation(model=_known(model), **body), Input("image", image), CATALOG), model)


def _known(model: str) -> str:
    """The account's name, if callers have it too."""
    return model if model in CATALOG.models else "dall-e-2"


def speech(model: str = "tts-1", **request: Any) -> Order:
    """`request` as workers/engines/speech/asked.py reads it."""
    usual = {"input": "hello there", "voice": "alloy", "response_format": "mp3", "speed": 1.0}
    return Order(Task(job=_job(Kind.SPEECH, "tts-1", "kokoro", usual | request), model=model))


def recording(data: bytes, model: str = "whisper-1", **request: Any) -> Order:
    """`request` as workers/engines/transcription/asked.py reads it."""
    job = _job(Kind.TRANSCRIPTION, "whisper-1", "whisper", request)
    job.inputs = {"file": f"inputs/{job.id}/file"}
    return Order(Task(job=job, model=model), {"file": data})


def _order(new: NewJob, model: str) -> Order:
    job = job_of(new_job_id(), "alice", new, Accounts(None))
    files = {name: given.data for name, given in new.inputs.items()}
    job.inputs = {name: f"inputs/{job.id}/{name}" for name in files}
    return Order(Task(job=job, model=model, sizes={name: _size(data) for name, data in files.items()}), files)


def _size(data: bytes) -> tuple[int, int]:
    with Image.open(BytesIO(data)) as image:
        return image.size


def _job(kind: Kind, model: str, engine: str, request: dict[str, Any]) -> Job:
    return Job(
        id=new_job_id(),
        kind=kind,
        owner="alice",
        dialect="openai",
        model=model,
        engine=engine,
        lane="engines",
        step="render",
        request=request,
        priority=5,
    )
