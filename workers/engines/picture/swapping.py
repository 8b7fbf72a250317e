"""image.faceswap, and the swap that an edit or a drawing can end with."""

from pathlib import Path
from typing import Any

from PIL import Image

from storage.errors import EngineMisproduced, InvalidRequest
from workers.engines.base import Made, Report
from workers.engines.picture import swap as faces
from workers.engines.picture import upscale as networks
from workers.engines.picture import writing
from workers.engines.picture.asked import Asked
from workers.engines.picture.enlarging import enlarged
from workers.engines.picture.output import Output, check_size
from workers.engines.picture.reading import flattened
from workers.engines.picture.writing import Provenance

METHOD = "mesh warp and Poisson blending; no inswapper model"
MADE = "compositeSynthetic"
_MOST_IN = 4096
_SAME_FACE = 1.0
"""The mean difference, in 0..255, below which a face was replaced by itself."""


class Swapping:
    """A source face and the terms on which it is put into pictures. Everything asked for is checked when it is built.

    Which gender a face has is not detected: `gender_source` and `gender_target` change nothing, and the facts say so.
    """

    def __init__(self, asked: Asked) -> None:
        self._terms = faces.Terms(
            asked.indices("source_faces_index"),
            asked.indices("face_index"),
            asked.number("det_thresh", 0.5, 0.1, 0.99),
            asked.whole("det_maxnum", 0, 0, 100),
            asked.number("max_yaw", 35, 0, 90),
            asked.number("restorer_visibility", 0, 0, 1),
        )
        self._scale = asked.number("scale", 1, 1, 4)
        self._upscaler = asked.choice("upscaler", networks.NETWORK, networks.UPSCALERS)
        self._source = small_enough(flattened(asked.picture("source_image")))
        self.boxes: list[tuple[int, int, int, int]] = []
        self._ignored = [name for name in ("gender_source", "gender_target") if asked.request.get(name)]

    def check_target(self, target: Image.Image) -> None:
        """Raises InvalidRequest if this is the source itself, and its faces are to be put where they are already."""
        if self._terms.source_faces == self._terms.target_faces and not writing.difference(self._source, target):
            raise InvalidRequest("source and target are the same face: there is nothing to swap", field="source_image")

    def check_size(self, size: tuple[int, int]) -> None:
        """Raises InvalidRequest if a picture of this size would become too large."""
        check_size(size[0] * self._scale, size[1] * self._scale, "scale")

    def put_into(self, target: Image.Image, report: Report, called: str = "target image") -> Image.Image:
        """The target with the source's face in it; `called` is what callers know it by.

        Raises InvalidRequest naming the picture without the face that is meant, EngineMisproduced if nothing changes
        and the face was not swapped by an earlier call already.
        """
        swapped = faces.swap(self._source, target, self._terms, report, called)
        changes = [writing.difference(swapped.image.crop(box), target.crop(box)) for box in swapped.boxes]
        if max(changes) < _SAME_FACE and not self.boxes:
            raise EngineMisproduced("the swap changed nothing")
        self.boxes = swapped.boxes
        return swapped.image

    def enlarged(self, picture: Image.Image, report: Report) -> Image.Image:
        """The picture as many times larger as `scale` says."""
        size = (round(picture.width * self._scale), round(picture.height * self._scale))
        return enlarged(picture, size, self._upscaler, report) if self._scale > 1 else picture

    @property
    def facts(self) -> dict[str, Any]:
        return {"faces": [{"box": box} for box in self.boxes], "ignored": self._ignored}


class Stage:
    """The request's `faceswap`, for a picture that is drawn or changed: whether and where a face is swapped in it."""

    def __init__(self, asked: Asked) -> None:
        within = asked.within("faceswap")
        self.before = within is not None and within.flag("in_source", False)
        self.after = within is not None and within.flag("in_generated", True)
        self.swapping = Swapping(within) if within and (self.before or self.after) else None

    def check(self, size: tuple[int, int], given: Image.Image | None = None) -> None:
        """Raises InvalidRequest for a result that would be too large, and for a face that is in its place already."""
        if self.swapping is None:
            return
        if self.after:
            self.swapping.check_size(size)
        if given is not None:
            self.swapping.check_target(given)

    def first(self, given: Image.Image, report: Report) -> Image.Image:
        """What is given, its face swapped if that is to be done before anything else."""
        if self.swapping is None or not self.before:
            return given
        return self.swapping.put_into(given, report, "picture to be changed")

    def last(self, made: Image.Image, report: Report) -> Image.Image:
        """What was made, its face swapped, restored and enlarged if that is asked for."""
        if self.swapping is None or not self.after:
            return made
        swapped = self.swapping.put_into(made, lambda done: report(0.5 * done), "picture that was made")
        return self.swapping.enlarged(swapped, lambda done: report(0.5 + 0.5 * done))

    @property
    def facts(self) -> dict[str, Any]:
        return self.swapping.facts if self.swapping else {}

    def method(self, drawn: str) -> str:
        return f"{drawn}; faces: {METHOD}" if self.swapping else drawn

    def provenance(self, drawn: str) -> str:
        return MADE if self.swapping else drawn


def faceswap(asked: Asked, folder: Path, report: Report) -> Made:
    """source_faces_index, face_index, det_thresh, det_maxnum, max_yaw, restorer_visibility; then scale and upscaler.

    Inputs: source_image, target_image.
    """
    swapping, output = Swapping(asked), Output(asked, folder)
    target = small_enough(flattened(asked.picture("target_image")))
    swapping.check_size(target.size)
    swapping.check_target(target)
    report(0.05)
    swapped = swapping.put_into(target, lambda done: report(0.05 + 0.45 * done))
    after = swapping.enlarged(swapped, lambda done: report(0.5 + 0.4 * done))
    about = Provenance("faceswap", asked.model("faceswap"), MADE)
    made = output.write(after, about, METHOD, swapping.facts, target, may_stay=True)
    report(1.0)
    return made


def small_enough(image: Image.Image) -> Image.Image:
    """At most 4096 pixels wide and high: faces gain nothing from more, and memory would not hold it."""
    ratio = _MOST_IN / max(image.size)
    size = (round(image.width * ratio), round(image.height * ratio))
    return image if ratio >= 1 else image.resize(size, Image.Resampling.LANCZOS)
