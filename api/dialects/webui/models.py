"""Checkpoints and files: the names that WebUI clients send, found in the catalog; and the settings that count here."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field

from api.dialects.webui.bodies import Body, Name
from api.validation import parse_value
from storage.addresses import Guard
from storage.catalog import IMAGE, Catalog, Model
from storage.errors import InvalidRequest, UnknownModel

CHECKPOINT = "sd_model_checkpoint"
_HASH = re.compile(r"\s*\[[0-9a-fA-F]{6,64}\]$")
_ENDS = re.compile(r"\.(safetensors|ckpt|pt|gguf)$", re.IGNORECASE)
_FORMATS = {"png": "png", "jpg": "jpeg", "jpeg": "jpeg", "webp": "webp"}


class Settings(Body):
    """Those of WebUI's settings that mean something here. All others are passed over."""

    sd_model_checkpoint: Name | None = None
    samples_format: Annotated[
        Literal["png", "jpg", "jpeg", "webp"], BeforeValidator(lambda text: str(text).lower().lstrip("."))
    ] = "png"
    jpeg_quality: int = Field(default=80, ge=1, le=100)
    enable_pnginfo: bool = True

    @property
    def format(self) -> str:
        """What the engine calls it."""
        return _FORMATS[self.samples_format]


class Means(NamedTuple):
    """What understanding a request needs besides it. `options`: what the caller has set by POST options."""

    catalog: Catalog
    guard: Guard
    options: Mapping[str, Any]


def settings(overridden: Mapping[str, Any], options: Mapping[str, Any]) -> Settings:
    """The caller's settings, and over them those of one request. Raises InvalidFields."""
    given = {name: value for name, value in overridden.items() if value is not None}
    parse_value(Settings, given, "override_settings")
    return Settings.model_validate({**options, **given})


def checkpoint(catalog: Catalog, name: str, field: str) -> tuple[str, Model]:
    """The model that a name stands for: as it is, as a title `file [hash]`, or as a file. Raises UnknownModel."""
    bare = _HASH.sub("", name.strip())
    for known in (name, name.strip(), bare, _ENDS.sub("", bare)):
        model = catalog.models.get(known)
        if model and model.family == IMAGE:
            return known, model
    try:
        return catalog.find(name[:100] or None, IMAGE)
    except UnknownModel as error:
        raise UnknownModel(str(error), field=field) from error


def routed(named: str | None, overridden: Mapping[str, Any], means: Means) -> tuple[str, Model]:
    """Who makes the picture: the model named, or the checkpoint, or the one the caller has set, or the default.

    Raises UnknownModel, and InvalidRequest if model and checkpoint are two.
    """
    catalog, asked = means.catalog, overridden.get(CHECKPOINT)
    by_setting = checkpoint(catalog, asked, f"override_settings.{CHECKPOINT}") if asked else None
    if named:
        found = checkpoint(catalog, named, "model")
        if by_setting and by_setting[0] != found[0]:
            raise InvalidRequest(
                f"{found[0]} is named, and in override_settings.{CHECKPOINT} {by_setting[0]}: leave one out",
                field="model",
            )
        return found
    if by_setting:
        return by_setting
    option = means.options.get(CHECKPOINT)
    if option:
        return checkpoint(catalog, option, f"options.{CHECKPOINT}")
    try:
        return catalog.find(None, IMAGE)
    except UnknownModel as error:
        raise UnknownModel(str(error), field="model") from error
