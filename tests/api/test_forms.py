"""Forms, and the JSON they stand for."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar import Litestar, post
from litestar.types import ASGIApp

from api import errors
from api.forms import MAX_TEXT_BYTES, json_of_form
from api.inputs import MAX_BODY_BYTES, MAX_PICTURE_BYTES
from api.reply import Reply
from api.services import Call

GIF = b"GIF89a\x01\x00\x01\x00\x00\xff\x00,"
GIF_URI = "data:application/octet-stream;base64,R0lGODlhAQABAAD/ACw="


@post("/v1/images/form", status_code=200)
async def read_form(request: Call) -> ASGIApp:
    """What stands for a form; 204 for what is none."""
    found = await json_of_form(request, many=["image"], one=["mask"])
    return Reply(status=204) if found is None else Reply(found)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = Litestar([read_form], exception_handlers={Exception: errors.answer}, request_max_body_size=None)
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # another scope type
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test/v1/images") as http:
        yield http


async def refused(http: httpx.AsyncClient, status: int = 400, **request: Any) -> tuple[str | None, str]:
    """The parameter that is blamed, and what is said of it."""
    answer = await http.post("/form", **request)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    return error["param"], error["message"]


async def test_fields_are_text_and_files_are_data(http: httpx.AsyncClient) -> None:
    files = {"image": ("cat.gif", GIF, "image/gif"), "mask": ("upload", GIF, "application/octet-stream")}
    answer = await http.post("/form", data={"prompt": "猫", "n": "2", "stream": "false"}, files=files)
    assert answer.json() == {"prompt": "猫", "n": "2", "stream": "false", "image": [GIF_URI], "mask": GIF_URI}


@pytest.mark.parametrize("name", ["image", "image[]", "image[0]"])
async def test_several_files_may_be_called_in_several_ways(http: httpx.AsyncClient, name: str) -> None:
    answer = await http.post("/form", files=[(name, ("a", GIF)), (name, ("b", GIF))])
    assert answer.json() == {"image": [GIF_URI, GIF_URI]}


async def test_a_repeated_form_is_the_same_to_the_byte(http: httpx.AsyncClient) -> None:
    said = {"prompt": "a cat", "model": "dall-e-2"}
    first = await http.post("/form", data=said, files={"image": ("a.gif", GIF, "image/gif")})
    again = await http.post("/form", data=dict(reversed(said.items())), files={"image": ("b", GIF, "image/png")})
    assert first.request.headers["content-type"] != again.request.headers["content-type"]
    assert first.content == again.content


async def test_a_picture_may_be_an_address(http: httpx.AsyncClient) -> None:
    answer = await http.post("/form", files={"image": (None, b"https://pictures.example/a.png")})
    assert answer.json() == {"image": ["https://pictures.example/a.png"]}


async def test_bytes_without_a_name_are_a_file_all_the_same(http: httpx.AsyncClient) -> None:
    answer = await http.post("/form", files={"image": (None, GIF)})
    assert answer.json() == {"image": [GIF_URI]}


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "application/x+json", ""])
async def test_json_is_not_for_us(http: httpx.AsyncClient, kind: str) -> None:
    answer = await http.post("/form", content=b"{}", headers={"content-type": kind} if kind else {})
    assert answer.status_code == 204


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "image/png", "multipart/mixed; boundary=x"])
async def test_another_kind_of_body_is_refused(http: httpx.AsyncClient, kind: str) -> None:
    _, said = await refused(http, 415, content=b"prompt=a", headers={"content-type": kind})
    assert "multipart/form-data" in said


@pytest.mark.parametrize("name", ["picture", "file", "images", "mask[]", "prompt", "image[a]", ""])
async def test_a_file_under_another_name_is_refused_by_that_name(http: httpx.AsyncClient, name: str) -> None:
    param, said = await refused(http, files={name: ("a.gif", GIF)})
    assert (param, "no file is taken" in said) == (name, True)


async def test_a_field_that_comes_twice_is_refused(http: httpx.AsyncClient) -> None:
    assert (await refused(http, files=[("mask", ("a", GIF)), ("mask", ("b", GIF))]))[0] == "mask"
    assert (await refused(http, files=[("n", (None, "1")), ("n", (None, "2"))]))[0] == "n"


async def test_text_that_is_not_utf_8_is_refused(http: httpx.AsyncClient) -> None:
    assert await refused(http, files={"prompt": (None, b"\xff\xfe")}) == ("prompt", "prompt: is not UTF-8")


async def test_a_form_that_breaks_off_or_is_none_is_refused(http: httpx.AsyncClient) -> None:
    kind = {"content-type": "multipart/form-data; boundary=x"}
    for body in (b"", b"--x\r\n", b'--x\r\nContent-Disposition: form-data; name="n"\r\n\r\n1', b'{"prompt": "a"}'):
        _, said = await refused(http, content=body, headers=kind)
        assert "form" in said
    assert (await refused(http, content=b"a", headers={"content-type": "multipart/form-data"}))[0] == "Content-Type"


async def test_nothing_may_be_too_large(http: httpx.AsyncClient) -> None:
    param, said = await refused(http, 413, files={"prompt": (None, b"a" * (MAX_TEXT_BYTES + 1))})
    assert (param, str(MAX_TEXT_BYTES) in said) == ("prompt", True)
    param, said = await refused(http, 413, files={"mask": ("a", bytes(MAX_PICTURE_BYTES + 1))})
    assert (param, str(MAX_PICTURE_BYTES) in said) == ("mask", True)
    kind = {"content-type": "multipart/form-data; boundary=x", "content-length": str(MAX_BODY_BYTES + 1)}
    _, said = await refused(http, 413, content=b"", headers=kind)
    assert str(MAX_BODY_BYTES) in said


async def test_the_longest_prompt_fits_in_any_script(http: httpx.AsyncClient) -> None:
    prompt = "𠮷" * 32_000
    answer = await http.post("/form", files={"prompt": (None, prompt.encode())})
    assert json.loads(answer.content) == {"prompt": prompt}
