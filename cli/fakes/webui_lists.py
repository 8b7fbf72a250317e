"""What a WebUI lists, in short: real names, few of them."""

from typing import Any

CHECKPOINTS = {"majicmixRealistic_v7": "7c819b6d13", "juggernautXL_version2": "c9e3e68f89"}
"""Names and short hashes. The first is loaded."""

SAMPLERS = ("DPM++ 2M", "DPM++ SDE", "DPM++ 2M SDE", "Euler a", "Euler", "LMS", "Heun", "DDIM", "UniPC", "LCM")
SCHEDULERS = ("automatic", "uniform", "karras", "exponential", "sgm_uniform", "simple", "normal", "beta")
UPSCALERS = ("None", "Lanczos", "Nearest", "R-ESRGAN 4x+", "R-ESRGAN 4x+ Anime6B", "ESRGAN_4x")
SCRIPTS = {"txt2img": ["reactor"], "img2img": ["reactor"]}


def title(name: str) -> str:
    return f"{name}.safetensors [{CHECKPOINTS[name]}]"


def checkpoint(asked: object) -> str | None:
    """The name that any way of naming a checkpoint stands for; None if there is none such."""
    for name, mark in CHECKPOINTS.items():
        if asked in (name, f"{name}.safetensors", title(name), mark):
            return name
    return None


def models() -> list[dict[str, Any]]:
    return [
        {
            "title": title(name),
            "model_name": name,
            "hash": mark,
            "sha256": mark.ljust(64, "0"),
            "filename": f"/srv/webui/models/Stable-diffusion/{name}.safetensors",
            "config": None,
        }
        for name, mark in CHECKPOINTS.items()
    ]


def samplers() -> list[dict[str, Any]]:
    return [{"name": name, "aliases": [], "options": {}} for name in SAMPLERS]


def schedulers() -> list[dict[str, Any]]:
    return [
        {"name": name, "label": name.replace("_", " ").title(), "aliases": None, "default_rho": -1.0,
         "need_inner_model": False}
        for name in SCHEDULERS
    ]  # fmt: skip


def upscalers() -> list[dict[str, Any]]:
    return [{"name": name, "model_name": None, "model_path": None, "model_url": None, "scale": 4} for name in UPSCALERS]
