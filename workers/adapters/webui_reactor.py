"""Face swaps in ReActor's words: positional arguments of a script, or fields of its own path.

Sources: shared/protocols/stable-diffusion.md §10. Nothing that names a file or a folder of the server is ever sent.
"""

from collections.abc import Mapping
from typing import Any

from workers.adapters.base import Given
from workers.adapters.webui_options import Options

_NEEDED, _WITH_DEVICE = 17, 21
"""How many arguments say something; older releases have no more, so later ones are sent only if they are meant."""


def riding(swap: Mapping[str, Any], source: Given, model: str, options: Options) -> dict[str, Any]:
    """`alwayson_scripts` with a swap. Faces are texts here, switches true and false."""
    args = [
        source,
        True,
        _faces(swap, "source_faces_index"),
        _faces(swap, "face_index"),
        model,
        _restorer(swap, options),
        _visibility(swap),
        True,  # restored, then upscaled
        _upscaler(swap, options),
        swap.get("scale", 1),
        1,
        bool(swap.get("in_source", False)),
        bool(swap.get("in_generated", True)),
        0,  # how much it writes to its log
        0,
        0,
        False,  # no picture from before the swap beside it
        0.5,
        True,
        False,
        options.device or "CPU",
        False,
        0,  # a face from the picture that is sent, and from no file
        "None",
        "",
        None,
        False,
        False,
        swap.get("det_thresh", 0.5),
        swap.get("det_maxnum", 0),
    ]
    if (args[-2], args[-1]) == (0.5, 0):
        args = args[: _WITH_DEVICE if options.device else _NEEDED]
    return {"reactor": {"args": args}}


def by_path(swap: Mapping[str, Any], model: str, options: Options) -> dict[str, Any]:
    """The body of /reactor/image. Faces are lists of numbers here, switches 0 and 1."""
    body = {
        "source_image": Given("source_image"),
        "target_image": Given("target_image"),
        "source_faces_index": swap.get("source_faces_index", [0]),
        "face_index": swap.get("face_index", [0]),
        "upscaler": _upscaler(swap, options),
        "scale": swap.get("scale", 1),
        "upscale_visibility": 1,
        "face_restorer": _restorer(swap, options),
        "restorer_visibility": _visibility(swap),
        "restore_first": 1,
        "model": model,
        "save_to_file": 0,
        "select_source": 0,
        "det_thresh": swap.get("det_thresh", 0.5),
        "det_maxnum": swap.get("det_maxnum", 0),
    }
    return body | ({"device": options.device} if options.device else {})


def _faces(swap: Mapping[str, Any], name: str) -> str:
    return ",".join(str(number) for number in swap.get(name, [0]))


def _restorer(swap: Mapping[str, Any], options: Options) -> str:
    return options.restorer if swap.get("restorer_visibility") else "None"


def _visibility(swap: Mapping[str, Any]) -> float:
    return float(swap.get("restorer_visibility") or 1.0)


def _upscaler(swap: Mapping[str, Any], options: Options) -> str:
    variant = swap.get("upscaler")
    return options.upscalers.get(variant, variant) if variant else "None"
