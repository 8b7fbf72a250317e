"""The object store: any S3, through boto3, for callers on an event loop.

boto3 blocks, so its calls run in threads of our own: `_asks` for what is answered at once (and for the pieces of a
read), `_uploads` for what takes as long as a file is large. A store that is away is noticed within some seconds.
Nothing of boto3 or botocore leaves this file, exceptions included.
"""

import asyncio
import contextlib
import hashlib
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

import boto3
import botocore.config
import botocore.exceptions
from pydantic import SecretStr

from storage.disk import opened
from storage.errors import InvalidRequest, ObjectMissing, ObjectsUnavailable, TooLarge
from storage.settings import StorageSettings

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

CONNECT_LIMIT_S = 2.0
ATTEMPTS = 2  # one more than one: a kept connection may have been closed by the other side
CHUNK_BYTES = 256 << 10
PART_BYTES = 8 << 20  # S3 takes 10 000 parts of 5 MiB and more. Source: Amazon S3 User Guide, "multipart upload limits"
STREAM_PART_BYTES = 5 << 20  # the least that a part may have; of a stream two are held at most
PAGE = 1_000  # the most that one listing gives and one deletion takes. Source: Amazon S3 API Reference
PRESIGN_LIMIT_S = 604_800  # Source: Amazon S3 User Guide, "presigned URLs"

T = TypeVar("T")


class Stored(NamedTuple):
    """What a write left in the store. `etag` is without its quotes."""

    size_bytes: int
    sha256: str
    etag: str


class ObjectInfo(NamedTuple):
    """What the store knows of an object. `size_bytes` is the whole object's, `etag` is without its quotes."""

    size_bytes: int
    content_type: str
    etag: str
    modified_at: datetime
    metadata: dict[str, str]


class Reading:
    """An object, or a range of one, on its way from the store: `async for chunk in reading`, once.

    `start` and `end` are the first and last byte of it that come, counted from 0; of an empty object, 0 and -1.
    """

    def __init__(
        self, answer: Mapping[str, Any], ask: "Callable[[Callable[[], bytes]], asyncio.Future[bytes]]"
    ) -> None:
        self.start, self.end, size_bytes = _extent(answer)
        self.info = _info(answer, size_bytes)
        self._body, self._ask, self._turn = answer["Body"], ask, threading.Lock()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Chunks of at most CHUNK_BYTES. Raises ObjectsUnavailable if the rest does not come."""
        while chunk := await self._ask(self._next):
            yield chunk

    def close(self) -> None:
        """Blocks while a chunk is on its way. What has not come by then will not: the connection is cut."""
        with self._turn:
            self._body.close()

    def _next(self) -> bytes:
        with self._turn, _mapped_errors():
            return bytes(self._body.read(CHUNK_BYTES))


class Objects:
    """One bucket. Made off the event loop: making boto3's client blocks for a good part of a second.

    `asks` and `uploads` are how many calls of each sort may be under way at once; `answer_limit_s` is how long a call
    may take, and a single silence within an upload or a read.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        bucket: str,
        access_key: SecretStr,
        secret_key: SecretStr,
        region: str = "us-east-1",
        path_style: bool = True,
        asks: int = 16,
        uploads: int = 4,
        answer_limit_s: float = 5.0,
    ) -> None:
        self.bucket = bucket
        self._answer_limit_s = answer_limit_s
        self._asks = ThreadPoolExecutor(asks, thread_name_prefix="objects")
        self._uploads = ThreadPoolExecutor(uploads, thread_name_prefix="uploads")
        self._client: S3Client = boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=access_key.get_secret_value(),
            aws_secret_access_key=secret_key.get_secret_value(),
            config=botocore.config.Config(
                signature_version="s3v4",  # or presigned links are of the version before
                s3={"addressing_style": "path" if path_style else "virtual"},
                request_checksum_calculation="when_required",  # not every S3 knows the newer ones
                response_checksum_validation="when_required",
                max_pool_connections=asks + uploads,
                connect_timeout=CONNECT_LIMIT_S,
                read_timeout=answer_limit_s,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            ),
        )

    @classmethod
    def open(cls, settings: StorageSettings) -> Self:
        """The bucket that the settings name. Blocks; does not connect."""
        return cls(
            endpoint=settings.s3_endpoint,
            bucket=settings.s3_bucket,
            region=settings.s3_region,
            access_key=settings.s3_access_key,
            secret_key=settings.s3_secret_key,
        )

    async def close(self) -> None:
        """Let what is under way end, which its own limits see to, and drop the connections."""
        await asyncio.to_thread(self._close)

    async def ready(self) -> None:
        """Return if the bucket is there and ours to use. Raises ObjectsUnavailable otherwise."""
        try:
            await self._ask(lambda: self._client.head_bucket(Bucket=self.bucket))
        except ObjectMissing as error:
            raise ObjectsUnavailable("the object store has no bucket of that name") from error

    async def put_bytes(
        self, key: str, data: bytes, *, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> Stored:
        """Store `data`, all or nothing. Raises ObjectsUnavailable."""
        put = partial(self._client.put_object, Bucket=self.bucket, Key=key, ContentType=content_type)
        answer = await self._ask(lambda: put(Body=data, Metadata=dict(metadata or {})))
        return Stored(len(data), hashlib.sha256(data).hexdigest(), _bare(answer["ETag"]))

    async def put_file(
        self, key: str, path: Path, *, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> Stored:
        """Store a file, all or nothing, with no more than some parts of PART_BYTES in memory.

        Raises ObjectsUnavailable. Cancelled, it gives up before the next part.
        """
        upload = _Upload(self._client, self.bucket, key, content_type, dict(metadata or {}))
        try:
            return await asyncio.wrap_future(self._uploads.submit(upload.run, path))
        finally:
            upload.abandoned.set()

    async def put_stream(
        self, key: str, chunks: AsyncIterable[bytes], *, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> Stored:
        """Store bytes as they come, all or nothing, with no more than two parts of STREAM_PART_BYTES in memory.

        Raises ObjectsUnavailable, and what `chunks` raises. Then, and when cancelled, nothing is left of it.
        """
        upload = _Upload(self._client, self.bucket, key, content_type, dict(metadata or {}))
        sending: asyncio.Future[None] | None = None
        try:
            async for part, last in _parts(chunks):
                if sending:
                    await sending
                sending = asyncio.wrap_future(self._uploads.submit(upload.send, part, last=last))
                if last:
                    await sending
            return upload.stored()
        except BaseException:
            if sending and not sending.cancel() and not sending.cancelled():
                sending.exception()  # seen: this one's, or of no more interest
            self._uploads.submit(upload.abort)
            raise

    async def head(self, key: str) -> ObjectInfo:
        """What is known of an object. Raises ObjectMissing, ObjectsUnavailable."""
        answer = await self._ask(lambda: self._client.head_object(Bucket=self.bucket, Key=key))
        return _info(answer, answer["ContentLength"])

    @contextlib.asynccontextmanager
    async def read(self, key: str, *, start: int | None = None, end: int | None = None) -> AsyncIterator[Reading]:
        """An object, or its bytes from `start` to `end`, both included; without `start`, its last `end` bytes.

        Memory is bounded by CHUNK_BYTES. Leaving the block early cuts the connection to the store.
        Raises ObjectMissing, ObjectsUnavailable; InvalidRequest if the object ends before `start`.
        """
        asked: Any = {} if start is None and end is None else {"Range": f"bytes={_shown(start)}-{_shown(end)}"}
        answer = await self._ask(
            lambda: self._client.get_object(Bucket=self.bucket, Key=key, **asked),
            discard=lambda late: late["Body"].close(),
        )
        reading = Reading(answer, self._read_next)
        try:
            yield reading
        finally:
            self._asks.submit(reading.close)  # and not awaited: who is being cancelled may not wait

    async def get_bytes(self, key: str, *, limit_bytes: int) -> bytes:
        """A small object in one piece. Raises ObjectMissing, ObjectsUnavailable, TooLarge (which reads none of it)."""
        async with self.read(key) as reading:
            if reading.info.size_bytes > limit_bytes:
                raise TooLarge(f"the object has {reading.info.size_bytes} bytes; the limit is {limit_bytes}")
            return b"".join([chunk async for chunk in reading])

    async def get_file(self, key: str, path: Path) -> None:
        """An object, written to a file a chunk at a time. Raises ObjectMissing, ObjectsUnavailable."""
        async with self.read(key) as reading, opened(path, "wb") as file:
            async for chunk in reading:
                await asyncio.to_thread(file.write, chunk)

    async def list_keys(self, prefix: str) -> AsyncIterator[str]:
        """Every key that starts with `prefix`, in order, a page at a time. Raises ObjectsUnavailable."""
        after: Any = {}
        while True:
            page = await self._page(prefix, **after)
            for found in page.get("Contents", []):
                yield found["Key"]
            if not page.get("IsTruncated"):
                return
            after = {"ContinuationToken": page["NextContinuationToken"]}

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete these objects; those that are not there count as deleted. Raises ObjectsUnavailable."""
        for first in range(0, len(keys), PAGE):
            await self._ask(partial(self._delete_page, keys[first : first + PAGE]))

    async def delete_prefix(self, prefix: str) -> int:
        """Delete every object whose key starts with `prefix`. Returns how many. Raises ObjectsUnavailable."""
        if not prefix:
            raise ValueError("an empty prefix would be the whole bucket")
        deleted = 0
        while keys := [found["Key"] for found in (await self._page(prefix)).get("Contents", [])]:
            await self.delete(keys)
            deleted += len(keys)
        return deleted

    def presign(self, key: str, *, ttl_s: int = 900) -> str:
        """A GET link to one object, good for `ttl_s` seconds or the signer's life, if that ends sooner.

        Made here, without asking the store: the link to a key that is not there answers 404.
        Limit: 604800 s (7 days), the most S3 signs. Source: Amazon S3 User Guide, "presigned URLs".
        """
        if not 0 < ttl_s <= PRESIGN_LIMIT_S:
            raise ValueError(f"a link lasts from 1 to {PRESIGN_LIMIT_S} seconds, not {ttl_s}")
        return self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self.bucket, "Key": key}, ExpiresIn=ttl_s
        )

    async def _page(self, prefix: str, **after: Any) -> Any:
        return await self._ask(
            lambda: self._client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, MaxKeys=PAGE, **after)
        )

    def _delete_page(self, keys: Sequence[str]) -> None:
        answer = self._client.delete_objects(
            Bucket=self.bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
        )
        if errors := answer.get("Errors"):
            raise ObjectsUnavailable(f"{len(errors)} objects could not be deleted ({errors[0].get('Code')})")

    def _read_next(self, read: Callable[[], bytes]) -> "asyncio.Future[bytes]":
        return asyncio.wrap_future(self._asks.submit(read))

    async def _ask(self, call: Callable[[], T], *, discard: Callable[[T], object] | None = None) -> T:
        """Run `call` in a thread. What it gives after nobody waits any more goes to `discard`."""

        def run() -> T:
            with _mapped_errors():
                return call()

        asked, delivered = self._asks.submit(run), False
        try:
            async with asyncio.timeout(self._answer_limit_s):
                answer = await asyncio.wrap_future(asked)
                delivered = True
                return answer
        except TimeoutError as error:
            raise ObjectsUnavailable(f"the object store did not answer within {self._answer_limit_s:g} s") from error
        finally:
            if discard and not delivered:
                asked.add_done_callback(lambda late: _discard(late, discard))

    def _close(self) -> None:
        for pool in (self._asks, self._uploads):
            pool.shutdown(cancel_futures=True)
        self._client.close()


class _Upload:
    """Bytes on their way to the store, hashed as they go; in parts, if there is more than one. Blocks."""

    def __init__(self, client: "S3Client", bucket: str, key: str, content_type: str, metadata: dict[str, str]) -> None:
        self.abandoned = threading.Event()
        self._client = client
        self._where: Any = {"Bucket": bucket, "Key": key}
        self._kept: Any = {"ContentType": content_type, "Metadata": metadata}
        self._sha256, self._size_bytes, self._etag = hashlib.sha256(), 0, ""
        self._begun: Any = None  # the upload in parts, if it is one
        self._done: list[Any] = []
        self._turn = threading.Lock()

    def run(self, path: Path) -> Stored:
        try:
            with path.open("rb") as file:
                part = file.read(PART_BYTES)
                while True:
                    following = file.read(PART_BYTES)
                    self.send(part, last=not following)
                    if not following:
                        return self.stored()
                    part = following
        except BaseException:
            self.abort()
            raise

    def send(self, part: bytes, *, last: bool) -> None:
        """The next stretch; the last one ends it. Raises ObjectsUnavailable."""
        with self._turn, _mapped_errors():
            if self.abandoned.is_set():
                raise ObjectsUnavailable("the upload was given up")
            self._sha256.update(part)
            self._size_bytes += len(part)
            if last and not self._begun:
                self._etag = self._client.put_object(**self._where, **self._kept, Body=part)["ETag"]
            else:
                self._send_part(part, last=last)

    def stored(self) -> Stored:
        return Stored(self._size_bytes, self._sha256.hexdigest(), _bare(self._etag))

    def abort(self) -> None:
        """What was sent is dropped; nothing more will be. Waits for what is being sent."""
        self.abandoned.set()
        with self._turn, contextlib.suppress(botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
            if self._begun and not self._etag:
                self._client.abort_multipart_upload(**self._begun)

    def _send_part(self, part: bytes, *, last: bool) -> None:
        if not self._begun:
            begun = self._client.create_multipart_upload(**self._where, **self._kept)
            self._begun = {**self._where, "UploadId": begun["UploadId"]}
        number = len(self._done) + 1
        etag = self._client.upload_part(**self._begun, PartNumber=number, Body=part)["ETag"]
        self._done.append({"PartNumber": number, "ETag": etag})
        if last:
            whole = self._client.complete_multipart_upload(**self._begun, MultipartUpload={"Parts": self._done})
            self._etag = whole["ETag"]


async def _parts(chunks: AsyncIterable[bytes]) -> AsyncIterator[tuple[bytes, bool]]:
    """The bytes in stretches of STREAM_PART_BYTES, each with whether it is the last; at least one."""
    held, size_bytes = list[bytes](), 0
    async for chunk in chunks:
        if size_bytes >= STREAM_PART_BYTES and chunk:
            part, held, size_bytes = b"".join(held), [], 0
            yield part, False
        held.append(chunk)
        size_bytes += len(chunk)
    yield b"".join(held), True


@contextlib.contextmanager
def _mapped_errors() -> Iterator[None]:
    """boto3's errors become ours."""
    try:
        yield
    except botocore.exceptions.ClientError as error:
        raise _answered(error) from error
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.HTTPClientError) as error:
        raise ObjectsUnavailable(f"the object store does not answer ({type(error).__name__})") from error


def _answered(error: botocore.exceptions.ClientError) -> Exception:
    code = str(error.response.get("Error", {}).get("Code"))
    match error.response.get("ResponseMetadata", {}).get("HTTPStatusCode"), code:
        case _, "NoSuchBucket":
            return ObjectsUnavailable("the object store has no bucket of that name")
        case 404, _:
            return ObjectMissing("nothing is stored under this key")
        case 416, _:
            return InvalidRequest("the object ends before this range begins", field="range")
        case 401 | 403, _:
            return ObjectsUnavailable(f"the object store refuses the gateway's credentials ({code})")
        case status, _:
            return ObjectsUnavailable(f"the object store answered {status} ({code})")


def _discard(late: "Future[T]", discard: Callable[[T], object]) -> None:
    if not late.cancelled() and late.exception() is None:
        discard(late.result())


def _info(answer: Mapping[str, Any], size_bytes: int) -> ObjectInfo:
    return ObjectInfo(
        size_bytes, answer["ContentType"], _bare(answer["ETag"]), answer["LastModified"], answer["Metadata"]
    )


def _extent(answer: Mapping[str, Any]) -> tuple[int, int, int]:
    """First byte, last byte and size of the whole, from a GET's answer (`Content-Range: bytes 0-99/1000`)."""
    if "ContentRange" not in answer:
        return 0, answer["ContentLength"] - 1, answer["ContentLength"]
    extent, size_bytes = answer["ContentRange"].removeprefix("bytes ").split("/")
    start, end = extent.split("-")
    return int(start), int(end), int(size_bytes)


def _bare(etag: str) -> str:
    return etag.strip('"')


def _shown(position: int | None) -> str:
    return "" if position is None else str(position)
