"""Recordings in forms: stored as they come, judged as early as can be, and erased where they made no job."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api import uploads
from api.settings import ApiSettings
from storage.errors import NotDurable
from storage.jobs import Jobs
from storage.media import inputs_prefix
from storage.objects import STREAM_PART_BYTES
from tests.api.batches import refused, upload
from tests.api.gateway import Gateway, serving, storage_settings
from tests.api.recordings import ASR, LATER, TRANSCRIPTIONS, WAV, form, inputs, jobs_of
from tests.waiting import until

LIMIT_BYTES = 12 << 20
KIND = {"content-type": "multipart/form-data; boundary=x"}
FILE = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
END = b"\r\n--x--\r\n"


def field(name: str, value: str) -> bytes:
    return f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


@pytest.fixture
async def bounded(redis_url: str, s3: dict[str, Any]) -> AsyncIterator[Gateway]:
    """A gateway that takes files of LIMIT_BYTES, and whose store holds no inputs yet."""
    async with serving(storage_settings(redis_url, s3), ApiSettings(file_max_bytes=LIMIT_BYTES)) as gateway:
        await gateway.services.objects.delete_prefix("inputs/")
        yield gateway


async def nothing_is_kept(gateway: Gateway) -> None:
    assert await jobs_of(gateway.alice) == []

    async def empty() -> bool:
        return await inputs(gateway) == []

    await until(empty, "no inputs")  # uploads in parts are ended a moment after their answer


async def sent(gateway: Gateway, body: Any, path: str = TRANSCRIPTIONS, **headers: str) -> httpx.Response:
    return await gateway.alice.http.post(path, content=body, headers={**KIND, **LATER, **headers})


@pytest.mark.parametrize("size", [1, 1000, STREAM_PART_BYTES + 7])
async def test_a_recording_is_stored_before_its_job_is_accepted(bounded: Gateway, size: int) -> None:
    data = WAV + random.Random(size).randbytes(size)
    answer = await bounded.alice.http.post(TRANSCRIPTIONS, **form(data, model="whisper-1"), headers=LATER)
    assert answer.status_code == 202, answer.text
    job = await bounded.read(answer.json()["id"])
    assert job.inputs == {"file": inputs_prefix(job.id) + "file"}
    assert await inputs(bounded) == [job.inputs["file"]]
    stored = await bounded.services.objects.get_bytes(job.inputs["file"], limit_bytes=LIMIT_BYTES)
    assert hashlib.sha256(stored).digest() == hashlib.sha256(data).digest()
    assert await bounded.services.store.redis.zscore("erase", inputs_prefix(job.id))


async def test_fields_count_on_both_sides_of_the_file(bounded: Gateway) -> None:
    body = FILE + WAV + b"\r\n" + field("language", "de") + field("timestamp_granularities[]", "word")
    body += field("timestamp_granularities[]", "segment") + field("response_format", "verbose_json") + b"--x--\r\n"
    answer = await sent(bounded, field("prompt", "Käse") + body)
    job = await bounded.read(answer.json()["id"])
    assert (job.request["language"], job.request["prompt"], job.request["word_timestamps"]) == ("de", "Käse", True)


async def endless(before: bytes) -> AsyncIterator[bytes]:
    """A form whose file would never end; nobody reads all of it."""
    yield before if b"filename" in before else before + FILE + WAV
    for _ in range(10 * LIMIT_BYTES >> 16):
        yield bytes(1 << 16)
    raise AssertionError("all of it was read")


@pytest.mark.parametrize(
    ("before", "status", "code", "param", "said"),
    [
        (field("model", "whisper-9"), 404, "model_not_found", "model", "whisper-1"),
        (field("language", "klingon"), 400, "invalid_request", "language", "klingon"),
        (field("response_format", "docx"), 400, "invalid_request", "response_format", "verbose_json"),
        (field("response_format", "diarized_json"), 400, "invalid_request", "response_format", "diarized_json"),
        (field("temperature", "1.5"), 400, "invalid_request", "temperature", "1"),
        (field("prompt", "x" * 20_001), 400, "invalid_request", "prompt", "20000"),
        (field("include[]", "logprobs"), 400, "invalid_request", "include", "probabilities"),
        (field("timestamp_granularities[]", "phrase"), 400, "invalid_request", "timestamp_granularities.0", "word"),
        (field("language", "en") * 2, 400, "invalid_request", "language", "more than once"),
        (field("prompt", "x" * (uploads.MAX_FIELD_BYTES + 1)), 413, "too_large", "prompt", "64000"),
        (FILE.replace(b'"file"', b'"audio"'), 400, "invalid_request", "file", "goes in file, not in 'audio'"),
        (FILE + b"<!doctype html>" + b" " * 600, 400, "invalid_request", "file", "HTML"),
        (FILE + WAV, 413, "too_large", "file", str(LIMIT_BYTES)),
    ],
)
async def test_what_is_wrong_is_told_before_the_whole_body_has_come(
    bounded: Gateway, before: bytes, status: int, code: str, param: str, said: str
) -> None:
    assert said in refused(await sent(bounded, endless(before)), status, code, param)
    await nothing_is_kept(bounded)


async def test_a_length_beyond_the_limit_is_refused_before_anything_is_read(bounded: Gateway) -> None:
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    answer = await sent(bounded, unread(), **{"content-length": "3000000000"})
    assert str(LIMIT_BYTES) in refused(answer, 413, "too_large", "file")


@pytest.mark.parametrize(
    ("body", "param", "said"),
    [
        (FILE + END, "file", "empty"),
        (field("model", "whisper-1") + b"--x--\r\n", "file", "Field required"),
        (FILE + b"%PDF-1.7 and more" + END, "file", "PDF"),
        (FILE + WAV + b"\r\n" + FILE + WAV + END, "file", "one recording"),
        (FILE + WAV + b"\r\n" + field("language", "klingon") + b"--x--\r\n", "language", "klingon"),
        (
            FILE + WAV + b"\r\n" + field("timestamp_granularities", "word") + b"--x--\r\n",
            "timestamp_granularities",
            "word",
        ),
        (FILE + WAV, None, "no multipart form"),
        (field("file", "http://10.0.0.1/a.wav") + b"--x--\r\n", "file", "not public"),
        (field("file", "file-0197e1f26c3a7b1d9e425f8a3c210000") + b"--x--\r\n", "file", "no file"),
        (field("file", "https://e.example/" + "a" * 65_000) + b"--x--\r\n", "file", "64000"),
    ],
)
async def test_what_is_refused_leaves_nothing(bounded: Gateway, body: bytes, param: str | None, said: str) -> None:
    answer = await sent(bounded, body)
    code = answer.json()["error"]["code"]
    assert code in ("invalid_request", "address_refused")
    assert said in refused(answer, 400, code, param)
    await nothing_is_kept(bounded)


async def test_an_upload_that_breaks_off_leaves_nothing(bounded: Gateway) -> None:
    pieces = [FILE + WAV, bytes(2 * STREAM_PART_BYTES)]  # parts of it are in the store by now
    events = iter([{"type": "http.request", "body": each, "more_body": True} for each in pieces])

    async def receive() -> Any:
        return next(events, {"type": "http.disconnect"})

    answers: list[Any] = []

    async def send(message: Any) -> None:
        answers.append(message)

    key = (b"authorization", f"Bearer {bounded.alice.secret}".encode())
    scope: Any = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": TRANSCRIPTIONS,
        "raw_path": TRANSCRIPTIONS.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [key, (b"content-type", KIND["content-type"].encode())],
        "client": None,
        "server": ("gateway.test", 80),
        "state": {},
    }
    await bounded.app(scope, receive, send)
    assert answers[0]["status"] == 400
    await nothing_is_kept(bounded)


async def test_an_upload_of_which_nothing_comes_any_more_is_ended(
    bounded: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "IDLE_S", 0.05)

    async def body() -> AsyncIterator[bytes]:
        yield FILE + WAV
        await asyncio.Event().wait()

    assert "nothing came" in refused(await sent(bounded, body()), 400, "invalid_request")
    await nothing_is_kept(bounded)


async def test_a_repeated_form_is_known_by_what_it_says_and_not_by_how_it_is_sent(bounded: Gateway) -> None:
    async def send(data: bytes = WAV, **fields: str) -> httpx.Response:
        headers = {
            **LATER,
            "idempotency-key": "once",
            "content-type": f"multipart/form-data; boundary={random.random()}",
        }
        return await bounded.alice.http.post(TRANSCRIPTIONS, **form(data, **fields), headers=headers)

    first, again = await send(language="en"), await send(language="en")
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["idempotent-replayed"] == "true"
    for other in (await send(WAV + b"more", language="en"), await send(language="de")):
        refused(other, 400, "idempotency_key_reused", "Idempotency-Key")
    assert await inputs(bounded) == [inputs_prefix(first.json()["id"]) + "file"]


async def test_what_may_have_been_accepted_is_not_erased(bounded: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unsure(*_: object, **__: object) -> None:
        raise NotDurable("nobody knows")

    monkeypatch.setattr(Jobs, "admit", unsure)
    answer = await bounded.alice.http.post(TRANSCRIPTIONS, **form(), headers=LATER)
    assert answer.status_code == 503
    [key] = await inputs(bounded)
    assert await bounded.services.store.redis.zscore("erase", key.removesuffix("file"))


async def test_a_webhook_that_cannot_be_is_told_before_the_file_is_read(bounded: Gateway) -> None:
    headers = {"x-webhook-url": "http://10.0.0.1/"}
    refused(await sent(bounded, endless(b""), **headers), 400, "address_refused", "X-Webhook-Url")


async def test_one_of_the_callers_files_is_as_good_as_an_upload(bounded: Gateway) -> None:
    file = await upload(bounded.alice, WAV, "user_data")
    for body in ({"file": file}, {"file": {"file_id": file}}, {"file": {"file_id": file}, "language": "english"}):
        answer = await bounded.alice.http.post(TRANSCRIPTIONS, json=body, headers=LATER)
        job = await bounded.read(answer.json()["id"])
        assert await bounded.services.objects.get_bytes(job.inputs["file"], limit_bytes=10_000) == WAV
    await bounded.alice.http.delete(f"/v1/files/{file}")
    assert await bounded.services.objects.get_bytes(job.inputs["file"], limit_bytes=10_000) == WAV
    theirs = await upload(bounded.bob, WAV, "user_data")
    for id in (file, theirs):
        answer = await bounded.alice.http.post(TRANSCRIPTIONS, json={"file": id}, headers=LATER)
        assert "no file" in refused(answer, 400, "invalid_request", "file")


async def test_without_the_store_nothing_is_accepted(gateway: Gateway) -> None:
    answer = await gateway.alice.http.post(TRANSCRIPTIONS, **form())
    refused(answer, 503, "objects_unavailable")
    assert await jobs_of(gateway.alice) == []


@pytest.mark.parametrize("path", [ASR, TRANSCRIPTIONS])
async def test_what_is_neither_a_form_nor_json_is_refused(gateway: Gateway, path: str) -> None:
    answer = await gateway.alice.http.post(path, content=WAV, headers={"content-type": "audio/wav"})
    assert (answer.status_code, "multipart/form-data" in answer.text) == (415, True)


async def test_a_form_may_come_in_any_pieces(bounded: Gateway) -> None:
    whole = field("model", "whisper-1") + FILE + WAV + END

    async def body() -> AsyncIterator[bytes]:
        for at in range(0, len(whole), 7):
            yield whole[at : at + 7]

    job = await bounded.read((await sent(bounded, body())).json()["id"])
    assert await bounded.services.objects.get_bytes(job.inputs["file"], limit_bytes=10_000) == WAV
