"""Portkey's open gateway on Node: one process. It checks no key of its own; callers name the upstream in headers.

With @hono/node-server above 1.14.1 it answers every stream with 500 (its issue 1389): npm/package.json holds that back.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from bench.peers.gateway import PeerGateway
from bench.peers.installed import NPM, node, node_packages

_PACKAGE = "@portkey-ai/gateway"


class Portkey(PeerGateway):
    name = "Portkey"

    @property
    def headers(self) -> Mapping[str, str]:
        own = {"x-portkey-provider": "openai", "x-portkey-custom-host": self.upstream}
        return {"authorization": "Bearer none", **own}

    @classmethod
    def install(cls) -> Path:
        return node_packages() / _PACKAGE / "build" / "start-server.js"

    @classmethod
    def version(cls) -> str:
        lock = json.loads((NPM / "package-lock.json").read_text())
        return str(lock["packages"][f"node_modules/{_PACKAGE}"]["version"])

    def _command(self) -> list[str]:
        # It does not read the last of these: it is what an orphan would be known by.
        return [str(node()), str(self.program), "--headless", f"--port={self.port}", f"--folder={self.folder}"]

    def _environment(self) -> Mapping[str, str]:
        return {**super()._environment(), "NODE_ENV": "production"}
