"""A receiver of webhooks that reads them and says 204. Run as a program it serves itself on granian."""

import sys
from typing import Any

from granian import Granian
from granian.constants import Interfaces


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    Granian("bench.receiver:app", port=int(sys.argv[1]), interface=Interfaces.ASGI, log_access=False).serve()
