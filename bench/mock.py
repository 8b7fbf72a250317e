"""A service that chats, for benchmarks: OpenAI's answers, always the same words, 20 ms after it was asked.

`python -m bench.mock PORT`, on granian; with a certificate and its key after that it speaks TLS. In one piece, 322
bytes; streamed, 100 chunks without a pause. Asked for at most so many tokens it streams so many chunks, one in 10 ms,
which is for measuring when the first of them arrives. Asked at the temperature 0 it answers at once: then it is only
whoever is in between that is waited for.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import msgspec
from granian import Granian
from granian.constants import HTTPModes, Interfaces, RuntimeModes

AFTER_S, PAUSE_S = 0.020, 0.010
CHUNKS = 100
MODEL = "gpt-3.5-turbo"


class Asked(msgspec.Struct):
    """All that it looks at."""

    model: str = MODEL
    stream: bool = False
    max_tokens: int = 0
    temperature: float = 1


_ANSWER = {
    "id": "chatcmpl-AZ3kL0wQv7Rr2nYt8Xc5Bd1Ej",
    "object": "chat.completion",
    "created": 1764000000,
    "model": MODEL,
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "The sea is wide, and it keeps what it is told."},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 14, "completion_tokens": 16, "total_tokens": 30},
}


def _chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    about = {name: _ANSWER[name] for name in ("id", "created", "model")}
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    said = msgspec.json.encode({**about, "object": "chat.completion.chunk", "choices": [choice]})
    return b"data: " + said + b"\n\n"


BODY = msgspec.json.encode(_ANSWER)
FIRST, WORD, LAST, DONE = (
    _chunk({"role": "assistant", "content": "The"}),
    _chunk({"content": " sea"}),
    _chunk({}, "stop"),
    b"data: [DONE]\n\n",
)
_MODELS = msgspec.json.encode({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "bench"}]})
_EVENTS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
_asked = msgspec.json.Decoder(Asked)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI application. (As RSGI it would be cheaper, but then granian joins the chunks, and streams come whole.)"""
    if scope["type"] != "http":
        return
    if scope["method"] != "POST":
        await _answer(send, _MODELS)
        return
    asked = _asked.decode(await _body(receive))
    if asked.temperature:
        await asyncio.sleep(AFTER_S)
    if not asked.stream:
        await _answer(send, BODY)
        return
    count, pause_s = (asked.max_tokens, PAUSE_S) if asked.max_tokens else (CHUNKS, 0)
    await send({"type": "http.response.start", "status": 200, "headers": _EVENTS})
    await send({"type": "http.response.body", "body": FIRST, "more_body": True})
    for chunk in [WORD] * (count - 2) + [LAST]:
        if pause_s:
            await asyncio.sleep(pause_s)
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": DONE})


async def _body(receive: Any) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            return bytes(body)


async def _answer(send: Any, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    certificate, key = (Path(word) for word in sys.argv[2:]) if sys.argv[2:] else (None, None)
    Granian(
        "bench.mock:app",
        port=int(sys.argv[1]),
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        runtime_mode=RuntimeModes.st,
        websockets=False,
        log_access=False,
        ssl_cert=certificate,
        ssl_key=key,
    ).serve()
