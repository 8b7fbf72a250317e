"""OpenAI's own client loses patience, asks again, and finds what it has asked for."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from cli.embedded import Redis
from tests.api.gateway import Gateway, storage_settings
from tests.api.granian import Server, served
from tests.api.images import asked, drawn, picture, shown
from tests.waiting import until


@pytest.fixture(scope="module")
def server(redis_server: Redis, s3: dict[str, Any]) -> Iterator[Server]:
    with served(storage_settings(redis_server.url, s3)) as running:
        yield running


@pytest.fixture
def attempts() -> list[str]:
    """What the client says of how often it has tried, at each attempt."""
    return []


@pytest.fixture
def client(server: Server, stocked: Gateway, attempts: list[str]) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=stocked.alice.secret, timeout=1.0, max_retries=9) as client:
        send = client._client.send

        def counted(request: Any, **how: Any) -> Any:
            attempts.append(request.headers["x-stainless-retry-count"])
            return send(request, **how)

        client._client.send = counted  # type: ignore[method-assign]
        yield client


async def test_its_own_retry_attaches_to_the_running_job(
    client: openai.OpenAI, stocked: Gateway, attempts: list[str]
) -> None:
    png = picture()
    once = {"Idempotency-Key": "only-once"}
    editing = asyncio.create_task(
        asyncio.to_thread(client.images.with_raw_response.edit, image=png, prompt="a hat", extra_headers=once)
    )
    job = await asked(stocked)
    await until(lambda: len(attempts) >= 3, "two retries")
    output = job.outputs[0]
    output.width_px, output.height_px = 96, 64
    await stocked.store(job, 1, png, kind="image/png")
    await stocked.end(job, outputs=job.outputs)
    answer = await editing
    assert attempts[:3] == ["0", "1", "2"]
    assert (answer.headers["x-job-id"], answer.headers["idempotent-replayed"]) == (job.id, "true")
    url = answer.parse().data[0].url
    async with httpx.AsyncClient() as http:
        assert shown((await http.get(url)).content) == ("PNG", (96, 64))
    _, more = await stocked.services.store.queue.claim("engines", 1, lease_s=1)
    assert not more


async def test_who_leaves_stops_no_job(client: openai.OpenAI, stocked: Gateway) -> None:
    impatient = client.with_options(max_retries=0, timeout=0.3)

    def ask() -> None:
        with pytest.raises(openai.APITimeoutError):
            impatient.images.generate(prompt="a cat")

    await asyncio.to_thread(ask)
    job = await drawn(stocked, picture())
    assert (await stocked.alice.job(job.id))["status"] == "succeeded"
