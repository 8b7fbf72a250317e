"""Scripts that ride along (`alwayson_scripts`): ReActor, with its positional arguments; and those switched off.

Source of ReActor's arguments: release 0.7.1. Short lists are legal: what is missing, or null, is as the form has it.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any, NamedTuple

from api.dialects.webui.bodies import Generation
from api.dialects.webui.swaps import Swap, faces, swapped
from api.inputs import Input, picture
from storage.addresses import Guard
from storage.catalog import Catalog
from storage.errors import InvalidRequest

REACTOR = "reactor"
MAX_SCRIPTS, MAX_ARGS = 32, 200
MAX_NUMBER = 1 << 53
_AT = "alwayson_scripts"


class Slot(NamedTuple):
    """A positional argument of ReActor: what `Swap` calls it, if it does, and what the form has."""

    label: str
    default: Any
    name: str = ""


SLOTS = (
    Slot("Single Source Image", None, "source_image"),
    Slot("Enable", False, "enabled"),
    Slot("Comma separated face number(s) from swap-source image", "0", "source_faces"),
    Slot("Comma separated face number(s) for target image", "0", "target_faces"),
    Slot("Swap model", "inswapper_128.onnx", "model"),
    Slot("Restore Face", "CodeFormer", "restorer"),
    Slot("Restore Face Visibility", 1.0, "restorer_visibility"),
    Slot("Restore First (then Upscale)", True, "restore_first"),
    Slot("Upscaler", "None", "upscaler"),
    Slot("Upscaler Scale", 1.0, "scale"),
    Slot("Upscaler Visibility", 1.0, "upscale_visibility"),
    Slot("Swap in source image", False, "in_source"),
    Slot("Swap in generated image", True, "in_generated"),
    Slot("Log level", 1),
    Slot("Gender Detection (Source)", 0, "gender_source"),
    Slot("Gender Detection (Target)", 0, "gender_target"),
    Slot("Save Original", False, "save_original"),
    Slot("CodeFormer Weight", 0.5, "codeformer_weight"),
    Slot("Source Image Hash Check", True),
    Slot("Target Image Hash Check", False),
    Slot("Execution Provider", "CPU"),
    Slot("Face Mask Correction", False),
    Slot("Select Source", 0, "select_source"),
    Slot("Choose Face Model", "None", "face_model"),
    Slot("Source Folder", "", "source_folder"),
    Slot("Multiple Source Images", None, "image_list"),
    Slot("Random Image", False),
    Slot("Force Upscale", False),
    Slot("Detection Threshold", 0.5, "threshold"),
    Slot("Max Faces", 0, "most_faces"),
    Slot("Selected Tab", "tab_single"),
)
FIELDS: Mapping[str, str] = {
    slot.name: f"{_AT}.{REACTOR}.args.{number}" for number, slot in enumerate(SLOTS) if slot.name
}
"""What a caller would have to change, by what `Swap` calls it."""

_FREE = ("source_faces", "target_faces", "image_list")
"""Slots that are judged elsewhere."""
_OFF: Mapping[str, str] = {
    "adetailer": "ADetailer",
    "controlnet": "ControlNet",
    "animatediff": "AnimateDiff",
    "roop": "roop",
}
"""Scripts that clients send along switched off, so that they do nothing."""


class Riding(NamedTuple):
    """What the scripts of a request ask for. `echo`: what is told of them, without pictures."""

    faceswap: dict[str, Any] | None = None
    source: Input | None = None
    echo: Mapping[str, Any] = {}
    ignored: tuple[str, ...] = ()


def riding(body: Generation, catalog: Catalog, guard: Guard) -> Riding:
    """What `script_name` and `alwayson_scripts` ask for. Raises InvalidRequest, and what `picture` does."""
    if body.script_name and body.script_name.lower() != "none":
        raise _unknown(body.script_name)
    if len(body.alwayson_scripts) > MAX_SCRIPTS:
        raise InvalidRequest(f"at most {MAX_SCRIPTS} scripts may ride along", field=_AT)
    found, echo = Riding(), dict[str, Any]()
    for title, given in body.alwayson_scripts.items():
        args = _args(title, given)
        echo[title] = {"args": [_short(arg) for arg in args]}
        if title.lower() == REACTOR:
            found = _reactor(args, catalog, guard)
        elif title.lower() not in _OFF:
            raise _unknown(title)
        elif not _switched_off(title.lower(), args):
            raise InvalidRequest(
                f"Script '{_OFF[title.lower()]}' not found. It may be sent, if all of it is switched off",
                field=f"{_AT}.{title[:60]}",
            )
    return found._replace(echo=echo)


def _unknown(title: str) -> InvalidRequest:
    return InvalidRequest(f"Script '{title[:100]}' not found")  # in WebUI's own words, which clients look for


def _args(title: str, given: Any) -> list[Any]:
    args = given.get("args") if isinstance(given, dict) else None
    if given is None or (isinstance(given, dict) and args is None):
        return []
    if not isinstance(args, list) or len(args) > MAX_ARGS:
        raise InvalidRequest(
            f'{{"args": […]}} is wanted, {MAX_ARGS} arguments at most', field=f"{_AT}.{title[:60]}.args"
        )
    return args


def _short(arg: Any) -> Any:
    """An argument worth telling again; neither pictures nor whole forms are."""
    if isinstance(arg, str):
        return arg if len(arg) <= 100 else None
    return arg if isinstance(arg, int | float) and abs(arg) < MAX_NUMBER else None


def _switched_off(title: str, args: list[Any]) -> bool:
    """Whether a script does nothing with these arguments: each of them is `false`, or a form that says it is off."""
    if title == "roop":
        return len(args) < 2 or not args[1]
    if title == "adetailer":
        units = [arg for arg in args if isinstance(arg, dict)]
        return args[:1] in ([], [False]) or (bool(units) and all(unit.get("ad_model") == "None" for unit in units))
    return all(not arg.get("enabled", arg.get("enable", True)) if isinstance(arg, dict) else not arg for arg in args)


def _reactor(args: list[Any], catalog: Catalog, guard: Guard) -> Riding:
    given = {slot.name: slot.default for slot in SLOTS if slot.name}
    for slot, arg in zip(SLOTS, args, strict=False):
        if slot.name and arg is not None:
            given[slot.name] = _typed(slot, arg)
    if not given.pop("enabled") or not (given["in_source"] or given["in_generated"]):
        return Riding()
    source = given.pop("source_image")
    if not source:
        raise InvalidRequest("a picture with the face to take is wanted", field=FIELDS["source_image"])
    for name, why in (
        ("save_original", "has to be false: pictures from before the swap are not kept"),
        ("image_list", "has to be null: one source picture is taken, the first argument"),
    ):
        if given.pop(name):
            raise InvalidRequest(why, field=FIELDS[name])
    places = {name: given.pop(name) for name in ("in_source", "in_generated")}
    for name in ("source_faces", "target_faces"):
        given[name] = faces(given[name], FIELDS[name])
    asked = Swap(**given)
    request = {**swapped(asked, FIELDS, catalog), **places}
    return Riding(request, picture(source, FIELDS["source_image"], guard), ignored=ignored(asked, FIELDS))


def ignored(asked: Swap, field: Mapping[str, str]) -> tuple[str, ...]:
    """What is asked for, allowed, and changes nothing."""
    idle = (("restore_first", not asked.restore_first), ("codeformer_weight", asked.codeformer_weight != 0.5))
    return tuple(field[name] for name, set_ in idle if set_)


def _typed(slot: Slot, arg: Any) -> Any:
    """An argument as its slot has it. Raises InvalidRequest."""
    number = (type(arg) is int and abs(arg) < MAX_NUMBER) or (type(arg) is float and isfinite(arg))
    whole = isinstance(arg, bool) or (number and arg == int(arg))
    if isinstance(slot.default, bool):
        good, wanted = whole and arg in (0, 1), "true or false"
    elif isinstance(slot.default, int):
        good, wanted = whole, "a whole number"
    elif isinstance(slot.default, float):
        good, wanted = number, "a number"
    else:
        good, wanted = isinstance(arg, str), "a text"
    if not good and slot.name not in _FREE:
        raise InvalidRequest(f"{wanted} is wanted", field=FIELDS[slot.name])
    if isinstance(arg, str):
        return arg.strip()
    return type(slot.default)(arg) if isinstance(slot.default, int) else arg
