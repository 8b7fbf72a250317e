"""Webhooks from start to end: a whole gateway, all of its processes real, and a receiver that checks what it gets."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest
from openai import OpenAI
from standardwebhooks import Webhook as Verifier

from cli.gateway import Gateway
from tests.gateway import SONG, Visitor, part, visiting, whole_gateway
from tests.storage.receiver import OK, Asked, Receiver, always, receiving
from tests.waiting import until

PATIENCE_S = 90.0
BURST = 120


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One that may call this machine, and takes over a dead worker's work within 2 s."""
    folder = tmp_path_factory.mktemp("webhooks")
    with whole_gateway(folder, lease_s="2", outbound_allow="127.0.0.1") as gateway:
        yield gateway


@pytest.fixture
async def visitor(gateway: Gateway) -> AsyncIterator[Visitor]:
    async with visiting(gateway.data) as visitor:
        yield visitor


async def call(visitor: Visitor, method: str, path: str, status: int = 200, **options: Any) -> Any:
    answer = await visitor.http.request(method, path, **options)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def test_a_song_s_events_arrive_verified_at_the_endpoint_and_at_the_song_s_own_url(visitor: Visitor) -> None:
    async with receiving(always(OK)) as receiver:
        endpoint = await call(
            visitor, "POST", "/v1/webhooks", 201, json={"url": receiver.url("/all"), "events": ["job.*"]}
        )
        default = (await call(visitor, "GET", "/v1/webhooks/secret"))["key"]
        headers = {"x-webhook-url": receiver.url("/one?song=7")}
        song = await visitor.post("/v1/suno/api/generate/v2/", SONG, **headers)
        job = song["id"]
        await until(lambda: "/one?song=7" in [asked.path for asked in receiver.asked], "its end", limit_s=PATIENCE_S)
        await until(lambda: "job.succeeded" in types(receiver, "/all"), "its end", limit_s=PATIENCE_S)
        await visitor.http.delete(f"/v1/jobs/{job}")
        await until(lambda: "job.deleted" in types(receiver, "/all"), "its deletion", limit_s=PATIENCE_S)
        await call(visitor, "DELETE", f"/v1/webhooks/{endpoint['id']}", 204)
    told = types(receiver, "/all")
    assert told | {"job.progress"} == {
        *("job.queued", "job.started", "job.progress", "job.output", "job.succeeded", "job.deleted")
    }
    (own,) = [asked for asked in receiver.asked if asked.path != "/all"]
    event = Verifier(default).verify(own.body, own.headers)
    assert (event["type"], event["data"]["id"], event["data"]["status"]) == ("job.succeeded", job, "succeeded")
    assert {output["url"].startswith("http://127.0.0.1") for output in event["data"]["outputs"]} == {True}
    for asked in receiver.asked:
        if asked.path == "/all":
            Verifier(endpoint["signing_secret"]).verify(asked.body, asked.headers)
            unwrap = OpenAI(api_key="unused").webhooks.unwrap
            unwrap(asked.body, asked.headers, secret=endpoint["signing_secret"])
    assert len({(asked.headers["webhook-id"], asked.body) for asked in receiver.asked}) == len({*ids(receiver)})


def types(receiver: Receiver, path: str) -> set[str]:
    return {f"job.{event_words(asked)}" for asked in receiver.asked if asked.path == path}


def event_words(asked: Asked) -> str:
    """The first word of the event that a webhook's id names."""
    return asked.headers["webhook-id"].split("_")[2]


@pytest.mark.parametrize("victims", [("the worker",), ("Redis",), ("the worker", "Redis", "the api")], ids=" and ".join)
async def test_every_event_arrives_though_processes_are_killed_while_it_is_under_way(
    gateway: Gateway, visitor: Visitor, victims: tuple[str, ...]
) -> None:
    async def unhurried(_: Asked) -> AsyncIterator[bytes]:
        await asyncio.sleep(0.05)
        yield OK

    path = f"/{uuid4().hex}"
    async with receiving(unhurried) as receiver:
        endpoint = await call(visitor, "POST", "/v1/webhooks", 201, json={"url": receiver.url(path)})
        jobs = [await canceled(visitor) for _ in range(BURST)]
        for progress in (10, 40):
            await until(lambda: len(receiver.asked) > progress, f"{progress} webhooks", limit_s=PATIENCE_S)  # noqa: B023
            for name in victims:
                await asyncio.to_thread(part(gateway, name).kill)
            for name in reversed(victims):
                await asyncio.to_thread(part(gateway, name).start)
        wanted = {f"evt_{job.replace('-', '')}_canceled" for job in jobs}
        await until(lambda: {*ids(receiver)} == wanted, "every event", limit_s=PATIENCE_S)
        await until(lambda: delivered(visitor, endpoint["id"], BURST), "every delivery said to be", limit_s=PATIENCE_S)
        await call(visitor, "DELETE", f"/v1/webhooks/{endpoint['id']}", 204)
    assert len({(asked.headers["webhook-id"], asked.body) for asked in receiver.asked}) == BURST
    for asked in receiver.asked:
        Verifier(endpoint["signing_secret"]).verify(asked.body, asked.headers)
    assert len(receiver.asked) < 2 * BURST


def ids(receiver: Receiver) -> list[str]:
    return [asked.headers["webhook-id"] for asked in receiver.asked]


async def canceled(visitor: Visitor) -> str:
    job: str = (await call(visitor, "POST", "/v1/jobs", 202, json={"kind": "music.generate", "input": SONG}))["id"]
    await call(visitor, "POST", f"/v1/jobs/{job}/cancel")
    return job


async def delivered(visitor: Visitor, endpoint: str, count: int) -> bool:
    page = await visitor.store.jobs.page(endpoint, limit=2 * count)
    return [job.status for job in page.jobs] == ["succeeded"] * count
