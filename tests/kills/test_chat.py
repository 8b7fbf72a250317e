"""Whoever reads along with a chat reads all of it once, and nothing else: whatever is killed meanwhile."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.gateway import Gateway
from storage.ids import output_id
from storage.job import Job, Status
from tests.cli.sketch import sketch_gateway
from tests.gateway import Visitor
from tests.kills.control import let, makings
from tests.kills.killer import API, REDIS, WORKER, Killer
from tests.waiting import until
from tests.workers.sketch_talker import WHOLE, WORDS

CHAT = "/v1/chat/completions"
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with sketch_gateway(tmp_path_factory.mktemp("killed"), lease_s="2") as gateway:
        yield gateway


class Reader:
    """One who reads a stream as it comes: a new one, or the rest of `stream` after event `after`."""

    def __init__(self, visitor: Visitor, control: Path, stream: str = "", after: int = 0) -> None:
        self._visitor, self._stream, self._after = visitor, stream, after
        self.events: list[str] = []
        self.job = ""
        self.reading = asyncio.create_task(self._read(control))

    @property
    def text(self) -> str:
        chunks = [json.loads(event) for event in self.events if event != "[DONE]"]
        return "".join(each["choices"][0]["delta"].get("content", "") for each in chunks if each.get("choices"))

    async def _read(self, control: Path) -> bool:
        """Whether the connection came to a proper end."""
        body: dict[str, Any] = {"stream": True, "messages": [{"role": "user", "content": str(control)}]}
        how = {"url": f"{CHAT}/{self._stream}/events?after={self._after}", "method": "GET"}
        asked: dict[str, Any] = how if self._stream else {"url": CHAT, "method": "POST", "json": body}
        try:
            async with self._visitor.http.stream(**asked, timeout=90) as answer:
                assert answer.status_code == 200
                self.job = answer.headers["x-stream-id"]
                async for line in answer.aiter_lines():
                    if line.startswith("data: "):
                        self.events.append(line.removeprefix("data: "))
        except httpx.TransportError:
            return False
        return True

    async def reads(self, count: int) -> None:
        """Returns when so many words have been read."""
        wanted = "".join(WORDS[:count])
        await until(lambda: self.text == wanted, f"{count} words", limit_s=PATIENCE_S)

    async def is_whole(self) -> bool:
        async with asyncio.timeout(PATIENCE_S):
            return await self.reading and self.events[-1] == "[DONE]"

    async def ended(self) -> Job:
        return await self._visitor.ended(output_id(self.job, 1))


async def test_each_word_is_read_before_the_next_is_made(visitor: Visitor, tmp_path: Path) -> None:
    reader = Reader(visitor, tmp_path)
    for number in range(1, len(WORDS)):
        let(tmp_path, number)
        await reader.reads(number)
        assert makings(tmp_path) == [*range(1, number + 1)]
    let(tmp_path, len(WORDS))
    assert await reader.is_whole()
    assert reader.text == WHOLE


@pytest.mark.parametrize("victim", [WORKER, "the engine", REDIS])
async def test_a_kill_in_the_middle_is_not_read(visitor: Visitor, killer: Killer, tmp_path: Path, victim: str) -> None:
    let(tmp_path, 1, 2)
    reader = Reader(visitor, tmp_path)
    await reader.reads(2)
    await (killer.strike_engine() if victim == "the engine" else killer.strike(victim))
    let(tmp_path, 3, 4, 5)
    if await reader.is_whole():
        assert reader.text == WHOLE
    else:
        assert victim == REDIS  # it may be away for longer than a reader is kept waiting
    job = await reader.ended()
    assert (job.status, job.output(1).metadata["text"]) == (Status.SUCCEEDED, WHOLE)
    again = Reader(visitor, tmp_path, stream=job.id)
    assert await again.is_whole()
    assert again.text == WHOLE
    if victim != REDIS:
        assert makings(tmp_path) == [1, 2, 3, 4, 5]


async def test_who_is_cut_off_by_the_end_of_the_api_reads_the_rest(
    visitor: Visitor, killer: Killer, tmp_path: Path
) -> None:
    let(tmp_path, 1, 2)
    reader = Reader(visitor, tmp_path)
    await reader.reads(2)
    await killer.strike(API)
    assert not await reader.reading
    again = Reader(visitor, tmp_path, stream=reader.job, after=len(reader.events))
    let(tmp_path, 3, 4, 5)
    assert await again.is_whole()
    assert reader.text + again.text == WHOLE
    assert makings(tmp_path) == [1, 2, 3, 4, 5]


async def test_a_reader_who_leaves_stops_nothing(visitor: Visitor, tmp_path: Path) -> None:
    let(tmp_path, 1)
    reader = Reader(visitor, tmp_path)
    await reader.reads(1)
    reader.reading.cancel()
    await asyncio.gather(reader.reading, return_exceptions=True)
    let(tmp_path, 2, 3, 4, 5)
    assert (await reader.ended()).output(1).metadata["text"] == WHOLE


async def test_a_cancelled_answer_ends_in_an_error_at_once(visitor: Visitor, tmp_path: Path) -> None:
    let(tmp_path, 1)
    reader = Reader(visitor, tmp_path)
    await reader.reads(1)
    assert (await visitor.http.post(f"/v1/jobs/{reader.job}/cancel")).status_code == 200
    assert not await reader.is_whole()
    assert json.loads(reader.events[-1])["error"]["code"] == "canceled"
    assert reader.text == WORDS[0]
