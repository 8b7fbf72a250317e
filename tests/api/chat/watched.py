"""The API as granian runs it, which also says what is alive in it, and has some of its constants otherwise. It draws no
lots between accounts: the one with the most weight comes first.

`GET /_watched` answers with the names of its tasks, its accounts of chat and how they do, and the streams it records.
`RELAY_CONSTANTS` is a JSON object: "module.NAME" → value.
"""

import asyncio
import json
import os
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from api.chat import routes
from api.main import app as made


def app() -> Any:
    for name, value in json.loads(os.environ.get("RELAY_CONSTANTS", "{}")).items():
        module, _, constant = name.rpartition(".")
        assert hasattr(import_module(module), constant), name
        setattr(import_module(module), constant, value)
    routes.random = SimpleNamespace(random=lambda: 0.5)  # type: ignore[assignment]
    front = made()

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/_watched":
            body = json.dumps(_seen(front.app.state["services"].relay)).encode()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": body, "more_body": False})
        else:
            await front(scope, receive, send)

    return watched


def _seen(relay: Any) -> dict[str, Any]:
    tasks = [each.get_coro().__qualname__ for each in asyncio.all_tasks()]  # type: ignore[union-attr]
    return {
        "tasks": sorted(tasks),
        "accounts": {name: route.well for name, route in relay.routes._routes.items()},
        "recordings": len(relay.recorder._open),
        "seats": len(relay.seats._taken),
        "active": sum(len(route.pool.active) for route in relay.routes._routes.values()),
    }
