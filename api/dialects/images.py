"""OpenAI's words about pictures, callers' side: requests in, jobs out. No I/O.

Null means missing, and so does an empty text: forms are filled in with those. Fields nobody knows are ignored, as all
of OpenAI's compatible servers do; some, which its own API has not, are ours: `seed`, `negative_prompt`, `steps` and, of
edits and variations, `strength`. What a model's name allows is in `images_rules.py`.
"""

import secrets
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from api.admission import NewJob
from api.dialects.body import Body
from api.dialects.images_rules import (
    DIALECT,
    LOOKS,
    STEPS,
    USUAL_PX,
    check_count,
    check_prompt,
    quality_of,
    rules_of,
    size_of,
)
from api.inputs import Input
from storage.catalog import IMAGE, Catalog, Model
from storage.errors import InvalidRequest
from storage.job import Kind

WHEN_NONE_IS_NAMED = "dall-e-2"
MOST_SEED = 2**32 - 1

REPAINT = 1.0
"""The strength of an edit inside a mask."""
EDIT, FAITHFUL_EDIT, VARIATION = 0.6, 0.4, 0.75
"""Of an edit without a mask; of one with `input_fidelity: high`; of a variation."""

_CROPPED = 1  # the engine's way of fitting a picture into a size of another shape
_ERASED = {"inpainting_fill": 0, "mask_blur": 0}  # nothing is there: begun with what is around, up to the very edge
_THERE = {"inpainting_fill": 1, "mask_blur": 4}


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Reference(Body):
    """Where a picture is: a URL or a data URI, or a file that the caller has uploaded."""

    image_url: str | None = Field(default=None, description="An http(s) URL, or a data URI")
    file_id: str | None = Field(default=None, description="The id of one of your files (`POST /v1/files`)")

    @model_validator(mode="after")
    def _one(self) -> "Reference":
        if (self.image_url is None) == (self.file_id is None):
            raise ValueError("either image_url or file_id is wanted")
        return self


def _reference(value: Any) -> Any:
    return {"image_url": value} if isinstance(value, str) else value


class _Answered(Body):
    """What every request may say of its answer."""

    model: str | None = Field(default=None, max_length=200, description=f"`{WHEN_NONE_IS_NAMED}`, if missing")
    n: int = Field(default=1, ge=1, le=10, description="How many pictures; dall-e-3 makes 1")
    size: str | None = Field(default=None, description="WIDTHxHEIGHT in pixels, or `auto`")
    response_format: Literal["url", "b64_json"] | None = Field(
        default=None, description="`url`, if missing. Models called gpt-image… answer with `b64_json`, and refuse this"
    )
    user: str | None = Field(default=None, description="Accepted, and of no effect")
    seed: int | None = Field(default=None, ge=-1, le=MOST_SEED, description="Ours: the same again; -1 for any")
    output_format: Literal["png", "jpeg", "webp"] = Field(default="png")
    output_compression: int | None = Field(default=None, ge=0, le=100, description="The quality of jpeg and webp")


class _Prompted(_Answered):
    """What requests with a prompt have in common."""

    prompt: str = Field(description="What to show; 1000 characters for dall-e-2, 4000 for dall-e-3, else 32000")
    quality: Literal["standard", "hd", "auto", "low", "medium", "high"] | None = Field(default=None)
    background: Literal["auto", "opaque", "transparent"] | None = Field(
        default=None, description="`transparent` cannot be had"
    )
    moderation: Literal["auto", "low"] | None = Field(default=None, description="Accepted, and of no effect")
    stream: bool = Field(default=False, description="Models called gpt-image… only: server-sent events")
    partial_images: int = Field(default=0, ge=0, le=3, description="At most so many, while it is made; with `stream`")
    negative_prompt: str | None = Field(default=None, description="Ours: what not to show")
    steps: int | None = Field(default=None, ge=1, le=150, description="Ours: in the place of `quality`")


class Generation(_Prompted):
    """The body of a generation."""

    style: Literal["vivid", "natural"] | None = Field(default=None)


class _Pictured(BaseModel):
    """A picture, in any of the ways that clients send one."""

    image: Annotated[list[str] | None, BeforeValidator(_one_or_more, json_schema_input_type=str | list[str] | None)] = (
        Field(default=None, description="The picture: a data URI, Base64 or an http(s) URL. In a form, a file")
    )
    images: list[Reference] | None = Field(default=None, description="The same, in the newer way; one picture")

    def picture(self) -> tuple[Reference, str]:
        """The one picture there is, and what to call it. Raises InvalidRequest."""
        if self.image is not None:
            return _only([Reference(image_url=each or "data:;base64,") for each in self.image], "image"), "image"
        if self.images is not None:
            found = _only(self.images, "images")
            return found, f"images.0.{'file_id' if found.file_id else 'image_url'}"
        raise InvalidRequest("a picture is wanted", field="image")


class Edit(_Prompted, _Pictured):
    """The body of an edit."""

    mask: Annotated[Reference | None, BeforeValidator(_reference, json_schema_input_type=str | Reference | None)] = (
        Field(default=None, description="A picture of the same size, transparent where the other is to be painted anew")
    )
    input_fidelity: Literal["high", "low"] | None = Field(default=None, description="`high` leaves more as it was")
    strength: float | None = Field(default=None, ge=0, le=1, description="Ours: how much is changed, 0 to 1")


class Variation(_Answered, _Pictured):
    """The body of a variation."""

    strength: float | None = Field(default=None, ge=0, le=1, description="Ours: how much is changed, 0 to 1")


class Pictures(NamedTuple):
    """What an edit works on. `cut_out`: parts of the picture itself are transparent."""

    image: Input
    mask: Input | None = None
    cut_out: bool = False


def generate(body: Generation, catalog: Catalog) -> NewJob:
    """A new picture. Raises UnknownModel, InvalidRequest."""
    name, model = find(body.model, catalog)
    request = _asked(body, name)
    width, height = size_of(body.size, name) or (USUAL_PX, USUAL_PX)
    request |= {"width": width, "height": height, "styles": LOOKS[body.style] if body.style else []}
    if body.style:
        request[DIALECT]["style"] = body.style  # for upstreams, where the one is not the other's absence
    return NewJob(Kind.IMAGE_GENERATE, DIALECT, name, model, request, body.n)


def edit(body: Edit, given: Pictures, catalog: Catalog) -> NewJob:
    """A picture changed. Raises UnknownModel, InvalidRequest."""
    name, model = find(body.model, catalog)
    usual = EDIT if body.input_fidelity != "high" else FAITHFUL_EDIT
    request = _asked(body, name)
    if given.mask or (given.cut_out and rules_of(name).by_alpha):
        usual = REPAINT
        request |= {"mask_from_alpha": True} | (_ERASED if given.cut_out else _THERE)
    request |= _fitted(body.size, name) | {"denoising_strength": usual if body.strength is None else body.strength}
    inputs = {"image": given.image} | ({"mask": given.mask} if given.mask else {})
    return NewJob(Kind.IMAGE_EDIT, DIALECT, name, model, request, body.n, inputs=inputs)


def vary(body: Variation, image: Input, catalog: Catalog) -> NewJob:
    """A picture like another. Raises UnknownModel, InvalidRequest."""
    name, model = find(body.model, catalog)
    strength = VARIATION if body.strength is None else body.strength
    request = _answered(body, name, "") | _fitted(body.size, name) | {"prompt": "", "denoising_strength": strength}
    return NewJob(Kind.IMAGE_EDIT, DIALECT, name, model, request, body.n, inputs={"image": image})


def find(named: str | None, catalog: Catalog) -> tuple[str, Model]:
    """The model to use. Raises UnknownModel."""
    if named is None and WHEN_NONE_IS_NAMED in catalog.names(IMAGE):
        named = WHEN_NONE_IS_NAMED
    return catalog.find(named, IMAGE)


def _asked(body: _Prompted, name: str) -> dict[str, Any]:
    """What generations and edits ask the engine for alike."""
    if not body.prompt.strip():
        raise InvalidRequest("a prompt is wanted", field="prompt")
    if body.background == "transparent":
        raise InvalidRequest("transparent cannot be had: pictures made here are opaque", field="background")
    if body.stream and not rules_of(name).inline:
        raise InvalidRequest(f"{name} does not stream; models called gpt-image… do", field="stream")
    if body.partial_images and not body.stream:
        raise InvalidRequest("is of no use without stream", field="partial_images")
    quality = quality_of(body.quality, name)
    request = _answered(body, name, quality)
    if body.partial_images:
        request[DIALECT]["partial_images"] = body.partial_images
    return request | {
        "prompt": check_prompt(body.prompt, name),
        "negative_prompt": check_prompt(body.negative_prompt or "", name, "negative_prompt"),
        "steps": body.steps or STEPS[quality],
    }


def _answered(body: _Answered, name: str, quality: str) -> dict[str, Any]:
    """What the engine is to know of the answer, and what we are to remember of it (`openai`)."""
    rules = rules_of(name)
    if rules.inline and body.response_format:
        raise InvalidRequest(f"{name} always answers with b64_json; leave it out", field="response_format")
    if body.output_format == "png" and body.output_compression not in (None, 100):
        raise InvalidRequest("png is not compressed with loss; ask for jpeg or webp", field="output_compression")
    n = check_count(body.n, name)
    seed = body.seed if body.seed is not None and body.seed >= 0 else secrets.randbelow(MOST_SEED - n)
    remembered = {"inline": rules.inline or body.response_format == "b64_json", "quality": quality}
    return {
        "model": name,
        "seed": seed,
        "format": body.output_format,
        "quality": max(1, 100 if body.output_compression is None else body.output_compression),
        DIALECT: remembered,
    }


def _fitted(size: str | None, name: str) -> dict[str, int]:
    """The size to make of a picture, cut to its shape; without one, the picture's own."""
    wanted = size_of(size, name)
    return {} if wanted is None else {"width": wanted[0], "height": wanted[1], "resize_mode": _CROPPED}


def _only(found: list[Reference], field: str) -> Reference:
    if len(found) != 1:
        raise InvalidRequest(f"takes 1 picture; these are {len(found)}", field=field)
    return found[0]
