"""ReActor's own words: the body of /reactor/image. No I/O. Source: sd-webui-reactor, external API 1.0.8."""

from pydantic import Field

from api.admission import NewJob
from api.dialects.webui.bodies import DIALECT, Body, Name, Share
from api.dialects.webui.models import Means
from api.dialects.webui.scripts import ignored
from api.dialects.webui.swaps import MAX_FACES, Swap, faces, swapped
from api.inputs import picture
from storage.catalog import FACESWAP
from storage.errors import InvalidRequest
from storage.job import Kind


class ReactorImage(Body):
    """The body of a face swap. Switches are 0 and 1 here."""

    source_image: str = Field(default="", description="Whose face is taken: Base64, a data URI or an http(s) URL")
    target_image: str = Field(default="", description="The picture to change")
    source_faces_index: list[int] = Field(default=[0], max_length=MAX_FACES, description="Counted from the left")
    face_index: list[int] = Field(default=[0], max_length=MAX_FACES, description="Which faces of the target change")
    upscaler: Name = "None"
    scale: float = Field(default=1.0, ge=1, le=4)
    upscale_visibility: Share = 1.0
    face_restorer: Name = "None"
    restorer_visibility: Share = 1.0
    codeformer_weight: Share = 0.5
    restore_first: int = Field(default=1, ge=0, le=1)
    model: Name = Field(default="inswapper_128.onnx", description="The swap model")
    gender_source: int = Field(default=0, ge=0, le=2, description="Only 0")
    gender_target: int = Field(default=0, ge=0, le=2, description="Only 0")
    save_to_file: int = Field(default=0, ge=0, le=1, description="Only 0")
    result_file_path: str = Field(default="", description="Only empty: it would be a path on the server")
    device: Name = "CPU"
    mask_face: int = Field(default=0, ge=0, le=1)
    select_source: int = Field(default=0, ge=0, le=2, description="Only 0")
    face_model: Name = Field(default="None", description="Only None")
    source_folder: str = Field(default="", description="Only empty: it would be a path on the server")
    random_image: int = Field(default=0, ge=0, le=1)
    upscale_force: int = Field(default=0, ge=0, le=1)
    det_thresh: float = Field(default=0.5, ge=0.1, le=0.99)
    det_maxnum: int = Field(default=0, ge=0, le=MAX_FACES)


_FIELDS = {
    "restorer": "face_restorer",
    "threshold": "det_thresh",
    "most_faces": "det_maxnum",
    **{name: name for name in Swap._fields if name not in ("restorer", "threshold", "most_faces")},
}


def swap(body: ReactorImage, means: Means) -> NewJob:
    """One face in another's place. Raises InvalidRequest, UnknownModel, and what `picture` does."""
    for field in ("save_to_file", "result_file_path"):
        if getattr(body, field):
            raise InvalidRequest("nothing is written on the server; the answer holds the picture", field=field)
    asked = Swap(
        model=body.model,
        source_faces=faces(body.source_faces_index, "source_faces_index"),
        target_faces=faces(body.face_index, "face_index"),
        restorer=body.face_restorer,
        restorer_visibility=body.restorer_visibility,
        restore_first=bool(body.restore_first),
        upscaler=body.upscaler,
        scale=body.scale,
        upscale_visibility=body.upscale_visibility,
        gender_source=body.gender_source,
        gender_target=body.gender_target,
        codeformer_weight=body.codeformer_weight,
        select_source=body.select_source,
        face_model=body.face_model,
        source_folder=body.source_folder,
        threshold=body.det_thresh,
        most_faces=body.det_maxnum,
    )
    request = swapped(asked, _FIELDS, means.catalog)
    name, model = means.catalog.find(body.model or None, FACESWAP)
    inputs = {}
    for field in ("source_image", "target_image"):
        if not getattr(body, field):
            raise InvalidRequest("a picture is wanted", field=field)
        inputs[field] = picture(getattr(body, field), field, means.guard)
    kept = {"ignored": [*ignored(asked, _FIELDS)]}
    request |= {"model": name, "seed": 0, "format": "png", DIALECT: kept}
    return NewJob(Kind.IMAGE_FACESWAP, DIALECT, name, model, request, 1, inputs=inputs)
