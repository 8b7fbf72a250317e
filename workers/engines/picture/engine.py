"""The image engine as the worker sees it: image.generate, image.edit, image.upscale, image.faceswap."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from storage.errors import InvalidRequest
from workers.engines.base import Made, Report
from workers.engines.picture import enlarging, swapping, tasks
from workers.engines.picture.asked import Asked


class Pictures:
    """Makes pictures. One item per call; networks stay loaded between calls."""

    name = "pictures"

    def load(self) -> None:
        """Nothing: each task loads what it needs, once."""

    def unload(self) -> None:
        """Nothing: the process ends, and all of it goes with it."""

    def generate(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        """Make one picture.

        `task` has "kind", "request", "seed" and "inputs": the names of pictures and the paths of their files ("image"
        and "mask" of an edit, "image" of an upscale, "source_image" and "target_image" of a face swap, "source_image"
        of a swap in what is drawn or edited). While it draws or edits, `folder` has a `preview.jpeg`.
        """
        asked = Asked(task)
        make = _MAKERS.get(asked.kind)
        if make is None:
            raise InvalidRequest(f"the image engine does not know the kind {asked.kind!r}", field="kind")
        return make(asked, folder, report)


_MAKERS: dict[str, Callable[[Asked, Path, Report], Made]] = {
    "image.generate": tasks.generate,
    "image.edit": tasks.edit,
    "image.upscale": enlarging.upscale,
    "image.faceswap": swapping.faceswap,
}
