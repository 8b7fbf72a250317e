"""What OpenAI's image requests are refused for, how that is said, and that nothing is stored then."""

from typing import Any

import httpx
import pytest

from api.inputs import MAX_BODY_BYTES, MAX_PICTURE_BYTES
from tests.api.gateway import LANE, Gateway
from tests.api.images import EDITS, GENERATIONS, VARIATIONS, bomb, data_uri, picture

PNG = picture()


@pytest.fixture(autouse=True)
async def _nothing_is_stored(gateway: Gateway) -> Any:
    yield
    _, left = await gateway.services.store.queue.claim(LANE, 10, lease_s=1)
    assert not left


def told(answer: httpx.Response, status: int = 400) -> dict[str, Any]:
    """The error, as OpenAI's clients read it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert list(error) == ["message", "type", "param", "code"]
    assert error["type"] == "invalid_request_error"
    return dict(error)


FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({}, "prompt", "required"),
    ({"prompt": ""}, "prompt", "required"),
    ({"prompt": " "}, "prompt", "wanted"),
    ({"prompt": 7}, "prompt", "string"),
    ({"prompt": "a" * 1001}, "prompt", "1000"),
    ({"n": 0}, "n", "greater than or equal to 1"),
    ({"n": 11}, "n", "less than or equal to 10"),
    ({"n": 1.5}, "n", "integer"),
    ({"n": "many"}, "n", "integer"),
    ({"model": "dall-e-3", "n": 2}, "n", "at most 1"),
    ({"size": "0x0"}, "size", "256x256"),
    ({"size": "99999x99999", "model": "gpt-image-1"}, "size", "64 to 2048"),
    ({"size": "abc", "model": "gpt-image-1"}, "size", "1024x1024"),
    ({"size": "100x100", "model": "gpt-image-1"}, "size", "multiple of 16"),
    ({"size": 512}, "size", "string"),
    ({"quality": "ultra"}, "quality", "'standard'"),
    ({"quality": "hd"}, "quality", "standard"),
    ({"style": "gothic"}, "style", "'vivid'"),
    ({"response_format": "png"}, "response_format", "'url'"),
    ({"response_format": "url", "model": "gpt-image-1"}, "response_format", "always answers with b64_json"),
    ({"background": "transparent", "model": "gpt-image-1"}, "background", "transparent cannot be had"),
    ({"output_format": "gif"}, "output_format", "'png'"),
    ({"output_compression": 101}, "output_compression", "100"),
    ({"moderation": "none"}, "moderation", "'auto'"),
    ({"stream": True, "model": "dall-e-3"}, "stream", "does not stream"),
    ({"partial_images": 4}, "partial_images", "3"),
    ({"seed": 2**32}, "seed", "4294967295"),
    ({"steps": 0}, "steps", "1"),
]


async def test_a_field_that_does_not_fit_is_named(gateway: Gateway) -> None:
    for body, param, said in FIELDS:
        wanted = {"prompt": "a cat", **body} if body else {}
        error = told(await gateway.alice.http.post(GENERATIONS, json=wanted))
        assert (error["param"], error["code"]) == (param, "invalid_request"), body
        assert said in error["message"], body


async def test_a_body_that_is_no_object_is_refused(gateway: Gateway) -> None:
    for body in (b"", b"{", b"[]", b"null", b'"a cat"', b"\xff", b"[" * 100_000):
        told(await gateway.alice.http.post(GENERATIONS, content=body))


async def test_a_model_that_is_not_there_is_not_found(gateway: Gateway) -> None:
    error = told(await gateway.alice.http.post(GENERATIONS, json={"prompt": "a", "model": "dall-e-9"}), 404)
    assert (error["param"], error["code"]) == ("model", "model_not_found")
    assert "dall-e-9" in error["message"]
    assert "dall-e-3" in error["message"]


async def test_a_prompt_beyond_all_reason_is_too_large(gateway: Gateway) -> None:
    error = told(await gateway.alice.http.post(GENERATIONS, json={"prompt": "a" * 1_000_001}), 413)
    assert "1000000 bytes" in error["message"]


NO_PICTURES = [
    (b"", "empty"),
    (b"not a picture", "no picture"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture"),
    (PNG[:20], "no picture"),
    (bomb(), "pixels"),
    (bomb(7_000), "40 megapixels"),
]


@pytest.mark.parametrize("path", [EDITS, VARIATIONS])
async def test_what_is_no_picture_is_refused(gateway: Gateway, path: str) -> None:
    for data, said in NO_PICTURES:
        form = await gateway.alice.http.post(path, data={"prompt": "a hat"}, files={"image": ("upload", data)})
        body = {"prompt": "a hat", "images": [{"image_url": data_uri(data)}]}
        plain = await gateway.alice.http.post(path, json=body)
        for answer, param in ((form, "image"), (plain, "images.0.image_url")):
            error = told(answer)
            assert (error["param"], said in error["message"]) == (param, True), (data[:30], error)


PARTS: list[tuple[list[Any], str]] = [
    ([], "image"),
    ([("picture", ("a.png", PNG))], "picture"),
    ([("file", ("a.png", PNG))], "file"),
    ([("image", ("a.png", PNG)), ("image", ("b.png", PNG))], "image"),
    ([("image[]", ("a.png", PNG))] * 16, "image"),
]


@pytest.mark.parametrize("path", [EDITS, VARIATIONS])
async def test_there_has_to_be_one_picture_under_its_name(gateway: Gateway, path: str) -> None:
    prompt: Any = ("prompt", (None, "a hat"))
    for files, param in PARTS:
        error = told(await gateway.alice.http.post(path, files=[prompt, *files]))
        assert error["param"] == param, (files, error)


IN_JSON: list[tuple[dict[str, Any], str]] = [
    ({}, "image"),
    ({"images": []}, "images"),
    ({"images": [{}]}, "images.0"),
    ({"images": [{"image_url": "x", "file_id": "file-1"}]}, "images.0"),
    ({"images": ["x"]}, "images.0"),
    ({"images": [{"image_url": data_uri(PNG)}] * 2}, "images"),
    ({"images": [{"file_id": "file-none"}]}, "images.0.file_id"),
    ({"image": {"url": "x"}}, "image"),
    ({"image": "https://127.0.0.1/a.png"}, "image"),
    ({"images": [{"image_url": "http://169.254.169.254/latest"}]}, "images.0.image_url"),
    ({"image": "file:///etc/passwd"}, "image"),
    ({"image": "/etc/passwd"}, "image"),
    ({"image": "data:image/png,plain"}, "image"),
    ({"image": "data:image/png;base64,???"}, "image"),
    ({"image": data_uri(PNG), "mask": {"image_url": "http://10.0.0.1/mask.png"}}, "mask"),
    ({"image": data_uri(PNG), "mask": {"file_id": 7}}, "mask.file_id"),
    ({"image": data_uri(PNG), "mask": []}, "mask"),
    ({"image": data_uri(PNG), "strength": 1.1}, "strength"),
    ({"image": data_uri(PNG), "input_fidelity": "total"}, "input_fidelity"),
]


async def test_a_picture_in_json_is_judged_where_it_stands(gateway: Gateway) -> None:
    for body, param in IN_JSON:
        error = told(await gateway.alice.http.post(EDITS, json={"prompt": "a hat", **body}))
        assert error["param"] == param, (body, error)


async def test_an_edit_needs_a_prompt_and_a_picture(gateway: Gateway) -> None:
    parts: dict[str, Any] = {"prompt": (None, "a hat"), "image": ("a.png", PNG)}
    for missing in parts:
        there = {name: part for name, part in parts.items() if name != missing}
        assert told(await gateway.alice.http.post(EDITS, files=there))["param"] == missing


MASKS = [
    (picture((64, 64), mode="RGBA", hole=(0, 0, 9, 9)), "the mask has 64 × 64 pixels, the picture 96 × 64"),
    (picture(), "no part of the mask is transparent"),
    (picture(mode="RGBA"), "no part of the mask is transparent"),
    (picture(mode="RGBA", hole=(0, 0, 9, 9))[:-60], "ends early"),
    (picture(format="JPEG"), "no part of the mask is transparent"),
    (b"no mask", "no picture"),
    (b"", "empty"),
]


async def test_a_mask_has_to_fit_and_to_say_where(gateway: Gateway) -> None:
    for mask, said in MASKS:
        files = {"image": ("a.png", PNG), "mask": ("mask.png", mask, "image/png")}
        error = told(await gateway.alice.http.post(EDITS, data={"prompt": "a hat"}, files=files))
        assert (error["param"], said in error["message"]) == ("mask", True), error


async def test_a_variation_has_no_mask(gateway: Gateway) -> None:
    files = {"image": ("a.png", PNG), "mask": ("mask.png", PNG)}
    assert told(await gateway.alice.http.post(VARIATIONS, files=files))["param"] == "mask"


@pytest.mark.parametrize("path", [EDITS, VARIATIONS])
async def test_another_kind_of_body_is_refused(gateway: Gateway, path: str) -> None:
    body, kind = b"prompt=a+hat", {"content-type": "application/x-www-form-urlencoded"}
    error = told(await gateway.alice.http.post(path, content=body, headers=kind), 415)
    assert "multipart/form-data" in error["message"]
    told(await gateway.alice.http.post(path, content=body, headers={"content-type": "application/json"}))


async def test_nothing_may_be_too_large(gateway: Gateway) -> None:
    files = {"image": ("a.png", PNG + bytes(MAX_PICTURE_BYTES))}
    error = told(await gateway.alice.http.post(VARIATIONS, files=files), 413)
    assert (error["param"], str(MAX_PICTURE_BYTES) in error["message"]) == ("image", True)
    for kind in ("multipart/form-data; boundary=x", "application/json"):
        headers = {"content-type": kind, "content-length": str(MAX_BODY_BYTES + 1)}
        error = told(await gateway.alice.http.post(VARIATIONS, content=b"", headers=headers), 413)
        assert str(MAX_BODY_BYTES) in error["message"]


async def test_a_webhook_has_to_be_public(gateway: Gateway) -> None:
    headers = {"x-webhook-url": "http://10.0.0.1/hook"}
    error = told(await gateway.alice.http.post(GENERATIONS, json={"prompt": "a cat"}, headers=headers))
    assert (error["param"], error["code"]) == ("X-Webhook-Url", "address_refused")


async def test_who_has_no_key_is_told_so_before_anything_is_read(gateway: Gateway) -> None:
    for path in (GENERATIONS, EDITS, VARIATIONS):
        answer = await gateway.nobody.post(path, json={"prompt": "a" * 2000})
        assert told(answer, 401)["code"] == "invalid_api_key"


async def test_other_methods_and_paths_are_refused_in_the_same_shape(gateway: Gateway) -> None:
    told(await gateway.alice.http.get(GENERATIONS), 405)
    told(await gateway.alice.http.post("/v1/images/dreams", json={}), 404)
