"""The step of chats: what it says in a stream, and goes on from when somebody else has begun."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from storage.completions import Said, heard
from storage.errors import EngineFailed
from storage.job import Job, Kind, OutputStatus, Status
from storage.store import Store
from tests.waiting import until
from tests.workers.jobs import admit, read
from workers.chat import chat
from workers.engines.base import Made, Report
from workers.engines.pieces import Pieces
from workers.outcomes import NoLongerHeld
from workers.spool import Spool

PIECES = ["Hel", "lo ", "there."]
WHOLE = "".join(PIECES)


class Model:
    """Says the pieces, from where it is told to; breaks after `most` of them, once they `were_said`."""

    def __init__(self, most: int = len(PIECES), were_said: Callable[[], Awaitable[bool]] | None = None) -> None:
        self.most, self.were_said, self.tasks = most, were_said, list[Mapping[str, Any]]()

    async def generate(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        self.tasks.append(task)
        text, pieces = task["said"]["text"], Pieces(folder)
        for word in PIECES[: self.most]:
            if not WHOLE.startswith(text + word):
                continue
            text += word
            pieces.leave(msgspec.json.encode({"text": word, "logprobs": []}))
            report(0.5)
            await asyncio.sleep(0.02)
        if self.were_said:
            await until(self.were_said)
            raise EngineFailed("it breaks here")
        return Made([], {"text": text, "finish_reason": "stop", "usage": {"prompt_tokens": 1, "completion_tokens": 3}})


class Bench:
    """What a worker has around the step."""

    def __init__(self, store: Store, spool: Path) -> None:
        self.store, self.spool, self.model = store, Spool(spool), Model()

    async def claim(self, items: int = 1, **request: Any) -> Job:
        asked = {"messages": [], **request}
        await admit(self.store, "chat", kind=Kind.CHAT, lane="chat", engine="smollm2", items=items, request=asked)
        return await self.again()

    async def again(self) -> Job:
        """The job in the hands of the next worker."""
        _, (job,) = await self.store.queue.claim("chat", 1, lease_s=30)
        return job

    async def run(self, job: Job) -> Job:
        """The job after a step that has ended well."""
        ctx = {"store": self.store, "spool": self.spool, "engines": {"smollm2": self.model.generate}}
        fields = await chat(ctx, job)
        assert await self.store.queue.advance(job.id, Status.SUCCEEDED, token=job.token, **fields)
        assert not (self.spool.root / job.id).exists()
        return await read(self.store, job.id)

    async def events(self, job: Job) -> list[bytes]:
        return (await self.store.chats.read(job.id, job.owner, 0)).events

    async def taken_over(self, job: Job) -> Job:
        """The job once its worker has vanished."""
        assert await self.store.queue.advance(job.id, Status.QUEUED, token=job.token)
        return await self.again()


@pytest.fixture
def bench(store: Store, tmp_path: Path) -> Bench:
    return Bench(store, tmp_path)


async def test_an_answer_is_in_the_record_whole(bench: Bench) -> None:
    job = await bench.run(await bench.claim())
    (output,) = job.outputs
    assert (output.role, output.status, output.metadata["text"]) == ("text", OutputStatus.STORED, WHOLE)
    assert (output.size_bytes, output.object_key) == (len(WHOLE), None)
    assert not await bench.store.redis.exists(f"chat:{job.id}")


async def test_a_stream_has_each_piece_and_an_end(bench: Bench) -> None:
    job = await bench.run(await bench.claim(streamed=True))
    assert heard(await bench.events(job)) == {0: Said(WHOLE, [], ended=True)}
    read_again = await bench.store.chats.read(job.id, job.owner, 0)
    assert read_again.over
    assert len(read_again.events) == 6  # the role, three pieces, the end, [DONE]


async def test_a_refusal_is_told_apart_from_what_was_wanted(bench: Bench) -> None:
    class Unwilling(Model):
        async def generate(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
            usage = {"prompt_tokens": 1, "completion_tokens": 1}
            return Made([], {"text": "No.", "refusal": True, "finish_reason": "stop", "usage": usage})

    bench.model = Unwilling()
    job = await bench.run(await bench.claim(streamed=True))
    deltas = [msgspec.json.decode(event[6:])["choices"][0]["delta"] for event in (await bench.events(job))[:-1]]
    assert deltas == [{"role": "assistant", "content": ""}, {"refusal": "No."}, {}]


async def test_several_answers_come_one_after_the_other(bench: Bench) -> None:
    job = await bench.run(await bench.claim(items=2, streamed=True))
    assert heard(await bench.events(job)) == {0: Said(WHOLE, [], ended=True), 1: Said(WHOLE, [], ended=True)}
    first, second = bench.model.tasks
    assert first["seed"] != second["seed"]


async def test_the_next_attempt_goes_on_from_what_was_said(bench: Bench) -> None:
    job = await bench.claim(streamed=True)

    async def were_said() -> bool:
        return len(await bench.events(job)) == 3

    bench.model = Model(2, were_said)
    with pytest.raises(EngineFailed):
        await bench.run(job)
    assert heard(await bench.events(job)) == {0: Said("Hello ", [])}
    job, bench.model = await bench.taken_over(job), Model()
    job = await bench.run(job)
    assert bench.model.tasks[0]["said"] == {"text": "Hello ", "logprobs": []}
    assert heard(await bench.events(job)) == {0: Said(WHOLE, [], ended=True)}
    assert job.outputs[0].metadata["text"] == WHOLE


async def test_what_is_reported_is_not_made_again_however_much_of_it_was_said(bench: Bench) -> None:
    job = await bench.claim(items=2, streamed=True)
    fields = await chat({"store": bench.store, "spool": bench.spool, "engines": {"smollm2": bench.model.generate}}, job)
    assert fields["progress"] == 1.0
    job, bench.model = await bench.taken_over(job), Model()
    job = await bench.run(job)
    assert bench.model.tasks == []
    assert len(await bench.events(job)) == 11


async def test_who_has_lost_the_job_says_nothing_more(bench: Bench) -> None:
    job = await bench.claim(streamed=True)
    now = await bench.taken_over(job)
    ctx = {"store": bench.store, "spool": bench.spool, "engines": {"smollm2": bench.model.generate}}
    with pytest.raises(NoLongerHeld):
        await chat(ctx, job)
    assert await bench.events(now) == []


async def test_a_stream_that_is_kept_no_more_is_begun_again(bench: Bench) -> None:
    job = await bench.claim(streamed=True)
    await bench.store.chats.begin(job.id, job.owner)
    await bench.store.redis.delete(f"chat:{job.id}", f"said:{job.id}")
    job = await bench.run(job)
    assert heard(await bench.events(job)) == {0: Said(WHOLE, [], ended=True)}
