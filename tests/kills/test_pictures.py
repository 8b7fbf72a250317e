"""Whoever waits for a picture gets it, or its job, whatever is killed meanwhile; and nothing is made twice."""

import asyncio
import base64
from typing import Any

import httpx
import pytest

from cli.gateway import Gateway
from storage.ids import output_id
from storage.job import OutputStatus, Status
from storage.media import inputs_prefix
from tests.api.images import data_uri, picture, shown
from tests.gateway import Visitor
from tests.kills.killer import API, MAKING_FIRST, REDIS, S3, WORKER, Killer
from tests.waiting import until

SIDE = 768
"""Large enough for a kill to come in time."""

BODY: dict[str, Any] = {
    "prompt": "watercolour",
    "init_images": [data_uri(picture((128, 128)))],
    "width": SIDE,
    "height": SIDE,
    "denoising_strength": 0.6,
    "seed": 5,
    "batch_size": 2,
}
IMG2IMG = "/v1/sdapi/v1/img2img"


async def newest(visitor: Visitor) -> str:
    """The id of the first picture of the caller's newest job, which runs."""

    async def look() -> str | None:
        data = (await visitor.http.get("/v1/feed", params={"kind": "image.edit", "status": "running"})).json()["data"]
        return output_id(data[0]["id"], 1) if data else None

    id = await until(look, "a picture that is being made")
    assert isinstance(id, str)
    return id


def ask(visitor: Visitor, key: str) -> "asyncio.Task[httpx.Response]":
    headers = {"idempotency-key": key}
    return asyncio.create_task(visitor.http.post(IMG2IMG, json=BODY, headers=headers, timeout=90))


async def whole(visitor: Visitor, answer: httpx.Response) -> None:
    """The answer has both pictures; the job was done once, and what it was given is gone, or about to go."""
    assert answer.status_code == 200, answer.text
    assert [shown(base64.b64decode(image)) for image in answer.json()["images"]] == [("PNG", (SIDE, SIDE))] * 2
    job = await visitor.ended(output_id(answer.headers["x-job-id"], 1))
    assert job.status == Status.SUCCEEDED
    assert [output.status for output in job.outputs] == [OutputStatus.STORED] * 2
    assert (await visitor.told(job)).count("succeeded") == 1

    listed = await visitor.store.redis.zscore("erase", inputs_prefix(job.id))
    assert listed or not [key async for key in visitor.objects.list_keys(inputs_prefix(job.id))]


@pytest.mark.parametrize("victim", [WORKER, REDIS, S3])
async def test_a_picture_is_made_and_answered_though_what_makes_it_is_killed(
    gateway: Gateway, visitor: Visitor, killer: Killer, victim: str
) -> None:
    asking = ask(visitor, f"killed-{victim[-5:]}".replace(" ", "-"))
    id = await newest(visitor)
    async with killer.frozen_engine():
        await visitor.when(id, **MAKING_FIRST)
        await killer.strike(victim)
    await whole(visitor, await asking)


async def test_who_asks_again_after_the_api_was_killed_gets_the_picture_that_is_being_made(
    gateway: Gateway, visitor: Visitor, killer: Killer
) -> None:
    asking = ask(visitor, "killed-api")
    id = await newest(visitor)
    async with killer.frozen_engine():
        await killer.strike(API)
        with pytest.raises(httpx.TransportError):
            await asking
        again = ask(visitor, "killed-api")
    answer = await again
    assert output_id(answer.headers["x-job-id"], 1) == id
    assert answer.headers["idempotent-replayed"] == "true"
    await whole(visitor, answer)
