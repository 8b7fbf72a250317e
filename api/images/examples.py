"""The operations on images as the documentation shows them."""

from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from api.dialects.images import Edit, Generation, Variation
from api.openapi import IDEMPOTENCY, WEBHOOK, openai_errors, operation, request_header, schema_of, success

_PREFER = request_header(
    "Prefer", "`wait=N`: the job instead of its pictures after so many seconds; `respond-async`: at once"
)
_LINK = "https://gateway.example/media/5rLqkUjYxW0p/0197e1f2-6c3a-7b1d-9e42-5f8a3c210010.png"
_MADE = {"created": 1_751_328_000, "data": [{"url": _LINK}]}
_RESPONSES = {
    200: success("The pictures", _MADE),
    202: success(
        "Not ready in time: the job, found at `Location`",
        {"id": "0197e1f2-6c3a-7b1d-9e42-5f8a3c210000", "object": "job", "kind": "image.generate", "status": "running"},
    ),
    **openai_errors(400, 401, 404, 410, 413, 503),
}
_FORMS = {**_RESPONSES, 415: replace(openai_errors(400)[400], description="Neither a form nor JSON")}
_PARAMETERS = [IDEMPOTENCY, _PREFER, *WEBHOOK]
_FILE = {"type": "string", "format": "binary"}


def _form(body: type[BaseModel], *files: str) -> dict[str, Any]:
    """The same as a form, with files where JSON has text."""
    schema = schema_of(body)
    fields = {name: each for name, each in schema["properties"].items() if name not in ("image", "images", "mask")}
    required = [*schema.get("required", ()), "image"]
    return {"type": "object", "properties": {**fields, **dict.fromkeys(files, _FILE)}, "required": required}


GENERATE = operation(
    body=Generation,
    examples={
        "Create image": {"prompt": "A white siamese cat by the sea at sunset", "model": "dall-e-3"},
        "Two small ones": {"prompt": "a red boat on a lake, watercolour", "n": 2, "size": "256x256"},
        "As gpt-image": {
            "prompt": "an owl in a snowy forest at night",
            "model": "gpt-image-1",
            "size": "768x512",
            "output_format": "webp",
            "output_compression": 80,
        },
        "The same again": {"prompt": "a castle on a hill", "seed": 7, "negative_prompt": "clouds"},
    },
    parameters=_PARAMETERS,
    responses=_RESPONSES,
)
EDIT = operation(
    body=Edit,
    examples={
        "Where the mask is transparent": {
            "prompt": "a big red dragon",
            "images": [{"image_url": "https://pictures.example/boat.png"}],
            "mask": {"image_url": "https://pictures.example/boat-mask.png"},
        },
        "One of your files": {
            "prompt": "a snowy night",
            "model": "gpt-image-1",
            "images": [{"file_id": "file-0197e1f26c3a7b1d9e425f8a3c210000"}],
            "input_fidelity": "high",
        },
    },
    content={"multipart/form-data": _form(Edit, "image", "mask")},
    parameters=_PARAMETERS,
    responses=_FORMS,
)
VARY = operation(
    body=Variation,
    examples={"Three like it": {"image": "https://pictures.example/boat.png", "n": 3}},
    content={"multipart/form-data": _form(Variation, "image")},
    parameters=_PARAMETERS,
    responses=_FORMS,
)
