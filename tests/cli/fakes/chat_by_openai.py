"""What a user of OpenAI's client has of a chat, in a script that runs under any version of it; prints it as JSON."""

import json
import os
import sys
from typing import Any

import openai

URL, KEY, MODEL = os.environ["URL"], os.environ.get("KEY", "sk-x"), os.environ["MODEL"]
CLOCK: Any = {"type": "function", "function": {"name": "clock"}}
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def asked(text: str) -> Any:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}]}


def main() -> None:
    with openai.OpenAI(base_url=URL, api_key=KEY, max_retries=0) as client:
        create: Any = client.chat.completions.create
        whole = create(**asked("Tell me something."))
        stream = list(create(**asked("Tell me something."), stream=True, stream_options={"include_usage": True}))
        called = create(**asked("call weather and call clock"), tools=[WEATHER, CLOCK])
        pieces: dict[int, list[str]] = {}
        for chunk in create(**asked("call weather and call clock"), tools=[WEATHER, CLOCK], stream=True):
            for call in chunk.choices[0].delta.tool_calls or ():
                name, arguments = pieces.setdefault(call.index, ["", ""])
                pieces[call.index] = [name + (call.function.name or ""), arguments + (call.function.arguments or "")]
        listed = [model.id for model in client.models.list()]
    told = {
        "version": openai.__version__,
        "whole": whole.choices[0].message.content,
        "usage": whole.usage.total_tokens,
        "streamed": "".join(chunk.choices[0].delta.content or "" for chunk in stream[:-1]),
        "streamed_usage": stream[-1].usage.total_tokens,
        "calls": [[call.function.name, call.function.arguments] for call in called.choices[0].message.tool_calls],
        "streamed_calls": [[name, arguments or "{}"] for _, (name, arguments) in sorted(pieces.items())],
        "models": listed,
    }
    sys.stdout.write(json.dumps(told))


main()
