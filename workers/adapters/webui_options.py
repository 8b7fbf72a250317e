"""What an operator may say of a WebUI server."""

from typing import Literal

import msgspec

SAMPLER = "DPM++ 2M"
"""The first of the server's own list, and what it takes for names that it does not know."""

_UPSCALERS = {
    "realesr-animevideov3": "R-ESRGAN 4x+ Anime6B",
    "lanczos": "Lanczos",
    "nearest": "Nearest",
}


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`paid`: somebody's service, which charges; else a server of one's own, where doing it again costs time only.

    `checkpoint`: false, if whatever is loaded is to draw. `sampler`: where a caller names none. `samplers`: the
    server's names for samplers that it calls otherwise. `schedulers`: false for servers before 1.9, where a scheduler
    is the end of a sampler's name. `swap`: how faces are swapped in a picture that is there: by ReActor's own path, or
    by img2img with ReActor riding along. `upscalers`: the server's names by those that the catalog calls `variant`.
    `device`: what ReActor runs on; the server's choice, if not said.
    """

    auth: Literal["bearer", "basic", "header", "none"] = "basic"
    paid: bool = False
    timeout_s: float = 1800.0
    checkpoint: bool = True
    sampler: str = SAMPLER
    samplers: dict[str, str] = {}
    schedulers: bool = True
    swap: Literal["reactor", "script"] = "reactor"
    swap_model: str = "inswapper_128.onnx"
    restorer: str = "CodeFormer"
    upscalers: dict[str, str] = msgspec.field(default_factory=lambda: dict(_UPSCALERS))
    device: Literal["CPU", "CUDA"] | None = None
