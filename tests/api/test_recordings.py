"""Recordings elsewhere: fetched as they come, judged by their first bytes and by nothing that a server says."""

import base64
from collections.abc import AsyncIterator

import pytest

from api.dialects.recording import Source
from api.inputs import Input, InputStore
from api.operation import Caller
from api.recordings.sources import medium, the_recording
from api.signatures import HEAD_BYTES
from storage.addresses import Allowed, Guard
from storage.errors import AddressRefused, GatewayError, InvalidRequest, TooLarge
from storage.ids import new_job_id
from storage.media import inputs_prefix
from storage.objects import STREAM_PART_BYTES
from storage.outbound import Outbound
from tests.api.gateway import Gateway
from tests.api.recordings import TONE, WAV, inputs
from tests.storage.receiver import Script, always, receiving, redirect, then_reset

LIMIT_BYTES = 12 << 20


async def judged(*chunks: bytes, raw: bool = False, limit_bytes: int = LIMIT_BYTES) -> list[bytes]:
    async def coming() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return [chunk async for chunk in medium(limit_bytes, raw=raw).judged(coming(), "file")]


@pytest.mark.parametrize("size", [1, HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 1, 5000])
async def test_what_passes_is_what_came(size: int) -> None:
    data = bytes(number % 251 for number in range(size))
    for step in (1, 100, size):
        assert b"".join(await judged(*(data[at : at + step] for at in range(0, size, step)))) == data


async def test_nothing_passes_before_the_first_bytes_are_judged() -> None:
    with pytest.raises(InvalidRequest, match="PDF"):
        await judged(b"%", b"PD", b"F-1.7" + bytes(HEAD_BYTES))


async def test_samples_without_a_head_may_begin_with_anything() -> None:
    assert await judged(b"%PDF-", raw=True) == [b"%PDF-"]
    with pytest.raises(InvalidRequest, match="empty"):
        await judged(raw=True)


async def test_the_limit_counts_what_comes() -> None:
    assert b"".join(await judged(bytes(700), bytes(300), limit_bytes=1000)) == bytes(1000)
    with pytest.raises(TooLarge, match="1000"):
        await judged(bytes(700), bytes(301), limit_bytes=1000)


@pytest.mark.parametrize(
    ("url", "kind", "said"),
    [
        ("http://10.0.0.1/a.wav", AddressRefused, "not public"),
        ("HTTP://[::1]/a.wav", AddressRefused, "not public"),
        ("ftp://e.example/a.wav", InvalidRequest, "URL"),
        ("file:///etc/passwd", InvalidRequest, "URL"),
        (base64.b64encode(WAV).decode(), InvalidRequest, "URL"),
        ("data:audio/wav;base64,", InvalidRequest, "empty"),
        (f"data:text/html;base64,{base64.b64encode(b'<html>').decode()}", InvalidRequest, "HTML"),
        ("data:;base64," + "A" * 66_700_000, TooLarge, "50000000"),
    ],
)
async def test_what_names_no_recording_is_refused(
    gateway: Gateway, url: str, kind: type[GatewayError], said: str
) -> None:
    with pytest.raises(kind, match=said) as caught:
        await the_recording(Caller(gateway.services, gateway.alice.key.id, ""), Source(url=url), "audio_file")
    assert getattr(caught.value, "field", None) == "audio_file"


async def test_a_data_uri_holds_the_recording_itself(gateway: Gateway) -> None:
    found = await the_recording(Caller(gateway.services, gateway.alice.key.id, ""), Source(url=TONE), "file")
    assert found.data == WAV


# --- fetched ---


def body(data: bytes, kind: str = "audio/wav", status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data


async def stored(gateway: Gateway, script: Script) -> bytes:
    """What is in the store after one was fetched from a server that answers so."""
    job = new_job_id()
    async with receiving(script) as receiver, Outbound(Guard(Allowed.parse("127.0.0.1"))) as client:
        store = InputStore(gateway.services.objects, client)
        given = Input("file", url=receiver.url("/a.wav"), medium=medium(LIMIT_BYTES))
        keys = await store.store(job, {"file": given})
    assert keys == {"file": inputs_prefix(job) + "file"}
    return await gateway.services.objects.get_bytes(keys["file"], limit_bytes=LIMIT_BYTES)


@pytest.mark.parametrize("kind", ["audio/wav", "text/html", "application/json", "video/mp4"])
async def test_what_a_server_says_of_a_recording_does_not_count(stocked: Gateway, kind: str) -> None:
    assert await stored(stocked, always(body(WAV, kind))) == WAV


async def test_a_large_one_is_stored_in_parts(stocked: Gateway) -> None:
    data = WAV + bytes(STREAM_PART_BYTES + 5)
    assert await stored(stocked, always(body(data))) == data


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (body(WAV, status="404 Not Found"), InvalidRequest, "could not be fetched: 404"),
        (body(b"<html>", "audio/wav"), InvalidRequest, "HTML"),
        (body(b""), InvalidRequest, "empty"),
        (redirect(302, "http://10.1.2.3/"), AddressRefused, "redirects to an address"),
        (
            f"HTTP/1.1 200 OK\r\nContent-Length: {LIMIT_BYTES + 1}\r\n\r\n".encode(),
            TooLarge,
            str(LIMIT_BYTES),
        ),
        (b"HTTP/1.1 200 OK\r\n\r\n" + WAV + bytes(LIMIT_BYTES), TooLarge, str(LIMIT_BYTES)),
    ],
)
async def test_a_url_that_leads_to_no_recording_is_the_callers_to_mend(
    stocked: Gateway, answer: bytes, kind: type[GatewayError], says: str
) -> None:
    await stocked.services.objects.delete_prefix("inputs/")
    with pytest.raises(kind, match=says) as caught:
        await stored(stocked, always(answer))
    assert getattr(caught.value, "field", None) == "file"
    assert not [key for key in await inputs(stocked) if not key.startswith("unfinished")]


async def test_one_that_breaks_off_is_not_stored(stocked: Gateway) -> None:
    with pytest.raises(InvalidRequest, match="could not be fetched"):
        await stored(stocked, then_reset(body(WAV)[:-50]))
