"""Files that engines read and that come by no package: where they lie, and whether they are there.

`ai-gateway models install` puts them there. They are in the folder `models` of the data folder, or in GATEWAY_MODELS.
"""

import os
from importlib.util import find_spec
from pathlib import Path

import msgspec

from storage.errors import EngineFailed


class Asset(msgspec.Struct, frozen=True):
    """A folder of files, complete when `witness`, the last file written, is there."""

    name: str
    witness: str
    about: str

    def folder(self) -> Path:
        return models_folder() / self.name

    def is_installed(self) -> bool:
        return (self.folder() / self.witness).is_file()

    def require(self) -> Path:
        """The folder. Raises EngineFailed, which says how to get it."""
        if not self.is_installed():
            raise EngineFailed(f"{self.about} are not installed here: the operator runs `ai-gateway models install`")
        return self.folder()


def need(module: str, purpose: str) -> None:
    """Raises EngineFailed, in the operator's words, where a package of the extra `image` is not installed."""
    if find_spec(module) is None:
        raise EngineFailed(f"{purpose} needs {module}, which is not here: the operator installs ai-gateway[image]")


SPRITES = Asset("fluent-emoji-3d", ".complete", "The illustrator's sprites")
FACES = Asset("mediapipe-face", ".complete", "The models that find faces")


def models_folder() -> Path:
    """Read from the environment each time: an engine's process gets its worker's."""
    named = os.environ.get("GATEWAY_MODELS")
    return Path(named) if named else Path(os.environ.get("GATEWAY_DATA") or ".gateway") / "models"
