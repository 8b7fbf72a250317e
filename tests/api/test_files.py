"""Files: what is stored comes back, to its owner and to nobody else; what is wrong with an upload is said."""

import asyncio
import hashlib
import random
import socket
from collections.abc import AsyncIterator, Iterator
from itertools import product
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from api.files import PURPOSES, Span, _Stretch, stretches
from api.settings import ApiSettings
from api.uploads import MAX_FIELD_BYTES, MAX_NAME, file_name
from cli.embedded import Redis
from storage import keys
from storage.connect import command
from storage.files import Segment
from storage.ids import new_batch_id, new_file_id
from storage.objects import STREAM_PART_BYTES
from tests.api.batches import refused
from tests.api.gateway import Caller, Gateway, serving, storage_settings
from tests.api.granian import Server, served
from tests.waiting import until

LARGE_BYTES = 96 << 20
MOST_MEMORY_BYTES = 64 << 20


async def uploaded(
    caller: Caller, data: bytes = b"one\ntwo\n", name: str = "notes.txt", purpose: str = "user_data", **fields: str
) -> dict[str, Any]:
    answer = await caller.http.post("/v1/files", data={"purpose": purpose, **fields}, files={"file": (name, data)})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def kept(gateway: Gateway) -> list[str]:
    """The keys of all objects that files of alice's consist of."""
    return [key async for key in gateway.services.objects.list_keys(f"files/{gateway.alice.key.id}/")]


@pytest.mark.parametrize("size", [0, 1, 1000, STREAM_PART_BYTES + 1])
async def test_a_file_comes_back_as_it_was_sent(stocked: Gateway, size: int) -> None:
    data = random.Random(size).randbytes(size)
    file = await uploaded(stocked.alice, data, "päper 1.bin")
    assert (file["object"], file["bytes"], file["filename"]) == ("file", size, "päper 1.bin")
    assert (file["purpose"], file["status"], file["expires_at"]) == ("user_data", "processed", None)
    record = await stocked.alice.http.get(f"/v1/files/{file['id']}")
    assert record.json() == file
    content = await stocked.alice.http.get(f"/v1/files/{file['id']}/content/")
    assert content.content == data
    assert content.headers["content-length"] == str(size)
    assert content.headers["content-type"] == "application/octet-stream"
    assert content.headers["x-content-type-options"] == "nosniff"
    assert content.headers["content-disposition"] == "attachment; filename*=UTF-8''p%C3%A4per%201.bin"


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_a_file_is_for_one_of_the_known_purposes(stocked: Gateway, purpose: str) -> None:
    assert (await uploaded(stocked.alice, purpose=purpose))["purpose"] == purpose


async def test_a_form_may_have_its_file_first(stocked: Gateway) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n'
        b'--x\r\nContent-Disposition: form-data; name="other"; filename="b.txt"\r\n\r\nignored\r\n'
        b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--x--\r\n'
    )
    answer = await stocked.alice.http.post(
        "/v1/files", content=body, headers={"content-type": 'multipart/form-data; charset=utf-8; boundary="x"'}
    )
    assert answer.status_code == 200, answer.text
    assert (answer.json()["bytes"], answer.json()["purpose"]) == (5, "batch")


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\songs.jsonl", "songs.jsonl"),
        ("a\x01b\x7f.txt", "ab.txt"),
        ("", "upload"),
        (None, "upload"),
        ("x/", "upload"),
        ("x" * 400, "x" * MAX_NAME),
    ],
)
def test_a_name_is_a_name_and_no_path(sent: str | None, name: str) -> None:
    assert file_name(sent) == name


@pytest.mark.parametrize(
    ("fields", "files", "param", "said"),
    [
        ({}, {"file": ("a", b"x")}, "purpose", "batch"),
        ({"purpose": "mischief"}, {"file": ("a", b"x")}, "purpose", "batch"),
        ({"purpose": "batch_output"}, {"file": ("a", b"x")}, "purpose", "batch"),
        ({"purpose": "batch"}, {"document": ("a", b"x")}, "file", "file"),
        ({"purpose": "batch"}, [("file", ("a", b"x")), ("file", ("b", b"y"))], "file", "one file"),
        ({"purpose": b"\xff"}, {"file": ("a", b"x")}, "purpose", "UTF-8"),
        (
            {"purpose": "batch", "expires_after[anchor]": "created_at", "expires_after[seconds]": "3599"},
            {"file": ("a", b"x")},
            "expires_after.seconds",
            "from 3600 to 2592000",
        ),
        (
            {"purpose": "batch", "expires_after[anchor]": "created_at", "expires_after[seconds]": "soon"},
            {"file": ("a", b"x")},
            "expires_after.seconds",
            "from 3600",
        ),
        (
            {"purpose": "batch", "expires_after[seconds]": "3600"},
            {"file": ("a", b"x")},
            "expires_after.anchor",
            "created_at",
        ),
    ],
)
async def test_an_upload_that_is_wrong_is_refused_and_nothing_is_kept(
    stocked: Gateway, fields: Any, files: Any, param: str, said: str
) -> None:
    answer = await stocked.alice.http.post("/v1/files", data=fields, files=files)
    assert said in refused(answer, 400, "invalid_request", param)
    assert await kept(stocked) == []
    assert (await stocked.alice.http.get("/v1/files")).json()["data"] == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"--x--\r\n"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"hello"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nbroken of'),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: attachment\r\n\r\nx\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"a" * 10_000),
    ],
)
async def test_a_body_that_is_no_form_is_refused(stocked: Gateway, kind: str, body: bytes) -> None:
    answer = await stocked.alice.http.post("/v1/files", content=body, headers={"content-type": kind})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "invalid_request"
    assert await kept(stocked) == []


async def test_a_field_that_is_far_too_long_is_refused(stocked: Gateway) -> None:
    fields = {"purpose": "x" * (MAX_FIELD_BYTES + 1)}
    answer = await stocked.alice.http.post("/v1/files", data=fields, files={"file": ("a", b"x")})
    assert str(MAX_FIELD_BYTES) in refused(answer, 413, "too_large", "purpose")


async def test_limits_are_those_of_files_and_of_batches_not_of_bodies(redis_url: str, s3: dict[str, Any]) -> None:
    settings = ApiSettings(max_body_bytes=1_000, batch_max_bytes=5_000, file_max_bytes=8_000)
    async with serving(storage_settings(redis_url, s3), settings) as gateway:
        alice = gateway.alice
        assert (await uploaded(alice, bytes(5_000), purpose="batch"))["bytes"] == 5_000
        assert (await uploaded(alice, bytes(8_000)))["bytes"] == 8_000
        before = await kept(gateway)
        for purpose, size, limit in (("batch", 5_001, 5_000), ("user_data", 8_001, 8_000)):
            answer = await alice.http.post("/v1/files", data={"purpose": purpose}, files={"file": ("a", bytes(size))})
            assert str(limit) in refused(answer, 413, "too_large", "file")
        late = (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + bytes(5_001) + b"\r\n"
            b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--x--\r\n'
        )
        kind = {"content-type": "multipart/form-data; boundary=x"}
        assert "5000" in refused(
            await alice.http.post("/v1/files", content=late, headers=kind), 413, "too_large", "file"
        )
        whole = {**kind, "content-length": "100000000"}
        assert "1008000" in refused(await alice.http.post("/v1/files", content=b"", headers=whole), 413, "too_large")
        assert await kept(gateway) == before


async def test_what_is_not_ones_own_is_not_there(stocked: Gateway) -> None:
    theirs = (await uploaded(stocked.bob))["id"]
    for id in (theirs, new_file_id(), new_batch_id(), "nonsense", "file-" + "0" * 31 + "'"):
        for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
            answer = await stocked.alice.http.request(method, f"/v1/files/{id}{path}")
            assert "there is no file" in refused(answer, 404, "not_found")
    assert (await stocked.alice.http.get("/v1/files")).json()["data"] == []
    assert (await stocked.bob.http.get(f"/v1/files/{theirs}")).status_code == 200


async def test_without_a_key_there_is_nothing(gateway: Gateway) -> None:
    for method, path in (("POST", "/v1/files"), ("GET", "/v1/files"), ("GET", f"/v1/files/{new_file_id()}/content")):
        refused(await gateway.nobody.request(method, path), 401, "invalid_api_key")


async def test_files_are_listed_in_pages(stocked: Gateway) -> None:
    ids = [(await uploaded(stocked.alice, purpose=("vision", "user_data")[n % 2]))["id"] for n in range(5)]

    async def page(**query: Any) -> tuple[list[str], bool]:
        answer = (await stocked.alice.http.get("/v1/files", params=query)).json()
        found = [file["id"] for file in answer["data"]]
        assert answer["object"] == "list"
        assert (answer["first_id"], answer["last_id"]) == ((found[0], found[-1]) if found else (None, None))
        return found, answer["has_more"]

    assert await page() == (ids[::-1], False)
    assert await page(limit=2) == ([ids[4], ids[3]], True)
    assert await page(limit=3, after=ids[3]) == ([ids[2], ids[1], ids[0]], False)
    assert await page(order="asc", limit=2, after=ids[0]) == ([ids[1], ids[2]], True)
    assert await page(purpose="vision") == ([ids[4], ids[2], ids[0]], False)
    assert await page(purpose="none") == ([], False)
    for query, param in (
        ({"limit": 0}, "limit"),
        ({"limit": 10_001}, "limit"),
        ({"order": "up"}, "order"),
        ({"after": "x"}, "after"),
    ):
        refused(await stocked.alice.http.get("/v1/files", params=query), 400, "invalid_request", param)  # type: ignore[arg-type]


async def test_a_deleted_file_is_gone_with_its_bytes(stocked: Gateway) -> None:
    file = await uploaded(stocked.alice)
    answer = await stocked.alice.http.delete(f"/v1/files/{file['id']}")
    assert (answer.status_code, answer.json()) == (200, {"id": file["id"], "object": "file", "deleted": True})
    refused(await stocked.alice.http.get(f"/v1/files/{file['id']}"), 404, "not_found")
    assert await kept(stocked) == []


async def test_a_file_expires_when_it_was_said_to(stocked: Gateway) -> None:
    after = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "7200"}
    file = await uploaded(stocked.alice, **after)
    assert file["expires_at"] == file["created_at"] + 7200
    assert 7_190 < await stocked.services.store.redis.ttl(keys.file(file["id"])) <= 7_200
    usual = await uploaded(stocked.alice, purpose="batch")
    assert usual["expires_at"] == usual["created_at"] + 30 * 86_400


@pytest.mark.parametrize(
    ("asked", "status", "extent", "part"),
    [
        ("bytes=0-3", 206, "bytes 0-3/10", b"0123"),
        ("bytes=4-", 206, "bytes 4-9/10", b"456789"),
        ("bytes=-2", 206, "bytes 8-9/10", b"89"),
        ("bytes=10-", 416, "bytes */10", b""),
        ("lines=1-2", 200, None, b"0123456789"),
    ],
)
async def test_a_part_of_a_file_is_served(
    stocked: Gateway, asked: str, status: int, extent: str | None, part: bytes
) -> None:
    file = await uploaded(stocked.alice, b"0123456789")
    answer = await stocked.alice.http.get(f"/v1/files/{file['id']}/content", headers={"range": asked})
    assert (answer.status_code, answer.content) == (status, part)
    assert answer.headers.get("content-range") == extent


async def test_a_copy_that_is_still_good_is_not_sent_again(stocked: Gateway) -> None:
    file = await uploaded(stocked.alice)
    path = f"/v1/files/{file['id']}/content"
    head = await stocked.alice.http.head(path)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "8", b"")
    same = await stocked.alice.http.get(path, headers={"if-none-match": head.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    part = await stocked.alice.http.get(path, headers={"range": "bytes=4-", "if-range": head.headers["etag"]})
    assert (part.status_code, part.content) == (206, b"two\n")


def test_a_span_is_made_up_of_the_right_stretches() -> None:
    data = {"a": "012", "b": "3", "c": "456789"}
    segments = [Segment(len(text), key) for key, text in data.items()]
    for first, last in product(range(10), range(10)):
        found = stretches(segments, Span(first, last))
        assert "".join(data[key][begin : end + 1] for key, begin, end in found) == "0123456789"[first : last + 1]
        assert all(begin <= end for _, begin, end in found)


def test_an_empty_file_has_no_stretches() -> None:
    assert stretches([Segment(0, "a")], Span(0, -1)) == []
    assert stretches([Segment(5, "a"), Segment(9, "more by now")], Span(0, 4)) == [_Stretch("a", 0, 4)]


async def test_the_same_key_and_file_are_stored_once(stocked: Gateway) -> None:
    async def send(data: bytes = b"hello", purpose: str = "batch") -> httpx.Response:
        return await stocked.alice.http.post(
            "/v1/files",
            data={"purpose": purpose},
            files={"file": ("a", data)},
            headers={"idempotency-key": "k", "content-type": f"multipart/form-data; boundary={random.random()}"},
        )

    first, again = await send(), await send()
    assert first.json() == again.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    for other in (await send(b"other"), await send(purpose="vision")):
        refused(other, 400, "idempotency_key_reused", "Idempotency-Key")
    assert len(await kept(stocked)) == 1
    await stocked.alice.http.delete(f"/v1/files/{first.json()['id']}")
    refused(await send(), 410, "gone", "Idempotency-Key")
    assert await kept(stocked) == []


async def test_while_the_store_is_away_callers_are_told_when_to_come_again(gateway: Gateway) -> None:
    answer = await gateway.alice.http.post("/v1/files", data={"purpose": "batch"}, files={"file": ("a", b"x")})
    refused(answer, 503, "objects_unavailable")
    assert answer.headers["retry-after"] == "5"


# --- on the wire ---


@pytest.fixture(scope="module")
def server(redis_server: Redis, s3: dict[str, Any]) -> Iterator[Server]:
    with served(storage_settings(redis_server.url, s3)) as running:
        yield running


async def test_a_large_file_goes_through_in_little_memory(server: Server, stocked: Gateway) -> None:
    piece = random.Random(1).randbytes(1 << 20)
    before = server.rss_bytes()
    peak = before
    digest = hashlib.sha256()

    async def form() -> AsyncIterator[bytes]:
        nonlocal peak
        yield b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="large"\r\n\r\n'
        for number in range(LARGE_BYTES >> 20):
            chunk = number.to_bytes(4) + piece[4:]
            digest.update(chunk)
            yield chunk
            peak = max(peak, server.rss_bytes())
        yield b"\r\n--x--\r\n"

    headers = {"x-api-key": stocked.alice.secret, "content-type": "multipart/form-data; boundary=x"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=120) as http:
        answer = await http.post("/v1/files", content=form())
        assert answer.status_code == 200, answer.text
        file = answer.json()
        assert file["bytes"] == LARGE_BYTES
        came = hashlib.sha256()
        async with http.stream("GET", f"/v1/files/{file['id']}/content") as content:
            async for chunk in content.aiter_bytes(1 << 20):
                came.update(chunk)
                peak = max(peak, server.rss_bytes())
        assert came.digest() == digest.digest()
        assert peak - before < MOST_MEMORY_BYTES
        await http.delete(f"/v1/files/{file['id']}")


async def test_nothing_is_left_of_an_upload_that_breaks_off(server: Server, stocked: Gateway) -> None:
    objects, owner = stocked.services.objects, stocked.alice.key.id
    with socket.create_connection(("127.0.0.1", int(urlsplit(server.url).port or 0))) as client:
        client.sendall(
            f"POST /v1/files HTTP/1.1\r\nhost: gateway\r\nx-api-key: {stocked.alice.secret}\r\n"
            "content-type: multipart/form-data; boundary=x\r\ncontent-length: 100000000\r\n\r\n"
            '--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'.encode()
        )
        await asyncio.to_thread(client.sendall, bytes(3 * STREAM_PART_BYTES))

        async def begun() -> bool:
            return await uploads(stocked, owner) == 1

        await until(begun, "parts are stored")

    async def nothing() -> bool:
        return await uploads(stocked, owner) == 0

    await until(nothing, "they are dropped")
    assert [key async for key in objects.list_keys(f"files/{owner}/")] == []
    due = await command(stocked.services.store.redis, "ZRANGE", keys.ERASE, 0, -1)
    assert [name.decode().startswith(f"files/{owner}/") for name in due] == [True], "and upkeep will look once more"


async def uploads(gateway: Gateway, owner: str) -> int:
    objects = gateway.services.objects
    found = await asyncio.to_thread(
        objects._client.list_multipart_uploads, Bucket=objects.bucket, Prefix=f"files/{owner}/"
    )
    return len(found.get("Uploads", []))
