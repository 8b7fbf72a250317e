"""Paths, and pictures as WebUI's clients send them."""

import base64
import json
from typing import Any

import httpx

from tests.api.images import picture

TXT2IMG, IMG2IMG = "/v1/sdapi/v1/txt2img", "/v1/sdapi/v1/img2img"
EXTRAS, PNG_INFO = "/v1/sdapi/v1/extra-single-image", "/v1/sdapi/v1/png-info"
REACTOR = "/v1/reactor/image"
PROGRESS, INTERRUPT, OPTIONS = "/v1/sdapi/v1/progress", "/v1/sdapi/v1/interrupt", "/v1/sdapi/v1/options"
PNG = picture()
RAW = base64.b64encode(PNG).decode()


def decoded(answer: httpx.Response) -> list[bytes]:
    """The pictures of an answer, read as clients do: not as data URIs."""
    assert answer.status_code == 200, answer.text
    return [base64.b64decode(each, validate=True) for each in answer.json()["images"]]


def info(answer: httpx.Response) -> dict[str, Any]:
    text = answer.json()["info"]
    assert isinstance(text, str)
    return dict(json.loads(text))
