"""Chats whose model accounts serve, as jobs: what is kept of a request, and what is refused before anybody is asked."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from storage.completions import BODY, MOST_BODY_BYTES
from storage.job import Job, Kind
from storage.media import inputs_prefix
from tests.api.chats import CHAT
from tests.api.gateway import Gateway, serving, storage_settings

ACCOUNTS = """
[accounts.shop]
adapter = "openai"
base_url = "https://example.com/v1"
models = { "gpt-4o" = "gpt-4o", "of-theirs" = "a-model", "smollm2-135m-instruct" = "mini" }

[accounts.painter]
adapter = "webui"
base_url = "https://example.org"
models = { "gpt-4o-mini" = "no chat at all" }
"""
HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
async def wide(redis_url: str, s3: dict[str, Any], tmp_path: Path) -> AsyncIterator[Gateway]:
    path = tmp_path / "gateway.toml"
    path.write_text(ACCOUNTS)
    async with serving(storage_settings(redis_url, s3).model_copy(update={"accounts": path})) as running:
        yield running


async def post(gateway: Gateway, body: Any, status: int = 202, path: str = CHAT, **headers: str) -> httpx.Response:
    answer = await gateway.alice.http.post(path, json=body, headers={"Prefer": "respond-async", **headers})
    assert answer.status_code == status, answer.text
    return answer


async def job(gateway: Gateway, body: Any, path: str = CHAT) -> Job:
    return await gateway.read((await post(gateway, body, path=path)).json()["id"])


async def test_a_chat_is_kept_as_it_came_whatever_the_built_in_model_could_do_of_it(wide: Gateway) -> None:
    body = {
        "model": "of-theirs",
        "messages": [{"role": "tool", "content": None, "tool_call_id": "x"}],
        "tools": [{"type": "function", "function": {"name": "clock"}}],
        "temperature": 7,
        "n": 20,
        "stop": None,
        "seed": 1 << 70,
        "a_field_of_tomorrow": {"a": [1.5, None]},
    }
    found = await job(wide, body)
    assert (found.kind, found.model, found.items, found.lane, found.served_by) == (
        Kind.CHAT,
        "of-theirs",
        20,
        "upstream",
        "openai",
    )
    assert found.request == {BODY: body}
    assert found.inputs == {}
    assert (await wide.alice.job(found.id))["engine"] == "openai"


async def test_how_a_stream_is_wanted_is_kept_with_it(wide: Gateway) -> None:
    body = {"model": "gpt-4o", "messages": HELLO, "stream": True}
    assert (await job(wide, body)).request == {BODY: body, "streamed": True}
    body["stream_options"] = {"include_usage": True}
    assert (await job(wide, body)).request == {BODY: body, "streamed": True, "usage_wanted": True}


async def test_a_long_one_is_kept_where_media_are(wide: Gateway) -> None:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "é" * MOST_BODY_BYTES}]}
    found = await job(wide, body)
    assert (found.request, found.inputs) == ({}, {BODY: inputs_prefix(found.id) + BODY})
    stored = await wide.services.objects.get_bytes(found.inputs[BODY], limit_bytes=1 << 20)
    assert httpx.Response(200, content=stored).json() == body


async def test_a_model_that_is_not_named_is_the_default_wherever_it_is_served(wide: Gateway) -> None:
    found = await job(wide, {"messages": HELLO})
    assert (found.model, found.lane, found.request) == (
        "smollm2-135m-instruct",
        "upstream",
        {BODY: {"messages": HELLO}},
    )


async def test_a_job_of_our_own_surface_is_kept_in_the_same_way(wide: Gateway) -> None:
    body = {"kind": "chat", "model": "of-theirs", "input": {"messages": HELLO, "n": 9}, "metadata": {"a": 1}}
    found = await job(wide, body, "/v1/jobs")
    assert found.request == {BODY: {"messages": HELLO, "n": 9, "model": "of-theirs"}}
    assert (found.metadata, found.items, found.lane) == ({"a": 1}, 9, "upstream")


async def test_a_webhook_makes_a_job_of_a_chat_too(wide: Gateway) -> None:
    headers = {"Prefer": "wait=0", "X-Webhook-Url": "https://example.com/hook"}
    answer = await wide.alice.http.post(CHAT, json={"model": "gpt-4o", "messages": HELLO}, headers=headers)
    assert answer.status_code == 202
    found = await wide.read(answer.json()["id"])
    assert found.webhook
    assert found.webhook.url == "https://example.com/hook"


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("messages", {"messages": []}),
        ("messages", {"messages": "Hello"}),
        ("messages", {}),
        ("n", {"messages": HELLO, "n": 0}),
        ("n", {"messages": HELLO, "n": 129}),
        ("n", {"messages": HELLO, "n": True}),
        ("stream", {"messages": HELLO, "stream": "yes"}),
        ("stream_options", {"messages": HELLO, "stream": True, "stream_options": "usage"}),
    ],
)
async def test_what_says_how_the_answer_is_wanted_has_to_be_sound(wide: Gateway, field: str, body: Any) -> None:
    refused = await post(wide, {"model": "gpt-4o", **body}, 400)
    assert refused.json()["error"]["param"] == field
    ours = await post(wide, {"kind": "chat", "model": "gpt-4o", "input": body}, 422, "/v1/jobs")
    assert ours.json()["errors"][0]["pointer"] == f"#/input/{field}"


async def test_a_model_is_refused_that_nobody_serves_or_nobody_who_chats(wide: Gateway) -> None:
    unknown = await post(wide, {"model": "nobodys", "messages": HELLO}, 404)
    assert unknown.json()["error"]["code"] == "model_not_found"
    silent = await post(wide, {"model": "gpt-4o-mini", "messages": HELLO}, 400)
    assert silent.json()["error"]["param"] == "model"
    assert (await post(wide, {"model": 7, "messages": HELLO}, 400)).json()["error"]["param"] == "model"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model":"gpt-4o","messages":[{}],"a":1e999}', b"\xff\xfe"])
async def test_what_is_no_json_is_refused(wide: Gateway, body: bytes) -> None:
    answer = await wide.alice.http.post(CHAT, content=body, headers={"Prefer": "respond-async"})
    assert answer.status_code == 400, answer.text


async def test_what_still_runs_here_is_answered_here(wide: Gateway) -> None:
    found = await job(wide, {"model": "gpt-3.5-turbo", "messages": HELLO})
    assert (found.lane, found.engine, BODY in found.request) == ("chat", "smollm2", False)
