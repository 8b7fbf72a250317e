"""Whoever listens to speech hears all of it, or is cut off: whatever is killed meanwhile, nobody hears half for all."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from cli.gateway import Gateway
from storage.ids import output_id
from storage.job import Job, Status
from tests.cli.sketch import sketch_gateway
from tests.gateway import Visitor, part
from tests.kills.control import let, makings
from tests.kills.killer import API, REDIS, S3, WORKER, Killer
from tests.waiting import until
from tests.workers.sketch_speaker import HEARD, PIECES, STORED, spoken

SPEECH = "/v1/audio/speech"
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with sketch_gateway(tmp_path_factory.mktemp("killed"), lease_s="2", engine_slots="2") as gateway:
        yield gateway


class Listener:
    """One who asks for speech, and reads it as it comes. `control`: the folder that the speaker is told by."""

    def __init__(self, visitor: Visitor, control: Path, **headers: str) -> None:
        self._visitor, self._control = visitor, control
        self.heard, self.job, self.status = b"", "", 0
        self._reading = asyncio.create_task(self._read(headers))

    async def _read(self, headers: dict[str, str]) -> bool:
        """Whether it came to a proper end."""
        body = {"input": str(self._control), "voice": "nova", "response_format": "wav"}
        try:
            async with self._visitor.http.stream("POST", SPEECH, json=body, headers=headers, timeout=90) as answer:
                self.status, self.job = answer.status_code, answer.headers["x-job-id"]
                async for data in answer.aiter_bytes():
                    self.heard += data
        except httpx.TransportError:
            return False
        return True

    async def hears(self, count: int) -> None:
        """Returns when so many pieces have been heard."""
        size = sum(len(spoken(number)) for number in range(1, count + 1))
        await until(lambda: len(self.heard) >= size, f"{count} pieces", limit_s=PATIENCE_S)
        assert len(self.heard) == size

    async def is_whole(self) -> bool:
        async with asyncio.timeout(PATIENCE_S):
            return await self._reading

    async def ended(self) -> Job:
        return await self._visitor.ended(output_id(self.job, 1))


async def stored(visitor: Visitor, job: Job) -> bytes:
    assert job.status == Status.SUCCEEDED, job.error
    return await visitor.objects.get_bytes(str(job.output(1).object_key), limit_bytes=1 << 20)


async def test_each_piece_is_heard_before_the_next_is_made_and_the_end_before_the_jobs(
    gateway: Gateway, visitor: Visitor, tmp_path: Path
) -> None:
    listener = Listener(visitor, tmp_path)
    for number in range(1, PIECES):
        let(tmp_path, number)
        await listener.hears(number)
        assert makings(tmp_path) == [*range(1, number + 1)]
    s3 = part(gateway, S3)
    await asyncio.to_thread(s3.kill)
    try:
        let(tmp_path, PIECES)
        assert await listener.is_whole()
        assert listener.heard == HEARD
        assert not (await visitor.record(output_id(listener.job, 1))).ended
    finally:
        await asyncio.to_thread(s3.start)
    assert await stored(visitor, await listener.ended()) == STORED


@pytest.mark.parametrize("victim", [WORKER, "the engine", REDIS])
async def test_a_kill_in_the_middle_is_not_heard(
    gateway: Gateway, visitor: Visitor, killer: Killer, tmp_path: Path, victim: str
) -> None:
    let(tmp_path, 1, 2)
    listener = Listener(visitor, tmp_path)
    await listener.hears(2)
    await (killer.strike_engine() if victim == "the engine" else killer.strike(victim))
    let(tmp_path, 3, 4)
    if await listener.is_whole():
        assert listener.heard == HEARD
    else:
        assert victim == REDIS  # it may be away for longer than a listener is kept waiting
        assert HEARD.startswith(listener.heard)
    assert await stored(visitor, await listener.ended()) == STORED


async def test_a_worker_that_comes_to_another_sound_cuts_the_listener_off(
    visitor: Visitor, killer: Killer, tmp_path: Path
) -> None:
    let(tmp_path, 1, 2)
    listener = Listener(visitor, tmp_path)
    await listener.hears(2)
    (tmp_path / "other").touch()
    await killer.strike(WORKER)
    let(tmp_path, 3, 4)
    assert not await listener.is_whole()
    assert listener.heard == spoken(1) + spoken(2)
    assert b"anders" in await stored(visitor, await listener.ended())


async def test_a_sound_that_is_found_bad_at_its_end_has_no_end(visitor: Visitor, tmp_path: Path) -> None:
    (tmp_path / "fail").touch()
    let(tmp_path, 1, 2)
    listener = Listener(visitor, tmp_path)
    await listener.hears(2)
    answer = await visitor.http.post(f"/v1/jobs/{listener.job}/cancel")  # or it would be tried again
    assert answer.status_code == 200
    let(tmp_path, 3, 4)
    assert not await listener.is_whole()
    assert HEARD.startswith(listener.heard)


async def test_who_is_cut_off_by_the_end_of_the_api_hears_the_same_job_again(
    visitor: Visitor, killer: Killer, tmp_path: Path
) -> None:
    let(tmp_path, 1, 2)
    once = {"Idempotency-Key": "cut-off"}
    listener = Listener(visitor, tmp_path, **once)
    await listener.hears(2)
    await killer.strike(API)
    assert not await listener.is_whole()
    again = Listener(visitor, tmp_path, **once)
    await again.hears(2)
    let(tmp_path, 3, 4)
    assert await again.is_whole()
    assert (again.heard, again.job) == (HEARD, listener.job)
    assert await stored(visitor, await again.ended()) == STORED
    assert makings(tmp_path) == [1, 2, 3, 4]


async def test_a_stop_of_the_api_in_good_order_cuts_off_too(gateway: Gateway, visitor: Visitor, tmp_path: Path) -> None:
    let(tmp_path, 1)
    listener = Listener(visitor, tmp_path)
    await listener.hears(1)
    api = part(gateway, API)
    await asyncio.to_thread(api.stop)
    try:
        assert not await listener.is_whole()
    finally:
        await asyncio.to_thread(api.start)
    let(tmp_path, 2, 3, 4)
    assert await stored(visitor, await listener.ended()) == STORED


async def test_a_listener_who_leaves_stops_nothing(gateway: Gateway, visitor: Visitor, tmp_path: Path) -> None:
    let(tmp_path, 1)
    listener = Listener(visitor, tmp_path)
    await listener.hears(1)
    listener._reading.cancel()
    await asyncio.gather(listener._reading, return_exceptions=True)
    let(tmp_path, 2, 3, 4)
    assert await stored(visitor, await listener.ended()) == STORED
    with redis.Redis.from_url(gateway.environment["GATEWAY_REDIS_URL"]) as client:
        channel: Any = f"job:{listener.job}"
        await until(lambda: dict(client.pubsub_numsub(channel)).get(channel.encode(), 0) == 0, "nobody listens")
        assert 0 < client.ttl(f"sound:{listener.job}") <= 300
