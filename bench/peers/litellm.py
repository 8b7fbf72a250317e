"""LiteLLM's proxy: one worker, no database, no log of requests, its master key asked for at each request."""

import json
from collections.abc import Mapping
from pathlib import Path

from bench.mock import MODEL
from bench.peers.gateway import PeerGateway
from bench.peers.installed import python_packages
from requirements.lock import lock_file, read_lock

_KEY = "sk-a-key-of-the-benchmark"


class LiteLLM(PeerGateway):
    name = "LiteLLM"

    @property
    def headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {_KEY}"}

    @classmethod
    def install(cls) -> Path:
        return python_packages("litellm")

    @classmethod
    def version(cls) -> str:
        return next(pin.version for pin in read_lock(lock_file("litellm").read_text()) if pin.name == "litellm")

    def _command(self) -> list[str]:
        # JSON is YAML.
        config = self.folder / "config.yaml"
        config.write_text(json.dumps(self._config()))
        words = ["--host", "127.0.0.1", "--port", str(self.port), "--num_workers", "1", "--telemetry", "False"]
        return [str(self.program), str(self.program.with_name("litellm")), "--config", str(config), *words]

    def _environment(self) -> Mapping[str, str]:
        """As its page on production has it; and nothing is fetched from elsewhere at its start."""
        own = {"LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        return {**super()._environment(), **own}

    def _config(self) -> object:
        upstream = {"model": f"openai/{MODEL}", "api_base": self.upstream, "api_key": "none"}
        return {
            "model_list": [{"model_name": MODEL, "litellm_params": upstream}],
            "general_settings": {"master_key": _KEY},
            "litellm_settings": {"set_verbose": False},
        }
