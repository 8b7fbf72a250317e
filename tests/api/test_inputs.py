"""Pictures that come with a request: judged before they are decoded, stored before their job is accepted."""

import base64
from typing import Any

import pytest

from api.inputs import MAX_PICTURE_BYTES, Input, InputStore, decoded, picture, picture_bytes
from storage.addresses import Allowed, Guard
from storage.errors import AddressRefused, GatewayError, InvalidRequest, ObjectMissing, TooLarge
from storage.ids import new_job_id
from storage.jobs import Jobs
from storage.media import inputs_prefix
from storage.outbound import Outbound
from tests.api.gateway import Gateway
from tests.api.images import EDITS, bomb, data_uri, drawn
from tests.api.images import picture as drawing
from tests.storage.receiver import Script, always, receiving, redirect, then_reset

GUARD = Guard()
PNG = drawing()


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(PNG).decode(),
        base64.b64encode(PNG).decode().rstrip("="),
        base64.encodebytes(PNG).decode(),
        data_uri(PNG),
        data_uri(PNG, "application/octet-stream"),
        data_uri(PNG).replace("data:", "DATA:"),
    ],
)
def test_base64_is_read_with_a_data_uri_around_it_and_without(text: str) -> None:
    assert picture(text, "image", GUARD) == Input("image", PNG)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_these_formats_are_known_by_their_first_bytes(format: str) -> None:
    assert picture_bytes(drawing(format=format), "image").data


def refusal(data: str | bytes) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        picture(data, "init_images.0", GUARD) if isinstance(data, str) else picture_bytes(data, "init_images.0")
    return caught.value


@pytest.mark.parametrize(
    ("data", "kind", "says"),
    [
        ("", InvalidRequest, "empty"),
        ("no picture at all!", InvalidRequest, "Base64"),
        ("data:image/png,plain", InvalidRequest, "Base64"),
        ("data:image/png;base64,", InvalidRequest, "empty"),
        ("AAAA", InvalidRequest, "known formats: PNG"),
        (b"", InvalidRequest, "empty"),
        (b"GIF89a", InvalidRequest, "known formats"),
        (PNG[:20], InvalidRequest, "known formats"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", InvalidRequest, "known formats"),
        (bomb(7000), InvalidRequest, "40 megapixels"),
        (bomb(), InvalidRequest, "40 megapixels"),
        (PNG + bytes(MAX_PICTURE_BYTES), TooLarge, "50000000 bytes"),
        ("http://127.0.0.1/a.png", AddressRefused, ""),
        ("HTTP://10.0.0.1/a.png", AddressRefused, ""),
        ("http://[::1]/a.png", AddressRefused, ""),
        ("file:///etc/passwd", InvalidRequest, "Base64"),
    ],
)
def test_what_is_no_picture_that_may_come_in_is_refused_by_the_name_of_its_field(
    data: str | bytes, kind: type[GatewayError], says: str
) -> None:
    error = refusal(data)
    assert type(error) is kind
    assert getattr(error, "field", None) == "init_images.0"
    assert says in str(error)


def test_text_that_is_too_long_is_not_decoded() -> None:
    with pytest.raises(TooLarge):
        decoded("A" * (MAX_PICTURE_BYTES * 4 // 3 + 5), "image")


def body(data: bytes, content_type: str = "image/png", status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


async def stored(gateway: Gateway, script: Script) -> tuple[str, dict[str, str]]:
    """A job and its inputs' keys, after one was fetched from a server that answers so."""
    job = new_job_id()
    async with receiving(script) as receiver, Outbound(Guard(Allowed.parse("127.0.0.1"))) as client:
        inputs = InputStore(gateway.services.objects, client)
        return job, await inputs.store(job, {"image": Input("image", url=receiver.url("/a.png"))})


async def test_a_picture_at_a_url_is_fetched_and_stored(stocked: Gateway) -> None:
    job, keys = await stored(stocked, always(body(PNG)))
    assert keys == {"image": inputs_prefix(job) + "image"}
    assert await stocked.services.objects.get_bytes(keys["image"], limit_bytes=10_000) == PNG


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (body(PNG, status="404 Not Found"), InvalidRequest, "404"),
        (body(b"<html>", "text/html"), InvalidRequest, "should be image"),
        (body(b"not one"), InvalidRequest, "known formats"),
        (body(b""), InvalidRequest, "empty"),
        (body(bomb()), InvalidRequest, "40 megapixels"),
        (redirect(302, "http://10.1.2.3/"), AddressRefused, "redirects to an address"),
        (
            f"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: {MAX_PICTURE_BYTES + 1}\r\n\r\n".encode(),
            TooLarge,
            "50000000",
        ),
    ],
)
async def test_a_url_that_leads_to_no_picture_is_the_callers_to_mend(
    stocked: Gateway, answer: bytes, kind: type[GatewayError], says: str
) -> None:
    with pytest.raises(kind, match=says) as caught:
        await stored(stocked, always(answer))
    assert getattr(caught.value, "field", None) == "image"


async def test_a_picture_that_breaks_off_is_not_stored(stocked: Gateway) -> None:
    with pytest.raises(InvalidRequest, match="could not be fetched"):
        await stored(stocked, then_reset(body(PNG)[:-50]))


async def inputs_of(gateway: Gateway) -> list[str]:
    return [key async for key in gateway.services.objects.list_keys("inputs/")]


JSON: dict[str, Any] = {"prompt": "a boat", "images": [{"image_url": data_uri(PNG)}]}


async def test_what_came_with_a_request_is_in_the_store_before_it_is_accepted(stocked: Gateway) -> None:
    answer = await stocked.alice.http.post(EDITS, json=JSON, headers={"prefer": "respond-async"})
    job = await stocked.read(answer.json()["id"])
    assert job.inputs == {"image": inputs_prefix(job.id) + "image"}
    assert await stocked.services.objects.get_bytes(job.inputs["image"], limit_bytes=10_000) == PNG
    assert "base64" not in str(job.request)
    await drawn(stocked, drawing((64, 64)))
    erase = await stocked.services.store.redis.zscore("erase", inputs_prefix(job.id))
    assert erase


async def test_a_repeated_request_stores_nothing(stocked: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"prefer": "respond-async", "idempotency-key": "once"}
    first = await stocked.alice.http.post(EDITS, json=JSON, headers=headers)
    before = await inputs_of(stocked)
    again = await stocked.alice.http.post(EDITS, json=JSON, headers=headers)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert again.headers["idempotent-replayed"] == "true"
    assert await inputs_of(stocked) == before


async def test_without_the_store_nothing_is_accepted(gateway: Gateway) -> None:
    answer = await gateway.alice.http.post(EDITS, json=JSON)
    assert answer.status_code == 503
    assert (await gateway.services.store.jobs.page(gateway.alice.key.id)).jobs == []


async def test_what_was_stored_for_a_job_that_was_not_accepted_is_listed_to_be_erased(
    stocked: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise ObjectMissing("the connection broke here")

    monkeypatch.setattr(Jobs, "admit", away)
    before = await inputs_of(stocked)
    await stocked.alice.http.post(EDITS, json=JSON)
    [key] = set(await inputs_of(stocked)) - set(before)
    assert await stocked.services.store.redis.zscore("erase", key.removesuffix("image"))
