"""Refusals of uploads, so that clients get to see them.

Many clients send all of a body before they read an answer: httpx and requests do, and so the openai SDK and Bazarr. An
answer goes out at once, for those that look (curl stops sending when it comes), and what is still sent is then read and
dropped: so much, and for so long. After that the connection is cut, which such clients on Linux survive, for they find
the answer that has come before the cut; what others do is theirs to say. Seen with granian 2.8, httpx 0.28, requests
2.34 and curl 8.
"""

import asyncio
from contextlib import suppress
from typing import Any

from litestar.types import ASGIApp, Receive, Scope, Send

MOST_BYTES = 64_000_000
MOST_S = 10.0


def draining(app: ASGIApp) -> ASGIApp:
    """Litestar's middleware."""

    async def drained(scope: Scope, receive: Receive, send: Send) -> None:
        over = False

        async def watched() -> Any:
            nonlocal over
            event: Any = await receive()
            over = event["type"] != "http.request" or not event.get("more_body", False)
            return event

        await app(scope, watched, send)
        if not over:
            await drain(receive)

    return drained


async def drain(receive: Receive) -> int:
    """Read and drop what is left of a body, within limits. Returns how many bytes that was."""
    dropped = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(MOST_S):
            more = True
            while more and dropped < MOST_BYTES:
                event: Any = await receive()
                more = event["type"] == "http.request" and event.get("more_body", False)
                dropped += len(event.get("body", b""))
    return dropped
