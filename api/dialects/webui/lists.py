"""What there is, in WebUI's words: models, samplers, upscalers, scripts, options. No I/O."""

from collections.abc import Mapping
from typing import Any

from api.dialects.webui.models import CHECKPOINT, Means, Settings, checkpoint
from api.dialects.webui.samplers import LATENT_MODES
from api.dialects.webui.scripts import REACTOR, SLOTS
from api.dialects.webui.swaps import MAX_SCALE, RESTORERS
from storage.catalog import FACESWAP, IMAGE, UPSCALE, Catalog
from storage.errors import UnknownModel

_FIXED: Mapping[str, Any] = {
    "sd_checkpoint_hash": "",
    "sd_vae": "Automatic",
    "CLIP_stop_at_last_layers": 1,
    "return_grid": False,
    "grid_save": False,
    "samples_save": True,
    "live_previews_enable": True,
    "live_previews_image_format": "jpeg",
    "face_restoration": False,
    "upscaler_for_img2img": None,
    "api_enable_requests": True,
    "api_forbid_local_requests": True,
}
"""What clients look for and cannot change here."""


def models(catalog: Catalog) -> list[dict[str, Any]]:
    """Checkpoints. Their titles are the catalog's names: there are no files, and so no hashes."""
    return [
        {"title": name, "model_name": name, "hash": None, "sha256": None, "filename": name, "config": None}
        for name in catalog.names(IMAGE)
    ]


def upscalers(catalog: Catalog) -> list[dict[str, Any]]:
    return [
        {"name": name, "model_name": None, "model_path": None, "model_url": None, "scale": 4.0}
        for name in ("None", *catalog.names(UPSCALE))
    ]


def upscaler_names(catalog: Catalog) -> list[str]:
    return ["None", *catalog.names(UPSCALE)]


def swap_models(catalog: Catalog) -> list[str]:
    return catalog.names(FACESWAP)


def latent_modes() -> list[dict[str, Any]]:
    return [{"name": name} for name in LATENT_MODES]


def realesrgan_models(catalog: Catalog) -> list[dict[str, Any]]:
    return [{"name": name, "path": None, "scale": 4} for name in catalog.names(UPSCALE) if name.startswith("R-ESRGAN")]


def face_restorers() -> list[dict[str, Any]]:
    return [{"name": name, "cmd_dir": None} for name in RESTORERS]


def scripts() -> dict[str, list[str]]:
    """Those that may ride along. Others are tolerated if they are switched off, and so not listed."""
    return {"txt2img": [REACTOR], "img2img": [REACTOR]}


def script_info(catalog: Catalog) -> list[dict[str, Any]]:
    choices = {
        "model": swap_models(catalog),
        "restorer": ["None", *RESTORERS],
        "upscaler": upscaler_names(catalog),
    }
    bounds = {"scale": (1, MAX_SCALE, 0.1), "threshold": (0.1, 0.99, 0.01), "restorer_visibility": (0, 1, 0.1)}
    args = []
    for slot in SLOTS:
        minimum, maximum, step = bounds.get(slot.name, (None, None, None))
        args.append(
            {
                "label": slot.label,
                "value": slot.default,
                "minimum": minimum,
                "maximum": maximum,
                "step": step,
                "choices": choices.get(slot.name),
            }
        )
    return [{"name": REACTOR, "is_alwayson": True, "is_img2img": img2img, "args": args} for img2img in (False, True)]


def shown_options(means: Means) -> dict[str, Any]:
    """All options, as they are for this caller."""
    own = Settings.model_validate(means.options).model_dump()
    return {CHECKPOINT: current(means), **{name: own[name] for name in own if name != CHECKPOINT}, **_FIXED}


def current(means: Means) -> str | None:
    """The model that serves this caller's requests, if they name none."""
    try:
        return means.options.get(CHECKPOINT) or means.catalog.find(None, IMAGE)[0]
    except UnknownModel:
        return None


def changed_options(asked: Settings, catalog: Catalog) -> dict[str, Any]:
    """The options to keep, of those that are sent; an empty checkpoint takes it back. Raises UnknownModel."""
    changed: dict[str, Any] = {name: getattr(asked, name) for name in asked.model_fields_set}
    if CHECKPOINT in changed:
        name = changed[CHECKPOINT]
        changed[CHECKPOINT] = checkpoint(catalog, name, CHECKPOINT)[0] if name else None
    return changed
