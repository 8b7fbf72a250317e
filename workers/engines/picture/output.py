"""Where a task's result goes: written, read back, checked, and told of."""

from pathlib import Path
from typing import Any

from PIL import Image

from storage.errors import InvalidRequest
from workers.engines.base import Made
from workers.engines.picture import writing
from workers.engines.picture.asked import Asked
from workers.engines.picture.writing import Provenance

MOST_OUT = 16_000_000
"""The pixels a result may have."""


class Output:
    """The file of one result. What is asked of it is checked before anything is made."""

    def __init__(self, asked: Asked, folder: Path) -> None:
        self._folder, self._format, self._quality = folder, asked.format, asked.quality

    def write(
        self,
        image: Image.Image,
        about: Provenance,
        method: str,
        facts: dict[str, Any],
        before: Image.Image | None = None,
        *,
        may_stay: bool = False,
    ) -> Made:
        """Written, read back and checked against what was given. Raises EngineMisproduced."""
        artifact = writing.write(image, self._folder, format=self._format, quality=self._quality, about=about)
        writing.check(artifact, before, may_stay=may_stay)
        told = {
            "engine": about.engine,
            "method": method,
            "embedded": True,
            "width": image.width,
            "height": image.height,
        }
        return Made([artifact], {**told, **({} if about.seed is None else {"seed": about.seed}), **facts})


def check_size(width: float, height: float, field: str) -> None:
    """Raises InvalidRequest, naming `field`, for a result that would be too large to make."""
    if width * height > MOST_OUT:
        raise InvalidRequest(
            f"{round(width)} × {round(height)} pixels are too many: {MOST_OUT // 10**6} megapixels at most", field=field
        )
