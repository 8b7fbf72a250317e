"""Where the model lies, and what to say when it does not."""

from importlib.util import find_spec
from pathlib import Path

from storage.errors import EngineFailed
from workers.engines.assets import Asset

MODEL = Asset("smollm2-135m-instruct", ".complete", "The model that talks")
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def require() -> Path:
    """The model's file. Raises EngineFailed, which says what to install."""
    if find_spec("xllamacpp") is None:
        raise EngineFailed("chat needs xllamacpp, which is not here: the operator installs ai-gateway[chat]")
    return MODEL.require() / FILE
