"""api/chat/downstream.py, by itself: what is left of a request that is over."""

import asyncio
import gc
import weakref
from typing import Any

import pytest

from api.chat.downstream import Downstream


class Exchange:
    """What knows its caller, and is told when they leave."""

    def __init__(self, receive: Any, send: Any) -> None:
        self.told = asyncio.Event()
        self.caller = Downstream({"type": "http", "headers": [], "state": {}}, receive, send, None, self.left)  # type: ignore[arg-type, typeddict-item]

    def left(self) -> None:
        self.told.set()


@pytest.mark.parametrize("leaves", [False, True], ids=["stays", "leaves"])
async def test_a_request_that_is_over_waits_for_no_collection_to_be_gone(leaves: bool) -> None:
    sent: list[Any] = []
    left = asyncio.Event()

    async def receive() -> Any:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    gc.disable()
    try:
        exchange = Exchange(receive, send)
        await exchange.caller.answer(200, [], b"{}")
        if leaves:
            left.set()
            await exchange.told.wait()
        exchange.caller.close()
        gone = weakref.ref(exchange)
        del exchange
        for _ in range(3):  # the loop lets go of the task
            await asyncio.sleep(0)
        assert gone() is None
    finally:
        gc.enable()
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
