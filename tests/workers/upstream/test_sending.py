"""Calls on their way: real HTTP to a server on loopback, which tells what came."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from PIL import Image

from storage.accounts import Account
from storage.addresses import Allowed, Guard
from storage.credentials import Credentials
from storage.errors import InvalidRequest, UpstreamDisconnected, UpstreamError, UpstreamTimedOut, UpstreamUnreachable
from storage.outbound import Outbound
from workers.adapters.base import Call, Field, Given
from workers.upstream.sending import Sending, fingerprint
from workers.upstream.sizes import sizes_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Dialect:
    """As much of an adapter as sending needs."""

    def __init__(self, auth: str = "bearer") -> None:
        self.auth = auth


class Server:
    """What was asked, in order."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.answer: Handler = self._plain
        self.port = 0

    async def _plain(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"ok": True}, headers={"X-Request-Id": "r1"})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        told: dict[str, Any] = {
            "method": request.method,
            "path": request.path,
            "query": dict(request.query),
            "headers": {name.lower(): value for name, value in request.headers.items()},
        }
        if request.content_type == "multipart/form-data":
            told["form"] = [
                (part.name, part.filename, bytes(await part.read()))  # type: ignore[union-attr]
                async for part in await request.multipart()
            ]
        elif request.can_read_body:
            told["body"] = await request.read()
        self.seen.append(told)
        return await self.answer(request)


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[None]:
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{any:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield
    finally:
        await runner.cleanup()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    async with serving(server):
        yield server


@pytest.fixture
async def sending() -> AsyncIterator[Sending]:
    async with Outbound(Guard(Allowed.parse("127.0.0.0/8"))) as outbound:
        yield Sending(outbound, Credentials())


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("tulip")
    return path


def account(server: Server, **more: Any) -> Account:
    base = f"http://127.0.0.1:{server.port}/api/"
    return Account(name="studio", adapter="suno", base_url=base, models={"a": "a"}, **more)


GENERATE = Call(method="POST", path="/generate/", json={"prompt": "sea"}, pays=True)


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ("bearer", "authorization", "Bearer tulip"),
        ("basic", "authorization", f"Basic {base64.b64encode(b'tulip').decode()}"),
        ("header", "x-api-key", "tulip"),
        ("none", "authorization", None),
    ],
)
async def test_a_call_gets_the_account_s_address_and_credential(
    server: Server, sending: Sending, token: Path, auth: str, header: str, value: str | None
) -> None:
    call = Call(method="GET", path="/feed/", query={"ids": "a,b c"}, headers={"x-device": "d1"})
    reply = await sending.call(account(server, token_file=token), Dialect(auth), call)  # type: ignore[arg-type]
    (seen,) = server.seen
    assert (seen["method"], seen["path"], seen["query"]) == ("GET", "/api/feed/", {"ids": "a,b c"})
    assert (seen["headers"].get(header), seen["headers"]["x-device"]) == (value, "d1")
    assert (reply.status, reply.json, reply.headers["x-request-id"]) == (200, {"ok": True}, "r1")


async def test_what_the_caller_sent_is_put_into_json(server: Server, sending: Sending, tmp_path: Path) -> None:
    picture = tmp_path / "image"
    picture.write_bytes(b"\x89PNG...")
    call = Call(method="POST", path="/img2img", json={"init_images": [Given("image")], "mask": Given("image", True)})
    await sending.call(account(server), Dialect(), call, {"image": picture})  # type: ignore[arg-type]
    text = base64.b64encode(b"\x89PNG...").decode()
    (seen,) = server.seen
    assert seen["body"].decode() == (
        f'{{"init_images":["{text}"],"mask":"data:application/octet-stream;base64,{text}"}}'
    )


async def test_and_into_a_form_whose_length_is_known(server: Server, sending: Sending, tmp_path: Path) -> None:
    sound = tmp_path / "file"
    sound.write_bytes(bytes(range(256)) * 4000)
    fields = (
        Field("model", "whisper-1"),
        Field('odd"name\r\n', b"\x00"),
        Field("file", Given("file"), file_name="söund.wav", content_type="audio/wav"),
    )
    call = Call(method="POST", path="/transcriptions", form=fields)
    await sending.call(account(server), Dialect(), call, {"file": sound})  # type: ignore[arg-type]
    (seen,) = server.seen
    assert "transfer-encoding" not in seen["headers"]
    assert seen["form"][0] == ("model", None, b"whisper-1")
    assert seen["form"][1][2] == b"\x00"
    assert seen["form"][2] == ("file", "söund.wav", sound.read_bytes())


async def test_a_good_answer_that_is_a_file_becomes_one_and_a_bad_one_does_not(
    server: Server, sending: Sending, tmp_path: Path
) -> None:
    async def sound(_: web.Request) -> web.StreamResponse:
        return web.Response(body=b"ID3...", content_type="audio/mpeg")

    async def refusal(_: web.Request) -> web.StreamResponse:
        return web.json_response({"error": "no"}, status=400)

    call, into = Call(method="POST", path="/speech", json={}, to_file=True), tmp_path / "speech"
    server.answer = sound
    reply = await sending.call(account(server), Dialect(), call, into=into)  # type: ignore[arg-type]
    assert (reply.path, into.read_bytes()) == (into, b"ID3...")
    server.answer = refusal
    reply = await sending.call(account(server), Dialect(), call, into=into)  # type: ignore[arg-type]
    assert (reply.status, reply.path, reply.json) == (400, None, {"error": "no"})


async def test_where_nothing_was_sent_there_is_no_doubt(sending: Sending) -> None:
    nobody = Server()
    nobody.port = 9
    with pytest.raises(UpstreamUnreachable) as failure:
        await sending.call(account(nobody), Dialect(), GENERATE)  # type: ignore[arg-type]
    assert not failure.value.in_doubt


async def _cut(request: web.Request) -> web.StreamResponse:
    assert request.transport
    request.transport.abort()
    return web.Response()


async def _silent(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    return web.Response()


async def _short(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-length": "1000"})
    await response.prepare(request)
    await response.write(b"{")
    assert request.transport
    request.transport.abort()
    return response


@pytest.mark.parametrize(
    ("answer", "error"),
    [(_cut, UpstreamDisconnected), (_silent, UpstreamTimedOut), (_short, UpstreamDisconnected)],
    ids=["cut", "silent", "short"],
)
@pytest.mark.parametrize("pays", [True, False])
async def test_where_it_was_sent_and_no_answer_came_a_call_that_pays_is_in_doubt(
    server: Server, sending: Sending, answer: Handler, error: type[UpstreamError], pays: bool
) -> None:
    server.answer = answer
    call = Call(method="POST", path="/generate/", json={}, pays=pays, timeout_s=0.5)
    with pytest.raises(error) as failure:
        await sending.call(account(server), Dialect(), call)  # type: ignore[arg-type]
    assert failure.value.in_doubt is pays


def test_the_fingerprint_of_a_call_is_of_what_it_asks_for() -> None:
    other = Call(method="POST", path="/generate/", json={"prompt": "hills"}, pays=True)
    assert fingerprint(GENERATE) == fingerprint(Call(method="POST", path="/generate/", json={"prompt": "sea"}))
    assert fingerprint(GENERATE) != fingerprint(other)
    assert fingerprint(Call(method="POST", path="/x", json=[Given("image")]))


async def test_what_the_caller_sent_is_turned_into_what_the_upstream_reads(
    server: Server, sending: Sending, tmp_path: Path
) -> None:
    photo, recording = tmp_path / "image", tmp_path / "file"
    Image.new("RGB", (8, 4), "red").save(photo, "JPEG")
    recording.write_bytes(b"\0\1" * 800)
    call = Call(
        method="POST",
        path="/edits",
        form=(
            Field("image", Given("image", turn="png"), "image.png", "image/png"),
            Field("file", Given("file", turn="wav"), "recording.wav", "audio/wav"),
            Field("other", Given("image"), "recording", "application/octet-stream"),
        ),
    )
    await sending.call(account(server), Dialect(), call, {"image": photo, "file": recording})  # type: ignore[arg-type]
    (png, wav, other) = server.seen[0]["form"]
    assert Image.open(BytesIO(png[2])).format == "PNG"
    assert wav[2].startswith(b"RIFF")
    assert wav[2].endswith(b"\0\1" * 800)
    assert other == ("other", "recording", photo.read_bytes())
    await sending.call(
        account(server), Dialect(), Call(method="POST", path="/x", json={"image": Given("image", turn="png")}),  # type: ignore[arg-type]
        {"image": photo},
    )  # fmt: skip
    told = msgspec.json.decode(server.seen[1]["body"])
    assert Image.open(BytesIO(base64.b64decode(told["image"]))).size == (8, 4)


async def test_a_file_is_called_by_what_it_begins_with(server: Server, sending: Sending, tmp_path: Path) -> None:
    recording = tmp_path / "file"
    recording.write_bytes(b"fLaC and so on")
    call = Call(method="POST", path="/asr", form=(Field("audio_file", Given("file"), "audio_file"),))
    await sending.call(account(server), Dialect(), call, {"file": recording})  # type: ignore[arg-type]
    assert server.seen[0]["form"] == [("audio_file", "audio_file.flac", b"fLaC and so on")]


async def test_what_is_no_picture_is_refused_before_anything_is_sent(
    server: Server, sending: Sending, tmp_path: Path
) -> None:
    (tmp_path / "image").write_text("no picture")
    call = Call(method="POST", path="/x", json={"image": Given("image", turn="png")}, pays=True)
    with pytest.raises(InvalidRequest, match="image is no picture"):
        await sending.call(account(server), Dialect(), call, {"image": tmp_path / "image"})  # type: ignore[arg-type]
    assert server.seen == []


def test_pictures_are_measured_and_all_else_is_not(tmp_path: Path) -> None:
    Image.new("RGB", (8, 4)).save(tmp_path / "image", "WEBP")
    (tmp_path / "file").write_bytes(b"RIFF....WAVE")
    assert sizes_of({"image": tmp_path / "image", "file": tmp_path / "file"}) == {"image": (8, 4)}
