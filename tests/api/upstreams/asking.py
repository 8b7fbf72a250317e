"""A dialect, and the fake that speaks its protocol: what the one builds is sent, what the other answers comes back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import msgspec

from api.upstreams import made
from api.upstreams.base import Asked, Dialect
from cli.fakes.command import family_of
from cli.fakes.faults import parse
from cli.fakes.server import FakeUpstream
from storage.accounts import Account

MODELS = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5-20251001"}
PREFIXES = {"openai": "/v1", "anthropic": ""}
NAME = "a-name-of-ours"


class Answer(NamedTuple):
    """`whole`: whether it ended as HTTP wants it."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes
    whole: bool


def dialect(name: str, **options: Any) -> Dialect:
    base_url = f"http://127.0.0.1:1{PREFIXES[name]}"
    account = Account(name="one", adapter=name, base_url=base_url, models={NAME: MODELS[name]}, options=options)
    return made(account)


def asked(text: str = "Tell me something.", *, stream: bool = False, usage: bool = True, **more: Any) -> Asked:
    body: dict[str, Any] = {"model": NAME, "messages": [{"role": "user", "content": text}], **more}
    if stream:
        body |= {"stream": True, **({"stream_options": {"include_usage": True}} if usage else {})}
    return Asked(msgspec.json.encode(body), NAME, stream, usage)


class Asking:
    def __init__(self, name: str, fake: FakeUpstream, http: aiohttp.ClientSession) -> None:
        self.name, self.fake, self._http = name, fake, http
        self.dialect = dialect(name)

    def break_(self, *faults: str) -> None:
        self.fake.world.faults.set(parse(fault) for fault in faults)

    async def answer(self, wanted: Asked) -> Answer:
        out = self.dialect.outgoing(wanted, MODELS[self.name])
        headers = {name.decode(): value.decode() for name, value in out.headers}
        url = self.fake.url + PREFIXES[self.name] + out.path
        async with self._http.post(url, data=out.body, headers={**headers, "x-api-key": "k"}) as answer:
            told = {name.lower().encode(): value.encode() for name, value in answer.headers.items()}
            body, whole = bytearray(), True
            try:
                async for piece in answer.content.iter_any():
                    body += piece
            except aiohttp.ClientError:
                whole = False
            return Answer(answer.status, told, bytes(body), whole)


@asynccontextmanager
async def asking(name: str) -> AsyncIterator[Asking]:
    fake = FakeUpstream(family_of(name)(0.001))
    timeout = aiohttp.ClientTimeout(total=20)
    async with fake.serving(), aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as http:
        yield Asking(name, fake, http)
