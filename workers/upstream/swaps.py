"""Whether a face was swapped at all: a server that finds no face answers with the picture as it was, and calls it done.

Source: shared/protocols/stable-diffusion.md §10.
"""

from collections.abc import Mapping
from typing import cast

from PIL import Image, ImageChops

from storage.errors import UpstreamRefused
from storage.job import Job, Kind
from workers.engines.base import Made

_TARGET = "target_image"
_NOISE = 8  # of 255: by how much two decoders may differ on one JPEG


def swapped(made: Made, job: Job, inputs: Mapping[str, str]) -> None:
    """Blocks. Raises UpstreamRefused if a face swap's result is what was sent. Of one that was enlarged or restored it
    cannot be told."""
    if job.kind != Kind.IMAGE_FACESWAP or _TARGET not in inputs:
        return
    path = next(artifact.path for artifact in made.artifacts if artifact.part == "main")
    with Image.open(path) as after, Image.open(inputs[_TARGET]) as before:
        if after.size != before.size:
            return
        apart = ImageChops.difference(after.convert("RGB"), before.convert("RGB"))
    bands = cast(tuple[tuple[int, int], ...], apart.getextrema())
    if all(most <= _NOISE for _, most in bands):
        raise UpstreamRefused("the upstream gave the picture back as it was: it found no face to swap")
