"""What a user of OpenAI's client has of chat, in a script that runs under any version of it; prints all of it as JSON.

Both of the same service: STRAIGHT is its address, THROUGH that of the gateway before it, KEY a key there.
"""

import asyncio
import json
import os
import sys
from typing import Any

import openai
from openai.types.chat import ChatCompletion

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [
    {"type": "function", "function": {"name": "weather", "description": "Of a city.", "parameters": PARAMETERS}},
    {"type": "function", "function": {"name": "clock"}},
]
SCHEMA = {"name": "answer", "strict": True, "schema": {**PARAMETERS, "additionalProperties": False}}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


ASKED: dict[str, dict[str, Any]] = {
    "plain": {"messages": [user("Tell me something.")]},
    "settings": {
        "messages": [{"role": "system", "content": "Be brief. 漢字 🦜"}, user("30 words")],
        "temperature": 0.2, "top_p": 0.9, "seed": 7, "max_tokens": 20, "stop": ["façades"], "user": "ann",
        "presence_penalty": 0.1, "logit_bias": {"50256": -100},
    },
    "several": {"messages": [user("Tell me something.")], "n": 2},
    "one tool": {"messages": [user("call weather")], "tools": TOOLS},
    "tools at once": {"messages": [user("say: I look. call weather and call clock")], "tools": TOOLS},
    "one at a time": {"messages": [user("call weather and call clock")], "tools": TOOLS, "parallel_tool_calls": False},
    "a certain tool": {
        "messages": [user("hello")], "tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "clock"}}
    },
    "schema": {
        "messages": [user("Which city?")], "response_format": {"type": "json_schema", "json_schema": SCHEMA}
    },
    "object": {"messages": [user("As JSON.")], "response_format": {"type": "json_object"}},
    "picture": {"messages": [user([{"type": "text", "text": "What is it?"}, PICTURE])]},
    "long": {"messages": [user("say: " + '漢字 \\u0041 "quoted" <b>' * 40)]},
}  # fmt: skip


def told(answer: Any) -> dict[str, Any]:
    """All that the client made of it, but for the second it was made in."""
    return {**answer.model_dump(mode="json"), "created": 0}


def answered(first: ChatCompletion) -> list[Any]:
    """The conversation goes on: each call of a tool has its result."""
    message = first.choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": '{"sunny": true}'} for call in message.tool_calls or ()
    ]
    return [*ASKED["tools at once"]["messages"], message.model_dump(exclude_none=True), *results]


def streams(name: str) -> list[dict[str, Any]]:
    """With usage and without it. Without, the upstream is asked for it all the same, and its id is another."""
    plain = {**ASKED[name], "stream": True}
    return [{**plain, "stream_options": {"include_usage": True}}, plain]


def without_id(chunk: dict[str, Any]) -> dict[str, Any]:
    return {**chunk, "id": ""}


def converse(url: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with openai.OpenAI(base_url=url, api_key=os.environ["KEY"], max_retries=0) as client:

        def create(**asked: Any) -> Any:
            return client.chat.completions.create(model="gpt-4o-mini", **asked)

        for name, asked in ASKED.items():
            found[name] = told(create(**asked))
            counted, plain = ([told(chunk) for chunk in create(**each)] for each in streams(name))
            found[f"{name}, streamed"] = counted
            found[f"{name}, streamed without usage"] = [without_id(chunk) for chunk in plain]
        found["after tools"] = told(create(messages=answered(create(**ASKED["tools at once"])), tools=TOOLS))
        for name, wrong in {
            "no messages": [],
            "no tool": [{"role": "tool", "tool_call_id": "x", "content": "y"}],
        }.items():
            try:
                create(messages=wrong)
            except openai.BadRequestError as error:
                found[name] = [error.status_code, error.code, error.param, error.body]
    return found


async def converse_async(url: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with openai.AsyncOpenAI(base_url=url, api_key=os.environ["KEY"], max_retries=0) as client:

        async def create(**asked: Any) -> Any:
            return await client.chat.completions.create(model="gpt-4o-mini", **asked)

        async def one(name: str) -> None:
            found[name] = told(await create(**ASKED[name]))
            counted, plain = [[told(chunk) async for chunk in await create(**asked)] for asked in streams(name)]
            found[f"{name}, streamed"] = counted
            found[f"{name}, streamed without usage"] = [without_id(chunk) for chunk in plain]

        await asyncio.gather(*map(one, ASKED))
    return found


def conversed(url: str) -> dict[str, Any]:
    return {"sync": converse(url), "async": asyncio.run(converse_async(url))}


told_by = {name: conversed(os.environ[name]) for name in ("STRAIGHT", "THROUGH")}
sys.stdout.write(json.dumps({"version": openai.__version__, **told_by}))
