"""What a WebUI's good answers say. Source: shared/protocols/stable-diffusion.md §4, §6, §10."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from storage.errors import UpstreamFailed, UpstreamMalformed, UpstreamRefused
from storage.job import Kind
from storage.wire.reading import from_base64, words
from workers.adapters.base import Done, Failed, File, Item, Task
from workers.adapters.webui_options import Options

_HASH = re.compile(r"\s*\[([0-9a-fA-F]{6,64})\]$")
_ENDS = re.compile(r"\.(safetensors|ckpt|pt|gguf)$", re.IGNORECASE)
_LEGACY = re.compile(r"[0-9a-f]{8}")  # the old short hash, of which an answer says nothing
_LONGEST_INFOTEXT = 4000


def one(answer: Mapping[str, Any], options: Options) -> tuple[Item, ...]:
    """The answer of extra-single-image and /reactor/image. Raises UpstreamMalformed."""
    return (Done((File(data=from_base64(answer.get("image"), in_doubt=options.paid)),)),)


def several(answer: Mapping[str, Any], task: Task, options: Options) -> tuple[Item, ...]:
    """The answer of txt2img and img2img: as many items as the job has, those that are missing failed.

    Raises UpstreamMalformed; UpstreamRefused if another checkpoint drew than the one asked for.
    """
    images = answer.get("images")
    if not isinstance(images, list):
        raise UpstreamMalformed("the upstream's answer holds no pictures", in_doubt=options.paid)
    info = _info(answer.get("info"))
    if options.checkpoint and task.job.kind != Kind.IMAGE_FACESWAP:
        _check(task.model, info)
    first = info.get("index_of_first_image")
    images = images[first if isinstance(first, int) and 0 < first < len(images) else 0 :][: task.job.items]
    made: list[Item] = [
        Done((File(data=from_base64(image, in_doubt=options.paid)),), metadata=_facts(info, number))
        for number, image in enumerate(images)
    ]
    short = Failed(UpstreamFailed(f"{len(made)} of {task.job.items} pictures were made: somebody interrupted it"))
    return (*made, *[short] * (task.job.items - len(made)))


def _info(told: Any) -> Mapping[str, Any]:
    """JSON as a text; some servers send the object itself, or words."""
    if isinstance(told, str):
        try:
            told = msgspec.json.decode(told)
        except msgspec.DecodeError:
            return {}
    return told if isinstance(told, dict) else {}


def _check(asked: str, info: Mapping[str, Any]) -> None:
    """An unknown checkpoint is passed over silently, and what is loaded draws. Raises UpstreamRefused."""
    name, mark = info.get("sd_model_name"), str(info.get("sd_model_hash") or "").lower()
    if not isinstance(name, str) or not name or _LEGACY.fullmatch(asked.lower()):
        return
    tagged = _HASH.search(asked)
    wanted = tagged[1].lower() if tagged else asked.lower()
    if len(mark) >= 8 and (wanted.startswith(mark) or mark.startswith(wanted)):
        return
    if _bare(_HASH.sub("", asked)) != _bare(name):
        raise UpstreamRefused(f"the server has no checkpoint {words(asked)!r}: {words(name)!r} drew in its place")


def _bare(name: str) -> str:
    return _ENDS.sub("", re.split(r"[/\\]", name.strip())[-1]).lower()


def _facts(info: Mapping[str, Any], number: int) -> dict[str, Any]:
    """What is worth knowing of one picture."""
    facts = {
        "seed": _at(info.get("all_seeds"), number),
        "checkpoint": info.get("sd_model_name"),
        "checkpoint_hash": info.get("sd_model_hash"),
        "sampler": info.get("sampler_name"),
        "infotext": str(_at(info.get("infotexts"), number) or "")[:_LONGEST_INFOTEXT] or None,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _at(values: Any, number: int) -> Any:
    return values[number] if isinstance(values, list) and number < len(values) else None
