"""OpenAI's own client, as it comes, keeps its files and runs its batches here."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from cli.embedded import Redis
from storage.ids import new_batch_id, new_file_id
from tests.api.batches import FAIL, GENERATE, jsonl, line, working
from tests.api.gateway import Gateway, storage_settings
from tests.api.granian import Server, served
from tests.waiting import until


@pytest.fixture(scope="module")
def server(redis_server: Redis, s3: dict[str, Any]) -> Iterator[Server]:
    with served(storage_settings(redis_server.url, s3)) as running:
        yield running


@pytest.fixture
def client(server: Server, stocked: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=stocked.alice.secret, max_retries=0) as client:
        yield client


async def ended(client: openai.OpenAI, id: str) -> Any:
    """The batch, polled until it has ended."""

    async def look() -> Any:
        batch = await asyncio.to_thread(client.batches.retrieve, id)
        return batch if batch.status in ("completed", "failed", "expired", "cancelled") else None

    return await until(look, "the batch has ended")


async def test_it_runs_a_batch_from_its_file_to_its_results(client: openai.OpenAI, stocked: Gateway) -> None:
    lines = jsonl([line(f"c{n}", prompt=FAIL if n == 7 else "la la la") for n in range(20)])
    file = await asyncio.to_thread(client.files.create, file=("songs.jsonl", lines), purpose="batch")
    assert (file.bytes, file.filename, file.purpose, file.status) == (len(lines), "songs.jsonl", "batch", "processed")
    batch: Any = await asyncio.to_thread(
        client.batches.create,
        input_file_id=file.id,
        endpoint=GENERATE,  # type: ignore[arg-type]  # not one of OpenAI's own
        completion_window="24h",
        metadata={"night": "17"},
        output_expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert (batch.status, batch.metadata) == ("validating", {"night": "17"})
    async with working(stocked.services.store):
        batch = await ended(client, batch.id)
    assert (batch.status, batch.errors) == ("completed", None)
    assert batch.request_counts.model_dump() == {"total": 20, "completed": 19, "failed": 1}

    output = await asyncio.to_thread(client.files.content, batch.output_file_id)
    told = {each["custom_id"]: each for each in map(json.loads, output.text.splitlines())}
    assert told.keys() == {f"c{n}" for n in range(20)} - {"c7"}
    errors = await asyncio.to_thread(client.files.content, batch.error_file_id)
    (failed,) = map(json.loads, errors.text.splitlines())
    assert (failed["custom_id"], failed["response"]["body"]["error"]["code"]) == ("c7", "engine_failed")

    kept: Any = await asyncio.to_thread(client.files.retrieve, batch.output_file_id)
    assert kept.expires_at == pytest.approx(batch.completed_at + 3600, abs=2)
    listed = await asyncio.to_thread(lambda: [each.id for each in client.batches.list(limit=1)])
    assert listed == [batch.id]


async def test_it_cancels_a_batch(client: openai.OpenAI, stocked: Gateway) -> None:
    file = await asyncio.to_thread(client.files.create, file=jsonl([line("a"), line("b")]), purpose="batch")
    assert file.filename == "upload"
    batch: Any = await asyncio.to_thread(
        client.batches.create,
        input_file_id=file.id,
        endpoint=GENERATE,  # type: ignore[arg-type]
        completion_window="24h",
    )
    cancelling = await asyncio.to_thread(client.batches.cancel, batch.id)
    assert cancelling.status in ("cancelling", "cancelled")
    assert (await ended(client, batch.id)).status == "cancelled"
    assert stocked.alice.key.id


async def test_it_learns_which_lines_are_wrong(client: openai.OpenAI) -> None:
    lines = jsonl([line("a"), line("a"), line("c", mv="none")])
    file = await asyncio.to_thread(client.files.create, file=("x", lines), purpose="batch")
    batch: Any = await asyncio.to_thread(
        client.batches.create,
        input_file_id=file.id,
        endpoint=GENERATE,  # type: ignore[arg-type]
        completion_window="24h",
    )
    batch = await ended(client, batch.id)
    assert [(each.line, each.code, each.param) for each in batch.errors.data] == [
        (2, "duplicate_custom_id", "custom_id"),
        (3, "model_not_found", "body.mv"),
    ]


async def test_it_lists_and_deletes_all_of_its_files(client: openai.OpenAI) -> None:
    def work() -> tuple[set[str], set[str], list[str]]:
        made = {client.files.create(file=b"x", purpose="user_data").id for _ in range(5)}
        found = set()
        for file in client.files.list(limit=2):
            found.add(file.id)
            assert client.files.delete(file.id).deleted
        return made, found, [file.id for file in client.files.list()]

    made, found, left = await asyncio.to_thread(work)
    assert found == made
    assert left == []


async def test_its_errors_are_its_own(client: openai.OpenAI, server: Server) -> None:
    def missing() -> None:
        client.files.retrieve(new_file_id())

    def wrong() -> None:
        client.files.create(file=b"x", purpose="mischief")  # type: ignore[arg-type]

    def unknown() -> None:
        with openai.OpenAI(base_url=f"{server.url}/v1", api_key="sk-none", max_retries=0) as stranger:
            stranger.batches.retrieve(new_batch_id())

    for call, kind, code, param in (
        (missing, openai.NotFoundError, "not_found", None),
        (wrong, openai.BadRequestError, "invalid_request", "purpose"),
        (unknown, openai.AuthenticationError, "invalid_api_key", None),
    ):
        with pytest.raises(openai.APIStatusError) as raised:
            await asyncio.to_thread(call)
        assert isinstance(raised.value, kind)
        assert (raised.value.code, raised.value.param) == (code, param)
        assert raised.value.message
        assert raised.value.request_id


async def test_it_reads_a_file_in_parts(client: openai.OpenAI, server: Server, stocked: Gateway) -> None:
    file = await asyncio.to_thread(client.files.create, file=("x", b"0123456789"), purpose="user_data")
    headers = {"authorization": f"Bearer {stocked.alice.secret}", "range": "bytes=3-5"}
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{server.url}/v1/files/{file.id}/content", headers=headers)
    assert (answer.status_code, answer.content) == (206, b"345")
