"""ReActor's words, wherever they come from: what they ask of the face swap, checked and named as the caller named it.

`field` leads from what is asked to what the caller calls it: a positional argument of a script, or a field of
`/reactor/image`.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from api.dialects.webui.samplers import shown
from storage.catalog import FACESWAP, UPSCALE, Catalog
from storage.errors import InvalidRequest, UnknownModel

RESTORERS = ("CodeFormer", "GFPGAN")
"""Names that clients know. There is one restorer here, and it does the work of both."""
MAX_FACES = 100
MAX_SCALE = 4.0
NONE = ("", "none")


class Swap(NamedTuple):
    """A face swap as ReActor words it."""

    model: str | None
    source_faces: list[int]
    target_faces: list[int]
    restorer: str
    restorer_visibility: float
    restore_first: bool
    upscaler: str
    scale: float
    upscale_visibility: float
    gender_source: int
    gender_target: int
    codeformer_weight: float
    select_source: int
    face_model: str
    source_folder: str
    threshold: float
    most_faces: int


def swapped(asked: Swap, field: Mapping[str, str], catalog: Catalog) -> dict[str, Any]:
    """What the engine is asked for. Raises InvalidRequest, UnknownModel."""
    _refuse_paths(asked, field)
    for name in ("gender_source", "gender_target"):
        if getattr(asked, name):
            raise InvalidRequest("has to be 0: which gender a face has is not detected here", field=field[name])
    if asked.model and any(slash in asked.model for slash in "/\\"):
        raise InvalidRequest("a path on the server may not be named; send a model's name", field=field["model"])
    _found(catalog, asked.model, FACESWAP, field["model"])
    request: dict[str, Any] = {
        "source_faces_index": asked.source_faces,
        "face_index": asked.target_faces,
        "det_thresh": _within(asked.threshold, 0.1, 0.99, field["threshold"]),
        "det_maxnum": int(_within(asked.most_faces, 0, MAX_FACES, field["most_faces"])),
        "restorer_visibility": _restoring(asked, field),
    }
    scale = _within(asked.scale, 1, MAX_SCALE, field["scale"])
    if asked.upscaler.lower() not in NONE and scale > 1:
        if asked.upscale_visibility != 1:
            raise InvalidRequest(
                "has to be 1: pictures are not blended with their plain enlargements", field=field["upscale_visibility"]
            )
        request["scale"] = scale
        request["upscaler"] = upscaler(catalog, asked.upscaler, field["upscaler"])
    elif asked.upscaler.lower() not in NONE:
        upscaler(catalog, asked.upscaler, field["upscaler"])
    return request


def upscaler(catalog: Catalog, name: str | None, field: str) -> str:
    """What the engine calls an upscaler; the catalog's default, if none is named. Raises UnknownModel."""
    return _found(catalog, name, UPSCALE, field)


def faces(given: Any, field: str) -> list[int]:
    """Faces by their numbers: a list, or a text with commas as scripts have it. Raises InvalidRequest."""
    pieces = given if isinstance(given, list) else [piece for piece in str(given).split(",") if piece.strip()]
    words = [str(piece).strip() for piece in pieces]
    if not all(re.fullmatch(r"[0-9]{1,2}", word) for word in words):
        raise InvalidRequest(f"faces are numbers from 0 to {MAX_FACES - 1}, counted from the left", field=field)
    numbers = [int(word) for word in words]
    if len(set(numbers)) != len(numbers):
        raise InvalidRequest("a face may be named once", field=field)
    return numbers or [0]


def _restoring(asked: Swap, field: Mapping[str, str]) -> float:
    if asked.restorer.lower() in NONE:
        return 0.0
    if asked.restorer.lower() not in (name.lower() for name in RESTORERS):
        raise InvalidRequest(
            f"no face restorer is called {shown(asked.restorer)}; there are: None, {', '.join(RESTORERS)}",
            field=field["restorer"],
        )
    return _within(asked.restorer_visibility, 0, 1, field["restorer_visibility"])


def _refuse_paths(asked: Swap, field: Mapping[str, str]) -> None:
    """What lies on the server is nobody's to name."""
    if asked.select_source:
        raise InvalidRequest("has to be 0: faces come with the request, as a picture", field=field["select_source"])
    if asked.face_model.lower() not in NONE:
        raise InvalidRequest("has to be None: there are no face models here", field=field["face_model"])
    if asked.source_folder:
        raise InvalidRequest("a folder on the server may not be named", field=field["source_folder"])


def _found(catalog: Catalog, name: str | None, family: str, field: str) -> str:
    try:
        return catalog.find(None if name is None or name.lower() in NONE else name, family)[1].variant
    except UnknownModel as error:
        raise UnknownModel(str(error), field=field) from error


def _within(value: float, low: float, high: float, field: str) -> float:
    if not low <= value <= high:
        raise InvalidRequest(f"a number from {low:g} to {high:g} is wanted", field=field)
    return value
