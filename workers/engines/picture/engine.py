"""The image engine as the worker sees it: image.generate, image.edit, image.upscale, image.faceswap."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from storage.errors import InvalidRequest
from workers.engines.base import Made, Report
from workers.engines.picture import tasks
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

        `task` has "kind", "request", "seed" and, for all kinds but image.generate, "inputs": the names of pictures and
        the paths of their files ("image" and "mask", or "source" and "target").
        """
        asked = Asked(task)
        make = _MAKERS.get(asked.kind)
        if make is None:
            raise InvalidRequest(f"the image engine does not know the kind {asked.kind!r}", field="kind")
        return make(asked, folder, report)


_MAKERS: dict[str, Callable[[Asked, Path, Report], Made]] = {
    "image.generate": tasks.generate,
    "image.edit": tasks.edit,
    "image.upscale": tasks.upscale,
    "image.faceswap": tasks.faceswap,
}
