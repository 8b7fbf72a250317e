"""What a user of OpenAI's client does with chats, in a script that runs under any version of it.

Prints what came of it as one JSON object.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
import openai

GATEWAY, KEY = os.environ["GATEWAY"], os.environ["KEY"]
SEA: list[Any] = [{"role": "user", "content": "Write one sentence about the sea."}]
STORY: list[Any] = [{"role": "user", "content": "Tell me a long story about a lighthouse keeper."}]
SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string", "maxLength": 30}, "mood": {"type": "string", "enum": ["sad", "happy"]}},
    "required": ["title", "mood"],
    "additionalProperties": False,
}
SONG: Any = {"type": "json_schema", "json_schema": {"name": "song", "schema": SCHEMA, "strict": True}}


def get(path: str) -> httpx.Response:
    answer = httpx.get(GATEWAY + path, headers={"authorization": f"Bearer {KEY}"}, trust_env=False, timeout=60)
    return answer.raise_for_status()


def whole(client: Any) -> dict[str, Any]:
    made = client.chat.completions.create(model="gpt-4o-mini", messages=SEA, seed=7)
    again = client.chat.completions.create(model="gpt-4o-mini", messages=SEA, seed=7)
    return {**made.model_dump(), "request": bool(made._request_id), "same": again.choices[0].message.content}


def streamed(client: Any) -> dict[str, Any]:
    """The same answer as it is made."""
    began, came, text, last = time.monotonic(), [], "", None
    with client.chat.completions.with_streaming_response.create(
        model="gpt-3.5-turbo",
        messages=STORY,
        seed=7,
        max_tokens=120,
        stream=True,
        stream_options={"include_usage": True},
    ) as answer:
        stream, headers = answer.parse(), dict(answer.headers)
        for chunk in stream:
            last = chunk
            if chunk.choices and chunk.choices[0].delta.content:
                came.append(time.monotonic() - began)
                text += chunk.choices[0].delta.content
    job = get(f"/v1/jobs/{headers['x-job-id']}?wait=10").json()
    rest = get(f"/v1/chat/completions/{headers['x-stream-id']}/events?after=3").text
    return {
        "type": headers["content-type"],
        "pieces": len(came),
        "spread": came[-1] - came[0] if came else 0,
        "text": text,
        "kept": job["outputs"][0]["text"],
        "usage": last.usage.model_dump() if last else None,
        "choices": last.choices if last else None,
        "rest": rest.count("\ndata: "),
        "first_of_rest": rest.partition("id: ")[2][:1],
    }


def in_parallel(_client: Any) -> dict[str, Any]:
    """Two at a time, by the asynchronous client, one of them streamed."""

    async def both() -> dict[str, Any]:
        async with openai.AsyncOpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=0) as client:
            ask: Any = client.chat.completions.create

            async def stream() -> str:
                text = ""
                async for chunk in await ask(model="gpt-4o", messages=SEA, max_tokens=20, stream=True):
                    text += chunk.choices[0].delta.content or ""
                return text

            text, made = await asyncio.gather(stream(), ask(model="gpt-4o", messages=SEA, max_tokens=20, n=2))
            return {"streamed": text, "whole": [each.message.content for each in made.choices]}

    return asyncio.run(both())


def formats(client: Any) -> dict[str, Any]:
    song = client.chat.completions.create(model="gpt-4o-mini", messages=SEA, response_format=SONG, max_tokens=100)
    told = client.chat.completions.create(
        model="gpt-4o-mini", messages=SEA, logprobs=True, top_logprobs=2, max_completion_tokens=4
    )
    said = client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "你好！你是谁？"}])
    return {
        "song": json.loads(song.choices[0].message.content),
        "tokens": [each.token for each in told.choices[0].logprobs.content],
        "told": told.choices[0].message.content,
        "length": told.choices[0].finish_reason,
        "chinese": said.choices[0].message.content,
    }


def models(client: Any) -> dict[str, Any]:
    return {
        "listed": [each.id for each in client.models.list()],
        "one": client.models.retrieve("R-ESRGAN 4x+").model_dump(),
        "claude": client.models.retrieve("claude-3-7-sonnet-20250219").owned_by,
    }


def refusals(client: Any) -> dict[str, Any]:
    ask, usual = client.chat.completions.create, {"model": "gpt-4o-mini", "messages": SEA}
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    asked: dict[str, dict[str, Any]] = {
        "model": {"model": "gpt-9"},
        "picture": {"messages": [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, picture]}]},
        "tools": {"tools": [{"type": "function", "function": {"name": "x"}}]},
        "temperature": {"temperature": 3},
        "long": {"messages": [{"role": "user", "content": "word " * 9000}]},
        "long_streamed": {"messages": [{"role": "user", "content": "Unbelievably" * 4000}], "stream": True},
    }
    calls: dict[str, Callable[[], Any]] = {
        name: lambda wrong=wrong: list(ask(**{**usual, **wrong})) for name, wrong in asked.items()
    }
    calls["lost"] = lambda: client.models.retrieve("org/none")
    told = {}
    for name, call in calls.items():
        try:
            call()
        except openai.APIError as error:
            told[name] = [type(error).__name__, getattr(error, "status_code", None), error.param, error.code]
    return told


def main() -> None:
    client = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=0)
    steps = (whole, streamed, in_parallel, formats, models, refusals)
    told = {each.__name__: each(client) for each in steps}
    json.dump({"version": openai.__version__, **told}, sys.stdout)
    client.close()


if __name__ == "__main__":
    main()
