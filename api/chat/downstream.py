"""The caller's side of a relayed request: what has been sent to them, and whether they are still there."""

import asyncio
import math
from collections.abc import Callable, Iterable
from typing import Any, cast

from litestar.types import HTTPScope, Receive, Scope, Send
from litestar.types.asgi_types import HTTPSendMessage

from api.chat.recorder import Recording
from api.scope import request_id
from api.sse import HEADERS, HEARTBEAT, HEARTBEAT_S, MEDIA_TYPE
from api.upstreams.base import Headers
from api.upstreams.envelopes import Envelope, event

STALLED_S = 60.0
"""How long a caller may take nothing of what they are sent: then they are held to have left."""

GRACE_S = 1.0
"""How long a stream's head waits for the upstream's, so that a refusal can still have its own status."""


class Downstream:
    """`recording`: of a stream, what the caller is sent, whether they are there or not. `left` is called when they
    leave."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, recording: Recording | None, left: Callable[[], None]
    ) -> None:
        self._scope, self._send, self._recording = cast(HTTPScope, scope), send, recording
        self._clock = asyncio.get_running_loop().time
        self._begun = self._spoken = self._clock()
        self.started = self.gone = False
        self.job = ""
        """The id of the job that the answer will be if its caller leaves, if it will be one."""
        self.gone_at = 0.0
        self._left: Callable[[], None] | None = left
        self._sending_since = math.inf
        self._given_up = False
        self._watching: asyncio.Task[None] | None = asyncio.create_task(self._watch(receive))

    async def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """All of an answer."""
        if not self.gone:
            length = (b"content-length", b"%d" % len(body))
            await self._out(
                {"type": "http.response.start", "status": status, "headers": [*self._with_id(headers), length]}
            )
            await self._out({"type": "http.response.body", "body": body, "more_body": False})

    async def start(self, headers: Headers) -> None:
        """Begin a stream, if that has not been done yet."""
        if self.started:
            return
        self.started = True
        own: list[tuple[bytes, bytes]] = [(b"content-type", MEDIA_TYPE), *HEADERS]
        if self._recording:
            own.append((b"x-stream-id", self._recording.id.encode()))
        if self.job:
            own.append((b"x-job-id", self.job.encode()))
        if not self.gone:
            await self._out({"type": "http.response.start", "status": 200, "headers": [*own, *self._with_id(headers)]})

    async def say(self, events: bytes) -> None:
        """Some whole events of a stream."""
        self._spoken = self._clock()
        if self._recording:
            self._recording.add(events)
        if not self.gone:
            await self._out({"type": "http.response.body", "body": events, "more_body": True})

    async def end(self, events: bytes = b"") -> None:
        """The stream is over, with these last whole events."""
        if self._recording:
            if events:
                self._recording.add(events)
            self._recording.end()
        if self.started and not self.gone:
            await self._out({"type": "http.response.body", "body": events, "more_body": False})

    async def refuse(self, said: Envelope) -> None:
        """Say what went wrong: as an answer, or within a stream that has begun, and then it has no proper end."""
        if self.started:
            await self.end(event(said.body))
        else:
            await self.answer(said.status, said.headers, said.body)

    async def beat(self) -> None:
        """Called about once a second, while there is nothing to send: a stream shows that it is alive."""
        now = self._clock()
        if self.gone:
            return
        if not self.started and now - self._begun >= GRACE_S:
            await self.start([])
            self._spoken = 0.0
        if self.started and now - self._spoken >= HEARTBEAT_S:
            self._spoken = now
            await self._out({"type": "http.response.body", "body": HEARTBEAT, "more_body": True})

    def give_up_if_stalled(self, sender: asyncio.Task[None]) -> None:
        """Called about once a second: `sender`, who sends to a caller that takes nothing, is to go on without them."""
        if self._clock() - self._sending_since > STALLED_S:
            self._sending_since = math.inf
            self._given_up = sender.cancel()

    async def written(self) -> None:
        """Return when what they were sent can be read again."""
        if self._recording:
            await self._recording.settled.wait()

    def close(self) -> None:
        """Nothing more is sent, and nobody is watched."""
        if self._watching:
            self._watching.cancel()
            # They know us: each request would be garbage that only a collection finds.
            self._watching = self._left = None
        if self._recording:
            self._recording.end()

    def _with_id(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """With an id of the request: the upstream's if it has one, so that it can be asked about."""
        found = list(headers)
        if not any(name == b"x-request-id" for name, _ in found):
            found.append((b"x-request-id", request_id(self._scope).encode("latin-1")))
        return found

    async def _out(self, message: HTTPSendMessage) -> None:
        """Send it. Where that is given up, it is as if they had left."""
        self._sending_since = self._clock()
        try:
            await self._send(message)
        except asyncio.CancelledError:
            if not self._given_up:
                raise
            cast(asyncio.Task[None], asyncio.current_task()).uncancel()
            self._leave()
        finally:
            self._sending_since = math.inf

    async def _watch(self, receive: Receive) -> None:
        message: Any = await receive()
        while message["type"] != "http.disconnect":
            message = await receive()
        self._leave()

    def _leave(self) -> None:
        if self._left and not self.gone:
            self.gone, self.gone_at = True, self._clock()
            self._left()
