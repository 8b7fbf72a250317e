"""Replies of upstreams that are saved in wire/<adapter>/<name>.json (`saved.py` says how), for tests that need one."""

import json
from pathlib import Path

from storage.wire.reply import Reply

WIRE = Path(__file__).parent / "wire"


def replied(name: str) -> Reply:
    saved = json.loads((WIRE / f"{name}.json").read_text())["reply"]
    body = saved["text"] if "text" in saved else json.dumps(saved["json"])
    return Reply(saved["status"], saved["headers"], body.encode())
