"""The object store against a real S3 server, and through its outages."""

import asyncio
import hashlib
import random
import signal
import tracemalloc
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from cli.embedded import Objects as Server
from storage import objects as module
from storage.errors import InvalidRequest, ObjectMissing, ObjectsUnavailable, TooLarge
from storage.objects import PART_BYTES, STREAM_PART_BYTES, Objects
from tests.waiting import until

MANY_PARTS_BYTES = 64 << 20


def client_of(server: Server, **other: object) -> Objects:
    settings = {
        "endpoint": server.endpoint,
        "bucket": server.bucket,
        "access_key": SecretStr(server.access_key),
        "secret_key": SecretStr(server.secret_key),
    }
    return Objects(**(settings | other))  # type: ignore[arg-type]  # each test replaces one of them


@pytest.fixture(scope="module")
def objects(s3_server: Server) -> Iterator[Objects]:
    client = client_of(s3_server)
    yield client
    asyncio.run(client.close())


@pytest.fixture
async def fragile(tmp_path: Path) -> AsyncIterator[tuple[Server, Objects]]:
    """A store that may be killed, and an impatient client of it."""
    with Server(tmp_path / "s3") as server:
        client = client_of(server, answer_limit_s=1.0)
        yield server, client
        await client.close()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "large.bin"
    path.write_bytes(noise(MANY_PARTS_BYTES))
    return path


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


async def everything(objects: Objects, key: str, **extent: int) -> bytes:
    async with objects.read(key, **extent) as reading:
        return b"".join([chunk async for chunk in reading])


def connections_to(server: Server) -> set[int]:
    """By their own ports. Those of tests before may be about to end."""
    port = server.ports["s3.port"]
    found = psutil.Process().net_connections("tcp")
    return {c.laddr[1] for c in found if c.status == psutil.CONN_ESTABLISHED and c.raddr[1] == port}


@pytest.mark.parametrize("size", [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1])
async def test_a_file_comes_back_as_it_was_stored(objects: Objects, tmp_path: Path, size: int) -> None:
    data, key = noise(size), f"round/{size}"
    (tmp_path / "file").write_bytes(data)
    stored = await objects.put_file(key, tmp_path / "file", content_type="audio/mpeg", metadata={"job": "j1"})
    assert (stored.size_bytes, stored.sha256) == (size, hashlib.sha256(data).hexdigest())
    info = await objects.head(key)
    assert (info.size_bytes, info.content_type, info.metadata) == (size, "audio/mpeg", {"job": "j1"})
    assert info.etag == stored.etag
    assert '"' not in info.etag
    assert await everything(objects, key) == data


async def test_bytes_come_back_as_they_were_stored(objects: Objects) -> None:
    stored = await objects.put_bytes("small", b"hello", content_type="text/plain", metadata={"a": "b"})
    assert stored.sha256 == hashlib.sha256(b"hello").hexdigest()
    assert await objects.get_bytes("small", limit_bytes=5) == b"hello"
    assert (await objects.head("small")).metadata == {"a": "b"}


async def test_a_second_write_replaces_the_first(objects: Objects) -> None:
    await objects.put_bytes("twice", b"first", content_type="text/plain")
    await objects.put_bytes("twice", b"second", content_type="text/html")
    assert await objects.get_bytes("twice", limit_bytes=100) == b"second"
    assert (await objects.head("twice")).content_type == "text/html"


async def test_an_object_beyond_the_limit_is_not_read(objects: Objects) -> None:
    await objects.put_bytes("six", b"123456", content_type="text/plain")
    with pytest.raises(TooLarge, match="has 6 bytes; the limit is 5"):
        await objects.get_bytes("six", limit_bytes=5)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ({"start": 0, "end": 0}, 0, 0),
        ({"start": 0, "end": 99}, 0, 99),
        ({"start": 400_000, "end": 699_999}, 400_000, 699_999),
        ({"start": 999_000}, 999_000, 999_999),
        ({"end": 10}, 999_990, 999_999),
        ({"end": 2_000_000}, 0, 999_999),
        ({"start": 999_990, "end": 5_000_000}, 999_990, 999_999),
        ({}, 0, 999_999),
    ],
)
async def test_a_range_is_served_as_asked(objects: Objects, asked: dict[str, int], start: int, end: int) -> None:
    data = noise(1_000_000)
    await objects.put_bytes("ranged", data, content_type="application/octet-stream")
    async with objects.read("ranged", **asked) as reading:
        assert (reading.start, reading.end, reading.info.size_bytes) == (start, end, 1_000_000)
        assert b"".join([chunk async for chunk in reading]) == data[start : end + 1]


async def test_a_range_that_begins_beyond_the_end_is_refused(objects: Objects) -> None:
    await objects.put_bytes("short", b"123", content_type="text/plain")
    with pytest.raises(InvalidRequest, match="ends before this range begins"):
        await everything(objects, "short", start=3)


async def test_what_was_never_stored_is_missing(objects: Objects) -> None:
    with pytest.raises(ObjectMissing):
        await objects.head("never")
    with pytest.raises(ObjectMissing):
        await objects.get_bytes("never", limit_bytes=1)
    await objects.delete(["never"])  # and is as good as deleted


async def test_what_was_deleted_is_missing(objects: Objects) -> None:
    for key in ("deleted/1", "deleted/2", "deleted/3"):
        await objects.put_bytes(key, b"x", content_type="text/plain")
    await objects.delete(["deleted/1", "deleted/3"])
    assert [key async for key in objects.list_keys("deleted/")] == ["deleted/2"]
    with pytest.raises(ObjectMissing):
        await objects.head("deleted/1")


async def test_a_prefix_is_listed_and_deleted_page_by_page(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 10)
    keys = [f"pages/a/{number:03}" for number in range(25)]
    await asyncio.gather(*(objects.put_bytes(key, b"", content_type="text/plain") for key in [*keys, "pages/b"]))
    assert [key async for key in objects.list_keys("pages/a/")] == keys
    assert await objects.delete_prefix("pages/a/") == 25
    assert [key async for key in objects.list_keys("pages/")] == ["pages/b"]
    assert await objects.delete_prefix("pages/a/") == 0


async def test_the_empty_prefix_is_never_deleted(objects: Objects) -> None:
    with pytest.raises(ValueError, match="whole bucket"):
        await objects.delete_prefix("")


async def test_many_writes_at_once_all_arrive(objects: Objects, tmp_path: Path) -> None:
    sizes = range(1_000, 41_000, 1_000)
    for size in sizes:
        (tmp_path / str(size)).write_bytes(noise(size))
    await asyncio.gather(
        *(objects.put_file(f"many/{size}", tmp_path / str(size), content_type="image/png") for size in sizes)
    )
    found = await asyncio.gather(*(objects.get_bytes(f"many/{size}", limit_bytes=size) for size in sizes))
    assert found == [noise(size) for size in sizes]


async def test_a_large_file_goes_up_and_comes_down_in_little_memory(objects: Objects, large: Path) -> None:
    tracemalloc.start()
    try:
        stored = await objects.put_file("large", large, content_type="application/octet-stream")
        up_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        digest = hashlib.sha256()
        async with objects.read("large") as reading:
            async for chunk in reading:
                digest.update(chunk)
        down_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert stored.size_bytes == MANY_PARTS_BYTES
    assert digest.hexdigest() == stored.sha256
    assert up_bytes < 4 * PART_BYTES
    assert down_bytes < 4 << 20


async def test_a_reader_that_leaves_early_cuts_the_connection(s3_server: Server, large: Path) -> None:
    objects = client_of(s3_server)
    before = connections_to(s3_server)
    await objects.put_file("left", large, content_type="application/octet-stream")
    async with objects.read("left") as reading:
        await anext(aiter(reading))
        assert connections_to(s3_server) - before
    await until(lambda: not connections_to(s3_server) - before)
    await objects.close()


async def test_an_upload_that_is_cancelled_leaves_nothing(s3_server: Server, large: Path) -> None:
    objects, before = client_of(s3_server), connections_to(s3_server)
    uploading = asyncio.create_task(objects.put_file("cancelled", large, content_type="text/plain"))
    await until(lambda: connections_to(s3_server) - before)
    uploading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await uploading
    await objects.close()  # which waits for the thread
    again = client_of(s3_server)
    with pytest.raises(ObjectMissing):
        await again.head("cancelled")
    await again.close()


async def test_a_presigned_link_is_fetched_by_anyone_and_nothing_else_is(objects: Objects, s3_server: Server) -> None:
    await objects.put_bytes("odd name/é+&?.txt", b"hello", content_type="text/plain")

    def fetch(url: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, b""

    link = objects.presign("odd name/é+&?.txt")
    assert s3_server.secret_key not in link
    assert await asyncio.to_thread(fetch, link) == (200, b"hello")
    assert await asyncio.to_thread(fetch, link.partition("?")[0]) == (403, b"")
    assert await asyncio.to_thread(fetch, link.replace("X-Amz-Expires=900", "X-Amz-Expires=901")) == (403, b"")
    assert await asyncio.to_thread(fetch, objects.presign("never")) == (404, b"")


@pytest.mark.parametrize("ttl_s", [0, -1, 604_801])
def test_a_link_cannot_last_longer_than_s3_signs(objects: Objects, ttl_s: int) -> None:
    with pytest.raises(ValueError, match="from 1 to 604800 seconds"):
        objects.presign("key", ttl_s=ttl_s)


async def test_a_wrong_secret_is_reported_without_being_shown(s3_server: Server) -> None:
    objects = client_of(s3_server, secret_key=SecretStr("not-the-secret"))
    for attempt in (objects.ready(), objects.head("x"), objects.put_bytes("x", b"x", content_type="text/plain")):
        with pytest.raises(ObjectsUnavailable, match="refuses the gateway's credentials") as caught:
            await attempt
        assert "not-the-secret" not in str(caught.value)
    await objects.close()


async def test_a_bucket_that_is_not_there_is_an_outage_and_not_a_missing_object(s3_server: Server) -> None:
    objects = client_of(s3_server, bucket="elsewhere")
    with pytest.raises(ObjectsUnavailable, match="no bucket of that name"):
        await objects.ready()
    with pytest.raises(ObjectsUnavailable, match="no bucket of that name"):
        await objects.get_bytes("x", limit_bytes=1)
    await objects.close()


async def test_a_store_that_was_killed_is_noticed_and_found_again(fragile: tuple[Server, Objects], large: Path) -> None:
    server, objects = fragile
    await objects.put_bytes("kept", b"before", content_type="text/plain")
    await asyncio.to_thread(server.kill)
    for attempt in (
        objects.ready(),
        objects.head("kept"),
        objects.get_bytes("kept", limit_bytes=10),
        objects.put_bytes("lost", b"x", content_type="text/plain"),
        objects.put_file("lost", large, content_type="text/plain"),
        objects.delete(["kept"]),
        objects.delete_prefix("kept"),
    ):
        with pytest.raises(ObjectsUnavailable, match="does not answer"):
            await asyncio.wait_for(attempt, timeout=5)
    await asyncio.to_thread(server.start)
    await objects.ready()
    assert await objects.get_bytes("kept", limit_bytes=10) == b"before"


async def test_a_store_that_hangs_is_noticed_and_found_again(fragile: tuple[Server, Objects], tmp_path: Path) -> None:
    server, objects = fragile
    await objects.put_bytes("kept", b"before", content_type="text/plain")
    (tmp_path / "file").write_bytes(b"x")
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    for attempt in (objects.head("kept"), objects.put_file("kept", tmp_path / "file", content_type="text/plain")):
        with pytest.raises(ObjectsUnavailable, match=r"did not answer within 1 s|does not answer"):
            await asyncio.wait_for(attempt, timeout=8)
    server.process.send_signal(signal.SIGCONT)
    assert (await objects.head("kept")).size_bytes in {1, 6}


async def test_a_read_that_breaks_off_says_so(fragile: tuple[Server, Objects], large: Path) -> None:
    server, objects = fragile
    await objects.put_file("broken", large, content_type="text/plain")

    async def cut() -> None:
        async with objects.read("broken") as reading:
            async for _ in reading:
                await asyncio.to_thread(server.kill)

    with pytest.raises(ObjectsUnavailable, match="does not answer"):
        await cut()


async def in_pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def unfinished_uploads(objects: Objects, prefix: str) -> int:
    found = await asyncio.to_thread(objects._client.list_multipart_uploads, Bucket=objects.bucket, Prefix=prefix)
    return len(found.get("Uploads", []))


@pytest.mark.parametrize("piece", [1 << 16, 3_000_001, STREAM_PART_BYTES])
@pytest.mark.parametrize("size", [0, 1, STREAM_PART_BYTES - 1, STREAM_PART_BYTES, 2 * STREAM_PART_BYTES + 1])
async def test_a_stream_comes_back_as_it_was_stored(objects: Objects, size: int, piece: int) -> None:
    data, key = noise(size), f"stream/{size}/{piece}"
    stored = await objects.put_stream(key, in_pieces(data, piece), content_type="text/plain", metadata={"a": "b"})
    assert (stored.size_bytes, stored.sha256) == (size, hashlib.sha256(data).hexdigest())
    info = await objects.head(key)
    assert (info.size_bytes, info.content_type, info.metadata, info.etag) == (
        size,
        "text/plain",
        {"a": "b"},
        stored.etag,
    )
    assert await everything(objects, key) == data
    assert await unfinished_uploads(objects, "stream/") == 0


async def test_a_stream_is_never_in_memory_as_a_whole(objects: Objects) -> None:
    piece = noise(1 << 18)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MANY_PARTS_BYTES // len(piece)):
            yield bytes(bytearray(piece))

    tracemalloc.start()
    try:
        await objects.put_stream("long", endless(), content_type="text/plain")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * STREAM_PART_BYTES


@pytest.mark.parametrize("size", [100, 3 * STREAM_PART_BYTES])
async def test_nothing_is_left_of_a_stream_that_breaks_off(objects: Objects, size: int) -> None:
    async def broken() -> AsyncIterator[bytes]:
        async for piece in in_pieces(noise(size), 1 << 18):
            yield piece
        raise InvalidRequest("it broke off")

    with pytest.raises(InvalidRequest, match="broke off"):
        await objects.put_stream("broken/stream", broken(), content_type="text/plain")
    assert [key async for key in objects.list_keys("broken/")] == []

    async def nothing_left() -> bool:
        return not await unfinished_uploads(objects, "broken/")

    await until(nothing_left)


async def test_a_stream_that_nobody_waits_for_any_more_is_given_up(objects: Objects) -> None:
    stuck = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        async for piece in in_pieces(noise(2 * STREAM_PART_BYTES), 1 << 18):
            yield piece
        stuck.set()
        await asyncio.Event().wait()

    storing = asyncio.create_task(objects.put_stream("given-up/stream", slow(), content_type="text/plain"))
    await stuck.wait()
    storing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await storing

    async def nothing_left() -> bool:
        return not await unfinished_uploads(objects, "given-up/")

    await until(nothing_left)
    assert [key async for key in objects.list_keys("given-up/")] == []


async def test_a_store_that_dies_ends_a_stream(fragile: tuple[Server, Objects]) -> None:
    server, objects = fragile

    async def outlived() -> AsyncIterator[bytes]:
        async for piece in in_pieces(noise(2 * STREAM_PART_BYTES), 1 << 20):
            yield piece
        server.kill()
        async for piece in in_pieces(noise(2 * STREAM_PART_BYTES), 1 << 20):
            yield piece

    with pytest.raises(ObjectsUnavailable):
        await objects.put_stream("outlived", outlived(), content_type="text/plain")
