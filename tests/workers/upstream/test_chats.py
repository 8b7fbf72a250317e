"""A chat at a fake of OpenAI: what is asked and said, in its job's record; and what becomes of a lost answer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from cli.fakes.faults import parse
from cli.fakes.server import FakeUpstream
from storage.completions import BODY, completion
from storage.job import Cost, Job, Kind, OutputStatus, Status
from tests.proxy import Proxy
from tests.waiting import until
from tests.workers.upstream.bench import Bench
from workers.upstream.submit import submit

UNITS = 2.0


@pytest.fixture
async def fake(bench: Bench) -> AsyncIterator[FakeUpstream]:
    async with bench.fake("openai", 0.05) as fake:
        bench.account("shop", fake, models=["gpt-4o"], path="/v1", cost=f"{{ chat = {UNITS} }}")
        yield fake


async def chat(bench: Bench, text: str = "say: Hello", **body: Any) -> Job:
    asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **body}
    more: dict[str, Any] = {"items": body.get("n", 1), "dialect": "openai", "model": "gpt-4o"}
    return await bench.admit(Kind.CHAT, {BODY: asked}, **more)


async def test_each_choice_is_an_output_without_a_file(bench: Bench, fake: FakeUpstream) -> None:
    async with bench.worker():
        done = await bench.ended(await chat(bench, n=3))
    assert (done.status, done.account, done.served_by) == (Status.SUCCEEDED, "shop", "openai"), done.error
    assert [output.metadata["text"] for output in done.outputs] == ["Hello"] * 3
    for output in done.outputs:
        assert (output.status, output.object_key, output.size_bytes) == (OutputStatus.STORED, None, 5)
    assert [choice["index"] for choice in completion(done)["choices"]] == [0, 1, 2]
    assert done.cost == Cost(UNITS, certain=True)
    (spent,) = await bench.store.ledger.of("shop")
    assert (spent.units, spent.jobs) == (UNITS, 1)
    assert len(fake.ledger.accepts) == 1


async def test_its_account_s_proxy_is_on_the_way(bench: Bench) -> None:
    async with bench.fake("openai", 0.05) as fake, Proxy().serving() as proxy:
        bench.account("far", fake, models=["gpt-4o"], path="/v1", proxy=f'"http://127.0.0.1:{proxy.port}"')
        async with bench.worker():
            done = await bench.ended(await chat(bench))
        assert (done.status, done.account, len(fake.ledger.accepts)) == (Status.SUCCEEDED, "far", 1), done.error
        assert any(
            head.startswith(f"POST {fake.url}/v1/chat/completions HTTP/1.1\r\n".encode()) for head in proxy.heads
        )


async def test_what_was_said_is_not_asked_again_by_whoever_goes_on(bench: Bench, fake: FakeUpstream) -> None:
    job = await chat(bench)
    async with bench.worker():
        await bench.ended(job)
    (done,) = await bench.store.jobs.get(job.id)
    assert done
    found = [output.metadata for output in done.outputs]
    assert found[0]["completion"]["choices"]
    accepts = len(fake.ledger.accepts)
    again = await chat(bench)
    _, (held,) = await bench.store.queue.claim("upstream", 1, lease_s=60, taken=Status.SUBMITTING)
    assert held.id == again.id
    held.outputs = done.outputs  # as an attempt left it that died before its last move
    ctx = {"accounts": bench.accounts, "adapters": {}, "sending": None, "callbacks": None}
    fields = await submit({**ctx, **bench.parts("again")}, held)
    assert fields["outputs"] == done.outputs
    assert len(fake.ledger.accepts) == accepts


@pytest.mark.parametrize("fault", ["reset_before,times=1", "html,times=1", "cut_json,times=1"])
async def test_an_answer_that_is_lost_leaves_the_chat_in_doubt(bench: Bench, fake: FakeUpstream, fault: str) -> None:
    fake.world.faults.set([parse(fault)])
    async with bench.worker():
        job = await bench.when(await chat(bench), Status.IN_DOUBT)
        assert len(fake.ledger.accepts) <= 1
        fake.world.faults.set([])
        assert await bench.store.upstreams.resubmit(job.id)
        assert (await bench.ended(job)).status == Status.SUCCEEDED


async def test_a_refusal_is_told_and_costs_nothing(bench: Bench, fake: FakeUpstream) -> None:
    async with bench.worker():
        done = await bench.ended(await chat(bench, temperature=9))
    assert (done.status, done.cost) == (Status.FAILED, None)
    assert done.error
    assert done.error.code == "upstream_refused"
    assert "temperature" in done.error.message
    assert not fake.ledger.accepts


async def test_a_chat_that_is_canceled_while_it_is_asked_ends_canceled(bench: Bench, fake: FakeUpstream) -> None:
    fake.world.faults.set([parse("slow=0.5,times=1")])
    async with bench.worker():
        job = await chat(bench)
        await until(lambda: asyncio.sleep(0, len(fake.ledger.accepts)), "it is being answered")
        assert await bench.store.jobs.cancel(job)
        assert (await bench.ended(job)).status == Status.CANCELED
    assert len(fake.ledger.accepts) == 1
