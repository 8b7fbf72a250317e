"""Chats at accounts as jobs, from outside: a whole gateway, and fakes of the services that count what they take."""

import asyncio
import base64
import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from cli.gateway import Gateway
from storage.completions import MOST_BODY_BYTES
from storage.job import Kind, Status
from tests.cli.fakes.chatting import OPENAI_TOOLS, events_of
from tests.fakes import Fake, fake_upstream
from tests.gateway import Visitor, part, visiting, whole_gateway
from tests.waiting import until

CHAT = "/v1/chat/completions"
SAY = "say: The sea is wide, 見て 🦜!"
WORDS = SAY.removeprefix("say: ")
CALLS = f"call weather and call clock\n{SAY}"
ACCOUNTS = """
[accounts.shop]
adapter = "openai"
base_url = "{openai}/v1"
token_file = "{folder}/token"
models = {{ "somebody" = "gpt-4o-mini", "gpt-4o" = "gpt-4o" }}

[accounts.claude]
adapter = "anthropic"
base_url = "{anthropic}"
token_file = "{folder}/token"
models = {{ "somebody-else" = "claude-haiku-4-5-20251001" }}
"""
MODELS = {"openai": "somebody", "anthropic": "somebody-else"}
FAMILIES = pytest.mark.parametrize("family", MODELS)


class Elsewhere(NamedTuple):
    gateway: Gateway
    fakes: dict[str, Fake]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    folder: Path = tmp_path_factory.mktemp("chatting")
    (folder / "token").write_text("tulip")
    with ExitStack() as at_end:
        fakes = {name: at_end.enter_context(fake_upstream(name, pace_s=0.05)) for name in MODELS}
        file = folder / "gateway.toml"
        file.write_text(ACCOUNTS.format(folder=folder, **{name: fake.url for name, fake in fakes.items()}))
        with whole_gateway(folder / "data", accounts=str(file), lease_s="2.0") as gateway:
            yield Elsewhere(gateway, fakes)


@pytest.fixture
async def visitor(elsewhere: Elsewhere) -> AsyncIterator[Visitor]:
    for fake in elsewhere.fakes.values():
        fake.err()
    async with visiting(elsewhere.gateway.data) as visitor:
        yield visitor


def asked(family: str, text: str = SAY, **more: Any) -> dict[str, Any]:
    return {"model": MODELS[family], "messages": [{"role": "user", "content": text}], **more}


def keyed() -> dict[str, str]:
    return {"Idempotency-Key": uuid4().hex}


async def post(visitor: Visitor, body: Any, status: int = 200, path: str = CHAT, **headers: str) -> httpx.Response:
    answer = await visitor.http.post(path, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer


def same(completion: dict[str, Any]) -> dict[str, Any]:
    """But for the second it was made in."""
    return {name: value for name, value in completion.items() if name != "created"}


@FAMILIES
async def test_with_a_key_a_chat_is_asked_once_and_answered_as_it_is_without(
    elsewhere: Elsewhere, visitor: Visitor, family: str
) -> None:
    body, key = asked(family, CALLS, tools=OPENAI_TOOLS), keyed()
    relayed = await post(visitor, body)
    assert "x-job-id" not in relayed.headers
    first, again = [await post(visitor, body, **key) for _ in range(2)]
    assert same(first.json()) == same(relayed.json())
    assert len(first.json()["choices"][0]["message"]["tool_calls"]) == 2
    assert again.json() == first.json()
    assert again.headers["x-job-id"] == first.headers["x-job-id"]
    assert first.headers["x-gateway-engine"] == relayed.headers["x-gateway-engine"] == family
    assert elsewhere.fakes[family].accepted == 2  # the relayed one, and the job


@FAMILIES
async def test_with_a_key_a_stream_is_made_of_the_answer_and_can_be_gone_on_with(
    elsewhere: Elsewhere, visitor: Visitor, family: str
) -> None:
    body = asked(family, CALLS, tools=OPENAI_TOOLS)
    streamed, key = {**body, "stream": True, "stream_options": {"include_usage": True}}, keyed()
    whole = (await post(visitor, body, **keyed())).json()
    first, again = [await post(visitor, streamed, **key) for _ in range(2)]
    chunks = events_of(first.content)
    assert events_of(again.content) == chunks
    rest = await visitor.http.get(f"{CHAT}/{first.headers['x-stream-id']}/events", params={"after": "2"})
    assert events_of(rest.content) == chunks[2:]
    assert chunks[-1] == "[DONE]"
    assert {chunk["object"] for chunk in chunks[:-1]} == {"chat.completion.chunk"}
    assert chunks[-2]["usage"] == whole["usage"]
    deltas = [choice["delta"] for chunk in chunks[:-1] for choice in chunk["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == WORDS
    (calls,) = [delta["tool_calls"] for delta in deltas if "tool_calls" in delta]
    assert [call.pop("index") for call in calls] == [0, 1]
    assert calls == whole["choices"][0]["message"]["tool_calls"]
    assert elsewhere.fakes[family].accepted == 2


@FAMILIES
async def test_who_will_not_wait_finds_the_answer_in_the_job(
    elsewhere: Elsewhere, visitor: Visitor, family: str
) -> None:
    answer = await post(visitor, asked(family), 202, Prefer="respond-async")
    done = (await visitor.http.get(answer.headers["location"], params={"wait": "30"})).json()
    assert (done["status"], done["kind"], done["model"], done["engine"]) == (
        "succeeded",
        "chat",
        MODELS[family],
        family,
    )
    (output,) = done["outputs"]
    assert (output["text"], output["finish_reason"], output["url"]) == (WORDS, "stop", None)
    assert output["usage"]["completion_tokens"] == len(WORDS.split())
    assert done["cost"] == {"units": None, "certain": True}
    assert "chatcmpl" not in json.dumps(done)
    listed = (await visitor.http.get("/v1/feed", params={"kind": "chat", "limit": "1"})).json()["data"]
    assert listed == [done]
    assert elsewhere.fakes[family].accepted == 1


@FAMILIES
async def test_a_job_of_our_own_surface_may_carry_a_picture(
    elsewhere: Elsewhere, visitor: Visitor, family: str
) -> None:
    noise = BytesIO()
    Image.frombytes("RGB", (200, 200), random.Random(7).randbytes(120_000)).save(noise, "PNG")
    url = "data:image/png;base64," + base64.b64encode(noise.getvalue()).decode()
    assert len(url) > MOST_BODY_BYTES
    content = [{"type": "text", "text": SAY}, {"type": "image_url", "image_url": {"url": url}}]
    body = {"kind": "chat", "model": MODELS[family], "input": {"messages": [{"role": "user", "content": content}]}}
    answer = await post(visitor, body, 202, "/v1/jobs")
    done = (await visitor.http.get(answer.json()["urls"]["self"], params={"wait": "30"})).json()
    assert (done["status"], done["outputs"][0]["text"]) == ("succeeded", WORDS), done
    (record,) = await visitor.store.jobs.get(done["id"])
    assert record
    assert (record.kind, record.status, len(str(record.request)) < 100) == (Kind.CHAT, Status.SUCCEEDED, True)
    assert elsewhere.fakes[family].accepted == 1


@FAMILIES
async def test_a_batch_is_over_chats(elsewhere: Elsewhere, visitor: Visitor, family: str) -> None:
    bodies = [asked(family, f"say: number {number}") for number in range(3)]
    lines = [{"custom_id": str(at), "method": "POST", "url": CHAT, "body": body} for at, body in enumerate(bodies)]
    data = "\n".join(map(json.dumps, lines)).encode()
    file = await visitor.http.post("/v1/files", data={"purpose": "batch"}, files={"file": ("a.jsonl", data)})
    batch = {"input_file_id": file.json()["id"], "endpoint": CHAT, "completion_window": "24h"}
    id = (await post(visitor, batch, path="/v1/batches")).json()["id"]

    async def over() -> Any:
        found = (await visitor.http.get(f"/v1/batches/{id}")).json()
        assert found["status"] in ("validating", "in_progress", "finalizing", "completed"), found
        return found if found["status"] == "completed" else None

    done = await until(over, "the batch")
    written = (await visitor.http.get(f"/v1/files/{done['output_file_id']}/content")).text.splitlines()
    said = {line["custom_id"]: line["response"]["body"] for line in map(json.loads, written)}
    assert {at: body["choices"][0]["message"]["content"] for at, body in said.items()} == {
        str(number): f"number {number}" for number in range(3)
    }
    assert (elsewhere.fakes[family].accepted, elsewhere.fakes[family].duplicates) == (3, 0)


@FAMILIES
async def test_a_chat_whose_worker_died_is_not_asked_again(elsewhere: Elsewhere, visitor: Visitor, family: str) -> None:
    fake = elsewhere.fakes[family]
    fake.err("slow=30,times=1")
    answer = await post(visitor, asked(family, "say: Once."), 202, Prefer="respond-async")
    await until(lambda: asyncio.to_thread(lambda: fake.accepted), "it is being answered")
    worker = part(elsewhere.gateway, "the worker")
    await asyncio.to_thread(worker.kill)
    await asyncio.to_thread(worker.start)

    async def in_doubt() -> bool:
        return bool((await visitor.http.get(answer.headers["location"])).json()["stage"] == "in_doubt")

    await until(in_doubt, "nobody can tell")
    assert (await visitor.http.post(f"{answer.headers['location']}/cancel")).json()["status"] == "canceled"
    assert fake.accepted == 1
